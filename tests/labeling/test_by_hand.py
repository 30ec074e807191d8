"""Images added by hand: behind the strategy's picks, before the check images; refused, undone, not forgotten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fact_core.errors import InputError
from fact_core.labeling import by_hand, classes, finishing, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import db, groups, items, run_queue
from fact_core.storage.project import Project
from fact_core.types import Selection
from tests.storage_help import flat_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Ten images: 1 and 2 are picks, 3 is the next best, 9 and 10 are check images."""
    made = flat_project(tmp_path, images=10)
    ids = items.pool(made).ids
    selections.save(made, chosen(ids), None)
    classes.add_class(made, "a")
    return made


def chosen(ids: np.ndarray, **config: object) -> Selection:
    return Selection(ids[[0, 1, 8, 9]], ("pick", "pick", "audit", "audit"), ids[2:3], "random", config)


def order(project: Project) -> list[tuple[int, str, str]]:
    return [(entry.item, entry.role, entry.source) for entry in selections.queue(project)]


BEFORE = [(1, "pick", ""), (2, "pick", ""), (9, "audit", ""), (10, "audit", "")]


def test_they_stand_behind_the_picks_and_before_the_check_images(project: Project) -> None:
    assert by_hand.add(project, [5, 4, 5]).ids == (5, 4)
    wanted = [*BEFORE[:2], (5, "pick", "by hand"), (4, "pick", "by hand"), *BEFORE[2:]]
    assert order(project) == wanted
    again = by_hand.add(project, [4, 5, 6])
    assert (again.ids, again.chosen) == ((6,), 2)
    assert order(project) == [*wanted[:4], (6, "pick", "by hand"), *BEFORE[2:]]
    kept = selections.latest(project)
    assert kept is not None and kept.by_hand == {4, 5, 6} and kept.selection.next_best.tolist() == [3]


def test_check_images_and_answered_ones_are_left_as_they_are(project: Project) -> None:
    ops = [Op(1, "label", 5, 1), Op(2, "skip", 6), Op(3, "exclude", 7), Op(4, "flag", 8)]
    operations.apply(project, "test", ops)
    found = by_hand.add(project, [9, 5, 6, 7, 8, 1, 99])
    assert found == by_hand.Added((), chosen=1, check=1, beside_check=0, answered=3, left_out=1, unknown=1)
    assert order(project) == BEFORE


def test_an_image_beside_a_check_image_is_no_pick(project: Project) -> None:
    groups.store(project, "folder", {9: "g", 4: "g", 5: "h"})
    groups.choose(project, "folder")
    found = by_hand.add(project, [4, 5])
    assert (found.ids, found.beside_check) == ((5,), 1)


def test_it_is_undone_whole_but_for_what_has_an_answer(project: Project) -> None:
    with db.connect(project.db) as con:
        before = con.execute("SELECT item, role, state FROM pick ORDER BY item").fetchall()
    selections.reject(project, 1, 2)  # 3 takes its place
    by_hand.add(project, [2, 4, 5])
    operations.apply(project, "test", [Op(1, "label", 5, 1)])
    assert by_hand.take_back(project, [2, 4, 5, 1, 9]) == by_hand.TakenBack((2, 4), answered=1)
    assert order(project) == [(1, "pick", ""), (3, "pick", ""), (5, "pick", "by hand"), *BEFORE[2:]]
    assert selections.rejected(project).tolist() == [2]
    assert by_hand.take_back(project, [4]) == by_hand.TakenBack((), answered=0)
    assert len(before) == 5


def test_the_next_best_is_given_back_its_place(project: Project) -> None:
    by_hand.add(project, [3])
    assert selections.get(project, 1).selection.next_best.tolist() == []
    by_hand.take_back(project, [3])
    assert selections.get(project, 1).selection.next_best.tolist() == [3] and order(project) == BEFORE


def test_a_further_round_knows_what_was_added_by_hand(project: Project) -> None:
    by_hand.add(project, [4])
    ids = items.pool(project).ids
    more = Selection(ids[[0, 1, 3, 4, 8, 9]], ("pick",) * 4 + ("audit",) * 2, ids[:0], "next", {"extend": True})
    selections.save(project, more, None)
    assert [entry for entry in order(project) if entry[2]] == [(4, "pick", "by hand")]
    selections.save(project, chosen(ids, extend=False), None)
    assert not [entry for entry in order(project) if entry[2]]


def test_a_promise_does_not_take_them_for_chosen(project: Project) -> None:
    by_hand.add(project, [4])
    operations.apply(project, "test", [Op(1, "label", 4, 1), Op(2, "label", 1, 1)])
    assert finishing._taken_out(project, labels_now.states(project)) == [4]


def test_nothing_to_add_to(project: Project, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Nothing is chosen yet"):
        by_hand.add(flat_project(tmp_path / "other", images=2), [1])
    run_queue.queue(project, "select", {})
    with pytest.raises(InputError, match="being chosen"):
        by_hand.add(project, [4])
    with pytest.raises(InputError, match="too many images"):
        by_hand.add(project, range(by_hand.MOST + 1))
