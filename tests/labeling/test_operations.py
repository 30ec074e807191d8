from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fact_core.errors import InputError
from fact_core.labeling import classes, labels_now, notes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage.project import Project
from fact_core.storage.synthetic import add_items
from fact_core.types import Selection
from tests.storage_help import flat_project, is_sound


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return flat_project(tmp_path, 6)


@pytest.fixture
def cat(project: Project) -> int:
    return classes.add_class(project, "cat")


@pytest.fixture
def dog(project: Project, cat: int) -> int:
    return classes.add_class(project, "dog")


def now(project: Project) -> dict[int, Any]:
    """Image -> class id, "skip", and a ! behind it for a mark."""
    found = labels_now.states(project)
    return {item: str(state.class_id or state.kind) + "!" * state.flagged for item, state in sorted(found.items())}


def test_classes_are_added_renamed_and_counted(project: Project) -> None:
    cat, dog = classes.add_class(project, " cat "), classes.add_class(project, "dog")
    operations.apply(project, "tab", [Op(1, "label", 1, dog), Op(2, "label", 2, dog), Op(3, "skip", 3)])
    classes.rename_class(project, cat, "Katze")
    classes.rename_class(project, dog, "DOG")  # only its case
    found = [(each.id, each.name, each.position, each.count) for each in classes.classes(project)]
    assert found == [(cat, "Katze", 0, 0), (dog, "DOG", 1, 2)]


def test_class_names_are_unique_but_for_case(project: Project, cat: int, dog: int) -> None:
    for name in ("cat", "CAT", " Cat "):
        with pytest.raises(InputError, match="already"):
            classes.add_class(project, name)
    with pytest.raises(InputError, match="already"):
        classes.rename_class(project, dog, "Cat")
    with pytest.raises(InputError, match="already"):
        classes.add_class(project, "STRASSE") and classes.add_class(project, "straße")
    with pytest.raises(InputError, match="does not exist"):
        classes.rename_class(project, 99, "x")
    for name in ("", " ", "a\nb", "x" * 201):
        with pytest.raises(InputError):
            classes.add_class(project, name)


def test_ensure_classes_keeps_what_is_there(project: Project, cat: int) -> None:
    assert classes.ensure_classes(project, ["bird", "CAT", "bird", "Bird"]) == {"bird": 2, "CAT": cat, "Bird": 2}
    assert [each.name for each in classes.classes(project)] == ["cat", "bird"]
    with pytest.raises(InputError):
        classes.ensure_classes(project, ["fish", "\n"])
    assert [each.name for each in classes.classes(project)] == ["cat", "bird"]


def test_a_label_is_stored_with_who_and_how_long(project: Project, cat: int) -> None:
    done = operations.apply(project, "tab", [Op(7, "label", 3, cat, 1.5, "person", "Ada")])
    assert done.last_seq == 7
    assert (done.states[3].kind, done.states[3].class_id) == ("label", cat)
    (row,) = labels_now.history(project)
    assert (row.item, row.op, row.lead_time, row.annotator, row.client, row.seq) == (3, "label", 1.5, "Ada", "tab", 7)
    assert abs(row.at - time.time()) < 60


def test_every_operation(project: Project, cat: int, dog: int) -> None:
    def do(kind: Any, item: int | None = None, class_id: int | None = None) -> None:
        do.seq += 1  # type: ignore[attr-defined]
        operations.apply(project, "tab", [Op(do.seq, kind, item, class_id)])  # type: ignore[attr-defined]

    do.seq = 0  # type: ignore[attr-defined]
    do("label", 1, cat)
    do("flag", 1)
    do("skip", 2)
    do("flag", 3)
    assert now(project) == {1: f"{cat}!", 2: "skip", 3: "none!"}
    do("label", 1, dog)  # keeps its mark
    do("flag", 3)
    assert now(project) == {1: f"{dog}!", 2: "skip"}
    do("clear", 1)
    assert now(project) == {2: "skip"}
    do("undo")
    assert now(project) == {1: f"{dog}!", 2: "skip"}
    do("undo")
    do("undo")
    assert now(project) == {1: f"{cat}!", 2: "skip", 3: "none!"}
    do("redo")
    assert now(project) == {1: f"{dog}!", 2: "skip", 3: "none!"}
    do("skip", 4)  # something new: nothing to redo any more
    do("redo")
    assert now(project) == {1: f"{dog}!", 2: "skip", 3: "none!", 4: "skip"}


def test_undo_down_to_nothing_and_redo_all(project: Project, cat: int, dog: int) -> None:
    steps: list[Any] = [("label", 1, cat), ("label", 1, dog), ("skip", 2, None), ("clear", 1, None), ("flag", 2, None)]
    seen = [now(project)]
    for seq, (kind, item, class_id) in enumerate(steps):
        operations.apply(project, "tab", [Op(seq, kind, item, class_id)])
        seen.append(now(project))
    for back in range(len(steps)):
        assert now(project) == seen[len(steps) - back]
        operations.apply(project, "tab", [Op(100 + back, "undo")])
    assert now(project) == seen[0] == {}
    operations.apply(project, "tab", [Op(150, "undo")])  # nothing to undo
    for forth in range(len(steps)):
        operations.apply(project, "tab", [Op(200 + forth, "redo")])
        assert now(project) == seen[forth + 1]
    assert operations.apply(project, "tab", [Op(300, "redo")]).last_seq == 300
    assert now(project) == seen[-1]
    assert len(labels_now.history(project)) == 3 * len(steps) + 2  # append-only


def test_undo_equals_a_list_of_states(project: Project, cat: int, dog: int) -> None:
    """Against the literal form: a list of states with a cursor, as in every editor."""
    chance = random.Random(3)
    past, cursor = [now(project)], 0
    for seq in range(150):
        kind: Any = chance.choice(["label", "label", "skip", "flag", "clear", "undo", "undo", "redo"])
        item, class_id = chance.randint(1, 3), chance.choice([cat, dog])
        alone = kind in ("undo", "redo")
        operations.apply(
            project, "tab", [Op(seq, kind, None if alone else item, class_id if kind == "label" else None)]
        )
        if kind == "undo":
            cursor = max(0, cursor - 1)
        elif kind == "redo":
            cursor = min(len(past) - 1, cursor + 1)
        else:
            past = [*past[: cursor + 1], now(project)]
            cursor += 1
        assert now(project) == past[cursor], seq


def test_undo_of_one_image(project: Project, cat: int, dog: int) -> None:
    operations.apply(project, "tab", [Op(1, "label", 1, cat), Op(2, "label", 2, cat), Op(3, "undo", 1)])
    assert now(project) == {2: str(cat)}
    operations.apply(project, "tab", [Op(4, "redo", 1)])
    assert now(project) == {1: str(cat), 2: str(cat)}


def test_two_tabs_each_undo_their_own(project: Project, cat: int, dog: int) -> None:
    operations.apply(project, "one", [Op(1, "label", 1, cat), Op(2, "label", 2, cat)])
    operations.apply(project, "two", [Op(1, "label", 2, dog)])  # the same number, another client
    operations.apply(project, "one", [Op(3, "undo")])
    assert now(project) == {1: str(cat), 2: str(dog)}  # the other's label is not lost
    operations.apply(project, "one", [Op(4, "undo")])
    assert now(project) == {2: str(dog)}
    operations.apply(project, "two", [Op(2, "undo")])
    assert now(project) == {2: str(cat)}


def test_sending_twice_changes_nothing(project: Project, cat: int, dog: int) -> None:
    ops = [Op(1, "label", 1, cat), Op(2, "flag", 1), Op(3, "label", 2, dog), Op(4, "undo")]
    first = operations.apply(project, "tab", ops)
    again = operations.apply(project, "tab", ops)
    assert now(project) == {1: f"{cat}!"}
    assert len(labels_now.history(project)) == 4
    assert (again.last_seq, again.states[1]) == (4, first.states[1])
    operations.apply(project, "tab", [Op(6, "skip", 3)])
    operations.apply(project, "tab", [Op(5, "skip", 4)])  # a number that came late counts too
    assert now(project) == {1: f"{cat}!", 3: "skip", 4: "skip"}
    operations.apply(project, "tab", [Op(7, "flag", 5), Op(7, "flag", 5)])
    assert now(project)[5] == "none!"


@pytest.mark.parametrize(
    "bad",
    [
        Op(2, "label", 99, 1),
        Op(2, "label", 1, 99),
        Op(2, "label", 1),
        Op(2, "label", None, 1),
        Op(2, "skip", 0),
        Op(2, "skip", -1),
        Op(2, "skip", 2**63),
        Op(2, "skip", True),
        Op(2, "skip", "1"),  # type: ignore[arg-type]
        Op(2, "drop", 1),  # type: ignore[arg-type]
        Op(-1, "skip", 1),
        Op(2**60, "skip", 1),
        Op(1.5, "skip", 1),  # type: ignore[arg-type]
        Op(2, "skip", 1, lead_time=math.nan),
        Op(2, "skip", 1, lead_time=-1.0),
        Op(2, "skip", 1, lead_time="1"),  # type: ignore[arg-type]
        Op(2, "skip", 1, annotator="x" * 201),
        Op(2, "skip", 1, source=None),  # type: ignore[arg-type]
        Op(2, "skip", 1, source="\ud800"),
    ],
)
def test_one_bad_operation_refuses_all(project: Project, cat: int, bad: Op) -> None:
    with pytest.raises(InputError):
        operations.apply(project, "tab", [Op(1, "label", 1, cat), bad])
    assert labels_now.history(project) == []


@pytest.mark.parametrize("client", ["", "x" * 101, None, "\ud800"])
def test_a_client_needs_a_name(project: Project, cat: int, client: Any) -> None:
    with pytest.raises(InputError):
        operations.apply(project, client, [Op(1, "label", 1, cat)])


def test_a_class_deleted_in_another_tab(project: Project, cat: int, dog: int) -> None:
    """Hostile input 12: as it is stored."""
    operations.apply(project, "one", [Op(1, "label", 1, cat), Op(2, "label", 2, dog)])
    classes.delete_class(project, cat)
    assert now(project) == {2: str(dog)}
    assert [each.name for each in classes.classes(project)] == ["dog"]
    assert labels_now.snapshot(project).classes == ("dog",)
    with pytest.raises(InputError, match=r"does not exist any more\. Found: cat"):
        operations.apply(project, "two", [Op(1, "label", 3, cat)])
    assert len(labels_now.history(project)) == 2  # what was said stays in the history
    assert classes.add_class(project, "cat") != cat


@pytest.mark.parametrize("ours", ["desk.two", "other.two"])
@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ([("label", 2, 0)], 1),
        ([("skip", None, 0)], 1),
        ([("clear", None, 0), ("flag", None, None)], 2),  # as the page says "cannot tell" where it saw another answer
        ([("label", 2, 0), ("label", 3, 2)], 2),
    ],
)
def test_a_label_that_the_person_did_not_see_is_told_and_comes_back(
    project: Project, cat: int, dog: int, ours: str, given: list[tuple[Any, int | None, int | None]], rows: int
) -> None:
    """Hostile input 12: two tabs label one image before they hear of each other; nothing is overruled in silence."""
    assert (cat, dog, classes.add_class(project, "bird")) == (1, 2, 3)
    operations.apply(project, "desk.one", [Op(1, "label", 1, cat, was=0)])
    ops = [Op(n, kind, 1, class_id, was=was) for n, (kind, class_id, was) in enumerate(given, 1)]
    done = operations.apply(project, ours, [*ops, Op(9, "label", 2, dog, was=0)])
    assert {item: (each.before.kind, each.before.class_id, each.rows) for item, each in done.over.items()} == {
        1: ("label", cat, rows)
    }
    assert now(project)[2] == str(dog)
    operations.apply(project, ours, [Op(20 + n, "undo", 1) for n in range(rows)])
    assert now(project) == {1: str(cat), 2: str(dog)}
    assert operations.apply(project, ours, ops).over == {}, "stored already"


@pytest.mark.parametrize(
    "op",
    [
        Op(1, "label", 1, 1, was=0),  # the same
        Op(1, "label", 1, 2, was=1),  # seen
        Op(1, "label", 1, 2),  # an older page does not say what it saw
        Op(1, "flag", 1, was=0),  # the label stays
        Op(1, "label", 3, 2, was=0),  # of a class that is gone
        Op(1, "label", 4, 2, was=0),  # only skipped
        Op(1, "label", 5, 2, was=0),  # nothing
    ],
)
def test_what_was_seen_or_is_no_other_label_is_not_told(project: Project, cat: int, dog: int, op: Op) -> None:
    gone = classes.add_class(project, "gone")
    operations.apply(project, "a", [Op(1, "label", 1, cat), Op(2, "label", 3, gone), Op(3, "skip", 4)])
    classes.delete_class(project, gone)
    assert operations.apply(project, "b", [op]).over == {}


@pytest.mark.parametrize(
    "name", ["山田　太郎", "علی\u200cرضا", "Zoë\u00a0B.", "\U0001f468\u200d\U0001f33e", "", "x" * 200]
)
def test_whoever_labels_may_be_called_as_people_are(project: Project, cat: int, name: str) -> None:
    operations.apply(project, "tab", [Op(1, "label", 1, cat, annotator=name)])
    assert labels_now.history(project)[-1].annotator == name
    notes.write(project, 1, "dark", name)
    assert notes.history(project, 1)[-1].annotator == name


@pytest.mark.parametrize("name", ["a\nb", "a\x07", "\u202eab", "x" * 201, 5])
def test_what_nobody_is_called_is_refused(project: Project, cat: int, name: Any) -> None:
    with pytest.raises(InputError, match="name of the"):
        operations.apply(project, "tab", [Op(1, "label", 1, cat, annotator=name)])


@pytest.mark.parametrize("was", [-1, 1.5, "1", True, 2**53])
def test_what_was_seen_has_to_be_a_class(project: Project, cat: int, was: Any) -> None:
    with pytest.raises(InputError, match="was seen"):
        operations.apply(project, "tab", [Op(1, "label", 1, cat, was=was)])


def test_forty_thousand_at_once(tmp_path: Path) -> None:
    """Hostile input 13: more images in one step than SQLite takes variables."""
    project = flat_project(tmp_path, 1)
    add_items(project, 40_000)
    cat = classes.add_class(project, "cat")
    started = time.process_time()
    done = operations.apply(project, "tab", [Op(seq, "label", seq, cat) for seq in range(1, 40_002)])
    assert len(done.states) == 40_001
    assert classes.classes(project)[0].count == 40_001
    assert len(labels_now.snapshot(project).ids) == 40_001
    operations.apply(project, "tab", [Op(50_000, "undo")])
    assert time.process_time() - started < 20


def test_a_snapshot_separates_check_images(project: Project, cat: int, dog: int) -> None:
    chosen = Selection(np.array([1, 2, 3]), ("pick", "pick", "audit"), np.array([4]), "activeft")
    number = selections.save(project, chosen, None)
    ops = [Op(i, "label", i, cat if i % 2 else dog) for i in (1, 2, 3, 5)]
    operations.apply(project, "tab", [*ops, Op(9, "skip", 6)])
    everything = labels_now.snapshot(project)
    assert everything.ids.tolist() == [1, 2, 3, 5]
    assert everything.y.tolist() == [0, 1, 0, 0]
    assert everything.classes == ("cat", "dog")
    assert labels_now.snapshot(project, "pick").ids.tolist() == [1, 2, 5]  # also what was labeled on the map
    assert labels_now.snapshot(project, "audit").ids.tolist() == [3]
    assert labels_now.snapshot(project, "pick", number).ids.tolist() == [1, 2]
    assert labels_now.snapshot(project, "audit", number).ids.tolist() == [3]
    assert labels_now.snapshot(project, "audit", number + 1).ids.tolist() == []
    assert everything.ids.dtype == everything.y.dtype == np.int64


def test_a_check_image_stays_one_in_a_later_selection(project: Project, cat: int) -> None:
    selections.save(project, Selection(np.array([1, 2]), ("pick", "audit"), np.array([]), "activeft"), None)
    operations.apply(project, "tab", [Op(1, "label", 1, cat), Op(2, "label", 2, cat)])
    selections.save(project, Selection(np.array([3, 4]), ("pick", "audit"), np.array([]), "activeft"), None)
    operations.apply(project, "tab", [Op(3, "label", 3, cat), Op(4, "label", 4, cat)])
    assert labels_now.snapshot(project, "pick").ids.tolist() == [1, 3]
    assert labels_now.snapshot(project, "audit").ids.tolist() == [2, 4]


def test_two_threads_labeling_lose_nothing(project: Project, cat: int, dog: int) -> None:
    def work(client: str, class_id: int) -> None:
        for seq in range(40):
            operations.apply(project, client, [Op(seq, "label", 1 + seq % 6, class_id)])

    threads = [threading.Thread(target=work, args=each) for each in (("one", cat), ("two", dog))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(labels_now.history(project)) == 80


def test_kill_9_loses_no_acknowledged_label(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 1)
    add_items(project, 5000)
    cat = classes.add_class(project, "cat")
    code = (
        "import sys; from pathlib import Path; from fact_core.storage import project\n"
        "from fact_core.labeling import operations; from fact_core.labeling.history import Op\n"
        "p = project.open_project(Path(sys.argv[1]))\n"
        "for seq in range(1, 5000):\n"
        "    operations.apply(p, 'tab', [Op(seq, 'label', seq, int(sys.argv[2]))])\n"
        "    print(seq, flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(project.folder), str(cat)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(60):
        child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    rest, _ = child.communicate()
    said = int(rest.split()[-1]) if rest.split() else 60
    stored = {row.seq for row in labels_now.history(project)}
    assert set(range(1, said + 1)) <= stored
    assert len(stored) <= said + 1
    assert is_sound(project)
