"""Kills of the real server and the real worker: the bench's short form, and what it counts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.bench import crash, crash_check, crash_command
from app.bench.crash_round import FEW
from app.shell.server import Server
from fact_core.errors import InputError, RunError
from fact_core.generators import finish
from fact_core.headless.console import Console
from fact_core.labeling import classes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue, worker_lock
from fact_core.storage import project as projects


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.timeout(900)
def test_kills_of_server_and_worker_lose_nothing(tmp_path: Path) -> None:
    """Hostile input 11: kill -9 of the server and of the child from scan to export, while labeling."""
    images = crash.paint_classes(tmp_path / "images")
    row = finish(crash.one_round(crash.BRIEF_PARTS[0], 0, tmp_path, images), Console(sys.stderr).show)
    assert row is not None
    assert row["server"] + row["worker"] >= 8
    assert row["labels"] > 0 and row["trainings"] == 1
    assert crash.failures(row) == 0, row


@pytest.mark.slow
@pytest.mark.weights
def test_a_training_goes_on_when_the_page_and_the_server_are_closed(ready_workers: None, tmp_path: Path) -> None:
    """Hostile input 15: page closed during training. Nobody asks for anything until the training has ended."""
    made = projects.create(tmp_path / "project", crash.paint_classes(tmp_path / "images"))
    server = Server()
    key = server.open(made.folder)
    assert ended(made, server.start(key, "scan", {})).status == "done"
    chosen = server.start(key, "select", {"budget": "9", "strategy": "random", "device": "cpu"})
    assert ended(made, chosen).status == "done"
    rows = items.get_many(made, [entry.item for entry in selections.queue(made)])
    ids = classes.ensure_classes(made, sorted(crash.CLASSES))
    ops = [Op(n, "label", row.id, ids[row.path.partition("/")[0]]) for n, row in enumerate(rows, start=1)]
    operations.apply(made, "test", ops)
    run = server.start(key, "train", {"preset": "quick", "device": "cpu", **FEW})
    child = server.opened(key).keeper
    server.close()
    assert ended(made, run).status == "done"
    again = Server()
    assert run_queue.get(again.project(again.open(made.folder)), run).result["labels"] == 9
    again._let_go(key)  # ends the child of the first one too
    assert worker_lock.present(made) is None
    child.end()


def ended(made: projects.Project, run_id: int) -> run_queue.Run:
    """The run once it has ended, seen in the database alone."""
    until = time.monotonic() + 240
    while (run := run_queue.get(made, run_id)).open and time.monotonic() < until:
        time.sleep(0.2)
    return run


def test_what_counts_as_lost_and_reordered() -> None:
    given = [(1, 7, 1), (2, 8, 1), (3, 9, 2)]
    assert crash_check.lost_and_reordered(given, given) == (0, 0)
    assert crash_check.lost_and_reordered(given, [*given, (4, 7, 1)]) == (0, 0)  # stored, and the answer did not arrive
    assert crash_check.lost_and_reordered(given, given[:2]) == (1, 0)
    assert crash_check.lost_and_reordered(given, [(1, 7, 1), (3, 9, 2), (2, 8, 1)]) == (0, 1)
    assert crash_check.lost_and_reordered(given, [(1, 7, 1), (2, 8, 2), (3, 9, 2)]) == (1, 0)  # another class
    assert crash_check.lost_and_reordered(given, [(1, 7, 1), (2, 8, 1), (2, 8, 1), (3, 9, 2)]) == (0, 1)  # twice


def test_halves_of_files_are_seen(tmp_path: Path) -> None:
    for name in ("runs/1/.model.new", ".export.ab.part/x", "cache/maps/a.npy", "predictions.new.npz", "new"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [Path(each).name for each in crash_check.halves(tmp_path)]
    assert found == [".export.ab.part", "predictions.new.npz", ".model.new"]


def test_rounds_are_added_up() -> None:
    one = {"part": "page", "rounds": 1, "server": 4, "lost": 0, "minutes": 1.26, "device": "d"}
    both = crash.added(crash.added({}, one), {**one, "server": 3, "hung": 1})
    assert both == {"part": "page", "rounds": 2, "server": 7, "lost": 0, "minutes": 2.6, "device": "d", "hung": 1}


@pytest.mark.parametrize(
    "text", ["no json", '{"part": "page"}', "[3]", '[{"part": "page"}]', '[{"part": 1, "rounds": "x"}]']
)
def test_a_file_that_holds_no_figures_is_refused_in_words(tmp_path: Path, text: str) -> None:
    file = tmp_path / "notes.json"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"no figures of this bench.*notes\.json"):
        crash._stored(file)


def test_figures_go_on_where_they_stopped(tmp_path: Path) -> None:
    file = tmp_path / "crash.json"
    assert crash._stored(file) == crash._stored(None) == {}
    rows = [{"part": "page", "rounds": 3, "lost": 0}, {"part": "launch.py run", "rounds": 1}]
    file.write_text(json.dumps(rows), "utf-8")
    assert list(crash._stored(file).values()) == rows


def test_a_command_that_does_not_leave_is_killed_and_counts_as_no_end(tmp_path: Path) -> None:
    (tmp_path / "said.txt").write_text("still training")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        with pytest.raises(RunError, match=r"does not leave.*still training"):
            crash_command._code(process, 0.2, "The command does not leave", tmp_path)
    assert process.returncode == -signal.SIGKILL
    assert crash.failures({"hung": 1}) == 1


def test_a_row_fails_by_what_must_not_be() -> None:
    good = {"labels": 9, "lost": 0, "reordered": 0, "other_weights": 0, "damaged": 0, "halves": 0}
    assert crash.failures(good) == 0
    for key in ("lost", "reordered", "other_weights", "damaged", "halves", "twice", "hung"):
        assert crash.failures({**good, key: 1}) == 1
