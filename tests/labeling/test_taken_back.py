"""Steps that are taken back while something stands above or below them: what the person said before comes back."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from fact_core.exchange import export_labels, import_labels
from fact_core.exchange.import_labels import Source
from fact_core.labeling import classes, labels_now, operations
from fact_core.labeling.history import Op
from fact_core.storage.project import Project
from tests.storage_help import flat_project

CAT, DOG = 1, 2


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Three images; the first is a cat, as Kim says."""
    made = flat_project(tmp_path, images=3)
    for name in ("cat", "dog"):
        classes.add_class(made, name)
    say(made, Op(1, "label", 1, CAT, annotator="Kim"))
    return made


def say(project: Project, op: Op, client: str = "desk.a") -> operations.Applied:
    return operations.apply(project, client, [op])


def bring(project: Project, step: str, text: str = "000.png,bird\n", check: str = "none") -> Callable[[], int]:
    """Import labels over what is there; returns what takes them back."""
    found = import_labels.read(project, Source("file", f"file,label\n{text}"))
    done = import_labels.commit(project, found, step, "theirs", check)
    return lambda: import_labels.undo(project, step, done.new_classes)


def label(project: Project, item: int = 1) -> str:
    """The name of the class that an image has, "" for none; the answer to the page and labels.csv say the same."""
    names = {each.id: each.name for each in classes.classes(project)}
    state = labels_now.states(project).get(item)
    file = project.folder / "labels.csv"
    export_labels.write_labels(project, file)
    with open(file, encoding="utf-8-sig", newline="") as text:
        listed = {int(row["sample_id"]): row for row in csv.DictReader(text)}
    now = names.get(state.class_id or 0, "") if state else ""
    assert now == (listed[item]["label"] if item in listed else "")
    assert not now or listed[item]["source"] != "person" or listed[item]["annotator"] == "Kim"
    return now


@pytest.mark.parametrize("kind", ["exclude", "skip", "clear", "label"])
def test_an_import_that_was_taken_back_does_not_come_back(project: Project, kind: str) -> None:
    undo = bring(project, "desk.import-1")
    say(project, Op(2, kind, 1, DOG if kind == "label" else None, annotator="Kim"))  # type: ignore[arg-type]
    assert undo() == 0 and undo() == 0
    done = say(project, Op(3, "undo"))
    assert label(project) == "cat" and done.states[1].class_id == CAT


def test_nor_one_below_another(project: Project) -> None:
    first, second = bring(project, "desk.import-1"), bring(project, "desk.import-2", "000.png,fish\n")
    say(project, Op(2, "skip", 1), "other.a")
    assert first() == second() == 0
    say(project, Op(3, "undo", 1), "other.a")
    assert label(project) == "cat"


def test_what_goes_with_it_goes_then(project: Project) -> None:
    """Its check images teach again, and are none any more."""
    undo = bring(project, "desk.import-1", "001.png,dog\n002.png,dog\n", "share")
    (check,) = labels_now.snapshot(project, "audit").ids.tolist()
    say(project, Op(2, "skip", check), "other.a")
    assert undo() == 1
    say(project, Op(3, "undo", check), "other.a")
    say(project, Op(4, "label", check, CAT), "other.a")
    assert len(labels_now.snapshot(project, "audit").ids) == 0


@pytest.mark.parametrize("first", [0, 1])
def test_merges_are_taken_back_in_any_order(project: Project, first: int) -> None:
    classes.add_class(project, "pet")
    done = [classes.merge(project, CAT, DOG, "merge-1"), classes.merge(project, DOG, 3, "merge-2")]
    assert label(project) == "pet"
    for each in (done[first], done[1 - first]):
        classes.unmerge(project, each.batch, each.from_id)
    assert label(project) == "cat"


def test_what_comes_back_of_a_merged_class_comes_back_with_the_other_one(project: Project) -> None:
    say(project, Op(2, "exclude", 1))
    classes.merge(project, CAT, DOG, "merge-1")
    classes.delete_class(project, DOG)
    say(project, Op(3, "undo", 1))
    assert label(project) == ""
    classes.restore_class(project, DOG)
    assert label(project) == "dog"


def test_what_an_undo_left_as_it_was_is_not_done_again(project: Project) -> None:
    """The next step that can be done again is the one that the page shows."""
    undo = bring(project, "desk.import-1")
    say(project, Op(2, "skip", 1))
    assert undo() == 0
    say(project, Op(3, "redo", 1))
    assert labels_now.states(project)[1].kind == "skip"
