"""Check images by an import: they follow its labels, lose nothing that was chosen beside them, carry no promise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fact_core.exchange import import_labels
from fact_core.exchange.import_labels import Applied, Source
from fact_core.labeling import (
    by_hand,
    classes,
    finishing,
    kept_apart,
    labels_now,
    operations,
    selections,
    undo,
)
from fact_core.labeling.history import Op
from fact_core.storage import db, run_queue, schema
from fact_core.storage.project import Project
from fact_core.types import Selection
from fact_core.work.select import _joined
from tests.storage_help import flat_project

FILE = "file,label,split\n" + "".join(
    f"{number:03d}.png,{'cat' if number % 2 else 'dog'},{'test' if number % 2 else 'train'}\n" for number in range(3, 9)
)
DRAWN = [(1, "pick", ""), (2, "audit", ""), (3, "audit", "")]
NAMED = [(item, "audit", "import") for item in (4, 6, 8)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Twelve images: 1 is picked, 2 and 3 are check images, 11 and 12 come next; a model has answered all."""
    made = flat_project(tmp_path, images=12)
    for name in ("cat", "dog"):
        classes.add_class(made, name)
    chosen = Selection(np.array([1, 2, 3]), ("pick", "audit", "audit"), np.array([11, 12, 8]), "random", {"check": 2})
    selections.save(made, chosen, None)
    operations.apply(made, "desk.page", [Op(n, "label", n, 1) for n in (1, 2, 3)])
    run = run_queue.queue(made, "train", {})
    run_queue.claim(made, "test")
    run_queue.finish(made, run, "done", result={"ids": [1], "classes": ["cat", "dog"], "class_ids": [1, 2]})
    file = made.predictions_file(run)
    file.parent.mkdir(parents=True)
    sure = np.linspace(0.5, 0.95, 12, dtype=np.float32)
    strange = np.zeros(12, bool)
    np.savez(file, allow_pickle=False, ids=np.arange(1, 13), y=np.zeros(12, int), confidence=sure, strange=strange)
    return made


def imported(project: Project) -> Applied:
    found = import_labels.read(project, Source("file", FILE))
    return import_labels.commit(project, found, "desk.import-1", "mine", "split")


def order(project: Project) -> list[tuple[int, str, str]]:
    return [(entry.item, entry.role, entry.source) for entry in selections.queue(project)]


def audits(project: Project) -> list[int]:
    return [int(each) for each in labels_now.snapshot(project, "audit").ids]


def check_count(project: Project) -> object:
    latest = selections.latest(project)
    return latest and latest.config["check"]


def test_undoing_an_import_keeps_what_was_rejected_and_added_since(project: Project) -> None:
    done = imported(project)
    assert order(project) == [*DRAWN, *NAMED] and check_count(project) == 5
    latest = selections.latest(project)
    assert latest is not None and selections.reject(project, latest.id, 1) == 11
    assert by_hand.add(project, [10]).ids == (10,)
    import_labels.undo(project, done.batch, done.new_classes)
    assert order(project) == [(11, "pick", ""), (10, "pick", "by hand"), *DRAWN[1:]]
    assert selections.rejected(project).tolist() == [1] and check_count(project) == 2
    found = selections.latest(project)
    assert found is not None and found.selection.next_best.tolist() == [12, 8], "it is a candidate again"


def test_undoing_an_import_keeps_check_images_that_were_drawn_since(project: Project) -> None:
    done = imported(project)
    kept = selections.latest(project)
    assert kept is not None
    drawn = Selection(np.array([9]), ("audit",), kept.selection.next_best, "random", {**kept.config, "check": 6})
    selections.save(project, _joined(kept.selection, drawn), None, extends=True)
    operations.apply(project, "desk.page", [Op(4, "label", 9, 1)])
    assert audits(project) == [2, 3, 4, 6, 8, 9]
    import_labels.undo(project, done.batch, done.new_classes)
    assert audits(project) == [2, 3, 9] and labels_now.snapshot(project, "pick").ids.tolist() == [1]
    assert order(project) == [*DRAWN, (9, "audit", "")] and check_count(project) == 3


@pytest.mark.parametrize("way", ["button", "keys"])
def test_done_again_they_are_check_images_again(project: Project, way: str) -> None:
    """Or what a file calls test would be learned from."""
    done = imported(project)
    (step, *_) = undo.steps(project, "desk.page").undo
    items = [each.item for each in step]
    assert items == [4, 5, 6, 7, 8, 9]
    if way == "keys":
        operations.apply(project, "desk.page", [Op(10 + n, "undo", item) for n, item in enumerate(items)])
    else:
        import_labels.undo(project, done.batch, done.new_classes)
    assert order(project) == DRAWN and audits(project) == [2, 3] and check_count(project) == 2
    assert selections.latest(project).id == 1  # type: ignore[union-attr]  # nothing else was in the import's own
    operations.apply(project, "desk.page", [Op(20 + n, "redo", item) for n, item in enumerate(items)])
    assert audits(project) == [2, 3, 4, 6, 8] and labels_now.snapshot(project, "pick").ids.tolist() == [1, 5, 7, 9]
    assert sorted(order(project)) == sorted([*DRAWN, *NAMED]) and check_count(project) == 5


def test_an_answer_given_since_stays_with_the_check_image(project: Project) -> None:
    done = imported(project)
    operations.apply(project, "other.page", [Op(1, "label", 4, 1)])
    import_labels.undo(project, done.batch, done.new_classes)
    assert audits(project) == [2, 3, 4] and order(project) == [*DRAWN, NAMED[0]]


def test_no_promise_rests_on_what_nobody_has_drawn(project: Project) -> None:
    run = run_queue.list_runs(project, "train")[0]
    assert len(finishing.gather(project, run).check_right) == 2
    imported(project)
    found = finishing.gather(project, run)
    assert (len(found.check_right), found.imported) == (2, 3)
    assert len(found.gone) == 6, "what the file labels was taken out of what is open, and nobody has drawn it"


def test_what_was_drawn_stays_drawn(project: Project) -> None:
    """A file names an image that is a check image already: its label is the file's, its place stays."""
    operations.apply(project, "desk.page", [Op(4, "clear", 3)])
    text = "file,label,split\n002.png,cat,test\n003.png,cat,test\n"
    found = import_labels.read(project, Source("file", text))
    done = import_labels.commit(project, found, "desk.import-1", "mine", "split")
    assert order(project) == [*DRAWN, NAMED[0]] and check_count(project) == 3
    assert len(finishing.gather(project, run_queue.list_runs(project, "train")[0]).check_right) == 2
    import_labels.undo(project, done.batch, done.new_classes)
    assert order(project) == DRAWN


def test_more_check_images_leave_a_pick_known_as_added_by_hand(project: Project) -> None:
    by_hand.add(project, [10])
    kept = selections.latest(project)
    assert kept is not None
    drawn = Selection(np.array([9]), ("audit",), kept.selection.next_best, "random", {**kept.config, "check": 3})
    selections.save(project, _joined(kept.selection, drawn), None, extends=True)
    assert (10, "pick", "by hand") in order(project)


def test_projects_of_before_know_which_came_by_an_import(tmp_path: Path) -> None:
    """One selection by an import, and one that added a drawn check image to it and has its options."""
    place = next(n for n, script in enumerate(schema.MIGRATIONS) if "CREATE TABLE kept_apart" in script)
    file = tmp_path / "project.sqlite"
    item = "INSERT INTO item (id, path, digest, width, height, format, bytes, mtime_ns, status) VALUES "
    with db.connect(file, schema.MIGRATIONS[:place], create=True) as con:
        con.execute(item + ", ".join(f"({n}, '{n}.png', '{n}', 1, 1, 'PNG', 1, 1, 'ok')" for n in range(1, 5)))
        for number, config in enumerate(('{"check": 1}', '{"import": "x.import-1"}', '{"import": "x.import-1"}'), 1):
            run = 1 if number < 3 else 2
            if number != 2:
                con.table("run").insert({"id": run, "kind": "select", "config": "{}", "status": "done", "created": 0})
            row = {"id": number, "run": run, "strategy": "random", "config": config, "seconds": 0, "created": 0}
            con.table("selection").insert(row)
            for image in range(1, number + 1):
                pick = {"selection": number, "item": image, "role": "audit", "rank": image, "state": "chosen"}
                con.table("pick").insert(pick)
    with db.connect(file) as con:
        assert kept_apart.not_drawn(con) == {2}
        rows = con.execute("SELECT selection, item FROM pick WHERE source = 'import' ORDER BY selection").fetchall()
        assert [tuple(row) for row in rows] == [(2, 2), (3, 2)]
