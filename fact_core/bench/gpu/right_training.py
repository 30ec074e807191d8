"""Training on the device, beside the CPU's: five steps, whole recipes, stop and resume."""

from __future__ import annotations

import copy
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fact_core.backbones import Backbone
from fact_core.bench.gpu.given import LITE, SMALL, Bench, Checks, Rows, between, headed
from fact_core.bench.gpu.way import Task, task_of, training, walk
from fact_core.bench.rows import Row
from fact_core.classifier.predict import predict
from fact_core.compute.device import exact_float32, repeatable
from fact_core.compute.image_batches import load_eval
from fact_core.compute.less_memory import CPU
from fact_core.config import TrainConfig, train_config
from fact_core.events import Saved
from fact_core.features.extract import extract
from fact_core.finetune.batches import Batch
from fact_core.finetune.loop_state import LoopPlan, Training
from fact_core.finetune.pipeline import Trained
from fact_core.finetune.training_run import CheckSet
from fact_core.generators import finish
from fact_core.types import FloatArray, Step

STEPS, WITHIN = 5, 1e-3
SAME = 2e-2  # of a probability, between a training that was stopped and one that was not


@dataclass(frozen=True)
class Stepped:
    """losses (s,) of the steps; moved: how far all weights have moved together, (P,)."""

    losses: list[float]
    moved: Tensor


def steps(bench: Bench) -> Row:
    """Steps of SGD and of AdamW on the same pictures: losses, and how far weights have moved, within ``WITHIN``.

    Without drop path, whose random numbers are each device's own. A step of AdamW is as large whatever the gradient
    is, so that of its weights, whose gradients may be rounding alone, nothing is asked.
    """
    checks, figures = Checks(), {}
    for name in (LITE, SMALL):
        backbone = bench.backbone(name)
        for optimiser in ("sgd", "adamw"):
            what = f"{name.split('_')[0]}, {optimiser}"
            wanted = _stepped(bench, backbone, optimiser, CPU)
            with exact_float32(bench.at):
                found = _stepped(bench, backbone, optimiser, bench.at)
            losses = max(abs(a - b) / max(b, 1e-3) for a, b in zip(found.losses, wanted.losses, strict=True))
            checks.below(f"{what}, losses apart", losses, WITHIN)
            if optimiser == "sgd":
                checks.below(f"{what}, way of the weights apart", _share(found.moved, wanted.moved), WITHIN)
                plain = _stepped(bench, backbone, optimiser, bench.at)  # as it trains without mixed precision
                figures[f"{what}, way of the weights, TF32 as it is"] = round(_share(plain.moved, wanted.moved), 6)
    return checks.row(bench, figures=figures)


def _share(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


def _stepped(bench: Bench, backbone: Backbone, optimiser: str, at: torch.device) -> Stepped:
    """Five float32 steps of a copy of the backbone on a device, in the short form two."""
    n, pixels = bench.pick(32, 4), backbone.preprocess.pixels
    net = headed(copy.deepcopy(backbone), len(bench.pictures.classes)).to(at)
    net = net.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    files = bench.pictures.files("small", n)
    pictures = torch.from_numpy(np.stack([load_eval(file, net.backbone.preprocess) for file in files]))
    y = torch.from_numpy(np.resize(bench.pictures.train_y, n))
    rate = {"sgd": 1e-2, "adamw": 1e-4}[optimiser]
    count = bench.pick(STEPS, 2)
    plan = LoopPlan("ff", count, n, pixels, optimiser, rate, 10 * rate, label_smoothing=0.1, clip=2.0, amp=False)
    run = Training(net, torch.unique(y), plan, at)
    before = _flat(net)
    for step in range(count):
        finish(run.gradient(Batch(torch.arange(n), pictures, step), y))
        run.update()
    losses = [loss for loss, _ in run.losses()]
    return Stepped(losses, _flat(net) - before)


def _flat(net: torch.nn.Module) -> Tensor:
    return torch.cat([each.detach().cpu().double().flatten() for each in net.parameters()])


def small_config(bench: Bench, recipe: str, backbone: str, **values: Any) -> TrainConfig:
    """A recipe of some seconds on a CPU."""
    few = bench.pick(20, 2)
    small = {"ff.steps": few, "ff.batch": bench.pick(32, 8), "ff.pixels": 0, "ff.gate": "off", "lp.mode": "lr"}
    small |= {"st.steps": few, "st.images": bench.pick(100, 8), "lm.steps": bench.pick(60, 6), "lm.choose": "none"}
    return train_config("quick", recipe=recipe, backbone=backbone, **{**small, **values})


def recipe(bench: Bench, recipe: str) -> Row:
    """A recipe from files to answers on the CPU and on the device: as often right, within two standard errors."""
    checks, config = Checks(), small_config(bench, recipe, SMALL)
    task = task_of(bench.pictures, bench.pick(400, 24), bench.pick(300, 10), bench.pick(60, 12))
    backbone = bench.backbone(SMALL, bench.pick(96, 32))
    wanted = walk(bench, task, copy.deepcopy(backbone), config, CPU)
    found = wanted if bench.at == CPU else walk(bench, task, backbone, config, bench.at)
    p, n = wanted.accuracy, len(task.test)
    error = math.sqrt(max(p * (1 - p), 1 / n) / n)
    checks.below("accuracy apart", abs(found.accuracy - p), round(2 * error, 4))
    checks.true("the same phases", found.answers.keys() == wanted.answers.keys(), ", ".join(found.answers))
    checks.true("all answers are numbers", all(np.isfinite(each).all() for each in found.answers.values()))
    checks.true("no notice of memory", not found.notices, "; ".join(found.notices))
    words = (
        f"{found.accuracy:.1%} of {n} test pictures, on the CPU {p:.1%}, in {found.total:.1f} and {wanted.total:.1f} s."
    )
    about = {"accuracy": found.accuracy, "cpu_accuracy": p, "seconds": found.seconds, "cpu_seconds": wanted.seconds}
    return checks.row(bench, words, figures=about, pictures=bench.pictures.said("small"))


def resume(bench: Bench) -> Row:
    """A training with every part, stopped at the first save of each and begun again: as one that was not stopped."""
    checks = Checks()
    task = task_of(bench.pictures, bench.pick(200, 30), bench.pick(100, 6), bench.pick(100, 20))
    values = {"ff.steps": 4, "st.steps": 4, "lm.steps": 20, "lm.mode": "both", "ff.gate": "choose", "lm.width": 64}
    values |= bench.pick({}, {"ff.steps": 2, "st.steps": 2, "st.rounds": 1, "lm.steps": 4, "lm.width": 16})
    config = small_config(bench, "fact+", LITE, **values)
    with tempfile.TemporaryDirectory() as folder, repeatable(True):
        whole = _Whole(bench, task, config)
        wanted = whole.answers(finish(whole.begun(None)))
        seen: list[str] = []
        while (trained := _until_save(whole.begun(Path(folder)), seen)) is None:
            pass
        found = whole.answers(trained)
    checks.below("probabilities apart", between(found, wanted), SAME)
    checks.true("stopped in every phase", set(config.phases) <= {each.split(".")[0] for each in seen}, ", ".join(seen))
    return checks.row(bench, f"Stopped {len(seen)} times.", figures={"stops": seen})


class _Whole:
    """One training, to be begun as often as it takes."""

    def __init__(self, bench: Bench, task: Task, config: TrainConfig) -> None:
        self.bench, self.task, self.config = bench, task, config
        self.rows, self.backbone = np.arange(task.budget, dtype=np.int64), bench.backbone(LITE)
        self.x = self._features(task.pool)
        self.check = CheckSet(task.test, task.test_y, self._features(task.test))

    def _features(self, files: Sequence[Path]) -> FloatArray:
        store, names = Rows(), [str(number) for number in range(len(files))]
        finish(extract(self.backbone, names, files, store, device=self.bench.at))
        return store.of(names)

    def begun(self, folder: Path | None) -> Step[Trained]:
        return training(
            self.task,
            copy.deepcopy(self.backbone),
            self.config,
            self.bench.at,
            self.rows,
            self.x,
            folder,
            self.check,
            checkpoint_every=0.0 if folder else 1e9,
        )

    def answers(self, trained: Trained) -> dict[str, FloatArray]:
        return finish(predict(trained.classifier, self.task.test, device=CPU)).answers


def _until_save(run: Step[Trained], seen: list[str]) -> Trained | None:
    """None where the training was stopped at the first save of a part; ``seen`` gets its name."""
    while True:
        try:
            event = next(run)
        except StopIteration as stop:
            result: Trained = stop.value
            return result
        if isinstance(event, Saved) and event.phase not in seen:
            seen.append(event.phase)
            run.close()
            return None
