"""Several who make the same new project at one moment: real processes, and threads of one."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from fact_core.errors import ProjectError
from fact_core.storage import project

ALREADY = "There is a project in this folder already"
# Each waits for the moment of a round, so that all begin at once.
MAKER = """
import sys, time
from pathlib import Path
from fact_core.errors import FactError
from fact_core.storage import project
folder, images, me, rounds, start = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]
for number in range(rounds):
    while time.time() < float(start) + number * 0.15:
        pass
    try:
        print(project.create(folder / str(number), images, me).id, flush=True)
    except FactError as error:
        print("refused", error.what, flush=True)
"""


def _check(folder: Path, answers: list[str]) -> None:
    """One has made it, the others are told, and what lies there is the winner's."""
    made = [each for each in answers if not each.startswith("refused")]
    assert len(made) == 1, answers
    assert answers.count(f"refused {ALREADY}") == len(answers) - 1, answers
    assert project.open_project(folder).id == made[0]
    assert {each.name for each in folder.iterdir()} <= {"project.sqlite", "project.sqlite-wal", "project.sqlite-shm"}


@pytest.mark.slow
def test_of_several_processes_one_makes_the_project(tmp_path: Path) -> None:
    """Nothing of the winner is deleted, and the others hear that there is a project."""
    images = tmp_path / "images"
    images.mkdir()
    rounds, start = 20, time.time() + 4
    line = [sys.executable, "-c", MAKER, str(tmp_path), str(images)]
    makers = [
        subprocess.Popen([*line, str(me), str(rounds), repr(start)], stdout=subprocess.PIPE, text=True)
        for me in range(3)
    ]
    said = [maker.communicate(timeout=120)[0].splitlines() for maker in makers]
    assert all(len(each) == rounds for each in said)
    for number in range(rounds):
        _check(tmp_path / str(number), [each[number] for each in said])


def test_who_comes_after_the_winner_has_gone_leaves_no_lock_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked before there was a project, and locks when there is one."""
    images = tmp_path / "images"
    images.mkdir()
    take = project.take_lock

    def late(path: Path) -> object:
        with monkeypatch.context() as patch:
            patch.setattr(project, "take_lock", take)
            project.create(tmp_path / "made", images)
        return take(path)

    monkeypatch.setattr(project, "take_lock", late)
    with pytest.raises(ProjectError, match=ALREADY):
        project.create(tmp_path / "made", images)
    assert [each.name for each in (tmp_path / "made").iterdir()] == ["project.sqlite"]


def test_of_several_threads_one_makes_the_project(tmp_path: Path) -> None:
    """The same where two windows ask one server."""
    images = tmp_path / "images"
    images.mkdir()
    for number in range(20):
        folder, together = tmp_path / str(number), Barrier(4)

        def make(_: int, folder: Path = folder, together: Barrier = together) -> str:
            together.wait()
            try:
                return project.create(folder, images).id
            except ProjectError as error:
                return f"refused {error.what}"

        with ThreadPoolExecutor(4) as pool:
            _check(folder, list(pool.map(make, range(4))))


def test_what_a_killed_one_has_left_is_taken_away(tmp_path: Path) -> None:
    """A half-made file and its lock file hold nobody up."""
    images, folder = tmp_path / "images", tmp_path / "p"
    images.mkdir()
    folder.mkdir()
    for name in ("project.sqlite.new", "project.sqlite.new-journal", "project.sqlite.making"):
        (folder / name).write_bytes(b"half")
    made = project.create(folder, images)
    assert project.open_project(folder) == made
    assert not list(folder.glob("project.sqlite.*"))


def test_a_project_is_not_made_while_another_makes_it(tmp_path: Path) -> None:
    """The one that comes second deletes nothing of the first, and says what there is."""
    images, folder = tmp_path / "images", tmp_path / "p"
    images.mkdir()
    folder.mkdir()
    (folder / "project.sqlite.new").write_bytes(b"of the first")
    held = project.take_lock(folder / "project.sqlite.making")
    assert held is not None
    with held, pytest.raises(ProjectError, match=ALREADY):
        project.create(folder, images)
    assert (folder / "project.sqlite.new").read_bytes() == b"of the first"
