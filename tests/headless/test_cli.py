"""The command line's contract, with real runs on tiny images."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fact_core import cli
from fact_core.bench import BENCHES, tables
from fact_core.choices import RECIPES
from fact_core.events import Point, Progress
from fact_core.folders import data_folder
from fact_core.headless import doctor
from fact_core.headless.console import Console, point_line, progress_line
from fact_core.labeling import classes, labels_now, selections
from fact_core.storage import project, run_queue
from tests.conftest import MakeImages, Run

QUICK = (
    "--preset",
    "quick",
    "--device",
    "cpu",
    "--st-steps",
    "6",
    "--lm-steps",
    "4",
    "--lm-views",
    "1",
    "--ff-pixels",
    "32",
)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, make_images: MakeImages) -> Path:
    return make_images(tmp_path_factory.mktemp("photos") / "pool", ("red", "green", "blue"), each=8)


class Done:
    """One whole way that the tests below look at."""

    def __init__(self, folder: Path, images: Path, tests: Path) -> None:
        self.project, self.export, self.json = folder / "project", folder / "model", folder / "result.json"
        self.images = images
        self.env = {**os.environ, "FACT_STUDIO_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
        self.given: tuple[object, ...] = ("--recipe", "fact", "--ff-steps", "2", "--budget", "9", "--json", self.json)
        self.given += ("--test-images", tests, "--export", self.export, "--odd-images")
        self.run = self.start(*self.given)

    def words(self, *arguments: object) -> list[str]:
        given = ("--images", self.images, "--project", self.project, "--labels-from", "folders", *QUICK, *arguments)
        return ["run", *map(str, given)]

    def start(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "fact_core.cli", *self.words(*arguments)]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=280)

    @property
    def result(self) -> dict[str, Any]:
        return dict(json.loads(self.json.read_text()))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, photos: Path, make_images: MakeImages) -> Done:
    folder = tmp_path_factory.mktemp("way")
    tests = make_images(folder / "tests", ("red", "green", "blue"), each=2)
    way = Done(folder, photos, tests)
    assert way.run.returncode == 0, way.run.stderr
    return way


@pytest.mark.slow
@pytest.mark.weights
def test_json_holds_what_scripts_rely_on(done: Done) -> None:
    result = done.result
    assert result["budget"] == 9 and result["labels"] == 9
    assert set(result["classes"]) <= {"red", "green", "blue"}
    assert result["selection"]["strategy"] == "activeft" and result["selection"]["seconds"] > 0
    assert len(set(result["selection"]["ids"])) == 9
    assert result["features"]["seconds"] > 0 and result["features"]["images_per_s"] > 0
    assert [each["name"] for each in result["phases"]] == ["lp", "ff", "lm"]
    for phase in result["phases"]:
        assert {"seconds", "epochs", "train_loss", "train_accuracy"} <= set(phase)
        assert 0 <= phase["train_accuracy"] <= 1
    accuracy = result["accuracy"]
    assert set(accuracy["per_phase"]) == {"lp", "ff", "lm"}
    assert accuracy["pool_rest"] == accuracy["per_phase"]["lm"]
    assert accuracy["pool_rest_n"] == 24 - 9
    assert 0 <= accuracy["test"] <= 1
    assert accuracy["pool_rest"] > 0.6  # colours are easy
    assert result["self_training_images"] == 0  # the effort quick has none
    assert result["seconds_total"] > 0 and result["seed"] == 0 and result["device"].startswith("CPU")
    assert {"python", "torch", "timm", "fact_studio"} <= set(result["versions"])
    assert list(result["odd"]) == ["unlike", "blurred", "dark", "bright", "tiny", "twin"]


@pytest.mark.slow
@pytest.mark.weights
def test_stdout_has_the_summary_and_stderr_the_progress(done: Done) -> None:
    assert "accuracy on the 15 other images of the pool" in done.run.stdout
    assert ("odd image" in done.run.stdout) == any(done.result["odd"].values())
    assert "phase 2 of 3: ff" in done.run.stderr
    assert "Traceback" not in done.run.stderr


@pytest.mark.slow
@pytest.mark.weights
def test_the_project_has_the_runs_and_only_bought_labels(done: Done) -> None:
    found = project.open_project(done.project)
    assert len(labels_now.states(found)) == 9
    assert {row.source for row in labels_now.history(found)} == {"folders"}
    first = [run for run in run_queue.list_runs(found) if run.id <= done.result["run"] + 3]
    assert {run.kind for run in first} >= {"scan", "features", "select", "train", "predict", "export"}
    assert all(run.status == "done" for run in first)


@pytest.mark.slow
@pytest.mark.weights
def test_the_export_classifies_other_images(done: Done, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    command = [sys.executable, str(done.export / "predict.py"), str(photos / "red"), "--out", str(out)]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    with out.open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert {row["label"] for row in rows} <= set(done.result["classes"])
    assert sum(row["label"] == "red" for row in rows) >= 5


@pytest.mark.slow
@pytest.mark.weights
def test_the_same_command_again_trains_and_exports_nothing_twice(done: Done) -> None:
    first, written = done.result, (done.export / "model.onnx").stat().st_mtime_ns
    before = len(run_queue.list_runs(project.open_project(done.project), "train"))
    again = done.start(*done.given)
    assert again.returncode == 0, again.stderr
    assert "phase" not in again.stderr and "writing model" not in again.stderr
    assert {**done.result, "seconds_total": 0, "features": 0} == {**first, "seconds_total": 0, "features": 0}
    found = project.open_project(done.project)
    assert len(run_queue.list_runs(found, "train")) == before
    assert (done.export / "model.onnx").stat().st_mtime_ns == written
    other = done.start(*done.given, "--seed", "3")
    assert other.returncode == 2 and "not empty" in other.stderr  # known before hours of work
    assert len(run_queue.list_runs(found, "train")) == before


@pytest.mark.slow
@pytest.mark.weights
def test_a_second_run_reuses_features_and_selection(done: Done, tmp_path: Path, cli_here: Run) -> None:
    first = done.result
    again = cli_here(*done.words("--recipe", "lp", "--budget", "9", "--json", tmp_path / "again.json"))
    assert again.returncode == 0, again.stderr
    second = json.loads((tmp_path / "again.json").read_text())
    assert second["features"]["n_new"] == 0
    assert second["selection"]["ids"] == first["selection"]["ids"]
    assert second["run"] > first["run"]
    assert set(second["accuracy"]["per_phase"]) == {"lp"}
    assert second["accuracy"]["test"] is None


@pytest.mark.slow
@pytest.mark.weights
def test_another_seed_is_not_swayed_by_earlier_labels(done: Done, tmp_path: Path, cli_here: Run) -> None:
    """The same command gives the same number of labels in a used project as in a new one."""
    file = tmp_path / "other.json"
    given = ("--recipe", "lp", "--budget", "25%", "--strategy", "random", "--seed", "1", "--json", file)
    other = cli_here(*done.words(*given))
    assert other.returncode == 0, other.stderr
    result = json.loads(file.read_text())
    assert result["budget"] == result["labels"] == 6
    assert result["accuracy"]["pool_rest_n"] == 24 - 6
    latest = selections.latest(project.open_project(done.project))
    assert latest is not None and len(latest.selection.ids) == 6


@pytest.mark.slow
def test_ctrl_c_stops_and_the_same_command_goes_on(
    photos: Path, tmp_path: Path, small_network: str, cli_here: Run
) -> None:
    steps = ("--recipe", "lp-ft", "--ff-steps", "400", "--ff-batch", "4", "--budget", "6", "--strategy", "random")
    steps += ("--backbone", small_network)
    given = ("--images", photos, "--project", tmp_path / "p", "--labels-from", "folders", *QUICK, *steps)
    command = [sys.executable, "-m", "fact_core.cli", "run", *map(str, given)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    # Where the tests run in the background Ctrl+C is ignored, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as first:
        signal.signal(signal.SIGINT, before)
        said = ""
        assert first.stderr is not None
        for line in first.stderr:
            said += line
            if line.startswith("phase 2 of 2"):
                first.send_signal(signal.SIGINT)
                break
        said += first.stderr.read()
    assert first.returncode == 130, said
    assert "the same command goes on" in said and "Traceback" not in said
    found = project.open_project(tmp_path / "p")
    (stopped,) = run_queue.list_runs(found, "train")
    assert stopped.status == "stopped"
    assert run_queue.active(found) is None
    second = cli_here("run", *given)
    assert second.returncode == 0, second.stderr
    (resumed,) = run_queue.list_runs(found, "train")
    assert resumed.id == stopped.id and resumed.status == "done"
    assert "phase 1 of 2" not in second.stderr  # it was done already


def _refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What the command line says about something that cannot be used: one line, exit code 2, no traceback."""
    assert cli.main(["run", *map(str, arguments)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith("error: ")
    assert not any("Traceback" in line for line in said)
    return said[-1]


def _with(photos: Path, tmp_path: Path, **changed: object) -> list[object]:
    given: dict[str, object] = {"images": photos, "project": tmp_path / "p", "budget": 4, "labels-from": "folders"}
    given |= {name.replace("_", "-"): value for name, value in changed.items()}
    return [word for name, value in given.items() for word in (f"--{name}", value)]


def test_a_path_that_does_not_exist(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such image folder" in _refused(capsys, *_with(photos, tmp_path, images=tmp_path / "nowhere"))
    assert "no such file with labels" in _refused(capsys, *_with(photos, tmp_path, labels_from=tmp_path / "no.csv"))
    assert "no such folder" in _refused(capsys, *_with(photos, tmp_path, test_images=tmp_path / "nowhere"))
    assert not (tmp_path / "p").exists()


def test_values_outside_their_limits(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "'fcat'" in _refused(capsys, *_with(photos, tmp_path, recipe="fcat"))
    assert "activeft" in _refused(capsys, *_with(photos, tmp_path, strategy="best"))
    assert "between 0 and" in _refused(capsys, *_with(photos, tmp_path, seed=-1))
    assert "must be a whole number. You gave 'x'" in _refused(capsys, *_with(photos, tmp_path, seed="x"))
    assert "--budget" in _refused(capsys, "--images", photos, "--labels-from", "folders")


def test_all_that_is_wrong_with_a_call_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--ff-steps", "abc", "--lp-C", "-1", "--preset", "quik", "--st-stepz", "5", "--budget", "5")
    told = _refused(capsys, *given, "--amp", "maybe", "--labels-from", "folders", "--images", "x")
    for part in (
        "--ff-steps: Steps must be a whole number. You gave 'abc'",
        "--lp-C: Probe C must be between 0.0001 and 1,000,000. You gave -1",
        "--preset: invalid choice: 'quik'",
        "--amp: 'maybe' is neither true nor false",
        "--st-stepz",
        "See launch.py run --help.",
    ):
        assert part in told
    told = _refused(capsys, "--ff-batch", 0, "--images", "x")
    assert "between 1 and 4,096" in told and "--budget, --labels-from" in told


def test_a_view_that_the_effort_does_not_have(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = _refused(capsys, *_with(photos, tmp_path, preset="paper", view="whole"))
    assert "The effort Paper has the view crop" in told and "You gave whole" in told
    assert "'fisheye'" in _refused(capsys, *_with(photos, tmp_path, view="fisheye"))
    assert not (tmp_path / "p").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_view_stays_with_the_project_and_another_one_trains_anew(
    photos: Path, tmp_path: Path, cli_here: Run, small_network: str
) -> None:
    def told(*more: object) -> dict[str, Any]:
        given = _with(photos, tmp_path, recipe="lp", preset="quick", device="cpu", budget=6, backbone=small_network)
        done = cli_here("run", *given, "--json", tmp_path / "told.json", *more)
        assert done.returncode == 0, done.stderr
        return dict(json.loads((tmp_path / "told.json").read_text()))

    first, same, other = told("--view", "whole", "--export", tmp_path / "model"), told(), told("--view", "crop")
    assert [each["view"] for each in (first, same, other)] == ["whole", "whole", "crop"]
    assert first["run"] == same["run"] != other["run"] and same["features"]["n_new"] == 0
    assert other["features"]["n_new"] == first["features"]["n_new"] == 24
    assert json.loads((tmp_path / "model" / "config.json").read_text())["view"] == "whole"
    command = [sys.executable, tmp_path / "model" / "predict.py", photos]
    answered = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert answered.returncode == 0 and answered.stdout.count("\n") == 25


def test_an_export_folder_that_is_not_empty(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "not empty" in _refused(capsys, *_with(photos, tmp_path, export=photos))


def test_a_project_of_other_images(
    photos: Path, tmp_path: Path, make_images: MakeImages, capsys: pytest.CaptureFixture[str]
) -> None:
    project.create(tmp_path / "p", make_images(tmp_path / "others", each=1))
    assert "about other images" in _refused(capsys, *_with(photos, tmp_path))


def test_a_project_that_is_open_elsewhere(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with project.lock(project.create(tmp_path / "p", photos)):
        assert f"process {os.getpid()}" in _refused(capsys, *_with(photos, tmp_path))


def test_the_traceback_is_in_the_log(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _refused(capsys, *_with(photos, tmp_path, images=tmp_path / "nowhere"))
    assert "Traceback" in (data_folder() / "log.txt").read_text()


@pytest.mark.slow
def test_bad_input_that_only_the_scan_can_see(photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Hostile input 14: an empty folder, a wrong budget, unknown files in the CSV: before any feature is computed."""
    (tmp_path / "empty").mkdir()
    assert "no images" in _refused(capfd, *_with(photos, tmp_path, images=tmp_path / "empty", project=tmp_path / "e"))
    for budget, said in (
        ("0", "at least 1"),
        ("25", "larger than the pool"),
        ("110%", "larger"),
        ("x", "not a number"),
    ):
        assert said in _refused(capfd, *_with(photos, tmp_path, budget=budget))
    table = tmp_path / "labels.csv"
    table.write_text("file_name,label\nred/000.png,warm\nred/9.png,warm\n")
    assert "Row 3" in _refused(capfd, *_with(photos, tmp_path, labels_from=table))
    table.write_text("photo,answer\nred/000.png,warm\n")
    assert "file_name" in _refused(capfd, *_with(photos, tmp_path, labels_from=table))
    found = project.open_project(tmp_path / "p")
    assert labels_now.states(found) == {} and classes.classes(found) == []
    assert {run.kind for run in run_queue.list_runs(found)} == {"scan"}


@pytest.mark.slow
def test_cuda_without_a_gpu_is_an_error_before_work(
    photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hostile input 15: no GPU."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "No GPU can be used" in _refused(capfd, *_with(photos, tmp_path, device="cuda"))


def test_an_unknown_bench_lists_the_known(cli: Run) -> None:
    ended = cli("bench", "nothing")
    assert ended.returncode == 2
    assert ended.stderr == f"error: There is no bench called 'nothing'. Known: {', '.join(BENCHES)}.\n"
    assert {"features", "selection", "strategies", "tables"} <= set(BENCHES)


@pytest.mark.slow
def test_doctor_says_what_is_here(cli: Run) -> None:
    ended = cli("doctor")
    assert ended.returncode == 0, ended.stdout
    for word in ("Python 3.", "torch ", "GPU:", "tf_efficientnet_lite0 (default): ", "FACT_STUDIO_HOME"):
        assert word in ended.stdout


def test_doctor_refuses_what_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hostile input 17: both floors are checked, and the version just above them passes."""
    here = doctor.versions()
    assert doctor.report()[1]
    monkeypatch.setattr(doctor, "versions", lambda: {**here, "gradio": "6.19.0", "torch": "2.5.1+cu124"})
    lines, complete = doctor.report()
    assert not complete and "  gradio 6.19.0: too old, needed 6.31" in lines
    assert "  torch 2.5.1+cu124: too old, needed 2.8" in lines


@pytest.mark.slow
def test_doctor_says_why_a_gpu_is_not_used(cli: Run, fake_gpu: Path) -> None:
    assert "GPU: Tesla K80, not used: " in cli("doctor").stdout


def test_help_tells_kinds_limits_defaults_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "--ff-steps N Optimiser steps of phase 2. (1 to 1,000,000; default 300, quick: 100)" in told
    assert "--ff-backbone-lr X Of the full finetune. (0 to 1; default 0.0001, standard: 0.0003, paper: 0.01)" in told
    assert "--budget 2% --labels-from labels.csv" in told
    assert "--lp-balanced yes|no" in told and "--labels-encoding TEXT" in told
    titles = ("phase 1, linear probe:", "phase 2, finetuning:", "self-training", "phase 3, light model:", "examples:")
    places = [told.index(each) for each in titles]
    assert places == sorted(places)
    assert places[1] < told.rindex("--ff-clip X") < places[2] < told.rindex("--st-rounds N") < places[3]


@pytest.mark.parametrize("line", [each for each in cli.EXAMPLES.splitlines() if "launch.py" in each])
def test_every_example_of_the_help_is_a_call_that_can_be(line: str) -> None:
    words = line.split("launch.py ", 1)[1].split()
    assert cli.parser({}).parse_args(words).budget


def test_help_names_every_recipe(cli: Run) -> None:
    said = cli("run", "--help").stdout
    assert all(name in said for name in RECIPES)


def test_the_command_line_imports_no_page_and_no_torch(tmp_path: Path) -> None:
    """`run` and `bench` import neither gradio nor plotly nor umap; the front process needs no torch either."""
    code = (
        "import sys, fact_core.cli, fact_core.work.worker as w;"
        "bad = [m for m in ('gradio', 'plotly', 'umap', 'numba') if m in sys.modules]; print(bad)"
    )
    front = "import sys, fact_core.cli; print([m for m in ('gradio', 'umap', 'torch', 'timm') if m in sys.modules])"
    for each in (code, front):
        ended = subprocess.run([sys.executable, "-c", each], capture_output=True, text=True, cwd=tmp_path, timeout=120)
        assert ended.stdout == "[]\n", ended.stdout + ended.stderr


def test_progress_lines() -> None:
    assert progress_line(Progress("umap", 5, 0, "seconds")) == "umap  5 seconds"
    assert progress_line(Progress("features", 640, 4317, rate=119.6, seconds_left=31)) == (
        "features  640 of 4,317 images, 120/s, 31 s left"
    )
    assert point_line(Point("ff", 20, 100, 1.0, loss=0.4123, accuracy=0.934, seconds_left=300)) == (
        "ff  step 20 of 100, loss 0.412, accuracy 93%, 5 min left"
    )


def test_a_log_gets_the_first_and_the_last_line_of_progress(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(sys.stderr)
    started = time.monotonic()
    for done in range(101):
        console.show(Progress("scan", done, 100))
    assert time.monotonic() - started < 5
    assert capsys.readouterr().err == "scan  0 of 100 images\nscan  100 of 100 images\n"


def test_a_reader_that_leaves_is_no_error() -> None:
    """As in ``launch.py bench tables --show FILE | head -1``."""
    file = tables.RESULTS / "tables-flowers32.json"
    command = [sys.executable, "-m", "app.bench", "bench", "tables", "--show", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None and started.stderr is not None
        started.stdout.close()
        assert started.stderr.read() == "" and started.wait(timeout=120) == 141


def test_all_that_is_wrong_with_a_run_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Places on the disk, the budget, the goal and a name, of which only some are seen while the call is read."""
    call = ["run", "--images", str(tmp_path / "gone"), "--project", str(tmp_path / "p"), "--budget=-3"]
    call += ["--labels-from", str(tmp_path / "labels.csv"), "--backbone", "nonet", "--goal", "300%"]
    assert cli.main(call) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: 5 things are wrong. (1) ")
    for words in ("There is no such image folder", "at least 1 image", "no such file with labels", "nonet", "--goal"):
        assert words in told
    assert "1,000,000" not in told and "1000000" not in told, "no pool is known yet"
    assert cli.main([*call[:5], "--budget", "3", "--labels-from", "folders"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: There is no such image folder"), "the only fault stands alone"
    assert not (tmp_path / "p").exists()
