"""Rounds to a goal by the command line: they end with the folder's list, and the same command does nothing twice."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from fact_core.cli import main
from fact_core.errors import ConfigError
from fact_core.headless.console import Console
from fact_core.headless.rounds import Ended, accept_best, parse_goal, parse_own
from fact_core.labeling import acceptances, labels_now, operations, other_class, selections
from fact_core.labeling.history import Op
from fact_core.storage import project as projects
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from tests.conftest import MakeImages, Run
from tests.labeling.test_acceptances import answer, look, project

__all__ = ["project"]  # a fixture


@pytest.mark.parametrize(("text", "share"), [("98%", 0.98), ("0.98", 0.98), (" 99.5 %", 0.995), ("50%", 0.5)])
def test_a_goal_is_a_share(text: str, share: float) -> None:
    assert parse_goal(text) == share


@pytest.mark.parametrize("text", ["", "98", "100%", "0.3", "much", "nan", "inf%"])
def test_what_is_no_goal(text: str) -> None:
    with pytest.raises(ConfigError, match="from 50% to"):
        parse_goal(text)


def test_a_class_may_have_a_goal_of_its_own() -> None:
    assert parse_own(["rose=99%", "a=b=0.98"], 0.9) == {"rose": 0.99, "a=b": 0.98}
    for texts in (["rose"], ["=99%"], ["rose=99%", "rose=98%"], ["rose=80%"], ["rose=much"]):
        with pytest.raises(ConfigError, match=r"--goal-of|lower than the goal of all"):
            parse_own(texts, 0.9)


def test_a_goal_that_no_check_image_could_carry_is_told_before_work(
    tmp_path: Path, make_images: MakeImages, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["run", "--images", str(make_images(tmp_path / "images", each=2)), "--budget", "2", "--goal", "98%"]
    assert main([*given, "--labels-from", "folders", "--project", str(tmp_path / "project"), "--check", "30"]) == 2
    told = capsys.readouterr().err
    assert "98.0% takes more check images" in told and "183 are needed" in told
    assert not (tmp_path / "project").exists()


def test_what_the_best_look_lets_through_is_accepted(project: Project) -> None:
    """The last look pays for all before it and may let nothing through: what an earlier one does holds all the same."""
    run, said = answer(project), io.StringIO()
    chosen = selections.latest(project)
    assert chosen is not None
    few, most, none = look(project, 0.9), look(project, 0.7, 0.91, 0.02), look(project, None, 0.92, 0.01)
    done = [Ended(chosen, run, [], each) for each in (few, most, none)]
    assert accept_best(project, [done[2]], Console(said)) == 0 and not acceptances.now(project)
    assert accept_best(project, done, Console(said)) == 2
    assert sorted(acceptances.now(project)) == [5, 6, 9, 10]
    assert "Accepted is what round 2 lets through, 4 images" in said.getvalue()
    operations.apply(project, "desk", [Op(4, "label", 9, 1), Op(5, "label", 10, 1)])  # of a later round
    assert accept_best(project, done, Console(said)) == 2 and sorted(acceptances.now(project)) == [5, 6]
    assert accept_best(project, [done[1], done[0]], Console(said)) == 2  # as many: the newest


@pytest.mark.slow
def test_rounds_end_with_a_finished_folder_and_nothing_is_done_twice(
    tmp_path: Path, make_images: MakeImages, cli: Run, cli_here: Run, small_network: str
) -> None:
    """Eight check images carry 60 %; the second round adds to the first what its model is unsure of."""
    images = make_images(tmp_path / "images", ("red", "green", "blue"), each=10)
    given: list[object] = ["run", "--images", images, "--project", tmp_path / "project", "--labels-from", "folders"]
    given += ["--budget", "4", "--check", "8", "--goal", "60%", "--rounds", "2", "--recipe", "lm", "--preset", "quick"]
    given += ["--lm-steps", "4", "--lm-views", "1", "--device", "cpu", "--json", tmp_path / "out.json"]
    given += ["--backbone", small_network]
    wrong = cli_here(*given, "--other-class", "blu")
    assert wrong.returncode == 2 and "no class of the labels" in wrong.stderr and "blue, green, red" in wrong.stderr
    given += ["--other-class", "blue"]
    first = cli_here(*given)
    assert first.returncode == 0, first.stderr
    goal = _goal(tmp_path)
    assert 1 <= len(goal["rounds"]) <= 2 and goal["rounds"][0]["labels"] == 4 and goal["rounds"][0]["checks"] <= 8
    assert sum(goal["images"].values()) == 30 and "so that 60.0% of them are right" in first.stdout
    rows = list(csv.DictReader(Path(goal["finished"]).read_text("utf-8-sig").splitlines()))
    assert len(rows) == 30 and sum(row["source"] == "accepted" for row in rows) == goal["images"]["accepted"]
    assert sum(row["source"] == "person" for row in rows) == goal["images"]["person"]
    found = projects.open_project(tmp_path / "project")
    assert other_class.name_of(found) == "blue"
    trained, labels = len(run_queue.list_runs(found, "train")), len(labels_now.history(found))
    looks = acceptances.looks(found)
    assert trained == len(looks) == len(goal["rounds"])
    again = cli(*given)  # in another process, which knows nothing of the first
    assert again.returncode == 0, again.stderr
    assert _goal(tmp_path) == goal and acceptances.looks(found) == looks
    assert len(run_queue.list_runs(found, "train")) == trained and len(labels_now.history(found)) == labels
    own = cli_here(*given, "--check", "16", "--goal-of", "rd=70%")
    assert own.returncode == 2 and "No label is called 'rd'" in own.stderr, own.stderr
    own = cli_here(
        *given, "--check", "16", "--goal-of", "red=65%"
    )  # fewer than needed are taken for red: nothing is lost
    assert own.returncode == 0 and "nothing is accepted as “red” at 65.0%: of " in own.stderr, own.stderr
    told = _goal(tmp_path)["rounds"][-1]["classes"]
    assert [(each["class"], each["goal"], each["threshold"]) for each in told] == [("red", 0.65, None)]
    rows = list(csv.DictReader(Path(goal["finished"]).read_text("utf-8-sig").splitlines()))
    assert not any(row["source"] == "accepted" and row["label"] == "red" for row in rows)


def _goal(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "out.json").read_text())["goal"])
