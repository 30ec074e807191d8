"""One training of a table and the answers of all its phases on the test images."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fact_core.bench.cells import Training, Unit, group_of, named_phase
from fact_core.bench.datasets import Dataset, fixed_test
from fact_core.bench.order import Order
from fact_core.bench.pool import Features
from fact_core.bench.rows import Row
from fact_core.classifier.predict import predict
from fact_core.config import TrainConfig, to_dict
from fact_core.events import Event, Log, PhaseStarted, Point, Progress
from fact_core.files import write_text
from fact_core.finetune.pipeline import Trained, train
from fact_core.finetune.pool_names import drawn, for_pca
from fact_core.finetune.training_run import CheckSet
from fact_core.generators import map_events
from fact_core.types import FloatArray, IntArray, Step

QUIET_SECONDS = 60.0  # between two signs of life of a training in a log


@dataclass(frozen=True)
class Asked:
    """The test images of all tests, each once. y (m,); where: test -> its rows among them."""

    files: tuple[str, ...]
    y: IntArray
    where: Mapping[str, IntArray]


@dataclass(frozen=True)
class Measured:
    """What was found for each method. folder: of the checkpoint, until the rows are written; starts: of the run."""

    figures: dict[Unit, Row]
    folder: Path
    starts: int

    def clear(self) -> None:
        """Remove the checkpoint."""
        shutil.rmtree(self.folder, ignore_errors=True)


def tests_of(data: Dataset, count: int) -> Asked:
    """The test images; of each test a fixed draw of ``count`` where it has more. 0: all."""
    place: dict[str, int] = {}
    y: list[int] = []
    where: dict[str, IntArray] = {}
    for name, (files, truth) in data.tests.items():
        some = count and count < len(files)
        rows = fixed_test(files, truth, count) if some else np.arange(len(files), dtype=np.int64)
        for row in rows:
            if files[row] not in place:
                place[files[row]] = len(y)
                y.append(int(truth[row]))
        where[name] = np.array([place[files[row]] for row in rows], dtype=np.int64)
    return Asked(tuple(place), np.array(y, dtype=np.int64), where)


def measure(
    order: Order, data: Dataset, tests: Asked, features: Features, rows: IntArray, training: Training
) -> Step[Measured]:
    """Train on the labelled ``rows`` and answer for every method.

    An interrupted training goes on from its checkpoint, a finished phase 2 on the same labels is taken over.
    """
    config, names = training.config, [data.train[row] for row in rows]
    by_test = config.ff.keep == "best_test"  # a reproduction mode, which the row's overrides tell
    wanted = by_test or any(unit.phases[-1] == "lp" for unit in training.units)
    test_x = (yield from features.of(tests.files, may_lack=True)) if wanted else None
    check = _held(data, tests, test_x) if by_test and test_x is not None else None
    # Of its own for each file of rows: two processes must not share a checkpoint.
    about = [str(order.out.absolute()), str(data.root), names, features.folder.name, to_dict(config)]
    mark = json.dumps(about, sort_keys=True).encode()
    folder = order.cache / "trainings" / hashlib.blake2b(mark, digest_size=12).hexdigest()
    note, device = _Note(folder), features.device
    others = _unlabelled(data, rows, config)
    step = train(
        backbone=copy.deepcopy(features.backbone),
        files=[data.root / name for name in names],
        y=data.train_y[rows],
        classes=data.classes,
        x=(yield from features.of(names)),
        config=config,
        device=device,
        check=check,
        pool_files=_pool_files(data, config.seed),
        unlabelled=[data.root / name for name in others],
        unlabelled_x=(yield from features.of(others)) if others else None,
        folder=folder,
        reuse=order.cache / "phase2",
    )
    trained = yield from map_events(step, _shown(note))
    files = [data.root / name for name in tests.files]
    found = yield from map_events(
        predict(trained.classifier, files, device=device, probe=trained.probe, x=test_x), _shown(None)
    )
    bad = {*found.bad, *(np.flatnonzero(np.isnan(test_x).any(axis=1)).tolist() if test_x is not None else ())}
    if bad:
        yield Log(f"{len(bad)} test images cannot be read; they count as wrong.", "warning")
    figures = {}
    for unit in training.units:
        named = found.answers[unit.phases[-1]].argmax(axis=1)
        named[list(bad)] = -1
        figures[unit] = {**scores(named, tests), **_about(unit, trained, note)}
    return Measured(figures, folder, note.starts)


def _pool_files(data: Dataset, seed: int) -> list[Path]:
    """Some images of the pool, drawn as in a project."""
    return [data.root / data.train[row] for row in for_pca(len(data.train), seed)]


def _unlabelled(data: Dataset, rows: IntArray, config: TrainConfig) -> list[str]:
    """Names of images to learn from without the labels, none of the labelled ``rows``, drawn as in a project."""
    return [data.train[row] for row in drawn(len(data.train), rows, config.pool_images, config.seed)]


def _held(data: Dataset, tests: Asked, x: FloatArray) -> CheckSet:
    """The paper's test images as check images, those that cannot be read left out. x: NaN for these."""
    rows = tests.where["test"]
    rows = rows[np.isfinite(x[rows]).all(axis=1)]
    return CheckSet([data.root / tests.files[row] for row in rows], tests.y[rows], x[rows])


def scores(named: IntArray, tests: Asked) -> Row:
    """Accuracies of the answers (m,) in 0..1: on the paper's test, on the balanced one, and mean recall of classes."""
    right = named == tests.y
    test = tests.where["test"]
    balanced = tests.where.get("balanced")
    recalls = [right[test[tests.y[test] == each]].mean() for each in np.unique(tests.y[test])]
    return {
        "accuracy": round(float(right[test].mean()), 6),
        "balanced_accuracy": None if balanced is None else round(float(right[balanced].mean()), 6),
        "macro_recall": round(float(np.mean(recalls)), 6),
    }


def _about(unit: Unit, trained: Trained, note: _Note) -> Row:
    """What the phases of one method took and chose."""
    seconds = {each.phase: round(each.seconds, 3) for each in trained.phases if each.phase in unit.phases}
    others = {group_of(each.phase) for each in trained.phases} - {group_of(each) for each in unit.phases}
    return {
        "seconds": round(sum(seconds.values()), 3),
        "phase_seconds": seconds,
        "trainable_parameters": _learned(named_phase(unit.phases), trained, note),
        "decisions": [
            {"name": each.name, "value": each.value}
            for each in trained.decisions
            if each.name.partition(".")[0] not in others
        ],
        "resumed": note.starts > 1 or any(each.interrupted for each in trained.phases if each.phase in unit.phases),
    }


def _learned(phase: str, trained: Trained, note: _Note) -> int | None:
    """How many parameters learned in a phase. Which of the light model's parts are used is known at its end only."""
    if phase == "lm":
        return sum(each.numel() for each in trained.classifier.heads[phase].parameters())
    return note.parameters.get(phase)


class _Note:
    """Beside the checkpoint: how often a training was started, and how many parameters learn in each phase."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "note.json"
        try:
            kept = json.loads(self.file.read_text("utf-8"))
            starts, parameters = int(kept["starts"]), dict(kept["parameters"])
        except (OSError, ValueError, TypeError, KeyError):  # not there or damaged: it is a note only
            starts, parameters = 0, {}
        self.starts = starts + 1
        self.parameters: dict[str, int] = parameters
        self.save()

    def save(self) -> None:
        plain = {"starts": self.starts, "parameters": self.parameters}
        write_text(self.file, json.dumps(plain), "keeping a note of the training")


def _shown(note: _Note | None) -> Callable[[Event], Event | None]:
    """What a training tells while it runs: what was logged, and now and then how far it is. Fills the note."""
    live, last = sys.stderr.isatty(), time.monotonic()

    def change(event: Event) -> Event | None:
        nonlocal last
        if note is not None and isinstance(event, PhaseStarted):
            note.parameters[event.phase] = event.trainable_parameters
            note.save()
        if isinstance(event, Log):
            return event
        if isinstance(event, Progress | Point) and (live or time.monotonic() - last > QUIET_SECONDS):
            last = time.monotonic()
            return event
        return None

    return change
