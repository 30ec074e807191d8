"""Steps that are taken back while something stands above or below them: what the person said before comes back."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from fact_core.exchange import export_labels
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


def test_what_comes_back_of_a_merged_class_comes_back_with_the_other_one(project: Project) -> None:
    say(project, Op(2, "exclude", 1))
    classes.merge(project, CAT, DOG, "merge-1")
    classes.delete_class(project, DOG)
    say(project, Op(3, "undo", 1))
    assert label(project) == ""
    classes.restore_class(project, DOG)
    assert label(project) == "dog"
