"""Imports of labels: a preview that says everything, then all of it or nothing, and one step back."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.routes import register_all
from app.shell.server import Server
from fact_core.config import ImportConfig
from fact_core.errors import InputError
from fact_core.exchange import held_out, import_labels
from fact_core.exchange.import_labels import Conflict, Preview, Source, Told
from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, operations, selections, undo
from fact_core.labeling.history import Op
from fact_core.storage import db, groups, items
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.storage.synthetic import add_items
from fact_core.types import Selection
from fact_core.work.scan import scan
from tests.page.conftest import Current
from tests.storage_help import flat_project, is_sound, paint

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Images 1 to 6 at 000.png to 005.png; 1 is a cat, 2 a dog."""
    made = flat_project(tmp_path)
    cat, dog = classes.ensure_classes(made, ["cat", "dog"]).values()
    operations.apply(made, "desk.a", [Op(1, "label", 1, cat), Op(2, "label", 2, dog)])
    return made


JOIN = ImportConfig(labels_case="join")


def csv(*rows: str, config: ImportConfig = JOIN) -> Source:
    return Source("csv", "file_name,label\n" + "".join(f"{row}\n" for row in rows), config)


def now(project: Project) -> dict[int, str]:
    names = {each.id: each.name for each in classes.classes(project)}
    return {item: names[state.class_id] for item, state in labels_now.states(project).items() if state.class_id}


def everything(project: Project) -> tuple[object, ...]:
    return labels_now.history(project), classes.classes(project), projects.version(project)


FILE = csv("000.png,CAT", "001.png,bird", "002.png,bird", "003.png,cat", "nine.png,cat", "004.png,", "003.png,Cat")


def test_a_preview_says_what_would_happen_and_writes_nothing(project: Project) -> None:
    before = everything(project)
    assert import_labels.read(project, FILE) == Preview(
        kind="csv",
        rows={2: "bird", 3: "bird", 4: "cat"},
        by_class={"bird": 2, "cat": 1},
        conflicts=(Conflict(2, "dog", "bird"),),
        new_classes=("bird",),
        already_same=1,
        skipped=1,
        left={"unknown": Told(1, ("nine.png",), ("Row 6 of the CSV",))},
    )
    assert everything(project) == before


@pytest.mark.parametrize(("keep", "second", "images"), [("mine", "dog", 1), ("theirs", "bird", 3)])
def test_commit_gives_all_labels_in_one_batch_and_undo_takes_them_back(
    project: Project, keep: import_labels.Keep, second: str, images: int
) -> None:
    operations.apply(project, "desk.a", [Op(3, "flag", 3)])  # nobody can tell
    before = now(project)
    done = import_labels.commit(project, import_labels.read(project, FILE), "desk.import-1", keep)
    assert (done.images, done.kept) == (images, 2 * (keep == "mine"))
    assert now(project) == {1: "cat", 2: second, 4: "cat"} | ({3: "bird"} if keep == "theirs" else {})
    assert labels_now.states(project)[3].flagged, "the mark stays"
    rows = [row for row in labels_now.history(project) if row.client == "desk.import-1"]
    assert {row.source for row in rows} == {"import"}
    assert len(undo.steps(project, "desk.b").undo[0]) == images  # the browser's own undo knows it as one step
    operations.apply(project, "desk.b", [Op(1, "label", 4, classes.add_class(project, "fish"))])
    assert import_labels.undo(project, done.batch, done.new_classes) == images - 1
    assert now(project) == before | {4: "fish"}
    assert [each.name for each in classes.classes(project)] == ["cat", "dog", "fish"]
    assert import_labels.undo(project, done.batch, done.new_classes) == 0


@pytest.mark.parametrize(("keep", "stays"), [("mine", True), ("theirs", False)])
def test_a_skip_gives_way_only_where_the_person_says_so(
    project: Project, keep: import_labels.Keep, stays: bool
) -> None:
    found = import_labels.read(project, csv("003.png,cat", "004.png,cat"))
    assert found.conflicts == ()
    operations.apply(project, "desk.a", [Op(4, "skip", 4), Op(5, "flag", 5)])
    assert import_labels.read(project, csv("003.png,cat", "004.png,dog")).conflicts == (
        Conflict(4, "", "cat"),
        Conflict(5, "", "dog"),
    )
    done = import_labels.commit(project, found, "desk.import-1", keep)  # skipped since the preview
    assert (done.images, done.kept) == ((0, 2) if stays else (2, 0))
    kinds = [labels_now.states(project)[item].kind for item in (4, 5)]
    assert kinds == (["skip", "none"] if stays else ["label", "label"])


@pytest.mark.parametrize("way", ["renumbered", "renamed"])
def test_nothing_is_imported_by_names_that_a_scan_has_not_settled(
    project: Project, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """During the scan, or after one that was killed: a row 000.png would be of the image that was called so before."""
    rows = csv("000.png,cat", "new.png,dog")
    (project.images / "000.png").rename(project.images / ("new.png" if way == "renamed" else "001.png"))
    with monkeypatch.context() as patch:
        patch.setattr(items, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            finish(scan(project))
    with pytest.raises(InputError, match="A scan has yet to find where renamed images lie"):
        import_labels.read(project, rows)
    finish(scan(project))
    assert import_labels.read(project, rows).rows == ({1: "dog"} if way == "renamed" else {})


def test_a_class_of_an_earlier_version_with_a_sign_that_nobody_sees_gets_no_twin(project: Project) -> None:
    with db.connect(project.db) as con:
        con.execute("UPDATE class SET name = 'cat\u200f', folded = 'cat\u200f' WHERE name = 'cat'")
    found = import_labels.read(project, csv("000.png,cat", "003.png,cat\u200f", "004.png,cat"))
    assert (found.rows, found.new_classes, found.already_same) == ({4: "cat\u200f", 5: "cat\u200f"}, (), 1)
    import_labels.commit(project, found, "desk.import-1", "mine")
    assert [each.name for each in classes.classes(project)] == ["cat\u200f", "dog"]


def test_a_class_that_is_in_use_by_now_outlives_the_undo(project: Project) -> None:
    done = import_labels.commit(project, import_labels.read(project, csv("002.png,bird")), "x.import-1", "mine")
    operations.apply(project, "desk.b", [Op(1, "label", 5, done.new_classes[0])])
    import_labels.undo(project, done.batch, done.new_classes)
    assert now(project)[5] == "bird" and 3 not in now(project)


def test_what_changed_since_the_preview_is_seen(project: Project) -> None:
    found = import_labels.read(project, csv("002.png,cat", "003.png,cat", "004.png,cat"))
    cat, dog = (each.id for each in classes.classes(project))
    operations.apply(project, "desk.b", [Op(1, "label", 3, dog), Op(2, "label", 4, cat)])
    classes.rename_class(project, cat, "lion")
    done = import_labels.commit(project, found, "x.import-1", "mine")
    assert (done.images, done.kept, len(done.new_classes)) == (1, 2, 1)
    assert now(project) == {1: "lion", 2: "dog", 3: "dog", 4: "lion", 5: "cat"}


def test_nothing_to_do_leaves_no_trace(project: Project) -> None:
    before = everything(project)
    for source in (csv(), csv("000.png,cat"), csv("001.png,cat", "nine.png,bird"), Source("label-studio", "[]")):
        done = import_labels.commit(project, import_labels.read(project, source), "x.import-1", "mine")
        assert (done.images, done.new_classes) == (0, ())
    assert everything(project) == before


def test_a_commit_is_whole_or_not_at_all(project: Project) -> None:
    found = import_labels.read(project, FILE)
    before = everything(project)
    for client, keep in (("x.import-1", "both"), ("desk.a", "mine"), ("", "mine"), ("a\nb", "mine")):
        with pytest.raises(InputError):
            import_labels.commit(project, found, client, keep)  # type: ignore[arg-type]
    broken = Preview("csv", {3: "cat", 99: "bird"}, {}, (), (), 0, 0)  # no such image: SQLite refuses the second row
    with pytest.raises(Exception, match="FOREIGN KEY"):
        import_labels.commit(project, broken, "x.import-1", "mine")
    assert everything(project) == before


def test_nothing_is_guessed(tmp_path: Path) -> None:
    for number, name in enumerate(("a/x.png", "b/x.png", "a/y.png", "z.png")):
        paint(tmp_path / "images" / name, number)
    paint(tmp_path / "images" / "b" / "copy.png", 3)  # repeats z.png
    (tmp_path / "images" / "torn.png").write_bytes(b"\x89PNG")
    made = projects.create(tmp_path / "project", tmp_path / "images")
    finish(scan(made))
    item = {path: int(i) for i, path in zip(items.pool(made).ids, items.pool(made).paths, strict=True)}
    rows = ("x.png,cat", "a/x.png,cat", "b/x.png,cat", "/old/b/x.png,dog", "y.png,cat", "torn.png,cat", "copy.png,dog")
    found = import_labels.read(made, csv(*rows))
    assert set(found.rows.values()) == {"cat", "dog"}
    assert found.rows.keys() == {
        item["a/x.png"],
        item["b/x.png"],
        item["a/y.png"],
        *(each for p, each in item.items() if p == "z.png" or p == "b/copy.png"),
    }
    assert found.rows[item["b/x.png"]] == "cat"  # its whole path beats that of another place
    assert found.left == {"ambiguous": Told(1, ("x.png",)), "elsewhere": Told(1, ("/old/b/x.png",))}
    assert found.left["elsewhere"].where == ("Row 5 of the CSV",)
    assert found.skipped == 1


def test_names_of_folders(tmp_path: Path) -> None:
    for number, name in enumerate(("cat/a.png", "train/Cat/b.png", "dog/c.png", "plain.png")):
        paint(tmp_path / "images" / name, number)
    made = projects.create(tmp_path / "project", tmp_path / "images")
    finish(scan(made))
    asked = import_labels.read(made, Source("folders"))
    (question,) = (each for each in asked.questions if each.must)
    assert (question.option, question.examples) == ("labels_case", ("cat = Cat",))
    with pytest.raises(InputError, match="said first"):
        import_labels.commit(made, asked, "x.import-1", "mine")
    found = import_labels.read(made, Source("folders", config=JOIN))
    assert (found.by_class, found.skipped, found.new_classes) == ({"cat": 2, "dog": 1}, 1, ("cat", "dog"))
    assert import_labels.commit(made, found, "x.import-1", "mine").images == 3
    assert import_labels.read(made, Source("folders", config=JOIN)).already_same == 3


def test_label_studio(project: Project) -> None:
    def task(image: str, *choices: str) -> dict[str, Any]:
        return {"data": {"image": image}, "annotations": [{"result": [{"value": {"choices": list(choices)}}]}]}

    tasks = [
        task("/data/upload/1/0123abcd-002.png", HOSTILE),
        task("/data/local-files/?d=images/003.png", "cat"),
        task("/data/upload/1/0123abcd-nine.png", "cat"),
        task("004.png", "cat", "dog"),
        task("005.png"),
    ]
    found = import_labels.read(project, Source("label-studio", json.dumps(tasks)))
    assert found.rows == {3: HOSTILE, 4: "cat"}
    assert found.left["unknown"] == Told(1, ("/data/upload/1/0123abcd-nine.png",))
    assert (found.left["several"], found.skipped) == (Told(1, ("004.png: cat, dog",)), 1)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Source("xml"), "no such source"),
        (Source("csv", ""), "no columns"),
        (csv("000.png,cat", "001.png"), "Row 3 of the CSV has too few"),
        (csv("000.png,cat", '001.png,"open'), "Row 3 of the CSV cannot be read"),
        (Source("csv", b"\x00\x01\xff\xfe\xfd"), "not UTF-8"),
        (Source("label-studio", "{}"), "no export of Label Studio"),
        (Source("label-studio", '[{"data": {"image": "000.png"}}, 3]'), "Task 2"),
    ],
)
def test_bad_sources_are_refused_with_the_row(project: Project, source: Source, words: str) -> None:
    """Hostile input 6: wrong encodings, huge fields and wrong columns are errors that name the row."""
    before = everything(project)
    with pytest.raises(InputError, match=words):
        import_labels.read(project, source)
    assert everything(project) == before


HOSTILE_FILES = [
    ("csv", b"file_name,label\n003.png,cat\n\xff\xfe\x00\x01,dog\n", "Row 3"),
    ("csv", b'file_name,label\n003.png,cat\n"004.png,dog\n', "Row 3"),
    ("csv", b"file_name,label\n003.png,cat\n004.png\n", "Row 3"),
    ("file", b'[{"file_name": "003.png", "label": "cat"},\n{"file_name": ', "Row 2"),
    ("file", b'{"images": 5, "annotations": 7}', "no known kind"),
    ("file", b"[" * 200_000, "cannot be read"),
    ("file", b"<annotations><image", "Row 1"),
]


HOSTILE_LABELS = [
    ("csv", b"file_name,label\n003.png,cat\n004.png," + b"x" * 201 + b"\n", "Row 3 of the CSV", "too long (201"),
    ("csv", b"file_name,label\n003.png,cat\n004.png," + b"x" * 1_000_000 + b"\n", "Row 3 of the CSV", "too long"),
    ("csv", b"file_name,label\n003.png,cat\n004.png,a\x07b\n", "Row 3 of the CSV", "cannot be shown (U+0007)"),
    ("csv", b'file_name,label\n003.png,cat\n004.png,"a\nb"\n', "Row 3 of the CSV", "cannot be shown (U+000A)"),
    (
        "file",
        b'[{"image": "003.png", "label": "cat"}, {"image": "004.png", "label": "' + b"y" * 300_000 + b'"}]',
        "Row 2 of the JSON",
        "too long (300000",
    ),
]


@pytest.mark.parametrize(("kind", "content", "row", "words"), HOSTILE_LABELS)
def test_a_label_that_no_class_can_have_is_left_out_with_its_row(
    project: Project, kind: str, content: bytes, row: str, words: str
) -> None:
    """Hostile input 6: huge fields are told with their row, and cost none of the others."""
    found = import_labels.read(project, Source(kind, content))
    assert found.rows == {4: "cat"}
    left = found.left["unfit"]
    assert (left.count, left.where) == (1, (row,)) and left.first[0].startswith("004.png: ") and words in left.first[0]
    before = [each.name for each in classes.classes(project)]
    assert import_labels.commit(project, found, "w.import-1", "mine").images == 1
    assert [each.name for each in classes.classes(project)] == before


@pytest.mark.parametrize(("kind", "content", "words"), HOSTILE_FILES)
def test_hostile_files_import_nothing(project: Project, kind: str, content: bytes, words: str) -> None:
    """Hostile input 6: whatever is wrong with a file, its row is named and nothing of it is imported."""
    before = everything(project)
    with pytest.raises(InputError, match=words):
        import_labels.read(project, Source(kind, content))
    assert everything(project) == before


def test_spellings_of_the_project_are_told_and_its_numbers_asked_about(project: Project) -> None:
    found = import_labels.read(project, csv("003.png,CAT", config=ImportConfig()))
    (told,) = (each for each in found.questions if each.option == "labels_case")
    assert told.examples == ("CAT = cat",) and not found.open and found.rows == {4: "cat"}
    classes.add_class(project, "1")
    asked = import_labels.read(project, csv("003.png,1.0"))
    assert asked.open and [each.examples for each in asked.questions if each.must] == [("1.0 = 1",)]
    joined = import_labels.read(project, csv("003.png,1.0", config=ImportConfig(labels_numbers="join")))
    assert joined.rows == {4: "1"} and joined.new_classes == ()


def test_unknown_files_are_named_with_their_rows(project: Project) -> None:
    """Hostile input 6: unknown files are listed with their rows on the page; only the others are taken, as it said."""
    rows = [f"gone/{n}.png,cat" for n in range(30)]
    found = import_labels.read(project, csv("003.png,cat", *rows))
    told = found.left["unknown"]
    assert (told.count, told.first[0], told.where[0], len(told.first)) == (30, "gone/0.png", "Row 3 of the CSV", 20)
    assert import_labels.commit(project, found, "x.import-1", "mine").images == 1


def test_a_part_is_kept_apart_and_comes_back_with_the_undo(project: Project) -> None:
    before = everything(project)[:2]
    found = import_labels.read(project, csv("002.png,cat", "003.png,cat", "004.png,dog", "005.png,dog"))
    with pytest.raises(InputError, match="no such way"):
        import_labels.commit(project, found, "x.import-0", "mine", "half")
    done = import_labels.commit(project, found, "x.import-1", "mine", "share")
    assert (done.images, done.checks) == (4, 1)
    assert len(labels_now.snapshot(project, "audit").ids) == 1
    latest = selections.latest(project)
    assert latest is not None and latest.selection.roles == ("audit",)
    assert import_labels.undo(project, done.batch, done.new_classes) == 4
    assert selections.latest(project) is None and everything(project)[1] == before[1]


def test_the_part_that_a_file_calls_test_becomes_check_images(project: Project) -> None:
    text = "file,label,split\n002.png,cat,train\n003.png,cat,test\n004.png,dog,val\n005.png,dog,train\n"
    found = import_labels.read(project, Source("file", text))
    assert (found.test, found.parts) == ({4, 5}, {"train": 2, "test": 1, "val": 1})
    misspelt = import_labels.read(project, Source("file", text.replace(",val", ",vla")))
    assert (misspelt.test, misspelt.strange_parts) == ({4}, {"vla": 1})
    chosen = Selection(np.array([3, 4]), ("pick", "pick"), np.array([6]), "random", {"budget": 2, "check": 0})
    selections.save(project, chosen, None)
    assert import_labels.commit(project, found, "x.import-1", "mine", "split").checks == 2
    assert sorted(labels_now.snapshot(project, "audit").ids) == [4, 5]
    latest = selections.latest(project)
    assert latest is not None and latest.config["check"] == 2 and latest.config["budget"] == 2
    assert dict(zip(latest.selection.ids.tolist(), latest.selection.roles, strict=True)) == {
        3: "pick",
        4: "audit",
        5: "audit",
    }
    assert latest.selection.next_best.tolist() == [6]


def test_no_group_is_parted_that_has_learned_images() -> None:
    """Of patients 0 to 4 an image each was labeled before."""
    groups = {item: f"patient {item // 5}" for item in range(100)}
    learned = range(0, 25, 5)
    fresh = [item for item in range(100) if item not in learned]
    held = held_out.draw(fresh, groups, (), "share", learned=learned)
    assert len(held) == 20 and min(held) >= 25
    assert held_out.draw(fresh[:20], groups, (), "share", learned=learned) == []
    assert held_out.draw(fresh, groups, fresh[:3], "split", learned=learned) == fresh[:3], "the file's own part"


def test_a_patient_whose_images_were_labeled_before_gives_no_check_images(project: Project) -> None:
    rows = ("000.png,cat,p1", "001.png,dog,p2", "002.png,cat,p1", "003.png,cat,p2", "004.png,dog,p3", "005.png,dog,p3")
    found = import_labels.read(project, Source("csv", "file_name,label,patient\n" + "\n".join(rows)))
    assert set(found.rows) == {3, 4, 5, 6} and len(found.groups) == 6
    done = import_labels.commit(project, found, "w.import-1", "mine", "share")
    assert done.checks == 2
    latest = selections.latest(project)
    assert latest is not None and set(latest.selection.ids.tolist()) == {5, 6}


def test_groups_that_the_person_decided_for_are_kept_whole(project: Project) -> None:
    groups.store(project, "start", {1: "video 1", 4: "video 1", 3: "video 2", 5: "video 2", 6: "video 2"})
    groups.choose(project, "start")
    found = import_labels.read(project, csv(*(f"{number:03}.png,cat" for number in range(2, 6))))
    assert import_labels.commit(project, found, "w.import-1", "mine", "share").checks == 3
    latest = selections.latest(project)
    assert latest is not None and set(latest.selection.ids.tolist()) == {3, 5, 6}, "of video 1 an image was labeled"


def test_undoing_an_import_takes_its_groups_back_and_redoing_brings_them(project: Project) -> None:
    """By its own undo and by the desk's, one label after the other; the groups of an earlier file come back."""
    head = "file_name,label,patient\n"

    def bring(rows: str, step: str) -> None:
        found = import_labels.read(project, Source("csv", head + rows, JOIN))
        import_labels.commit(project, found, step, "mine")

    def held() -> dict[int, str]:
        return groups.names(project, "column")

    bring("002.png,cat,p1\n", "w.import-1")
    bring("002.png,cat,p2\n003.png,dog,p2\n004.png,dog,p2\n", "w.import-2")
    both, first = {3: "p2", 4: "p2", 5: "p2"}, {3: "p1"}
    assert held() == both
    operations.apply(project, "w.tab", [Op(1, "undo")])
    assert held() == both, "one of its two labels stands yet"
    operations.apply(project, "w.tab", [Op(2, "undo")])
    assert held() == first
    operations.apply(project, "w.tab", [Op(3, "redo"), Op(4, "redo")])
    assert held() == both
    assert import_labels.undo(project, "w.import-2") == 2
    assert held() == first
    assert import_labels.undo(project, "w.import-1") == 1
    assert held() == {}
    bring("000.png,cat,p9\n", "w.import-3")  # it has that label: only its group is new
    assert held() == {1: "p9"} and import_labels.undo(project, "w.import-3") == 0
    assert held() == {}


def test_what_belongs_together_by_any_way_is_one_group() -> None:
    of = held_out.joined({1: "a", 2: "a", 3: "b", 9: "z"}, {2: "a", 3: "a", 4: "c", 5: "c"}, {5: "q", 9: "q"})
    assert set(of) == {1, 2, 3, 4, 5, 9} and of[1] == of[2] == of[3] != of[4] == of[5] == of[9]


def test_groups_are_kept_whole() -> None:
    groups = {item: f"patient {item // 5}" for item in range(100)}
    held = held_out.draw(range(100), groups, (), "share")
    assert len(held) == 20 and {groups[item] for item in held}.isdisjoint(
        {groups[i] for i in set(range(100)) - set(held)}
    )
    assert held_out.draw(range(100), groups, (), "share") == held
    assert len(held_out.draw(range(4), {}, (), "share")) == 1 and held_out.draw([1], {}, (), "share") == []
    one = dict.fromkeys(range(10), "one")
    assert held_out.draw(range(10), one, (), "share") == []  # nothing would be left to learn from


def test_a_column_that_is_not_known_is_asked_about(project: Project) -> None:
    text = "file_name,answer\n003.png,cat\n"
    asked = import_labels.read(project, Source("file", text))
    assert asked.open and [each.option for each in asked.questions if each.must] == ["labels_class_column"]
    assert asked.sheet.columns == ("file_name", "answer") and asked.sheet.rows == (("003.png", "cat"),)
    found = import_labels.read(project, Source("file", text, ImportConfig(labels_class_column="answer")))
    assert not found.open and found.rows == {4: "cat"}
    nothing = import_labels.read(project, Source("csv", "\ufeff\ufeff\x00"))
    assert nothing.open and nothing.rows == {}


def test_a_column_of_file_names_is_not_a_column_of_classes(project: Project) -> None:
    with pytest.raises(InputError, match="too many classes"):
        import_labels.read(project, csv(*(f"nine.png,class {n}" for n in range(10_100))))


@pytest.mark.slow
def test_a_million_rows(tmp_path: Path) -> None:
    """Hostile input 6: 10^6 rows are read, imported in one step, and taken back."""
    made = flat_project(tmp_path, 1)
    add_items(made, 100_000)
    text = (
        "file_path,label\n"
        + "".join(f"no-file/{n // 1000:04d}/{n:07d}.jpg,class {n % 7}\n" for n in range(100_000)) * 10
    )
    started = time.process_time()  # of the processor: a busy machine takes its time
    found = import_labels.read(made, Source("csv", text))
    assert (len(found.rows), len(found.by_class)) == (100_000, 7)
    assert time.process_time() - started < 60
    started = time.process_time()
    done = import_labels.commit(made, found, "x.import-1", "mine")
    assert done.images == 100_000 and time.process_time() - started < 60
    assert import_labels.undo(made, done.batch, done.new_classes) == 100_000
    assert labels_now.states(made) == {} and classes.classes(made) == [] and is_sound(made)


# ---- the routes


@dataclass
class Page:
    client: TestClient
    project: Project
    key: str

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = self.client.post(f"/x/{self.key}{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.client.get(f"/x/{self.key}{path}")
        assert answer.status_code == status, answer.text
        return answer.json()

    def preview(self, source: Source = FILE) -> Any:
        answers = {"labels_case": source.config.labels_case}
        return self.post("/import/preview", {"kind": source.kind, "text": source.content, "answers": answers})


@pytest.fixture(scope="module")
def registered() -> Iterator[tuple[TestClient, Current]]:
    """All routes, registered once."""
    app, current = FastAPI(), Current()
    register_all(app, cast(Server, current))
    with TestClient(app, base_url="http://127.0.0.1:7860", raise_server_exceptions=False) as client:
        yield client, current


@pytest.fixture
def page(registered: tuple[TestClient, Current], project: Project) -> Iterator[Page]:
    client, current = registered
    current.server = server = Server()
    yield Page(client, project, server.open(project.folder))
    server.close()


def test_the_routes_show_do_and_undo(page: Page) -> None:
    before = now(page.project)
    seen = page.preview()
    assert (seen["images"], seen["already_same"], seen["skipped"]) == (3, 1, 1)
    assert seen["rows"][1] == {"id": 3, "path": "002.png", "label": "bird", "mine": None}
    assert seen["conflicts"] == {"count": 1, "first": [{"id": 2, "path": "001.png", "label": "bird", "mine": "dog"}]}
    assert seen["left"] == {"unknown": {"count": 1, "first": ["nine.png"], "where": ["Row 6 of the CSV"]}}
    assert (seen["classes"], seen["new_classes"]) == (
        [{"name": "bird", "count": 2}, {"name": "cat", "count": 1}],
        ["bird"],
    )
    page.post("/import/commit", {"token": seen["token"], "keep": "nobody's", "desk": "d"}, 400)
    done = page.post("/import/commit", {"token": seen["token"], "keep": "theirs", "desk": "desk.window"})
    assert (done["images"], done["kept"]) == (3, 0)
    assert done["batch"].startswith("desk.import-")
    assert (
        page.post("/import/commit", {"token": seen["token"], "keep": "theirs"}, 400)["do"] == "Choose the file again."
    )
    assert page.post("/import/undo", {"batch": done["batch"], "classes": done["new_classes"]}) == {"images": 3}
    assert now(page.project) == before
    page.post("/import/undo", {"batch": "desk.a", "classes": []}, 400)
    assert now(page.project) == before


def test_answers_need_the_token_alone(page: Page) -> None:
    content = base64.b64encode("bild;baum\n003.png;Kočka\n".encode("cp1250")).decode()
    seen = page.post("/import/preview", {"kind": "file", "content": content})
    must = [each["option"] for each in seen["questions"] if each["must"]]
    assert must == ["labels_encoding", "labels_image_column", "labels_class_column"] and seen["open"]
    page.post("/import/commit", {"token": seen["token"], "keep": "mine"}, 400)
    answers = {"labels_encoding": "cp1250", "labels_image_column": "bild", "labels_class_column": "baum"}
    done = page.post("/import/preview", {"token": seen["token"], "answers": answers})
    assert not done["open"] and done["rows"][0]["label"] == "Kočka" and done["sheet"]["encoding"] == "cp1250"
    assert done["questions"][0]["answer"] == "cp1250" and not done["questions"][0]["must"]  # it may be changed again
    assert page.post("/import/commit", {"token": done["token"], "keep": "mine", "check": "share"})["checks"] == 0
    assert now(page.project)[4] == "Kočka"
    page.post("/import/preview", {"token": "gone", "answers": answers}, 400)
    page.post("/import/preview", {"kind": "file", "content": "no base64!"}, 400)


@pytest.mark.parametrize(
    "answers",
    [{"labels_encoding": name} for name in ("zlib", "punycode", "idna", "x" * 10_000, "\0", "utf-9", "ü")]
    + [
        {"labels_level": 2**70},
        {"labels_level": "1"},
        {"labels_case.x": 1},
        {"nonesuch": 1},
        {"labels_case": ["join"]},
    ],
)
def test_answers_that_cannot_be_are_refused_in_words(page: Page, answers: dict[str, Any]) -> None:
    told = page.post("/import/preview", {"kind": "file", "text": "file,label\n003.png,cat\n", "answers": answers}, 400)
    assert told["what"]


def test_only_a_few_previews_are_kept(page: Page) -> None:
    tokens = [page.preview()["token"] for _ in range(5)]
    for token in tokens[:2]:
        page.post("/import/commit", {"token": token, "keep": "mine"}, 400)
    assert page.post("/import/commit", {"token": tokens[2], "keep": "mine"})["images"] == 2


def test_wrong_requests_are_told(page: Page) -> None:
    page.post("/import/preview", {}, 400)
    for body in ({"kind": 5}, {"kind": "csv", "text": 7}, [], {"kind": "csv", "answers": 3}):
        page.post("/import/preview", body, 422)
    for text in ("a\\ud800", "file_name,label\\n000.png,\\ud800"):
        body = f'{{"kind": "csv", "text": "{text}"}}'
        answer = page.client.post(
            f"/x/{page.key}/import/preview", content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 400 and answer.json()["what"] == "The request is not as it should be"
    odd = page.preview(Source("file", '[{"file": "003.png", "\\ud800": "cat"}]'))
    assert odd["open"] and odd["sheet"]["columns"] == ["file", "?"]
    tasks = '[{"data": {"image": "\\ud800.png"}, "annotations": [{"result": [{"value": {"choices": ["cat"]}}]}]}]'
    assert page.preview(Source("label-studio", tasks))["left"]["unknown"]["first"] == ["?.png"]
    page.post("/import/undo", {"batch": "x.import-1", "classes": ["a"]}, 422)
    assert page.post("/import/undo", {"batch": "x.import-1", "classes": [0, -1, 2**53]}) == {"images": 0}
    assert page.post("/import/undo", {"batch": "x.import-1", "classes": [2**70]}, 400)["found"]


def test_the_classes_route(page: Page) -> None:
    cat, dog = (each["id"] for each in page.get("/state")["classes"])
    assert page.post("/classes", {"op": "add_many", "text": f"bird\nCAT\n{HOSTILE}"})["added"] == 2
    merged = page.post("/classes", {"op": "merge", "id": cat, "into": dog})
    assert merged["images"] == 1 and [each["count"] for each in merged["classes"]] == [2, 0, 0]
    assert page.post("/classes", {"op": "unmerge", "id": cat, "batch": merged["batch"]})["images"] == 1
    assert page.post("/classes", {"op": "delete", "id": cat})["images"] == 1
    page.post("/classes", {"op": "restore", "id": cat})
    page.post("/classes", {"op": "recolour", "id": cat, "colour": 30})
    page.post("/classes", {"op": "key", "id": cat, "key": "q"})
    ids = [each["id"] for each in page.get("/queue")["classes"]]
    answer = page.post("/classes", {"op": "reorder", "ids": ids[::-1]})
    assert answer["classes"] == page.get("/state")["classes"] == page.get("/queue")["classes"]
    assert answer["classes"][-1] == {
        "id": cat,
        "name": "cat",
        "position": 3,
        "count": 1,
        "colour": 30,
        "key": "q",
        "other": False,
    }
    for bad in (
        {"op": "unmerge", "id": cat, "batch": "desk.a"},
        {"op": "recolour", "id": cat, "colour": 36},
        {"op": "key", "id": dog, "key": "Q"},
        {"op": "add_many", "text": "\n"},
        {"op": "merge", "id": cat},
        {"op": "delete", "id": 99},
    ):
        assert page.post("/classes", bad, 400)["what"]
    assert "too large" in page.post("/classes", {"op": "delete", "id": 2**70}, 400)["found"]
    for bad in ({"id": cat}, {"op": "reorder", "ids": "1"}, {"op": "key", "key": 5}):
        page.post("/classes", bad, 422)


def test_the_note_route(page: Page) -> None:
    assert page.post("/note", {"item": 1, "text": f" {HOSTILE}\n"}) == {"item": 1, "note": HOSTILE}
    assert page.get("/item?id=1")["note"] == HOSTILE
    page.post("/note", {"item": 1, "text": ""})
    assert page.get("/item?id=1")["note"] == ""
    assert [each["text"] for each in page.get("/notes?item=1")["notes"]] == [HOSTILE, ""]
    page.post("/note", {"item": 99, "text": "x"}, 400)
    page.post("/note", {"item": 1, "text": "x" * 2001}, 400)
    page.post("/note", {"item": 1}, 422)


def test_the_name_of_an_image_that_was_left_out_means_no_other_one(tmp_path: Path) -> None:
    for number, name in enumerate(("img.png", "sub/img.png", "a/1.png", "b/1.png", "copy.png")):
        paint(tmp_path / "images" / name, 0 if name == "copy.png" else number + 1)
    paint(tmp_path / "images" / "img.png", 0)
    made = projects.create(tmp_path / "project", tmp_path / "images")
    finish(scan(made))
    ids = {path: int(item) for path, item in zip(items.pool(made).paths, items.pool(made).ids, strict=True)}
    first = "img.png" if "img.png" in ids else "copy.png"  # the one stands for the other
    out = [ids[first], ids["a/1.png"]]
    operations.apply(made, "desk.a", [Op(n, "exclude", item) for n, item in enumerate(out, start=1)])
    found = import_labels.read(made, csv("img.png,cat", "copy.png,cat", "1.png,cat", "sub/img.png,dog"))
    import_labels.commit(made, found, "desk.import-1", "theirs")
    assert now(made) == {ids["sub/img.png"]: "dog"}
