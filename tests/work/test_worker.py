"""The child process: claims, events, stops, kills. Real runs on real (small) images."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fact_core.config import to_dict, train_config
from fact_core.labeling import classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import db, items, project, run_events, run_process, run_queue
from fact_core.storage.project import Project
from tests.conftest import SMALL

COLOURS = {"red": (200, 40, 40), "green": (40, 180, 60), "blue": (40, 60, 200)}
LIMIT = 120.0
IDLE = 60.0  # s: how long a child waits for the test's next run, so that torch is imported once
#: The children of the test under way, by the folder of their project.
CHILDREN: dict[Path, subprocess.Popen[bytes]] = {}


def make_images(folder: Path, each: int = 8) -> Path:
    """Noisy one-coloured pictures, ``each`` of every colour, in a folder a class."""
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(each):
            noise = rng.integers(-30, 30, (40, 40, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture
def flat(cold: Project, ready_workers: None, small_network: str) -> Project:
    """The same with children that start at once, and a small network."""
    return cold


@pytest.fixture
def cold(tmp_path: Path) -> Iterator[Project]:
    """A project of 24 images, nothing done yet. Its children are ended afterwards."""
    made = project.create(tmp_path / "project", make_images(tmp_path / "images"))
    yield made
    for run in run_queue.list_runs(made):
        run_queue.request_stop(made, run.id)
    end_child(made)


def child_of(made: Project) -> subprocess.Popen[bytes]:
    """The child that works for this project, or waits for work; a new one where none lives."""
    child = CHILDREN.get(made.folder)
    if child is None or child.poll() is not None:
        child = CHILDREN[made.folder] = run_process.spawn_worker(made, IDLE)
    return child


def end_child(made: Project) -> None:
    """End the child that waits for work, if there is one."""
    if child := CHILDREN.pop(made.folder, None):
        child.terminate()
        child.wait(60)


def finish(made: Project, run_id: int) -> run_queue.Run:
    """Have the child do what is queued, until the run has ended."""
    child_of(made)
    return wait_for(made, run_id, lambda run: not run.open, every=0.1)


def wait_for(made: Project, run_id: int, true: Callable[[run_queue.Run], bool], every: float = 0.01) -> run_queue.Run:
    """Look each so many seconds until it is true."""
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        if true(run := run_queue.get(made, run_id)):
            return run
        time.sleep(every)
    raise AssertionError(f"{run_queue.get(made, run_id)}\n{run_process.log_tail(made, run_id)}")


def label_all(made: Project) -> None:
    """Give every chosen image the name of its folder."""
    names = classes.ensure_classes(made, COLOURS)
    chosen = [entry.item for entry in selections.queue(made)]
    folders = {each.id: each.path.split("/")[0] for each in items.get_many(made, chosen)}
    ops = [Op(n, "label", item, names[folders[item]]) for n, item in enumerate(chosen, start=1)]
    operations.apply(made, "test", ops)


def quick(**values: object) -> dict[str, object]:
    """The options of a training run of a few steps."""
    few = {"recipe": "fact", "ff.steps": 6, "ff.pixels": 64, "ff.batch": 6, "lm.steps": 5, "lm.views": 1, **values}
    return to_dict(train_config("quick", **few))


def small(**values: object) -> dict[str, object]:
    """The same with the small network."""
    return quick(backbone=SMALL, **values)


def select(made: Project, **values: object) -> None:
    """A selection by the small network."""
    run = finish(made, run_queue.queue(made, "select", {"backbone": SMALL, **values}))
    assert run.status == "done", run.reason


@pytest.mark.slow
def test_select_queues_the_scan_and_the_features_that_it_lacks(cold: Project) -> None:
    """With a child as the program starts it, and the default network."""
    run = finish(cold, run_queue.queue(cold, "select", {"budget": "6", "check": 3}))
    assert run.status == "done", run.reason
    assert [each.kind for each in reversed(run_queue.list_runs(cold))] == ["select", "scan", "features"]
    queue = selections.queue(cold)
    assert [entry.role for entry in queue] == ["pick"] * 6 + ["audit"] * 3
    assert len({entry.item for entry in queue}) == 9


@pytest.mark.slow
def test_the_whole_way_and_a_second_run_reuses_the_features(flat: Project) -> None:
    select(flat, budget="9", check=6)
    label_all(flat)
    train = run_queue.queue(flat, "train", small())
    predict = run_queue.queue(flat, "predict", {"run": train})
    done = finish(flat, predict)
    assert done.status == "done", done.reason
    trained = run_queue.get(flat, train)
    assert [phase["phase"] for phase in trained.result["phases"]] == ["lp", "ff", "lm"]
    assert trained.result["report"]["n"] == 6
    ids = {each.name: each.id for each in classes.classes(flat)}
    assert [ids[name] for name in trained.result["classes"]] == trained.result["class_ids"]
    assert not list((flat.run_folder(train) / "checkpoint").glob("*"))  # the model is stored: it is of no more use
    with np.load(flat.predictions_file(train), allow_pickle=False) as stored:
        assert stored["ids"].shape == stored["y"].shape == stored["phase_lp"].shape == (24,)
        assert stored["strange"].shape == (24,) and not stored["strange"].any()  # too few labels to tell
        assert stored["probabilities"].sum(axis=1) == pytest.approx(np.ones(24), abs=1e-3)
    assert len(run_queue.list_runs(flat, "features")) == 1


@pytest.mark.slow
def test_a_run_that_lacks_labels_says_so(flat: Project) -> None:
    select(flat, budget="5")
    run = finish(flat, run_queue.queue(flat, "train", small()))
    assert run.status == "failed"
    assert "no labels" in run.reason
    assert "Traceback" not in run.reason
    assert "Traceback" in run_process.log_tail(flat, run.id, 100)


@pytest.mark.slow
def test_what_waits_for_a_failed_run_fails_with_its_reason(flat: Project) -> None:
    for file in flat.images.rglob("*.png"):
        file.unlink()
    run = finish(flat, run_queue.queue(flat, "select", {"budget": "5"}))
    assert run.status == "failed"
    assert "scan" in run.reason


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dance", "predict"])
def test_a_run_that_cannot_begin_fails_in_words(flat: Project, kind: str) -> None:
    run = finish(flat, run_queue.queue(flat, kind, {"run": 99} if kind == "predict" else {}))
    assert run.status == "failed"
    assert "no" in run.reason


def stopped_training(made: Project, steps: int) -> int:
    """The id of a training run that was stopped once something was saved."""
    run_id = run_queue.queue(made, "train", small(**{"ff.steps": steps}))
    child_of(made)
    wait_for(made, run_id, lambda run: run_events.last_event(made, run_id, "saved") is not None)
    run_queue.request_stop(made, run_id)
    assert wait_for(made, run_id, lambda run: not run.open).status == "stopped"
    return run_id


@pytest.mark.slow
def test_stop_keeps_what_is_done_and_resume_goes_on(flat: Project) -> None:
    select(flat, budget="9")
    label_all(flat)
    run_id = stopped_training(flat, steps=400)
    point, saved = (run_events.last_event(flat, run_id, kind) for kind in ("point", "saved"))
    if point is not None and saved is not None and point.body["phase"] == "ff":  # else it was stopped before phase 2
        assert saved.body["phase"] == "ff" and saved.body["step"] >= point.body["step"]
    run_queue.requeue(flat, run_id)
    # The rest of 400 steps would take long: what counts is that it goes on behind phase 1.
    child_of(flat)
    before = len(phases_done(flat, run_id, "lp"))
    wait_for(flat, run_id, lambda run: run.status == "running" and points_after_resume(flat, run_id))
    assert len(phases_done(flat, run_id, "lp")) == before == 1
    run_queue.request_stop(flat, run_id)
    wait_for(flat, run_id, lambda run: not run.open)


@pytest.mark.slow
def test_a_check_image_that_is_gone_when_a_run_is_resumed_is_left_out(flat: Project) -> None:
    select(flat, budget="9", check=3)
    label_all(flat)
    run_id = stopped_training(flat, steps=60)
    gone = [entry.item for entry in selections.queue(flat)][-1]  # check images come last
    (flat.images / items.get_many(flat, [gone])[0].path).unlink()
    assert finish(flat, run_queue.queue(flat, "scan", {})).status == "done"
    run_queue.requeue(flat, run_id)
    run = finish(flat, run_id)
    assert run.status == "done", run.reason
    assert run.result["report"]["basis"] == "2 check images"


def phases_done(made: Project, run_id: int, phase: str) -> list[run_events.EventRow]:
    rows, _ = run_events.events_since(made, run_id)
    return [row for row in rows if row.kind == "phase_done" and row.body["phase"] == phase]


def points_after_resume(made: Project, run_id: int) -> bool:
    """Whether phase 2 has drawn points since the run was claimed the last time."""
    rows, _ = run_events.events_since(made, run_id)
    started = [row.id for row in rows if row.kind == "log" and "labels in" in row.body["text"]]
    return len(started) == 2 and any(
        row.kind == "point" and row.body["phase"] == "ff" and row.id > started[-1] for row in rows
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["features", "train"])
def test_kill_9_of_the_child_loses_no_label_and_the_run_resumes(flat: Project, kind: str) -> None:
    """Hostile input 11: kill -9 of the child at work."""
    many = flat.images / "more"
    many.mkdir()
    rng = np.random.default_rng(1)
    for number in range(150 if kind == "features" else 0):
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(many / f"{number}.png")
    if kind == "train":
        select(flat, budget="9")
        label_all(flat)
    before = labels_now.states(flat)
    config = small(**{"ff.steps": 40}) if kind == "train" else {"batch": 8, "backbone": SMALL}
    if kind == "features":
        assert finish(flat, run_queue.queue(flat, "scan", {})).status == "done"
    run_id = run_queue.queue(flat, kind, config)
    child = child_of(flat)
    wait_for(flat, run_id, lambda run: _has_begun(flat, run_id, kind) or not run.open)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(20)
    assert labels_now.states(flat) == before
    with db.connect(flat.db) as con:
        assert con.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert run_process.fail_lost(flat) == [run_id]
    assert run_queue.get(flat, run_id).status == "failed"
    run_queue.requeue(flat, run_id)
    run = finish(flat, run_id)
    assert run.status == "done", run.reason
    if kind == "features":
        assert run.result["images"] == 174
        assert run.result["n_new"] < 174  # the batches before the kill were kept


def _has_begun(made: Project, run_id: int, kind: str) -> bool:
    """Whether there is something to lose: a training step, or a batch of features."""
    found = run_events.last_event(made, run_id, "point" if kind == "train" else "progress")
    return found is not None and (kind == "train" or found.body["done"] > 0)


@pytest.mark.slow
def test_an_export_runs_and_refuses_a_folder_with_something_in_it(flat: Project, tmp_path: Path) -> None:
    """Hostile input 11: kill -9 in an export leaves nothing by its name."""
    select(flat, budget="9")
    label_all(flat)
    train = run_queue.queue(flat, "train", small(recipe="lm"))
    out = tmp_path / "out"
    config = {"run": train, "folder": str(out), "items": ["model", "predictions", "labels"]}
    run = finish(flat, run_queue.queue(flat, "export", config))
    assert run.status == "done", run.reason
    assert {"model.onnx", "predict.py", "predictions.csv", "labels.csv"} <= {each.name for each in out.iterdir()}
    again = finish(flat, run_queue.queue(flat, "export", config))
    assert again.status == "failed"
    assert "not empty" in again.reason
    late = {**config, "folder": str(tmp_path / "late")}
    _kill_while_it_writes(flat, run_queue.queue(flat, "export", late), tmp_path)
    assert not (tmp_path / "late").exists()  # half an export never has the name
    assert finish(flat, run_queue.queue(flat, "export", late)).status == "done"
    assert {each.name for each in tmp_path.iterdir()} == {"project", "images", "out", "late"}


def _kill_while_it_writes(made: Project, run_id: int, place: Path) -> None:
    """End the child once the model's own part of the export is whole, and labels and predictions are to come."""
    child, until = child_of(made), time.monotonic() + LIMIT
    # The rest takes some hundredths of a second: no time to ask the database how the run is.
    while not any(place.glob(".late.*.part/export/predict.py")):
        assert time.monotonic() < until, run_process.log_tail(made, run_id)
        time.sleep(0.001)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(20)
    assert run_process.fail_lost(made) == [run_id]


@pytest.mark.slow
def test_self_training_names_only_what_no_one_has_judged(flat: Project) -> None:
    """Of 24 images 9 are labeled and 3 are check images; the draw is kept with the run's labels."""
    select(flat, budget="9", check=3)
    label_all(flat)
    run = finish(
        flat,
        # Steps enough for three rounds: fewer would hardly see the labels, and make one.
        run_queue.queue(flat, "train", small(recipe="fact+", **{"ff.gate": "off", "st.steps": 36, "st.images": 10})),
    )
    assert run.status == "done", run.reason
    kept = json.loads((flat.run_folder(run.id) / "labels.json").read_text("utf-8"))
    assert len(kept["ids"]) == 9 and len(kept["check_ids"]) == 3 and len(set(kept["pool_ids"])) == 10
    assert not set(kept["pool_ids"]) & {*kept["ids"], *kept["check_ids"]}
    assert [each["phase"] for each in run.result["phases"]] == ["lp", "ff", "st", "lm"]
    named = [int(each["value"]) for each in run.result["decisions"] if each["name"] == "st.images"]
    assert len(named) == 3 and all(1 <= each <= 10 for each in named) and run.self_taught == named[-1]
