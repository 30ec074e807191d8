"""Scanning what people really have: deep pixels, links of caches, pipes, names that are no text."""

from __future__ import annotations

import io
import os
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fact_core.errors import InputError
from fact_core.events import Log
from fact_core.generators import finish
from fact_core.images import decode
from fact_core.images.folder import walk
from fact_core.storage import db, deep, items, links
from fact_core.storage import project as projects
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.storage.schema_apart import SEEN_ANEW
from fact_core.storage.thumbs import Thumbs, key_of
from fact_core.types import Item
from fact_core.work.pool_features import needs_pool
from fact_core.work.scan import ScanResult, scan
from tests.images.image_help import png16, tiff16_planes
from tests.steps_help import heard
from tests.storage_help import paint, rows

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")


def again(project: Project) -> ScanResult:
    return finish(scan(project, workers=2))


def ramp(file: Path, most: int, kind: type = np.uint16) -> Path:
    """A picture from 0 to ``most``, another one for each number."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.linspace(0, most, 240).reshape(12, 20).astype(kind)).save(file)
    return file


def made(folder: Path) -> Project:
    return projects.create(folder / "project", folder / "images")


# ---- deep pixels


def test_ten_bits_of_sixteen_are_scaled_alike_and_told(tmp_path: Path) -> None:
    for number in range(4):
        ramp(tmp_path / "images" / f"{number}.png", 1000 + number)
    project = made(tmp_path)
    found, events = heard(scan(project))
    assert deep.ranges(project) == (("grey16", 0.0, 1023.0),)
    assert found.notes == (
        "4 images have 16-bit grey values, of which 10 bits are used (0 to 1,003). "
        "0 is shown and learned from as black, 1,023 as white, in all of them.",
    )
    assert [each.text for each in events if isinstance(each, Log)] == list(found.notes)
    item = items.get(project, 1)
    assert item is not None and item.deep == "grey16"
    thumb = np.asarray(Image.open(io.BytesIO(Thumbs(project).get_or_make(project, item))))
    assert thumb.min() < 10 and thumb.max() > 240


def test_each_kind_has_its_own_range_and_dark_ones_are_told(tmp_path: Path) -> None:
    root = tmp_path / "images"
    for name, most in (("a.png", 65000), ("b.png", 4000), ("c.png", 60000)):
        ramp(root / name, most)
    ramp(root / "d.tif", 200, np.int32)
    ramp(root / "e.tif", 1, np.float32)
    paint(root / "f.png", 5)
    project = made(tmp_path)
    notes = again(project).notes
    assert deep.ranges(project) == (("float", 0.0, 1.0), ("grey16", 0.0, 65535.0), ("grey32", 0.0, 255.0))
    assert "1 of them use less than a quarter" in notes[1] and "dark" not in notes[0] + notes[2]


def test_values_that_all_lie_below_nothing_are_told_too(tmp_path: Path) -> None:
    """Depths below the sea: no number of bits says what they use."""
    root = tmp_path / "images"
    for number, deepest in enumerate((-40.0, -30.0)):
        root.mkdir(exist_ok=True)
        Image.fromarray(np.linspace(deepest, -5, 240).reshape(12, 20).astype(np.float32)).save(root / f"{number}.tif")
    assert again(made(tmp_path)).notes == (
        "2 images have floating-point grey values (-40 to -5). "
        "-40 is shown and learned from as black, -4 as white, in all of them.",
    )


def test_a_brighter_image_changes_the_range_of_all_and_their_thumbnails(tmp_path: Path) -> None:
    ramp(tmp_path / "images" / "a.png", 1000)
    project = made(tmp_path)
    again(project)
    item = items.get(project, 1)
    assert item is not None
    before = Thumbs(project).get_or_make(project, item)
    late = ramp(tmp_path / "images" / "b.png", 4000)
    again(project)
    assert deep.ranges(project) == (("grey16", 0.0, 4095.0),)
    assert Thumbs(project).get_or_make(project, item) != before
    late.unlink()
    again(project)
    assert deep.ranges(project) == (("grey16", 0.0, 1023.0),)
    assert Thumbs(project).get_or_make(project, item) == before


def test_a_moved_image_keeps_what_is_known_of_its_pixels(tmp_path: Path) -> None:
    file = ramp(tmp_path / "images" / "a.png", 1000)
    paint(tmp_path / "images" / "z.png", 1)
    project = made(tmp_path)
    again(project)
    file.rename(tmp_path / "images" / "y.png")
    assert again(project).moved == 1
    assert deep.ranges(project) == (("grey16", 0.0, 1023.0),)


def test_a_project_of_an_earlier_version_is_looked_at_before_its_images_are_used(tmp_path: Path) -> None:
    ramp(tmp_path / "images" / "a.png", 1000)
    paint(tmp_path / "images" / "b.jpg", 1)
    project = made(tmp_path)
    again(project)
    assert needs_pool(project) == []
    with db.connect(project.db) as con:  # as the migration leaves it
        con.execute("UPDATE item SET deep = NULL WHERE format = 'PNG'")
        con.execute("DELETE FROM meta WHERE key = 'ranges'")
    assert deep.unknown(project) and needs_pool(project) == [("scan", {})]
    assert again(project).changed == 0
    assert not deep.unknown(project) and needs_pool(project) == []
    assert deep.ranges(project) == (("grey16", 0.0, 1023.0),)


@pytest.mark.parametrize("killed", [False, True])
def test_tiffs_that_an_earlier_version_saw_wrong_are_read_anew_and_only_those(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    """killed: the scan that finds them is cut short."""
    images = tmp_path / "images"
    images.mkdir()
    grey = np.full((6, 8, 1), 900, np.uint16)
    (images / "black.tif").write_bytes(tiff16_planes(grey, zero=1))
    (images / "white.tif").write_bytes(tiff16_planes(grey, zero=0))
    (images / "planes.tif").write_bytes(tiff16_planes(np.full((6, 8, 3), 1023, np.uint16)))
    paint(images / "eight.tif", 1)
    project = made(tmp_path)
    again(project)
    pool = items.pool(project)
    thumbs, wrong = Thumbs(project), (b"eight", b"black", b"planes", b"white")
    names = {
        path: key_of(project, each.digest, each.deep) for path, each in zip(pool.paths, _all(project), strict=True)
    }
    thumbs.put_many([(names[f"{name.decode()}.tif"], name) for name in wrong])
    FeatureStore.open(project.features_folder("some-backbone"), 3).append(pool.digests, rows(1, 2, 3, 4))
    with db.connect(project.db) as con:
        con.executescript(SEEN_ANEW)
    if killed:
        with monkeypatch.context() as patch:
            patch.setattr(items, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                again(project)
    found = again(project)
    assert found.changed == 0
    assert killed or [line for line in found.notes if line.startswith("2 TIFFs were shown and learned from wrong")]
    store = FeatureStore(project.features_folder("some-backbone"))
    by_name = dict(zip(pool.paths, pool.digests, strict=True))
    assert sorted(store.missing(pool.digests)) == sorted([by_name["planes.tif"], by_name["white.tif"]])
    left = {path: thumbs.get(name) for path, name in names.items()}
    assert left == {"black.tif": b"black", "eight.tif": b"eight", "planes.tif": None, "white.tif": None}
    assert not [line for line in again(project).notes if "TIFF" in line]


def _all(project: Project) -> list[Item]:
    return items.get_many(project, items.pool(project).ids.tolist())


def test_grey_with_transparency_that_an_earlier_version_took_for_8_bits_is_seen_anew(tmp_path: Path) -> None:
    """The range of colours stays as it is, so that the key of the features does not change."""
    images = tmp_path / "images"
    images.mkdir()
    grey, alpha = np.full((6, 8), 900, np.uint16), np.full((6, 8), 65535, np.uint16)
    (images / "grey.png").write_bytes(png16(np.stack([grey, alpha], axis=2)))
    (images / "colour.png").write_bytes(png16(np.full((6, 8, 3), 1023, np.uint16)))
    paint(images / "eight.png", 1)
    project = made(tmp_path)
    again(project)
    before = deep.ranges(project)
    pool = items.pool(project)
    by_name = dict(zip(pool.paths, pool.digests, strict=True))
    store = FeatureStore.open(project.features_folder("some-backbone"), 3)
    store.append(pool.digests, rows(1, 2, 3))
    with db.connect(project.db) as con:  # as the migration leaves it
        con.execute("UPDATE item SET deep = NULL WHERE path IN ('grey.png', 'eight.png')")
    read = decode.examine
    with pytest.MonkeyPatch.context() as patch:
        seen = list[int]()
        patch.setattr(decode, "examine", lambda content, gate: seen.append(len(content)) or read(content, gate))
        assert again(project).changed == 0
    assert seen == [(images / "grey.png").stat().st_size]  # of the others the head was enough
    assert deep.ranges(project) == before and not deep.unknown(project)
    store = FeatureStore.open(project.features_folder("some-backbone"), 3)
    assert store.missing(pool.digests) == [by_name["grey.png"]]
    others = [by_name["colour.png"], by_name["eight.png"]]
    kept = store.gather(others)
    store.append([by_name["grey.png"]], rows(9))
    store = FeatureStore(store.folder)
    assert np.array_equal(store.gather(others), kept) and store.gather([by_name["grey.png"]]).tolist() == [[9, 18, 27]]


# ---- links


def cache(folder: Path, blobs: str, number: int = 6) -> Path:
    """Images that are links to files elsewhere, as caches make them."""
    root = folder / "images"
    for each in range(number):
        kept = paint(folder / blobs / f"{each:064x}.png", each)
        kept = kept.rename(kept.with_suffix(""))
        link = root / ("cat", "dog")[each % 2] / f"{each}.png"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(kept, link.parent))
    return root


@pytest.mark.parametrize(
    ("blobs", "keeper"),
    [
        ("hub/datasets--me--pets/blobs", "a Hugging Face cache"),
        (".dvc/cache/files/md5/ab", "DVC"),
        (".git/annex/objects/x/y", "git-annex"),
        ("elsewhere", ""),
    ],
)
def test_a_folder_of_links_says_what_they_are_and_is_read_when_allowed(tmp_path: Path, blobs: str, keeper: str) -> None:
    cache(tmp_path, blobs)
    project = made(tmp_path)
    with pytest.raises(InputError, match="links that lead out of it") as caught:
        again(project)
    assert "6 links to" in caught.value.found and keeper in caught.value.found
    assert "--follow-links" in caught.value.do
    offered = links.outside(project)
    assert [(each.keeper, each.files) for each in offered] == [(keeper, 6)]
    links.allow(project, [offered[0].folder])
    assert again(project).total == 6
    assert links.outside(project) == []
    assert items.path_of(project, 1).is_relative_to(tmp_path / blobs)
    links.allow(project, [])
    with pytest.raises(InputError, match="does not lie in the image folder"):
        items.path_of(project, 1)


def test_only_below_the_folders_that_are_allowed(tmp_path: Path) -> None:
    root = cache(tmp_path, "good")
    secret = paint(tmp_path / "good-but-other" / "secret.png", 99)
    (root / "secret.png").symlink_to(secret)
    (root / "passwd.png").symlink_to("/etc/passwd")
    project = made(tmp_path)
    links.allow(project, [tmp_path / "good"])
    assert again(project).total == 6
    assert [path for path, _ in items.problems(project)] == ["passwd.png", "secret.png"]
    (root / "cat" / "0.png").unlink()
    (root / "cat" / "0.png").symlink_to(secret)
    with pytest.raises(InputError, match="does not lie in the image folder"):
        items.path_of(project, 1)


def test_links_to_folders_are_followed_where_allowed_and_never_round(tmp_path: Path) -> None:
    root, other = tmp_path / "images", tmp_path / "store"
    paint(other / "deep" / "a.png", 1)
    paint(other / "b.png", 2)
    (other / "back").symlink_to(other)
    paint(root / "own.png", 3)
    (root / "all").symlink_to(other)
    (root / "again").symlink_to(root)
    project = made(tmp_path)
    assert again(project).total == 1
    assert [each.folder for each in links.outside(project)] == [str(other)]
    links.allow(project, [other])
    assert again(project).total == 3
    assert set(items.pool(project).paths) == {"own.png", "all/b.png", "all/deep/a.png"}


def test_folders_that_would_allow_nearly_everything_are_refused(tmp_path: Path) -> None:
    paint(tmp_path / "images" / "a.png")
    project = made(tmp_path)
    for folder in (Path("/"), Path.home(), tmp_path / "gone", "\0"):
        with pytest.raises(InputError):
            links.allow(project, [folder])
    with pytest.raises(InputError):
        links.allow(project, [tmp_path] * 21)
    assert links.allowed(project) == ()


def test_links_to_files_that_were_not_brought(tmp_path: Path) -> None:
    root = cache(tmp_path, ".git/annex/objects/q")
    paint(root / "here.png", 50)
    shutil.rmtree(tmp_path / ".git")
    project = made(tmp_path)
    assert again(project).total == 1
    assert "git annex get" in items.problems(project)[0][1]


# ---- pipes, sockets, names


def test_what_is_no_file_is_listed_with_its_reason(tmp_path: Path) -> None:
    """Hostile input 7: a pipe and a socket with the name of an image are left out by name."""
    root = tmp_path / "images"
    paint(root / "a.png")
    os.mkfifo(root / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(root / "s.png"))
        project = made(tmp_path)
        assert again(project).total == 1
    assert items.problems(project) == [
        ("pipe.jpg", "It is a pipe, not a file"),
        ("s.png", "It is a socket, not a file"),
    ]


def test_names_that_are_no_text_are_told_apart_from_those_that_look_like_them(tmp_path: Path) -> None:
    root = tmp_path / "images"
    names = [b"\xff.png", b"\\xff.png", b"\xff\\xfe.png", b"\\xff\xfe.png", b"\xff\xfe.png"]
    for number, name in enumerate(names):
        kept = paint(tmp_path / "x.png", number)
        root.mkdir(exist_ok=True)
        os.rename(os.fsencode(kept), os.fsencode(root) + b"/" + name)
    seen = walk(root, tmp_path / "project")
    assert len({found.path for found in seen.files}) == 5
    project = made(tmp_path)
    assert again(project).total == 1
    assert items.pool(project).paths == ("\\xff.png",)
    assert decode.decode(items.path_of(project, int(items.pool(project).ids[0]))).getpixel((0, 0)) == (1, 0, 77)
    assert len(items.problems(project)) == 4
    assert again(project).added == 0


def test_times_that_no_file_can_have_end_no_scan(tmp_path: Path) -> None:
    """Of a damaged disk or camera: before 1970, and later than the database can hold."""
    years = {"first": 0, "before": -(10**9), "later": 4_102_444_800, "latest": 19_900_000_000}
    for number, (name, at) in enumerate(years.items()):
        os.utime(paint(tmp_path / "images" / f"{name}.png", number), (at, at))
    if (tmp_path / "images" / "latest.png").stat().st_mtime_ns < 2**63:
        pytest.skip("this file system knows no such time")
    project = projects.create(tmp_path / "project", tmp_path / "images")
    assert again(project).total == 4 and again(project).changed == 0
    os.utime(paint(tmp_path / "images" / "latest.png", 9), (19_900_000_000, 19_900_000_000))
    assert again(project).changed == 1
