from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from fact_core.errors import ConfigError
from fact_core.generators import finish
from fact_core.storage import db, groups, items, schema
from fact_core.storage import project as projects
from fact_core.work.scan import scan
from tests.storage_help import flat_project


def test_nothing_belongs_together_until_the_person_says_so(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 4)
    ids = items.pool(project).ids
    assert groups.chosen(project) == "none" and groups.among(project, ids) is None
    groups.choose(project, "name")
    groups.store(project, "name", {1: "a", 2: "", 3: "a"})
    assert groups.names(project, "name") == {1: "a", 2: "", 3: "a"}
    found = groups.among(project, ids)
    assert found is not None
    assert found[0] == found[2] and len(set(found.tolist())) == 3  # the second and the fourth stand alone
    groups.store(project, "name", {4: "b"})
    assert groups.names(project, "name") == {4: "b"}
    with pytest.raises(ConfigError, match="way to group images called 'mood'"):
        groups.choose(project, "mood")


def test_facts_follow_the_pool(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110], exif[0x0132] = "X100", "2024:05:01 12:00:00"
    (tmp_path / "images").mkdir()
    for number, more in enumerate(({}, {"exif": exif})):
        Image.new("RGB", (8, 6), (number, 9, 9)).save(tmp_path / "images" / f"{number}.jpg", **more)
    project = projects.create(tmp_path / "project", tmp_path / "images")
    finish(scan(project))
    groups.store(project, "column", {2: "patient 7"})
    found = groups.facts(project, items.pool(project), ("a",))
    assert (found.paths, found.cameras, found.given) == (("0.jpg", "1.jpg"), ("", "X100"), ("", "patient 7"))
    assert found.taken.tolist() == [0.0, 1714564800.0] and found.classes == ("a",) and found.x is None


def test_photos_of_earlier_versions_are_asked_by_the_next_scan(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110], exif[0x0132] = "X100", "2024:05:01 12:00:00"
    (tmp_path / "images").mkdir()
    for name in ("a.jpg", "b.jpg", "c.png"):
        Image.new("RGB", (8, 6), "red").save(tmp_path / "images" / name, exif=exif, quality=ord(name[0]) - 40)
    project = projects.create(tmp_path / "project", tmp_path / "images")
    finish(scan(project))
    with db.connect(project.db) as con:
        con.execute("UPDATE item SET taken = NULL, camera = '' WHERE format = 'JPEG'")
    finish(scan(project))
    with db.connect(project.db) as con:
        rows = con.execute("SELECT path, taken, camera FROM item ORDER BY path").fetchall()
    assert [tuple(row) for row in rows] == [
        ("a.jpg", 1714564800.0, "X100"),
        ("b.jpg", 1714564800.0, "X100"),
        ("c.png", 0.0, ""),
    ]


def test_a_migration_asks_photos_alone(tmp_path: Path) -> None:
    place = next(n for n, script in enumerate(schema.MIGRATIONS) if "CREATE TABLE together" in script)
    common = {"width": 4, "height": 4, "bytes": 9, "mtime_ns": 1, "reason": "", "low": 0.0, "high": 0.0}
    with db.connect(tmp_path / "p.sqlite", schema.MIGRATIONS[:place], create=True) as con:
        con.table("item").insert_all(
            {**common, "path": path, "digest": path, "format": kind, "status": "ok", "deep": ""}
            for path, kind in (("a.jpg", "JPEG"), ("b.png", "PNG"))
        )
    with db.connect(tmp_path / "p.sqlite") as con:
        rows = con.execute("SELECT path, taken FROM item ORDER BY path").fetchall()
    assert [tuple(row) for row in rows] == [("a.jpg", None), ("b.png", 0.0)]
