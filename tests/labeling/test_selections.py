from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from app.routes.queue import queue_of
from fact_core.errors import InputError
from fact_core.generators import finish
from fact_core.labeling import classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.labeling.selections import QueueEntry
from fact_core.storage import db, run_queue
from fact_core.storage.project import Project
from fact_core.storage.synthetic import add_items
from fact_core.types import Selection
from fact_core.work.scan import scan
from tests.storage_help import flat_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return flat_project(tmp_path, 10)


def choose(picks: list[int], audits: list[int], next_best: list[int]) -> Selection:
    roles = ("pick",) * len(picks) + ("audit",) * len(audits)
    return Selection(np.array(picks + audits), roles, np.array(next_best), "activeft", {"budget": len(picks)})


def ids(project: Project) -> list[int]:
    return [entry.item for entry in selections.queue(project)]


def test_a_selection_comes_back_as_it_was(project: Project) -> None:
    assert selections.latest(project) is None
    assert selections.queue(project) == []
    number = selections.save(project, choose([5, 2], [7], [9, 8]), None, 1.5)
    found = selections.latest(project)
    assert found is not None
    assert (found.id, found.run_id, found.seconds, found.config) == (number, None, 1.5, {"budget": 2})
    assert found.selection.ids.tolist() == [5, 2, 7]
    assert found.selection.roles == ("pick", "pick", "audit")
    assert found.selection.next_best.tolist() == [9, 8]
    assert found.selection.strategy == "activeft"
    assert selections.queue(project) == [QueueEntry(5, "pick", 0), QueueEntry(2, "pick", 1), QueueEntry(7, "audit", 2)]
    assert selections.get(project, number).selection.ids.tolist() == [5, 2, 7]
    with pytest.raises(InputError, match="no such selection"):
        selections.get(project, 99)


def test_a_check_image_with_a_label_is_not_rejected_for_its_label_would_teach(project: Project) -> None:
    number = selections.save(project, choose([5, 2], [7, 8], [9]), None)
    classes.add_class(project, "a")
    operations.apply(project, "tab", [Op(1, "label", 7, 1), Op(2, "skip", 8)])
    with pytest.raises(InputError, match="check image has a label"):
        selections.reject(project, number, 7)
    assert labels_now.snapshot(project, "audit").ids.tolist() == [7]
    assert labels_now.snapshot(project, "pick").ids.tolist() == []
    assert selections.reject(project, number, 8) is not None, "nothing is known of it"


def test_nothing_is_rejected_while_images_are_chosen_for_it_would_come_back(project: Project) -> None:
    number = selections.save(project, choose([5, 2], [7], [9]), None)
    selections.reject(project, number, 2)
    run = run_queue.queue(project, "select", {"budget": "1", "extend": True})
    for act, item in ((selections.reject, 5), (selections.take_back_rejection, 2)):
        with pytest.raises(InputError, match="being chosen right now"):
            act(project, number, item)
    run_queue.finish(project, run, "done")
    assert selections.reject(project, number, 5) is None and ids(project) == [9, 7]


def test_the_newest_selection_counts(project: Project) -> None:
    selections.save(project, choose([1], [], []), None)
    selections.save(project, choose([2, 3], [], []), None)
    assert ids(project) == [2, 3]


def test_the_next_best_takes_the_place_of_a_rejected_pick(project: Project) -> None:
    number = selections.save(project, choose([5, 2], [7], [9, 8]), None)
    assert selections.reject(project, number, 5) == 9
    assert ids(project) == [9, 2, 7]
    assert selections.reject(project, number, 9) == 8
    assert selections.reject(project, number, 2) is None  # none left: the queue becomes shorter
    assert ids(project) == [8, 7]
    found = selections.latest(project)
    assert found is not None
    assert found.selection.ids.tolist() == [8, 7]
    assert found.selection.next_best.tolist() == []
    for gone in (5, 6, 99):
        with pytest.raises(InputError, match="not in the selection"):
            selections.reject(project, number, gone)


def test_a_rejection_is_undone_and_the_next_best_waits_as_before(project: Project) -> None:
    number = selections.save(project, choose([5, 2], [7], [9, 8]), None)
    assert selections.reject(project, number, 5) == 9
    selections.take_back_rejection(project, number, 5)
    assert ids(project) == [5, 2, 7]
    assert selections.reject(project, number, 2) == 9, "it is the next best again"
    with pytest.raises(InputError, match="not rejected"):
        selections.take_back_rejection(project, number, 5)
    operations.apply(project, "tab", [Op(1, "label", 9, classes.add_class(project, "cat"))])
    with pytest.raises(InputError, match="has an answer by now"):
        selections.take_back_rejection(project, number, 2)
    drawn = selections.reject(project, number, 7)
    selections.take_back_rejection(project, number, 7)
    assert ids(project) == [5, 9, 7] and drawn not in ids(project)


def test_rejected_picks_of_all_rounds_are_told_the_newest_first(project: Project) -> None:
    first = selections.save(project, choose([5, 2, 6], [], []), None)
    for item in (6, 2):
        selections.reject(project, first, item)
    second = selections.save(project, choose([9, 3, 8], [7], [1]), None)
    for item in (8, 9, 7):
        selections.reject(project, second, item)
    assert selections.rejected_picks(project) == [9, 8, 2, 6]
    with db.connect(project.db) as con:  # as an earlier version could store it: rejected in both
        con.execute("DELETE FROM pick WHERE selection = ? AND item = 6", (second,))  # drawn in place of 7
        con.execute("UPDATE pick SET item = 6 WHERE selection = ? AND item = 8", (second,))
    assert selections.rejected_picks(project) == [9, 6, 2]


def test_labeled_or_missing_candidates_are_passed_over(project: Project) -> None:
    number = selections.save(project, choose([5], [], [9, 8, 6, 3]), None)
    cat = classes.add_class(project, "cat")
    operations.apply(project, "tab", [Op(1, "label", 9, cat), Op(2, "skip", 8)])
    (project.images / "005.png").unlink()  # image 6
    finish(scan(project))
    assert selections.reject(project, number, 5) == 3


def test_a_rejected_check_image_is_replaced_by_lot(project: Project) -> None:
    number = selections.save(project, choose([5, 2], [7], [9, 8]), None)
    drawn = selections.reject(project, number, 7)
    assert drawn not in (None, 5, 2, 7)
    assert selections.queue(project)[2] == QueueEntry(drawn or 0, "audit", 2)
    twin = selections.save(project, choose([5, 2], [7], [9, 8]), None)
    assert twin != number
    seen = set()
    for _ in range(20):
        item = ids(project)[2]
        again = selections.reject(project, twin, item)
        if again is None:
            break
        seen.add(again)
    assert seen == {1, 3, 4, 6, 8, 9, 10}  # everything that is free, each once


def test_images_that_are_gone_are_not_in_the_queue(project: Project) -> None:
    selections.save(project, choose([5, 2], [7], [9]), None)
    (project.images / "001.png").unlink()  # image 2
    finish(scan(project))
    assert ids(project) == [5, 7]


def test_a_selection_needs_a_role_each(project: Project) -> None:
    with pytest.raises(ValueError, match="one role"):
        selections.save(project, Selection(np.array([1, 2]), ("pick",), np.array([]), "random"), None)


def test_nothing_is_learned_from_check_images_or_from_what_a_person_has_judged(project: Project) -> None:
    """What self-training may not name: also check images without a label, and those of an earlier selection."""
    assert selections.spoken_for(project).tolist() == []
    selections.save(project, choose([1], [4], []), None)
    number = selections.save(project, choose([5, 2], [7], [9, 8]), None)
    assert selections.spoken_for(project).tolist() == [4, 7]
    selections.reject(project, number, 5)
    cat = classes.add_class(project, "cat")
    ops = [
        Op(1, "label", 2, cat),
        Op(2, "skip", 10),
        Op(3, "flag", 6),
        Op(4, "clear", 6),
    ]
    operations.apply(project, "tab", ops)
    assert selections.spoken_for(project).tolist() == [2, 4, 5, 7, 10]


def test_what_an_earlier_selection_had_chosen_is_told_from_what_is_new(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 6)
    none = np.zeros(0, dtype=np.int64)
    selections.save(project, Selection(np.array([1, 2]), ("pick",) * 2, none, "random", {}), None)
    assert selections.earlier(project) == []
    selections.save(project, Selection(np.array([1, 2, 5]), ("pick",) * 3, none, "random", {}), None)
    assert selections.earlier(project) == [1, 2]
    found = queue_of(project)
    assert found["earlier"] == [1, 2] and [entry["id"] for entry in found["entries"]] == [1, 2, 5]


def test_a_large_selection_is_quickly_stored(project: Project) -> None:
    """Each candidate is looked for among the chosen images once: 20,000 of either took half a minute."""
    add_items(project, 40_000)
    both = list(range(1, 40_001))
    started = time.process_time()  # of the processor: a busy machine takes its time
    selections.save(project, choose(both[:20_000], [], both[10_000:]), None)
    assert time.process_time() - started < 5
    assert ids(project) == both[:20_000]
