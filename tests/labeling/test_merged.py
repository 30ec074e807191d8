"""A merged class: what a model answers, and what is accepted of it, counts as the class that it became."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from app.routes import classes as shape
from app.shell.server import Server
from fact_core.analysis.calibration import at_temperature
from fact_core.exchange import export_labels, import_labels
from fact_core.exchange.import_labels import Source
from fact_core.labeling import (
    acceptances,
    checked,
    classes,
    finished,
    finishing,
    labels_now,
    operations,
    selections,
    told_answers,
)
from fact_core.labeling.history import Op
from fact_core.storage import db, predictions, run_queue
from fact_core.storage.excluded import excluded
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import Selection
from tests.storage_help import flat_project

NAMES = ("cat", "kitty", "dog")
Y = np.array([0, 0, 1, 2, 0, 1, 2, 0])
SURE = np.linspace(0.6, 0.95, 8, dtype=np.float32)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Eight images; 1 is learned, 2 (cat), 3 (kitty) and 4 (dog) are check images, the rest is answered and open."""
    made = flat_project(tmp_path, images=8)
    ids = [classes.add_class(made, name) for name in NAMES]
    roles = ("pick", "audit", "audit", "audit")
    selections.save(made, Selection(np.arange(1, 5), roles, np.zeros(0, np.int64), "random", {}), None)
    operations.apply(made, "desk", [Op(n, "label", n, ids[Y[n - 1]]) for n in range(1, 5)])
    run = run_queue.queue(made, "train", {})
    run_queue.claim(made, "test")
    told = {"ids": [1], "classes": list(NAMES), "class_ids": ids, "counts": [3, 2, 4]}
    run_queue.finish(made, run, "done", result=told)
    file = made.predictions_file(run)
    file.parent.mkdir(parents=True)
    p = np.full((8, 3), 0.01, np.float32)
    p[np.arange(8), Y] = SURE
    item = np.arange(1, 9)
    strange = np.zeros(8, bool)
    np.savez(file, allow_pickle=False, ids=item, y=Y, confidence=SURE, probabilities=p, phase_lp=Y, strange=strange)
    predictions.store(made, run, item, Y, SURE, NAMES, ids)
    return made


def trained(project: Project) -> Run:
    return run_queue.list_runs(project, "train")[0]


def right(project: Project) -> tuple[int, int]:
    """(right, check images) as every page counts them."""
    run = trained(project)
    found, names = checked.answers(project, run), checked.check_names(project, run)
    assert found is not None and len(set(found.classes)) == len(found.classes)
    said = {int(item): found.classes[y] for item, y in zip(found.ids, found.y, strict=True)}
    assert finishing.gather(project, run).check_right.sum() == sum(said[item] == name for item, name in names.items())
    return sum(said[item] == name for item, name in names.items()), len(names)


def accept(project: Project) -> None:
    run = trained(project)
    evidence = finishing.gather(project, run)
    told = {"threshold": 0.0, "accepted": 4, "checks": 3, "wrong": 0}
    look = acceptances.note_look(project, run.id, 0.9, 0.025, evidence.basis, **told)  # type: ignore[arg-type]
    acceptances.accept(project, look, evidence)


def now(project: Project) -> dict[int, str]:
    found = {item: each.name for item, each in acceptances.now(project).items()}
    listed = {each.id: each.label for each in finished.rows(project) if each.source == "accepted"}
    assert found == listed and sorted(found) == acceptances.ids_now(project).tolist()
    return found


def test_accepted_images_go_with_their_class_and_come_back(project: Project) -> None:
    accept(project)
    before = {5: "cat", 6: "kitty", 7: "dog", 8: "cat"}
    assert now(project) == before
    first = classes.merge(project, 2, 1, "merge-1")
    assert now(project) == {**before, 6: "cat"} and acceptances.now(project)[6].class_id == 1
    second = classes.merge(project, 1, 3, "merge-2")
    assert set(now(project).values()) == {"dog"} and len(now(project)) == 4
    classes.unmerge(project, second.batch, second.from_id)
    assert now(project) == {**before, 6: "cat"}
    classes.unmerge(project, first.batch, first.from_id)
    assert now(project) == before
    classes.delete_class(project, 2)
    assert now(project) == {5: "cat", 7: "dog", 8: "cat"}, "a deleted class is nobody's"


def test_what_was_right_stays_right(project: Project) -> None:
    assert right(project) == (3, 3)
    classes.merge(project, 2, 1, "merge-1")
    assert right(project) == (3, 3)
    found = checked.answers(project, trained(project))
    assert found is not None and found.classes == ("cat", "dog") and found.y.tolist() == [0, 0, 0, 1, 0, 0, 1, 0]
    assert found.phases["lp"].tolist() == found.y.tolist()
    assert finishing.gather(project, trained(project)).class_ids == (1, 3)
    classes.rename_class(project, 1, "kitty")  # merged into one, then called like the other
    assert right(project) == (3, 3)


def test_into_a_class_that_the_model_does_not_know(project: Project) -> None:
    other = classes.add_class(project, "pet")
    for number, old in enumerate((1, 2)):
        classes.merge(project, old, other, f"merge-{number}")
    assert right(project) == (3, 3)
    assert finishing.gather(project, trained(project)).class_ids == (other, 3)


def test_a_deleted_class_is_not_taken_for_the_one_that_has_its_name(project: Project) -> None:
    classes.delete_class(project, 3)
    classes.rename_class(project, 2, "dog")
    assert checked.class_names(project, trained(project)) == ("cat", "dog", "dog (deleted)")
    assert right(project) == (2, 2)
    operations.apply(project, "desk", [Op(9, "label", 4, 2)])  # a person says dog of what the model calls the old dog
    assert right(project) == (2, 3)
    classes.delete_class(project, 2)
    added = classes.add_class(project, "dog")
    assert added not in finishing.gather(project, trained(project)).class_ids


def test_nor_for_one_that_is_called_like_what_it_is_told_by(project: Project) -> None:
    """Two of one name would be taken for classes that were made one, and what is answered of them added up."""
    classes.delete_class(project, 3)
    classes.rename_class(project, 2, "dog")
    classes.rename_class(project, 1, "dog (deleted)")
    assert len(set(checked.class_names(project, trained(project)))) == 3


def test_predictions_go_out_under_the_name_of_now(project: Project, tmp_path: Path) -> None:
    classes.merge(project, 2, 1, "merge-1")
    export_labels.write_predictions(project, trained(project).id, tmp_path / "p.csv", each_class=True)
    with open(tmp_path / "p.csv", encoding="utf-8-sig", newline="") as text:
        table = csv.reader(text)
        head = next(table)
        rows = [dict(zip(head, row, strict=True)) for row in table]
    assert head[-2:] == ["p_cat", "p_dog"] and head.count("p_cat") == 1
    assert [row["label"] for row in rows] == ["cat", "cat", "cat", "dog", "cat", "cat", "dog", "cat"]
    assert float(rows[2]["p_cat"]) == pytest.approx(float(SURE[2]) + 0.01, abs=1e-4)
    with db.connect(project.db) as con:
        listed = [row["class"] for row in con.execute("SELECT class FROM predictions ORDER BY image")]
    assert listed == [row["label"] for row in rows]
    assert labels_now.snapshot(project).classes == ("cat", "dog")


def test_a_label_that_an_undo_brings_back_is_of_the_class_that_it_became(project: Project) -> None:
    """Of images 2 and 3: one is left out, the other gets another class; then their class is merged."""
    operations.apply(project, "desk", [Op(10, "label", 3, 1), Op(11, "exclude", 2), Op(12, "label", 3, 2)])
    done = classes.merge(project, 1, 3, "merge-1")
    operations.apply(project, "desk", [Op(13, "undo", 2), Op(14, "undo", 3)])
    said = labels_now.states(project)
    assert (said[2].class_id, said[3].class_id) == (3, 3)
    operations.apply(project, "desk", [Op(15, "redo", 3)])
    assert labels_now.states(project)[3].class_id == 2
    classes.unmerge(project, done.batch, done.from_id)
    assert labels_now.states(project)[1].class_id == 1 and labels_now.states(project)[2].class_id == 1


@pytest.mark.parametrize("order", [1, -1])
def test_a_label_that_came_back_while_its_class_was_merged_is_its_own_again_with_it(
    project: Project, order: int
) -> None:
    """What an undo, a redo and a mark had left, whatever was said above it, and whichever merge is taken back first."""
    bird = classes.add_class(project, "bird")
    ops = [*(Op(20 + n, "label", n, 1) for n in range(2, 7)), *(Op(30 + n, "label", n, bird) for n in range(2, 6))]
    operations.apply(project, "desk.b", [*ops, Op(36, "skip", 6), Op(37, "undo", 6)])
    merges = [classes.merge(project, old, new, f"merge-{old}") for old, new in ((1, 2), (2, 3))]
    more = [Op(40 + n, "undo", n) for n in range(2, 6)]
    more += [Op(46, "flag", 3), Op(47, "skip", 4), Op(48, "redo", 5), Op(49, "undo", 5), Op(50, "flag", 2)]
    operations.apply(project, "desk.c", more)
    assert [labels_now.states(project)[n].class_id for n in range(1, 7)] == [3, 3, 3, None, 3, 3]
    for each in merges[::order]:
        classes.unmerge(project, each.batch, each.from_id)
    operations.apply(project, "desk.c", [Op(51, "undo", 4), Op(52, "flag", 2)])
    said = labels_now.states(project)
    assert [said[n].class_id for n in range(1, 7)] == [1] * 6 and said[3].flagged and not said[2].flagged
    operations.apply(project, "desk.c", [Op(60 + n, "redo", n) for n in (4, 5)])
    assert [labels_now.states(project)[n].class_id for n in (4, 5)] == [None, bird]
    operations.apply(project, "desk.c", [Op(70, "undo", 3), Op(71, "undo", 5)])
    assert [labels_now.states(project)[n].class_id for n in (3, 5)] == [1, 1]
    assert not labels_now.states(project)[3].flagged


def test_undoing_an_import_brings_back_the_class_that_it_became(project: Project) -> None:
    found = import_labels.read(project, Source("file", "file,label\n001.png,bird\n"))
    done = import_labels.commit(project, found, "desk.import-1", "theirs")
    classes.merge(project, 1, 3, "merge-1")
    import_labels.undo(project, done.batch, done.new_classes)
    assert labels_now.states(project)[2].class_id == 3
    classes.unmerge(project, "merge-1", 1)
    assert labels_now.states(project)[2].class_id == 1


def test_an_import_takes_no_image_in_again_that_was_left_out_since_its_preview(project: Project) -> None:
    found = import_labels.read(project, Source("file", "file,label\n004.png,cat\n005.png,dog\n"))
    operations.apply(project, "desk", [Op(10, "exclude", 5)])
    assert import_labels.commit(project, found, "desk.import-1", "theirs").images == 1
    assert excluded(project) == [5] and labels_now.states(project)[6].class_id == 3


def between_two(project: Project) -> None:
    """Of image 5 the model says dog 0.4, cat 0.35, kitty 0.25: it is an animal of the two others, were they one."""
    file = project.predictions_file(trained(project).id)
    with np.load(file) as stored:
        arrays = dict(stored)
    arrays["probabilities"][4] = (0.35, 0.25, 0.4)
    for name in ("y", "phase_lp"):
        arrays[name] = arrays["probabilities"].argmax(axis=1)
    arrays["confidence"] = arrays["probabilities"].max(axis=1)
    arrays["scaled"] = at_temperature(arrays["probabilities"], 2.0).max(axis=1)
    np.savez(file, allow_pickle=False, **arrays)
    told_answers.tell(project, trained(project))


def test_the_probabilities_of_classes_that_were_made_one_add_up_wherever_an_answer_is_told(
    project: Project, tmp_path: Path
) -> None:
    between_two(project)
    told = {**trained(project).result, "temperature": {"value": 2.0}}
    with db.writing(project.db, project.id) as con:
        con.execute("UPDATE run SET result = ?", (json.dumps(told),))
    before = checked.answers(project, trained(project))
    assert before is not None and before.y[4] == 2
    shape.apply(project, shape.Change(op="merge", id=2, into=1))
    run = trained(project)
    found, evidence = checked.answers(project, run), finishing.gather(project, run)
    assert found is not None and (found.classes[found.y[4]], found.phases["lp"][4]) == ("cat", 0)
    assert found.confidence[4] == pytest.approx(0.6)
    cooler = at_temperature(np.array([[0.35, 0.25, 0.4]]), 2.0)[0]
    assert found.scaled is not None and found.scaled[4] == pytest.approx(cooler[0] + cooler[1])
    row = evidence.ids.tolist().index(5)
    assert (evidence.classes[evidence.y[row]], evidence.confidence[row]) == ("cat", pytest.approx(0.6))
    for each_class in (False, True):
        export_labels.write_predictions(project, run.id, tmp_path / "p.csv", each_class=each_class)
        with open(tmp_path / "p.csv", encoding="utf-8-sig", newline="") as text:
            row5 = list(csv.DictReader(text))[4]
        assert (row5["label"], float(row5["confidence"])) == ("cat", pytest.approx(0.6, abs=1e-5))
    with db.connect(project.db) as con:
        listed = [tuple(row) for row in con.execute("SELECT class, confidence FROM predictions ORDER BY image")]
    assert listed[4] == ("cat", pytest.approx(0.6))
    shape.apply(project, shape.Change(op="restore", id=2))
    with db.connect(project.db) as con:
        listed = [tuple(row) for row in con.execute("SELECT class, confidence FROM predictions ORDER BY image")]
    assert listed[4] == ("dog", pytest.approx(0.4))


def told_of(project: Project, item: int) -> tuple[str, float]:
    with db.connect(project.db) as con:
        row = con.execute("SELECT class, confidence FROM predictions WHERE image = ?", (item,)).fetchone()
        return str(row["class"]), round(float(row["confidence"]), 3)


def test_a_kill_between_a_merge_and_what_it_makes_of_the_answers_is_made_good_when_the_project_is_opened(
    project: Project,
) -> None:
    between_two(project)
    assert told_of(project, 5) == ("dog", 0.4)
    done = classes.merge(project, 2, 1, "merge-1")  # killed here: the route would tell the answers again
    server = Server()
    server.open(project.folder)
    server.close()
    assert told_of(project, 5) == ("cat", 0.6)
    classes.unmerge(project, done.batch, done.from_id)
    told_answers.catch_up(project)
    assert told_of(project, 5) == ("dog", 0.4)


def test_answers_that_were_worked_out_before_a_merge_are_not_stored_after_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another window merges while the answers are read."""
    between_two(project)
    read = checked.answers

    def slowly(*given: Project | Run) -> checked.Answers | None:
        found = read(*given)  # type: ignore[arg-type]
        monkeypatch.setattr(checked, "answers", read)
        classes.merge(project, 2, 1, "merge-1")
        return found

    monkeypatch.setattr(checked, "answers", slowly)
    told_answers.tell(project, trained(project))
    assert told_of(project, 5) == ("cat", 0.6)


def test_what_was_asked_before_a_merge_says_nothing_of_the_answers_after_it(project: Project) -> None:
    """More images are as sure as the threshold then, of which the check images were not asked."""
    between_two(project)
    evidence = finishing.gather(project, trained(project))
    told = {"threshold": 0.5, "accepted": 3, "checks": 3, "wrong": 0}
    acceptances.note_look(project, trained(project).id, 0.9, 0.025, evidence.basis, **told)  # type: ignore[arg-type]
    done = classes.merge(project, 2, 1, "merge-1")
    after = finishing.gather(project, trained(project))
    assert after.check_right.all() and evidence.check_right.all()
    assert acceptances.find_look(project, trained(project).id, 0.9, after.basis) is None
    classes.unmerge(project, done.batch, done.from_id)
    again = finishing.gather(project, trained(project))
    assert acceptances.find_look(project, trained(project).id, 0.9, again.basis) is not None
