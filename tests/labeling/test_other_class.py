"""The class that holds what fits no other one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fact_core.errors import InputError
from fact_core.labeling import classes, labels_now, operations, other_class
from fact_core.labeling.history import Op
from fact_core.storage.project import Project
from tests.storage_help import flat_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = flat_project(tmp_path, images=6)
    for name in ("cat", "dog"):
        classes.add_class(made, name)
    return made


def others(project: Project) -> list[str]:
    return [row.name for row in classes.classes(project) if row.other]


def test_there_is_one_at_most_and_it_can_be_ordinary_again(project: Project) -> None:
    assert other_class.name_of(project) == "" and others(project) == []
    first = other_class.add(project, "None of these")
    assert others(project) == ["None of these"] and other_class.name_of(project) == "None of these"
    dog = classes.classes(project)[1].id
    other_class.mark(project, dog, True)
    assert others(project) == ["dog"]
    other_class.mark(project, dog, False)
    assert others(project) == []
    assert other_class.add(project, "none of THESE") == first, "the class of that name, whatever its letters"
    assert others(project) == ["None of these"]


def test_it_keeps_its_meaning_when_it_is_renamed_or_comes_back(project: Project) -> None:
    number = other_class.add(project, "None of these")
    classes.rename_class(project, number, "Rest")
    assert other_class.name_of(project) == "Rest"
    classes.delete_class(project, number)
    assert other_class.name_of(project) == ""
    classes.restore_class(project, number)
    assert other_class.name_of(project) == "Rest"
    classes.delete_class(project, number)
    other_class.mark(project, classes.classes(project)[0].id, True)
    classes.restore_class(project, number)
    assert others(project) == ["cat"], "another class has taken its place meanwhile"


def test_what_cannot_be_is_told(project: Project) -> None:
    with pytest.raises(InputError, match="does not exist any more"):
        other_class.mark(project, 99, True)
    with pytest.raises(InputError, match="class name"):
        other_class.add(project, " ")


def test_ordinary_classes_are_told_apart(project: Project) -> None:
    number = other_class.add(project, "None of these")
    cat = classes.classes(project)[0].id
    ops = [Op(n, "label", n, given) for n, given in enumerate((cat, number, cat, number), 1)]
    operations.apply(project, "t", ops)
    labels = labels_now.snapshot(project)
    assert other_class.ordinary(project, labels).tolist() == [0, -1, 0, -1]
    other_class.mark(project, number, False)
    assert np.array_equal(other_class.ordinary(project, labels), labels.y)


def test_it_has_a_key_of_its_own_where_that_is_free(project: Project) -> None:
    keys = {each.name: each.key for each in classes.classes(project)}
    assert set(keys.values()) == {""}
    number = other_class.add(project, "None of these")
    assert next(each.key for each in classes.classes(project) if each.id == number) == "."
    classes.set_key(project, number, "")
    cat = classes.classes(project)[0].id
    classes.set_key(project, cat, ".")
    other_class.add(project, "None of these")
    assert {each.key for each in classes.classes(project) if each.id != cat} == {""}, "a key gives one class"
    classes.set_key(project, cat, "")
    classes.set_key(project, number, "z")
    other_class.add(project, "None of these")
    assert next(each.key for each in classes.classes(project) if each.id == number) == "z"
