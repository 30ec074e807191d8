"""Classes: every change is one transaction, can be undone where it takes labels away, and is told to the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from fact_core.errors import InputError
from fact_core.labeling import classes, labels_now, operations
from fact_core.labeling.history import Op
from fact_core.storage import db, schema
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.storage.synthetic import add_items
from tests.storage_help import flat_project, is_sound

HOSTILE = ['<img src=x onerror="alert(1)">', "</script>", "=1+1", "../../x", "CON", "😀", "ä" * 200, "a, b", '"q"']
BAD = ["", "   ", "a\nb", "\u202eevil", "x" * 201, "\x00"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return flat_project(tmp_path)


@pytest.fixture
def pets(project: Project) -> list[int]:
    """cat, dog, bird; images 1 and 2 are cats, 3 a dog, 4 was a cat and is skipped now."""
    ids = list(classes.ensure_classes(project, ["cat", "dog", "bird"]).values())
    cat, dog, _ = ids
    give(project, "desk.a", (1, cat), (2, cat), (3, dog), (4, cat))
    operations.apply(project, "desk.a", [Op(5, "skip", 4), Op(6, "flag", 2)])
    return ids


def give(project: Project, client: str, *pairs: tuple[int, int], seq: int = 1) -> None:
    operations.apply(project, client, [Op(seq + i, "label", item, each) for i, (item, each) in enumerate(pairs)])


def named(project: Project) -> list[tuple[str, int]]:
    return [(each.name, each.count) for each in classes.classes(project)]


def labeled(project: Project) -> dict[int, int | None]:
    return {item: state.class_id for item, state in labels_now.states(project).items() if state.kind == "label"}


def test_colours_are_places_in_the_palette(project: Project, pets: list[int]) -> None:
    cat = pets[0]
    assert [(each.colour, each.key) for each in classes.classes(project)] == [(0, ""), (1, ""), (2, "")]
    classes.recolour(project, cat, 35)
    assert [each.colour for each in classes.classes(project)] == [35, 1, 2]
    classes.recolour(project, cat, None)
    assert classes.classes(project)[0].colour == 0
    for bad in (-1, 36, 2**70, True, "3", 1.5):
        with pytest.raises(InputError, match="no such colour"):
            classes.recolour(project, cat, bad)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="does not exist"):
        classes.recolour(project, 99, 3)


def test_a_new_class_gets_a_colour_that_is_free(project: Project, pets: list[int]) -> None:
    classes.recolour(project, pets[0], 3)
    fish = classes.add_class(project, "fish")  # its position is 3
    assert {each.id: each.colour for each in classes.classes(project)}[fish] == 0
    classes.delete_class(project, pets[1])
    assert classes.add_many(project, ["a", "b"]).ids
    assert [each.colour for each in classes.classes(project)] == [3, 2, 0, 1, 4]
    classes.add_many(project, [f"number {n}" for n in range(40)])
    assert all(0 <= each.colour < 36 for each in classes.classes(project))


def test_keys_are_one_character_and_unique(project: Project, pets: list[int]) -> None:
    cat, dog, bird = pets
    for key, kept in (("C", "c"), ("ß", "ß"), ("猫", "猫"), (";", ";"), ("e\u0301", "é"), (" q ", "q")):
        classes.set_key(project, cat, key)
        assert classes.classes(project)[0].key == kept
    with pytest.raises(InputError, match="Another class has this key") as told:
        classes.set_key(project, dog, "Q")
    assert "cat" in told.value.found
    classes.set_key(project, cat, "q")  # its own again
    for taken in ("f", "N", "?", "+", "-", "0", "9", "٣"):
        with pytest.raises(InputError, match="something else"):
            classes.set_key(project, dog, taken)
    for bad in ("ab", " ", "\n", "\x00", "\u200b", "😀😀"):
        with pytest.raises(InputError, match="one character"):
            classes.set_key(project, dog, bad)
    with pytest.raises(InputError, match="does not exist"):
        classes.set_key(project, 99, "x")
    assert [each.key for each in classes.classes(project)] == ["q", "", ""]
    classes.set_key(project, cat, "")
    classes.set_key(project, dog, "")  # "" is not taken
    classes.set_key(project, bird, "q")
    assert [each.key for each in classes.classes(project)] == ["", "", "q"]


def test_reorder_keeps_colours_and_wants_all_classes_once(project: Project, pets: list[int]) -> None:
    cat, dog, bird = pets
    classes.reorder(project, [bird, cat, dog])
    assert [(each.name, each.position, each.colour) for each in classes.classes(project)] == [
        ("bird", 0, 2), ("cat", 1, 0), ("dog", 2, 1),
    ]  # fmt: skip
    for bad in ([bird, cat], [bird, cat, dog, dog], [bird, cat, cat], [bird, cat, 99], []):
        with pytest.raises(InputError, match="changed meanwhile"):
            classes.reorder(project, bad)
    assert labels_now.snapshot(project).classes == ("bird", "cat", "dog")
    classes.delete_class(project, cat)
    classes.reorder(project, [dog, bird])
    assert [each.name for each in classes.classes(project)] == ["dog", "bird"]


def test_delete_and_its_undo(project: Project, pets: list[int]) -> None:
    cat, dog, bird = pets
    classes.set_key(project, cat, "c")
    assert classes.delete_class(project, cat) == 2
    assert named(project) == [("dog", 1), ("bird", 0)]
    assert labeled(project) == {3: dog}
    with pytest.raises(InputError, match="does not exist"):
        classes.delete_class(project, cat)
    give(project, "desk.a", (1, bird), seq=50)
    classes.set_key(project, bird, "c")
    classes.restore_class(project, cat)
    assert named(project) == [("cat", 1), ("dog", 1), ("bird", 1)]
    assert labeled(project) == {1: bird, 2: cat, 3: dog}
    assert [each.key for each in classes.classes(project)] == ["", "", "c"]
    for bad in (cat, 99, 0, -5):
        with pytest.raises(InputError, match="no deleted class"):
            classes.restore_class(project, bad)


def test_cannot_tell_said_of_an_image_whose_class_is_gone_stays(project: Project, pets: list[int]) -> None:
    cat = pets[0]
    classes.delete_class(project, cat)
    operations.apply(project, "desk.a", [Op(50, "flag", 1)])
    classes.restore_class(project, cat)
    now = labels_now.states(project)
    assert (now[1].kind, now[1].flagged, now[2].class_id) == ("none", True, cat)
    operations.apply(project, "desk.a", [Op(51, "undo", 1)])
    assert labels_now.states(project)[1].class_id == cat


@pytest.mark.parametrize("apart", [True, False])
def test_a_mark_that_was_taken_off_again_says_nothing_of_an_image_whose_class_is_gone(
    project: Project, pets: list[int], apart: bool
) -> None:
    """Set, passed over, and taken off: one by one, and in one call."""
    cat = pets[0]
    classes.delete_class(project, cat)
    ops = [Op(50, "flag", 1), Op(51, "skip", 1), Op(52, "undo", 1), Op(53, "flag", 1)]
    for each in [[op] for op in ops] if apart else [ops]:
        operations.apply(project, "desk.a", each)
    assert 1 not in labels_now.states(project)
    classes.restore_class(project, cat)
    assert labels_now.states(project)[1].class_id == cat
    operations.apply(project, "desk.a", [Op(54, "undo", 1)])
    assert labels_now.states(project)[1].kind == "none" and labels_now.states(project)[1].flagged


def test_restore_needs_its_name(project: Project, pets: list[int]) -> None:
    classes.delete_class(project, pets[0])
    again = classes.add_class(project, "CAT")
    with pytest.raises(InputError, match="already"):
        classes.restore_class(project, pets[0])
    classes.rename_class(project, again, "lion")
    classes.restore_class(project, pets[0])
    assert {name for name, _ in named(project)} == {"cat", "dog", "bird", "lion"}


def test_merge_and_its_undo(project: Project, pets: list[int]) -> None:
    cat, dog, bird = pets
    before = len(labels_now.history(project))
    done = classes.merge(project, cat, dog, "merge-1")
    assert (done.images, done.from_id, done.into_id) == (2, cat, dog)
    assert named(project) == [("dog", 3), ("bird", 0)]
    rows = labels_now.history(project)[before:]
    assert [(row.item, row.op, row.class_id, row.source, row.flagged) for row in rows] == [
        (1, "label", dog, "merge", False), (2, "label", dog, "merge", True),
    ]  # fmt: skip
    assert [row.class_id for row in labels_now.history(project, 1)] == [cat, dog]  # nothing is lost
    give(project, "desk.a", (1, bird), seq=50)
    assert classes.unmerge(project, done.batch, cat) == 1
    assert labeled(project) == {1: bird, 2: cat, 3: dog}
    assert labels_now.states(project)[2].flagged and labels_now.states(project)[4].kind == "skip"
    assert named(project) == [("cat", 1), ("dog", 1), ("bird", 1)]
    with pytest.raises(InputError, match="no deleted class"):
        classes.unmerge(project, done.batch, cat)
    assert labeled(project) == {1: bird, 2: cat, 3: dog}


def test_a_merge_that_cannot_be_done_changes_nothing(project: Project, pets: list[int]) -> None:
    cat, dog, _ = pets
    before, history = named(project), labels_now.history(project)
    for pair in ((cat, cat), (cat, 99), (99, cat), (0, dog)):
        with pytest.raises(InputError):
            classes.merge(project, *pair, "merge-1")
    for name in ("", "x" * 101, "a\nb"):
        with pytest.raises(InputError, match="usable name"):
            classes.merge(project, cat, dog, name)
    with pytest.raises(InputError, match="done already"):
        classes.merge(project, cat, dog, "desk.a")
    assert (named(project), labels_now.history(project)) == (before, history)
    assert classes.merge(project, pets[2], cat, "merge-2").images == 0  # an empty class
    assert classes.unmerge(project, "merge-2", pets[2]) == 0
    assert named(project) == before


def test_unmerge_needs_the_name_and_then_undoes_nothing(project: Project, pets: list[int]) -> None:
    classes.merge(project, pets[0], pets[1], "merge-1")
    classes.add_class(project, "cat")
    with pytest.raises(InputError, match="already"):
        classes.unmerge(project, "merge-1", pets[0])
    assert labeled(project) == {1: pets[1], 2: pets[1], 3: pets[1]}


def test_merges_in_a_row_are_undone_one_by_one(project: Project, pets: list[int]) -> None:
    cat, dog, bird = pets
    classes.merge(project, cat, dog, "merge-1")
    classes.merge(project, dog, bird, "merge-2")
    assert named(project) == [("bird", 3)]
    classes.unmerge(project, "merge-2", dog)
    classes.unmerge(project, "merge-1", cat)
    assert labeled(project) == {1: cat, 2: cat, 3: dog}


def test_unmerge_looks_through_what_was_undone_since(project: Project, pets: list[int]) -> None:
    cat, dog, bird = pets
    classes.merge(project, cat, dog, "merge-1")
    give(project, "other", (1, bird), (2, bird))
    operations.apply(project, "other", [Op(3, "undo"), Op(4, "undo"), Op(5, "redo")])  # image 1 is a bird, 2 as before
    classes.unmerge(project, "merge-1", cat)
    assert labeled(project) == {1: bird, 2: cat, 3: dog}
    give(project, "other", (2, dog), seq=9)  # by hand, what the merge had said
    assert classes.delete_class(project, cat) == 0
    assert classes.unmerge(project, "merge-1", cat) == 0
    assert labeled(project) == {1: bird, 2: dog, 3: dog}


def test_a_mark_says_nothing_of_a_merge(project: Project, pets: list[int]) -> None:
    """Set on one image that was merged, taken off another: both are what they were, and as they are marked now."""
    cat, dog, _ = pets
    classes.merge(project, cat, dog, "merge-1")
    operations.apply(project, "other", [Op(1, "flag", 1), Op(2, "flag", 2)])
    assert classes.unmerge(project, "merge-1", cat) == 2
    now = labels_now.states(project)
    assert [(now[n].class_id, now[n].flagged) for n in (1, 2)] == [(cat, True), (cat, False)]
    operations.apply(project, "other", [Op(3, "flag", 1), Op(4, "undo", 1)])
    assert (labels_now.states(project)[1].class_id, labels_now.states(project)[1].flagged) == (cat, True)


@pytest.mark.slow
def test_a_merge_of_many_labels(project: Project) -> None:
    add_items(project, 60_000)
    cat, dog = classes.ensure_classes(project, ["cat", "dog"]).values()
    give(project, "t", *[(item, cat) for item in range(1, 60_001)])
    assert classes.merge(project, cat, dog, "merge-1").images == 60_000
    assert classes.unmerge(project, "merge-1", cat) == 60_000
    assert named(project) == [("cat", 60_000), ("dog", 0)]
    assert is_sound(project)


def test_a_list_of_classes(project: Project) -> None:
    classes.add_class(project, "Cat")
    done = classes.add_many(project, ["dog", "cat", " bird ", "DOG", *HOSTILE])
    assert done.passed_over == ("cat",)
    assert len(done.ids) == 2 + len(HOSTILE)
    assert [each.name for each in classes.classes(project)] == ["Cat", "dog", "bird", *HOSTILE]
    assert classes.add_many(project, HOSTILE).ids == ()
    for bad in BAD:
        with pytest.raises(InputError, match="Line 2"):
            classes.add_many(project, ["fish", bad])
    with pytest.raises(InputError, match="no names"):
        classes.add_many(project, [])
    assert "fish" not in {name for name, _ in named(project)}
    with pytest.raises(InputError, match="too many"):
        classes.add_many(project, [f"n{n}" for n in range(10_001)])
    assert len(named(project)) == 3 + len(HOSTILE)


def test_a_pasted_list_is_read_by_lines() -> None:
    assert classes.names_of("\ufeffcat\r\n\n  dog  \n\"big \"\"cat\"\"\"\n\"a, b\"\na, b\n\"\n") == [
        "cat", "dog", 'big "cat"', "a, b", "a, b", '"',
    ]  # fmt: skip
    assert classes.names_of("") == classes.names_of(" \n\t\n") == []


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_kept_as_they_are(project: Project, name: str) -> None:
    number = classes.add_class(project, name)
    classes.rename_class(project, number, "other")
    classes.rename_class(project, number, name)
    classes.merge(project, classes.add_class(project, "fish"), number, "merge-1")
    assert named(project) == [(name, 0)]


@pytest.mark.parametrize("name", BAD)
def test_names_that_cannot_be_shown_are_refused(project: Project, pets: list[int], name: str) -> None:
    for change in (
        lambda: classes.add_class(project, name),
        lambda: classes.rename_class(project, pets[0], name),
        lambda: classes.ensure_classes(project, ["fish", name]),
    ):
        with pytest.raises(InputError, match="class name"):
            change()
    assert [each for each, _ in named(project)] == ["cat", "dog", "bird"]


def test_every_change_is_told_to_other_pages(project: Project, pets: list[int]) -> None:
    cat, dog, bird = pets
    for change in (
        lambda: classes.rename_class(project, cat, "lion"),
        lambda: classes.recolour(project, cat, 7),
        lambda: classes.set_key(project, cat, "q"),
        lambda: classes.reorder(project, [dog, cat, bird]),
        lambda: classes.delete_class(project, bird),
        lambda: classes.restore_class(project, bird),
        lambda: classes.merge(project, bird, dog, "merge-1"),
        lambda: classes.unmerge(project, "merge-1", bird),
        lambda: classes.add_many(project, ["fish"]),
    ):
        before = projects.version(project)
        change()
        assert projects.version(project) != before


def test_a_project_of_an_older_schema_has_colours_and_keys(tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite"
    with db.connect(old, schema.MIGRATIONS[:1], create=True) as con:
        con.execute("INSERT INTO class (name, folded, position, created) VALUES ('cat', 'cat', 4, 0)")
    found = classes.classes(Project(tmp_path, "old", tmp_path)) if old.rename(tmp_path / "project.sqlite") else []
    assert [(each.name, each.colour, each.key) for each in found] == [("cat", 4, "")]
