"""Windows of two people at random, with merges, deletions and imports between: nothing but what was said changes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import pytest

from fact_core.exchange import import_labels
from fact_core.labeling import classes, labels_now, operations, undo
from fact_core.labeling.history import Op
from fact_core.storage import items
from fact_core.storage.project import Project
from tests.storage_help import flat_project, is_sound

WINDOWS = ("ann.1", "ann.2", "bob.1")
STEPS = 60
Answers = Mapping[int, tuple[str, int | None, bool]]


def answers(project: Project) -> Answers:
    return {item: (each.kind, each.class_id, each.flagged) for item, each in labels_now.states(project).items()}


def done_by(project: Project, step: tuple[undo.Change, ...], kind: str, window: str, number: int) -> None:
    rows = [each.item for each in step for _ in range(each.rows)]
    ops = [Op(number + at, kind, item, batch=number) for at, item in enumerate(rows)]  # type: ignore[arg-type]
    operations.apply(project, window, ops)


def change_classes(project: Project, chance: random.Random, step: int) -> None:
    """A merge or a deletion, or a file of labels, that is taken back."""
    known = [each.id for each in classes.classes(project)]
    one, other = chance.sample(known, 2)
    before = answers(project)
    way = chance.choice(("merge", "delete", "import"))
    if way == "merge":
        classes.merge(project, one, other, f"merge-{step}")
        expected = {
            item: ((kind, other, flag) if of == one else (kind, of, flag)) for item, (kind, of, flag) in before.items()
        }
        assert answers(project) == expected
        classes.unmerge(project, f"merge-{step}", one)
    elif way == "delete":
        classes.delete_class(project, one)
        assert not any(of == one for _, of, _ in answers(project).values())
        classes.restore_class(project, one)
    else:
        some = chance.sample(items.pool(project).paths, 3)
        text = "file_name,label\n" + "".join(f"{path},new {step}\n" for path in some)
        found = import_labels.read(project, import_labels.Source("file", text))
        done = import_labels.commit(project, found, f"ann.import-{step}", "theirs")
        assert done.images == 3
        import_labels.undo(project, done.batch, done.new_classes)
    assert answers(project) == before


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_undone_at_once_is_as_it_was_whoever_else_is_at_work(tmp_path: Path, seed: int) -> None:
    project, chance, numbers = flat_project(tmp_path), random.Random(seed), count(1, 100)
    ids = items.pool(project).ids.tolist()
    known = list(classes.ensure_classes(project, ["cat", "dog", "owl"]).values())
    for step in range(STEPS):
        before, window, number = answers(project), chance.choice(WINDOWS), next(numbers)
        some = chance.sample(ids, chance.choice((1, 1, 1, 3)))
        kind, of = chance.choice(("label", "label", "skip", "flag", "clear")), chance.choice(known)
        ops = [Op(number + n, kind, item, of if kind == "label" else None, batch=number) for n, item in enumerate(some)]  # type: ignore[arg-type]
        operations.apply(project, window, ops)
        operations.apply(project, window, ops)  # the answer was not heard
        after = answers(project)
        assert {item: each for item, each in after.items() if item not in some} == {
            item: each for item, each in before.items() if item not in some
        }
        told = undo.steps(project, window, 1).undo[0]
        assert {each.item for each in told} == set(some)
        if chance.random() < 0.5:
            beside = chance.choice([each for each in WINDOWS if each[:3] == window[:3]])
            done_by(project, told, "undo", beside, next(numbers))
            assert answers(project) == before
            done_by(project, undo.steps(project, window, 1).redo[0], "redo", window, next(numbers))
            assert answers(project) == after
        if step % 6 == 0:
            change_classes(project, chance, step)
    assert is_sound(project)
