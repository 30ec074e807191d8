"""The whole way from image files to answers, phase by phase: features, choice, training, predictions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fact_core.backbones import Backbone
from fact_core.bench.datasets import fixed_test
from fact_core.bench.gpu.given import MB, Bench, Rows
from fact_core.bench.gpu.pictures import Pictures
from fact_core.classifier.predict import predict
from fact_core.compute.less_memory import release
from fact_core.config import TrainConfig
from fact_core.events import Event, Log, PhaseDone
from fact_core.features.extract import extract
from fact_core.finetune.pipeline import Trained, train
from fact_core.finetune.pool_names import drawn, for_pca
from fact_core.finetune.training_run import CheckSet
from fact_core.generators import finish
from fact_core.select.choose import choose_images
from fact_core.types import FloatArray, IntArray, Step


@dataclass(frozen=True)
class Task:
    """Files of a pool with their true classes, of which ``budget`` are bought, and a test. of: the picture of each."""

    classes: tuple[str, ...]
    pool: list[Path]
    pool_y: IntArray
    of: IntArray
    test: list[Path]
    test_y: IntArray
    budget: int


@dataclass
class Walked:
    """What a way took and gave. seconds, memory: part -> seconds and, on a GPU, the peak in MB; notices: of memory."""

    answers: dict[str, FloatArray] = field(default_factory=dict)
    accuracy: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    @property
    def total(self) -> float:
        """Seconds of all parts."""
        return sum(self.seconds.values())


def task_of(pictures: Pictures, pool: int, test: int, budget: int) -> Task:
    """So many files of the small pictures, over and over where there are fewer, and a test spread over the classes."""
    n = len(pictures.train)
    some = np.arange(pool) % n if pool >= n else fixed_test(pictures.train, pictures.train_y, pool)
    held = fixed_test(pictures.test, pictures.test_y, test)
    return Task(
        pictures.classes,
        [pictures.root / pictures.train[row] for row in some],
        pictures.train_y[some],
        some.astype(np.int64),
        [pictures.root / pictures.test[row] for row in held],
        pictures.test_y[held],
        budget,
    )


def walk(bench: Bench, task: Task, backbone: Backbone, config: TrainConfig, at: torch.device) -> Walked:
    """Features of the pool, ActiveFT, training, and the test's answers, all on one device."""
    walked = Walked()
    note = _Note(walked, at)
    with note.part("features"):
        store, names = Rows(), [str(number) for number in range(len(task.pool))]
        finish(extract(backbone, names, task.pool, store, device=at), note.heard)
        x = store.of(names)
    with note.part("choice"):
        none, rng = np.zeros(0, dtype=np.int64), np.random.default_rng(config.seed)
        repeats = len(np.unique(task.of)) < len(task.of)
        choosing = choose_images(
            "activeft", x, task.budget, none, None, rng, groups=task.of if repeats else None, device=at
        )
        rows = finish(choosing, note.heard).rows
    trained = finish(training(task, backbone, config, at, rows, x), note.phases)
    with note.part("predictions"):
        told = finish(predict(trained.classifier, task.test, device=at, probe=trained.probe), note.heard)
    walked.answers = told.answers
    walked.accuracy = float((told.answers[told.final].argmax(1) == task.test_y).mean())
    return walked


def training(
    task: Task,
    backbone: Backbone,
    config: TrainConfig,
    at: torch.device,
    rows: IntArray,
    x: FloatArray,
    folder: Path | None = None,
    check: CheckSet | None = None,
    **more: Any,
) -> Step[Trained]:
    """A training on the ``rows`` of the pool with the features x of all of it, as a project would start it."""
    others = drawn(len(task.pool), rows, config.pool_images, config.seed)
    return train(
        backbone=backbone,
        files=[task.pool[row] for row in rows],
        y=task.pool_y[rows],
        classes=task.classes,
        x=x[rows],
        config=config,
        device=at,
        check=check,
        pool_files=[task.pool[row] for row in for_pca(len(task.pool), config.seed)],
        unlabelled=[task.pool[row] for row in others],
        unlabelled_x=x[others] if len(others) else None,
        folder=folder,
        **more,
    )


class _Note:
    """Writes down what each part takes. ``phases`` hears a training, whose parts are its phases."""

    def __init__(self, walked: Walked, at: torch.device) -> None:
        self.walked, self.at, self.began = walked, at, time.perf_counter()

    def heard(self, event: Event) -> None:
        if isinstance(event, Log) and "emory" in event.text:
            self.walked.notices.append(event.text)

    def phases(self, event: Event) -> None:
        self.heard(event)
        if isinstance(event, PhaseDone):
            self._done(event.phase)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        self.began = time.perf_counter()
        release(self.at)
        yield
        self._done(name)

    def _done(self, name: str) -> None:
        """The part since the last one has ended."""
        if self.at.type == "cuda":
            torch.cuda.synchronize(self.at)
            self.walked.memory[name] = round(torch.cuda.max_memory_allocated(self.at) / MB, 1)
            torch.cuda.reset_peak_memory_stats(self.at)
        now = time.perf_counter()
        self.walked.seconds[name], self.began = round(now - self.began, 3), now
