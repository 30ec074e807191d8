"""Undo and redo across windows and restarts: the steps of a desk, read from the history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fact_core.exchange import import_labels
from fact_core.exchange.import_labels import Source
from fact_core.labeling import classes, labels_now, operations, undo
from fact_core.labeling.history import Op
from fact_core.storage.project import Project
from tests.storage_help import flat_project


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Project]:
    one = flat_project(tmp_path)
    classes.add_class(one, "a")
    classes.add_class(one, "b")
    yield one


def classes_now(one: Project) -> dict[int, int | None]:
    return {item: state.class_id for item, state in labels_now.states(one).items()}


def told(found: tuple[tuple[undo.Change, ...], ...]) -> list[list[tuple[int, int | None, int | None]]]:
    return [[(e.item, e.before and e.before.class_id, e.after and e.after.class_id) for e in step] for step in found]


def test_another_window_of_the_same_browser_undoes_what_the_first_did(made: Project) -> None:
    operations.apply(made, "desk.one", [Op(1, "label", 1, 1), Op(2, "label", 2, 2), Op(3, "label", 1, 2)])
    found = undo.steps(made, "desk.two")
    assert told(found.undo) == [[(1, 1, 2)], [(2, None, 2)], [(1, None, 1)]] and not found.redo and not found.more

    operations.apply(made, "desk.two", [Op(1, "undo", 1)])
    assert classes_now(made) == {1: 1, 2: 2}
    found = undo.steps(made, "desk.three")
    assert told(found.undo) == [[(2, None, 2)], [(1, None, 1)]]
    assert told(found.redo) == [[(1, 1, 2)]]

    operations.apply(made, "desk.three", [Op(1, "redo", 1)])
    assert classes_now(made) == {1: 2, 2: 2}
    assert told(undo.steps(made, "desk.one").undo) == [[(1, 1, 2)], [(2, None, 2)], [(1, None, 1)]]
    assert not undo.steps(made, "desk.one").redo


def test_another_desk_can_undo_nothing_of_it_and_loses_nothing(made: Project) -> None:
    operations.apply(made, "desk.one", [Op(1, "label", 1, 1)])
    assert undo.steps(made, "des.k").undo == () and undo.steps(made, "deskx").undo == ()
    operations.apply(made, "other.one", [Op(1, "label", 1, 2)])
    operations.apply(made, "desk.one", [Op(2, "undo", 1)])  # the other's label came later and stays
    assert classes_now(made) == {1: 2}
    assert len(labels_now.history(made, 1)) == 2


def test_a_merge_that_was_taken_back_is_in_the_way_of_no_undo(made: Project) -> None:
    operations.apply(made, "desk.one", [Op(1, "label", 1, 1), Op(2, "label", 2, 1)])
    merged = classes.merge(made, 1, 2, "merge-1")
    blocked = operations.apply(made, "desk.one", [Op(3, "undo", 2)])
    assert blocked.stays == (2,) and classes_now(made) == {1: 2, 2: 2}, "the merge stands: it is said, not passed over"
    classes.unmerge(made, merged.batch, 1)
    assert classes_now(made) == {1: 1, 2: 1}
    assert operations.apply(made, "desk.one", [Op(4, "undo", 1)]).stays == ()
    assert classes_now(made) == {2: 1}
    assert operations.apply(made, "desk.one", [Op(5, "redo", 1)]).stays == ()
    assert classes_now(made) == {1: 1, 2: 1}


def test_what_another_desk_has_undone_is_in_the_way_of_no_undo_but_its_redo_is(made: Project) -> None:
    operations.apply(made, "one.a", [Op(1, "label", 1, 1)])
    operations.apply(made, "two.a", [Op(1, "label", 1, 2)])
    operations.apply(made, "two.a", [Op(2, "undo", 1)])
    assert operations.apply(made, "one.a", [Op(2, "undo", 1)]).stays == () and classes_now(made) == {}
    assert operations.apply(made, "two.a", [Op(3, "redo", 1)]).stays == (1,), "on an image that is not as it was"
    assert classes_now(made) == {}
    operations.apply(made, "one.a", [Op(3, "redo", 1)])
    assert classes_now(made) == {1: 1}


def test_a_batch_is_one_step(made: Project) -> None:
    operations.apply(made, "desk.one", [Op(1, "label", 1, 1)])
    operations.apply(made, "desk.one", [Op(n, "label", n - 1, 2, batch=2) for n in (2, 3, 4)])
    found = undo.steps(made, "desk.one")
    assert [len(step) for step in found.undo] == [3, 1]
    assert sorted(told(found.undo)[0]) == [(1, 1, 2), (2, None, 2), (3, None, 2)]

    operations.apply(made, "desk.one", [Op(n, "undo", n - 4, batch=5) for n in (5, 6, 7)])
    assert classes_now(made) == {1: 1}
    found = undo.steps(made, "desk.two")
    assert [len(step) for step in found.redo] == [3] and [len(step) for step in found.undo] == [1]


def test_a_mark_taken_off_for_a_label_is_one_change_of_two_rows(made: Project) -> None:
    operations.apply(made, "desk.one", [Op(1, "flag", 3), Op(2, "clear", 3, batch=2), Op(3, "label", 3, 1, batch=2)])
    found = undo.steps(made, "desk.one")
    change = found.undo[0][0]
    assert (change.rows, change.before is not None and change.before.flagged, change.after) == (2, True, change.after)
    assert change.after is not None and change.after.class_id == 1
    operations.apply(made, "desk.one", [Op(4, "undo", 3, batch=4), Op(5, "undo", 3, batch=4)])
    assert labels_now.states(made)[3].flagged and labels_now.states(made)[3].kind == "none"


def test_after_something_new_nothing_can_be_done_again(made: Project) -> None:
    operations.apply(made, "d.1", [Op(1, "label", 1, 1), Op(2, "undo", 1), Op(3, "label", 2, 1)])
    assert undo.steps(made, "d.1").redo == ()
    operations.apply(made, "d.1", [Op(4, "undo", 2)])  # only this one, not what was undone before it
    assert told(undo.steps(made, "d.1").redo) == [[(2, None, 1)]]


def test_long_histories_come_in_parts(made: Project) -> None:
    operations.apply(made, "d.1", [Op(n, "label", 1 + n % 5, 1 + n % 2) for n in range(1, 300)])
    found = undo.steps(made, "d.1", 50)
    assert len(found.undo) == 50 and found.more
    whole = undo.steps(made, "d.1", 1000)
    assert len(whole.undo) == 299 and not whole.more
    assert whole.undo[:50] == found.undo


def test_others_changes_are_told(made: Project) -> None:
    row, states = labels_now.changes(made, 0)
    assert (row, states) == (0, {})
    operations.apply(made, "d.1", [Op(1, "label", 1, 1), Op(2, "label", 2, 1)])
    row, states = labels_now.changes(made, 0)
    assert row == 2 and {item: state.class_id for item, state in states.items()} == {1: 1, 2: 1}
    operations.apply(made, "d.2", [Op(1, "clear", 2)])
    row, states = labels_now.changes(made, row)
    assert row == 3 and {item: state.kind for item, state in states.items()} == {2: "none"}
    assert labels_now.changes(made, 3) == (3, {})


def test_an_import_that_was_undone_out_of_its_turn_and_done_again_is_undone_next(made: Project) -> None:
    """Its own button takes it back after something newer was said: done again it is the last thing that was done."""
    found = import_labels.read(made, Source("file", "file,label\n001.png,a\n002.png,b\n"))
    done = import_labels.commit(made, found, "desk.import-1", "mine")
    operations.apply(made, "desk.one", [Op(1, "label", 4, 1)])
    assert import_labels.undo(made, done.batch, done.new_classes) == 2
    assert told(undo.steps(made, "desk.one").undo) == [[(4, None, 1)]]
    (again,) = undo.steps(made, "desk.one").redo
    operations.apply(made, "desk.one", [Op(2 + n, "redo", each.item) for n, each in enumerate(again)])
    found_steps = undo.steps(made, "desk.two", most=1)
    assert told(found_steps.undo) == [[(2, None, 1), (3, None, 2)]] and found_steps.more
    operations.apply(made, "desk.two", [Op(1, "undo"), Op(2, "undo")])  # what a key takes back that names no image
    assert classes_now(made) == {4: 1}
    assert told(undo.steps(made, "desk.two").undo) == [[(4, None, 1)]]


def test_what_a_merge_has_changed_since_is_not_offered_to_be_done_again(made: Project) -> None:
    """An import is taken back; then the class that one of its two images has again is merged."""
    operations.apply(made, "desk.one", [Op(1, "label", 1, 1), Op(2, "label", 2, 2)])
    text = "file,label\n000.png,c\n001.png,c\n"
    import_labels.commit(made, import_labels.read(made, Source("file", text)), "desk.import-1", "theirs")
    import_labels.undo(made, "desk.import-1")
    assert [sorted(each.item for each in step) for step in undo.steps(made, "desk.one").redo] == [[1, 2]]
    done = classes.merge(made, 1, 2, "merge-1")
    assert [[each.item for each in step] for step in undo.steps(made, "desk.one").redo] == [[2]]
    assert operations.apply(made, "desk.one", [Op(3, "redo", 2)]).stays == ()
    classes.unmerge(made, done.batch, done.from_id)
    assert [[each.item for each in step] for step in undo.steps(made, "desk.one").redo] == [[1]]
    assert operations.apply(made, "desk.one", [Op(4, "redo", 1)]).stays == ()
    assert classes_now(made) == {1: 3, 2: 3}
