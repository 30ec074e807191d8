"""What the program does before it is asked, and how it keeps the small answers quick meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.shell import ahead
from app.shell.server import Server
from fact_core.labeling import classes, operations
from fact_core.labeling.history import Op
from fact_core.storage import project as projects
from tests.storage_help import flat_project

#: Suggestions and doubts of four labels, as the page asks for them; then the names of what these had to load.
ASKED = """
import sys
import numpy as np
from app.shell import ahead
from fact_core.analysis.doubts import doubts
from fact_core.analysis.suggest import suggest
ahead.load()
before, x = set(sys.modules), np.eye(8, 4, dtype=np.float32) + np.eye(8, 4, -4, dtype=np.float32)
assert suggest(x, np.arange(4), np.array([0, 0, 1, 1])) is not None
assert doubts(x, np.array([0, 1, 0, 1] * 2)) is not None
print(*(each for each in set(sys.modules) - before if each.partition(".")[0] in ("sklearn", "scipy", "joblib")))
"""


def test_the_first_answers_load_nothing_that_was_not_loaded_ahead() -> None:
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stdout + done.stderr


def test_it_is_loaded_where_there_are_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = threading.Event()
    monkeypatch.setattr(ahead, "load", loaded.set)
    assert ahead.start() is None  # no project was ever opened
    project = flat_project(tmp_path, 2)
    projects.remember(project)
    assert ahead.start() is None
    known = classes.add_class(project, "cat")
    operations.apply(project, "test", [Op(1, "label", 1, known)])
    thread = ahead.start()
    assert thread is not None and thread.daemon
    assert loaded.wait(30)
    (project.folder / projects.DATABASE).unlink()
    assert ahead.start() is None  # what cannot be opened ends no start of the program


def test_of_slow_answers_one_at_a_time_is_worked_out(server: Server, tmp_path: Path) -> None:
    held = server.opened(server.open(flat_project(tmp_path, 1).folder))
    at_work, most, made = [0], [0], list[str]()
    both_ask = threading.Barrier(3, timeout=30)

    def make(name: str) -> str:
        at_work[0] += 1
        most[0] = max(most[0], at_work[0])
        threading.Event().wait(0.02)
        at_work[0] -= 1
        made.append(name)
        return name

    def ask(name: str) -> None:
        both_ask.wait()
        assert held.slowly(name, "stamp", lambda: make(name)) == name

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("finish", "suspects", "finish")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == [1] and sorted(made) == ["finish", "suspects"]  # who waited took what the other had made
    assert held.slowly("finish", "stamp", lambda: make("again")) == "finish"
    assert held.slowly("finish", "another stamp", lambda: make("again")) == "again"
    assert held.once("features", "stamp", lambda: held.slowly("finish", "another stamp", lambda: make("no"))) == "again"
    assert held.slowly("outer", "stamp", lambda: held.slowly("inner", "stamp", lambda: make("inner"))) == "inner"
