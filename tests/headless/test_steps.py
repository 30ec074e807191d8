"""What the command labels, and what it leaves to the person who has said something on the page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from fact_core.headless import steps
from fact_core.headless.console import Console
from fact_core.labeling import classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage.excluded import excluded
from fact_core.storage.project import Project
from fact_core.types import Selection
from tests.storage_help import flat_project


def chosen(project: Project, ids: list[int]) -> selections.Stored:
    number = selections.save(project, Selection(np.array(ids), ("pick",) * len(ids), np.array([]), "random"), None)
    return selections.get(project, number)


def named(project: Project) -> dict[int, str]:
    known = labels_now.snapshot(project)
    return {int(item): known.classes[y] for item, y in zip(known.ids, known.y, strict=True)}


def test_what_a_person_said_outlives_the_command_that_is_given_again(tmp_path: Path) -> None:
    project, told = flat_project(tmp_path, 6), io.StringIO()
    truth = dict.fromkeys(range(1, 7), "cat")
    first = chosen(project, [1, 2, 3, 4, 5])
    assert steps.buy(project, first, truth, "csv", Console(told)) == 5 and told.getvalue() == ""
    dog = classes.add_class(project, "dog")
    ops = [Op(1, "label", 1, dog), Op(2, "exclude", 2), Op(3, "skip", 3), Op(4, "clear", 4)]
    operations.apply(project, "desk", ops)
    steps.buy(project, first, truth, "csv", Console(told))
    assert named(project) == {1: "dog", 4: "cat", 5: "cat"} and excluded(project) == [2]
    assert told.getvalue() == "3 images keep what was said of them on the page: 000.png, 001.png, 002.png\n"


def test_a_list_that_says_something_else_now_is_followed_in_images_that_are_not_chosen_any_more(tmp_path: Path) -> None:
    """The finished list would hold labels of a file that nobody has given."""
    project, told = flat_project(tmp_path, 6), io.StringIO()
    said = Console(told)
    steps.buy(project, chosen(project, [1, 2, 3]), dict.fromkeys(range(1, 7), "cat"), "csv", said)
    again = chosen(project, [4, 5])
    assert told.getvalue() == ""
    steps.buy(project, again, {1: "dog", 3: "cat", 4: "dog", 5: "cat", 6: "dog"}, "csv", said)
    assert told.getvalue().startswith("warning: 1 image keeps a label of an earlier start") and "001" in told.getvalue()
    assert named(project) == {1: "dog", 2: "cat", 3: "cat", 4: "dog", 5: "cat"}
    rows = len(labels_now.history(project))
    steps.buy(project, again, {1: "dog", 3: "cat", 4: "dog", 5: "cat", 6: "dog"}, "csv", said)
    assert len(labels_now.history(project)) == rows, "the same again says nothing anew"
