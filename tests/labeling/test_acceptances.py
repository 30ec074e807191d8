"""Accepted answers: one step to undo and to do again, outweighed by a person, never counted as labels."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from fact_core.errors import InputError, RunError
from fact_core.exchange import export_labels, sort_said
from fact_core.generators import finish
from fact_core.labeling import acceptances, checked, classes, finished, finishing, labels_now, operations, selections
from fact_core.labeling.acceptances import Look
from fact_core.labeling.history import Op
from fact_core.storage import db, items, predictions, run_delete, run_queue
from fact_core.storage.project import Project
from fact_core.types import Selection
from fact_core.work.scan import scan
from tests.storage_help import flat_project, paint

CLASSES = ("cat", "dog")
SURE = [0.9, 0.8, 0.7, 0.6, 0.99, 0.95, 0.5, 0.4, 0.85, 0.75]  # of images 1 to 10


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Ten images: 1 is picked, labeled and learned, 2 and 3 check; a run that says cat, cat, dog, cat, dog ..."""
    project = flat_project(tmp_path, 10)
    for name in CLASSES:
        classes.add_class(project, name)
    ids, roles = np.array([1, 2, 3]), ("pick", "audit", "audit")
    selections.save(project, Selection(ids, roles, np.zeros(0, np.int64), "random", {}), None)
    operations.apply(project, "desk", [Op(1, "label", 1, 1), Op(2, "label", 2, 1), Op(3, "label", 3, 1)])
    run = run_queue.queue(project, "train", {})
    run_queue.claim(project, "test")
    run_queue.finish(project, run, "done", result={"ids": [1], "classes": list(CLASSES), "class_ids": [1, 2]})
    return project


def answer(
    project: Project, strange: tuple[int, ...] = (), near: tuple[int, ...] = (), digests: bool = False
) -> run_queue.Run:
    run = run_queue.list_runs(project, "train")[0]
    file = project.predictions_file(run.id)
    file.parent.mkdir(parents=True, exist_ok=True)
    ids, y = np.arange(1, 11), np.array([0, 0, 1] + [0, 1] * 3 + [0])
    flags = {"strange": np.isin(ids, strange), "near": np.isin(ids, near)}
    if digests:
        flags["digests"] = np.array(items.pool(project).digests, dtype=np.bytes_)
    np.savez(file, allow_pickle=False, ids=ids, y=y, confidence=np.array(SURE, np.float32), **flags)
    return run


def look(project: Project, threshold: float | None = 0.7, goal: float = 0.9, alpha: float = 0.025) -> Look:
    basis = finishing.gather(project, run_queue.list_runs(project, "train")[0]).basis
    told = {"threshold": threshold, "accepted": 5, "checks": 2, "wrong": 1}
    return acceptances.note_look(project, 1, goal, alpha, basis, **told)  # type: ignore[arg-type]


def kinds(project: Project) -> dict[int, tuple[str, str, str]]:
    return {each.id: (each.label, each.source, each.kind) for each in finished.rows(project)}


def test_what_is_gathered(project: Project) -> None:
    with pytest.raises(RunError, match="no predictions"):
        finishing.gather(project, run_queue.list_runs(project, "train")[0])
    found = finishing.gather(project, answer(project, strange=(7,), near=(3,)))
    assert found.ids.tolist() == [4, 5, 6, 8, 9, 10] and (found.strange, found.open) == (1, 7)
    assert (found.check_right.tolist(), found.leaks) == ([True], 1)  # 3 is nearly what was learned
    assert finishing.gather(project, answer(project)).check_right.tolist() == [True, False]
    operations.apply(project, "desk", [Op(4, "label", 5, 2), Op(5, "skip", 6)])  # nobody has chosen them
    later = finishing.gather(project, answer(project))
    assert later.gone.tolist() == pytest.approx([0.99, 0.95]) and later.ids.tolist() == [4, 7, 8, 9, 10]
    classes.delete_class(project, 2)
    assert set(finishing.gather(project, answer(project)).y.tolist()) == {0}


def test_accepted_images_are_finished_and_are_no_labels(project: Project, tmp_path: Path) -> None:
    evidence = finishing.gather(project, answer(project))
    before = labels_now.snapshot(project)
    step = acceptances.accept(project, look(project), evidence, "Ada")
    assert sorted(acceptances.now(project)) == [5, 6, 9, 10]
    assert kinds(project)[5] == ("dog", "accepted", "label") and kinds(project)[4] == ("", "", "open")
    assert kinds(project)[1] == ("cat", "person", "label")
    assert labels_now.snapshot(project).ids.tolist() == before.ids.tolist()
    assert export_labels.write_labels(project, tmp_path / "labels.csv") == 3
    operations.apply(project, "desk", [Op(4, "label", 5, 1), Op(5, "skip", 6), Op(6, "flag", 9)])
    assert {item: kinds(project)[item] for item in (5, 6, 9)} == {
        5: ("cat", "person", "label"),
        6: ("", "", "skipped"),
        9: ("", "", "cannot tell"),
    }
    assert sorted(acceptances.now(project)) == [10]
    assert acceptances.undo(project, step) and not acceptances.now(project)
    assert acceptances.redo(project, step) and sorted(acceptances.now(project)) == [10]
    classes.rename_class(project, 1, "kitten")
    assert kinds(project)[10][0] == "kitten" and acceptances.now(project)[10].name == "kitten"
    classes.delete_class(project, 1)
    assert sorted(acceptances.now(project)) == [5]  # nobody says cat of it any more
    assert kinds(project)[10] == ("", "", "open")


def test_steps_are_undone_and_done_again_one_by_one(project: Project) -> None:
    evidence = finishing.gather(project, answer(project))
    first = acceptances.accept(project, look(project, 0.7), evidence)
    assert acceptances.accept(project, acceptances.looks(project)[0], evidence) == first  # clicked twice
    second = acceptances.accept(project, look(project, 0.9, 0.95, 0.008), evidence)
    assert sorted(acceptances.now(project)) == [5, 6]  # the newest one alone
    assert not acceptances.undo(project, first) and acceptances.undo(project, second)
    assert not acceptances.undo(project, second)  # another window was quicker
    assert sorted(acceptances.now(project)) == [5, 6, 9, 10]
    assert acceptances.undo(project, first) and not acceptances.now(project)
    assert not acceptances.redo(project, second) and acceptances.redo(project, first)
    assert [each and each.id for each in acceptances.steps(project)] == [first, second]
    third = acceptances.accept(project, acceptances.looks(project)[1], evidence)
    assert [each and each.id for each in acceptances.steps(project)] == [third, None]


def test_looks_are_kept(project: Project) -> None:
    evidence = finishing.gather(project, answer(project))
    kept = look(project, None)
    assert acceptances.find_look(project, 1, 0.9, evidence.basis) == kept
    assert acceptances.find_look(project, 1, 0.95, evidence.basis) is None
    operations.apply(project, "desk", [Op(4, "label", 4, 1)])  # no check image: nothing new is asked of them
    assert finishing.gather(project, answer(project)).basis == evidence.basis
    operations.apply(project, "desk", [Op(5, "label", 3, 2)])
    assert finishing.gather(project, answer(project)).basis != evidence.basis
    with pytest.raises(InputError, match="Another window"):
        look(project, 0.7)
    with pytest.raises(InputError, match="No answer"):
        acceptances.accept(project, kept, evidence)


def test_finished_csv(project: Project, tmp_path: Path) -> None:
    evidence = finishing.gather(project, answer(project))
    acceptances.accept(project, look(project, 0.95), evidence)
    with db.connect(project.db) as con:
        con.execute("UPDATE item SET duplicate_of = 5 WHERE id = 8")
        con.execute("UPDATE item SET status = 'missing' WHERE id = 10")
        con.conn.commit()
    assert export_labels.write_finished(project, tmp_path / "finished.csv") == 9
    with open(tmp_path / "finished.csv", encoding="utf-8-sig", newline="") as file:
        rows = {row["file_path"]: row for row in csv.DictReader(file)}
    assert rows["004.png"] == {
        "file_path": "004.png", "label": "dog", "source": "accepted", "confidence": "0.990000", "kind": "label",
    }  # fmt: skip
    assert rows["007.png"] == {**rows["004.png"], "file_path": "007.png"}  # shows the same
    assert (rows["000.png"]["source"], rows["000.png"]["confidence"]) == ("person", "")
    assert rows["003.png"]["kind"] == "open"


def test_a_run_whose_answers_are_accepted_is_not_deleted_until_that_is_undone(project: Project) -> None:
    run = answer(project)
    step = acceptances.accept(project, look(project), finishing.gather(project, run))
    with pytest.raises(RunError, match="stand accepted as labels") as caught:
        run_delete.delete(project, run.id)
    assert caught.value.found == "4 images" and project.predictions_file(run.id).is_file()
    acceptances.undo(project, step)
    run_delete.delete(project, run.id)
    assert not project.predictions_file(run.id).exists()


def test_what_was_labeled_after_the_draw_is_known_whatever_the_clock_says(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sure ones that a person took out make check images as sure speak for nobody; a clock set back hid them."""
    run = answer(project)
    with monkeypatch.context() as patch:
        patch.setattr("fact_core.labeling.history.time.time", lambda: 0.0)
        operations.apply(project, "desk", [Op(4, "label", 5, 1), Op(5, "label", 6, 2)])
    assert finishing.gather(project, run).gone.tolist() == pytest.approx([0.99, 0.95])
    with db.writing(project.db, project.id) as con:  # of an earlier version: by the clock
        con.execute("UPDATE selection SET config = '{}'")
    assert finishing.gather(project, run).gone.tolist() == []


@pytest.mark.parametrize("digests", [True, False])
def test_answers_do_not_outlive_the_picture_they_were_given_for(project: Project, digests: bool) -> None:
    """digests: False as an earlier version has stored the answers."""
    run = answer(project, digests=digests)
    ids, y = np.arange(1, 11), np.zeros(10, dtype=np.int64)
    predictions.store(project, run.id, ids, y, np.array(SURE), CLASSES, [1, 2])
    evidence = finishing.gather(project, run)
    first = acceptances.accept(project, look(project), evidence)
    second = acceptances.accept(project, look(project, 0.6, alpha=0.02), evidence)
    acceptances.undo(project, second)
    paint(project.images / "004.png", 500)  # image 5, accepted
    paint(project.images / "002.png", 501)  # image 3, a check image
    labeled, accepted = finish(scan(project)).notes
    assert labeled.startswith("1 file has changed since labels") and labeled.endswith(": 002.png")
    assert accepted.startswith("1 accepted image has changed.") and accepted.endswith(": 004.png")
    assert sorted(acceptances.now(project)) == [6, 9, 10] and kinds(project)[5] == ("", "", "open")
    assert acceptances.redo(project, second) and 5 not in acceptances.now(project)
    said = {each.path: each.label for each in sort_said.said_of(project, run.id, 0.5)}
    assert (said["004.png"], said["005.png"]) == ("", "cat")
    later = finishing.gather(project, run)
    assert later.ids.tolist() == [4, 6, 7, 8, 9, 10] and later.check_right.tolist() == [True]
    assert items.count_without(project, checked.answers(project, run).ids) == 2  # type: ignore[union-attr]
    with db.connect(project.db) as con:
        assert [row["image"] for row in con.execute("SELECT image FROM predictions")] == [1, 2, 4, 6, 7, 8, 9, 10]
    third = acceptances.accept(project, look(project, 0.7, alpha=0.01), evidence)  # a page that was open all the while
    assert third > first and 5 not in acceptances.now(project)


def test_a_killed_scan_leaves_no_answer_to_other_bytes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    run = answer(project)
    acceptances.accept(project, look(project), finishing.gather(project, run))
    paint(project.images / "004.png", 500)
    with monkeypatch.context() as patch:
        patch.setattr(items, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            finish(scan(project))
    assert kinds(project)[5] == ("", "", "open") and kinds(project)[6] == ("cat", "accepted", "label")
    assert sorted(acceptances.now(project)) == [6, 9, 10]
    assert 5 not in finishing.gather(project, run).ids
    assert {each.path: each.label for each in sort_said.said_of(project, run.id, 0.5)}["004.png"] == ""
    assert finish(scan(project)).notes and kinds(project)[5] == ("", "", "open")


def test_answers_say_of_which_bytes_they_are(project: Project) -> None:
    """Whatever became of the file since: here it comes out of a backup."""
    run = answer(project, digests=True)
    stored = project.predictions_file(run.id).read_bytes()
    paint(project.images / "004.png", 500)
    finish(scan(project))
    project.predictions_file(run.id).write_bytes(stored)
    found = checked.answers(project, run)
    assert found is not None and found.ids.tolist() == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert found.near is not None and len(found.y) == len(found.confidence) == len(found.near) == 9


def test_all_of_a_file_of_answers_may_go(project: Project) -> None:
    run = answer(project)
    for number in range(10):
        paint(project.images / f"{number:03d}.png", 600 + number)
    finish(scan(project))
    assert not project.predictions_file(run.id).exists() and checked.answers(project, run) is None


def test_answers_of_a_picture_that_only_moved_stay(project: Project) -> None:
    run = answer(project, digests=True)
    acceptances.accept(project, look(project), finishing.gather(project, run))
    for old, new in (("004", "aside"), ("005", "004"), ("aside", "005")):
        (project.images / f"{old}.png").rename(project.images / f"{new}.png")
    assert finish(scan(project)).notes == ()
    assert sorted(acceptances.now(project)) == [5, 6, 9, 10] and len(finishing.gather(project, run).ids) == 7


def test_no_undo_and_no_redo_brings_back_the_answers_of_a_deleted_run(project: Project) -> None:
    first = answer(project)
    evidence = finishing.gather(project, first)
    acceptances.accept(project, look(project), evidence)
    other = run_queue.queue(project, "train", {})
    run_queue.finish(project, other, "done", result=first.result)
    told = {"threshold": 0.9, "accepted": 2, "checks": 2, "wrong": 0}
    newer = acceptances.note_look(project, other, 0.9, 0.01, "b", **told)  # type: ignore[arg-type]
    step = acceptances.accept(project, newer, evidence)
    run_delete.delete(project, first.id)
    assert acceptances.undo(project, step) and not acceptances.now(project)
    assert [each and each.id for each in acceptances.steps(project)] == [None, step]
    assert acceptances.redo(project, step) and sorted(acceptances.now(project)) == [5, 6]
    acceptances.undo(project, step)
    run_delete.delete(project, other)
    assert not acceptances.redo(project, step) and acceptances.steps(project) == (None, None)


def test_a_check_image_that_the_person_gives_no_class_counts_as_wrong(project: Project) -> None:
    """Who skips the hard ones would have the easy ones carry a promise about images that are as hard."""
    run = answer(project)

    def told() -> tuple[list[bool], int, bool]:
        found = finishing.gather(project, run)
        return found.check_right.tolist(), found.refused, 2 in found.ids

    assert told() == ([True, False], 0, False)
    operations.apply(project, "desk", [Op(4, "skip", 2)])
    assert told() == ([False, False], 1, False)
    operations.apply(project, "desk", [Op(5, "label", 2, 1)])
    assert told() == ([True, False], 0, False)
    operations.apply(project, "desk", [Op(6, "clear", 2), Op(7, "flag", 2)])  # nobody can tell
    assert told() == ([False, False], 1, False)
    operations.apply(project, "desk", [Op(8, "flag", 2)])  # not looked at yet: open as all others
    assert told() == ([False], 0, True)
    chosen = selections.latest(project)
    assert chosen is not None and selections.reject(project, chosen.id, 2) is not None
    assert told() == ([False, False], 1, False)
    operations.apply(project, "desk", [Op(9, "label", 2, 1)])  # it teaches from now on, but has not taught this model
    assert told() == ([True, False], 0, False)
    operations.apply(project, "desk", [Op(10, "undo", 2)])
    selections.take_back_rejection(project, chosen.id, 2)
    assert told() == ([False], 0, True)
    assert finishing.gather(project, run).left_out == 0
    operations.apply(project, "desk", [Op(11, "exclude", 2)])  # it lies in no pool any more, and that is told
    assert told() == ([False], 0, False) and finishing.gather(project, run).left_out == 1
