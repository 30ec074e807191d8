"""One cell of ``bench segment``: frames chosen, phases run or taken from the cache, frames scored."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fact_core.backbones import fetch, load
from fact_core.bench import segment_cache
from fact_core.bench.pool import Features
from fact_core.bench.rows import Row
from fact_core.bench.segment import Order
from fact_core.bench.segment_cache import Trained
from fact_core.bench.segment_table import METHODS
from fact_core.choices import BACKBONES
from fact_core.compute.device import describe, device_named
from fact_core.config import SelectConfig
from fact_core.errors import InputError
from fact_core.events import Log
from fact_core.generators import logs_only
from fact_core.pretrained.weights import status
from fact_core.segment import evaluate, export, phases, pixels
from fact_core.segment.folders import Masked, checked, mark, open_masked
from fact_core.segment.frames import Frames
from fact_core.segment.learn import Learned
from fact_core.segment.metric import scores
from fact_core.segment.network import Segmenter
from fact_core.segment.settings import SegmentConfig
from fact_core.select.choose import choose_images
from fact_core.types import IntArray, Step

#: Heads of phase 3 -> what trains them.
LIGHT: dict[str, Callable[..., Step[Learned]]] = {
    "head": phases.light_head,
    "pixels": pixels.light_pixels,
    "fused": partial(pixels.light_pixels, head="fused"),
}
#: Networks before phase 3 -> what trains them. All but "lp" and "alone" begin with "lp".
STAGES: dict[str, Callable[..., Step[Learned]]] = {
    "lp": phases.probe,
    "ff": phases.finetune,
    "lora": phases.finetune_lora,
    "alone": partial(phases.finetune, alone=True),
}


@dataclass
class Bench:
    """What all cells share."""

    order: Order
    data: Masked
    config: SegmentConfig
    device: torch.device
    key: str  # of the pretrained weights
    mark: str  # of all images and masks
    told: str
    _x: Any = None

    @property
    def pool(self) -> int:
        """Training frames."""
        return len(self.data.parts["train"].images)

    def about(self, labels: int, seed: int) -> Row:
        """What tells the rows of a cell from others, but for the method."""
        order = self.order
        return {
            "dataset": self.data.name,
            "data": self.mark,
            "backbone": order.backbone,
            "short": self.config.short,
            "strategy": order.strategy,
            "labels": labels,
            "ratio": round(100 * labels / self.pool, 4),
            "effort": order.effort,
            "seed": seed,
            "part": order.part,
            "frames": len(self.data.parts[order.part].images),
            "overrides": dict(order.overrides),
            "options": asdict(self.config),
        }

    def measure(self, labels: int, seed: int, methods: Sequence[str]) -> Step[list[Row]]:
        """The rows of methods that share the network before phase 3, in one cell."""
        rows, stage = (yield from self.chosen(labels, seed)), METHODS[methods[0]][0]
        trained = yield from self.trained(stage, rows, seed, [METHODS[method][1] for method in methods])
        asked = {method: self.answering(METHODS[method][1]) for method in methods}
        frames = self.frames(trained.net, self.order.part)
        matrices, found = (yield from evaluate.matrices(trained.net, frames, asked, self.device)), list[Row]()
        for method in methods:
            figures = self._figures(method, trained, matrices[method])
            chosen = {"rows": [int(each) for each in rows]}
            found.append({**self.about(labels, seed), "method": method, **figures, **chosen})
            yield Log(f"{method}, {labels} frames, seed {seed}: mIoU {figures['miou']:.1%}")
        return found

    def answering(self, head: str) -> tuple[str, ...]:
        """The heads whose answers are averaged for a method that ends with this one."""
        return ("ff", head) if head in LIGHT and self.config.together else (head,)

    def frames(self, net: Segmenter, part: str) -> Frames:
        """The frames of a part as this network sees them."""
        return Frames(self.data.root, self.data.parts[part], self.data.coding, self.config.short, net.maps)

    def chosen(self, labels: int, seed: int) -> Step[IntArray]:
        """Rows (labels,) of the training frames, chosen on pooled features as pretrained."""
        if self._x is None:
            backbone = load(self.order.backbone)
            features = Features(backbone, self.data.root, self.order.cache, self.device)
            self._x = yield from features.of(self.data.parts["train"].images)
        nothing, options = np.zeros(0, dtype=np.int64), {**SelectConfig().for_strategies(), "device": self.device}
        rng = np.random.default_rng(seed)
        choosing = choose_images(self.order.strategy, self._x, labels, nothing, None, rng, **options)
        return (yield from logs_only(choosing)).rows

    def trained(self, stage: str, rows: IntArray, seed: int, heads: Sequence[str]) -> Step[Trained]:
        """The network of a stage with the heads asked for; from the cache as far as it is there."""
        file, found = self._file(stage, rows, seed), self._empty()
        if not (there := segment_cache.fill(file, found)):  # what was filled in part is thrown away
            found = (yield from self.trained("lp", rows, seed, [])) if stage in ("ff", "lora") else self._empty()
        labelled = self.frames(found.net, "train").only(rows.tolist())
        given = (found.net, labelled, self.config, self.device, seed)
        if not there:
            yield from self._spend(found, stage, STAGES[stage](*given))
            segment_cache.keep(file, found)
        for head in dict.fromkeys(each for each in heads if each in LIGHT):
            own = self._file(stage, rows, seed, head)
            if not segment_cache.fill(own, found, head):
                yield from self._spend(found, head, LIGHT[head](*given))
                segment_cache.keep(own, found, head)
        return found

    def shown(self, labels: int, seed: int) -> Step[Row]:
        """Export and picture of a cell, as the order asks for."""
        from fact_core.bench.segment_picture import draw

        rows, found, order = (yield from self.chosen(labels, seed)), dict[str, Any](), self.order
        last = order.methods[-1]
        if order.export is not None:
            stage, head, _ = METHODS[last]
            net = (yield from self.trained(stage, rows, seed, [head])).net
            net.final = self.answering(head)
            test = self.frames(net, "test")
            pictures = [whole.picture for _, whole in test.wholes(range(min(4, len(test))))]
            same = [each for each in pictures if each.shape == pictures[0].shape]
            given = export.Exported(net, self.data.coding, self.config.short)
            found["export"] = export.write(order.export, given, same, {**self.about(labels, seed), "method": last})
        if order.picture is not None:
            nets = {}
            for method in dict.fromkeys(("ff", last)):
                stage, head, _ = METHODS[method]
                net = (yield from self.trained(stage, rows, seed, [head])).net
                nets[method] = (net, self.answering(head))
            draw(order.picture, nets, self.frames(nets[last][0], "test"), self.data.coding, self.device)
            yield Log(f"{order.picture} is drawn: image, mask, {', '.join(nets)}")
        return found

    def _spend(self, found: Trained, phase: str, training: Step[Learned]) -> Step[None]:
        """Run a phase and note what it took."""
        work = time.process_time()
        learned = yield from training
        found.spent[phase] = {
            "seconds": round(learned.seconds, 1),
            "processor_seconds": round(time.process_time() - work, 1),
            "parameters": learned.parameters,
            "loss": round(learned.loss, 4),
        }

    def _figures(self, method: str, trained: Trained, matrix: IntArray) -> Row:
        stage, head, _ = METHODS[method]
        result, config = scores(matrix), self.config
        passed = {"lp": ["lp"], "alone": ["alone"], "ff": ["lp", "ff"], "lora": ["lp", "lora"]}[stage]
        spent = {phase: trained.spent[phase] for phase in (*passed, *([head] if head in LIGHT else []))}
        steps = {"lp": config.lp_steps, "ff": config.ff_steps, "lm": config.lm_steps, "alone": config.alone_steps}
        return {
            "miou": round(result.miou, 6),
            "macc": round(result.macc, 6),
            "aacc": round(result.aacc, 6),
            "iou": dict(zip(self.data.classes, (_number(each) for each in result.iou), strict=True)),
            "phases": spent,
            "seconds": round(sum(each["seconds"] for each in spent.values()), 1),
            "processor_seconds": round(sum(each["processor_seconds"] for each in spent.values()), 1),
            "trainable_parameters": int(max(each["parameters"] for each in spent.values())),
            "steps": steps,
            "answers": list(self.answering(head)),
            "device": describe(self.device),
            "torch": str(torch.__version__),
            "command": self._command(method),
        }

    def _command(self, method: str) -> str:
        order = self.order
        more = "".join(f" --set {name}={json.dumps(value).strip(chr(34))}" for name, value in order.overrides.items())
        return (
            f"python3 launch.py bench segment --dataset {order.form} --data DATA --budgets {','.join(order.budgets)} "
            f"--methods {method} --seed-list {','.join(map(str, order.seeds))} --backbone {order.backbone} "
            f"--strategy {order.strategy} --effort {order.effort} --part {order.part}{more} --out again.json"
        )

    def _empty(self) -> Trained:
        backbone = load(self.order.backbone, pixels=_square(self.order.backbone, self.config))
        return Trained(Segmenter(backbone, len(self.data.classes), self.config.channels))

    def _file(self, stage: str, rows: IntArray, seed: int, head: str = "") -> Path:
        data = self.data
        about = [data.name, self.mark, self.key, rows.tolist(), seed, str(self.device)]
        return segment_cache.file_of(self.order.cache, about, self.config, stage, head)


def opened(order: Order) -> Step[Bench]:
    """The data set, every mask of it read, and the backbone's weights at hand."""
    data = yield from checked(open_masked(order.form, order.data, order.unlabelled))
    if not data.parts[order.part].images:
        raise InputError(f"The data set has no {order.part} frames", str(order.data), "Give --part test.")
    if not status(order.backbone).ready:
        yield from fetch(order.backbone)
    device, config = device_named(order.device), order.config
    backbone = load(order.backbone, pixels=_square(order.backbone, config))
    Segmenter(backbone, len(data.classes), config.channels)  # says whether this network can
    counts = ", ".join(f"{len(part.images)} {name}" for name, part in data.parts.items())
    told = f"{data.name}: {counts} frames, {order.backbone}, {order.effort}, {describe(device)}"
    return Bench(order, data, config, device, backbone.key, (yield from mark(data)), told)


def _square(name: str, config: SegmentConfig) -> int:
    """The side for which positions of a vision transformer are laid out; others see any. In whole patches."""
    choice = BACKBONES[name]
    return max(2, round(config.short / choice.patch)) * choice.patch if choice.prompts else 0


def _number(value: float) -> float | None:
    """A figure that JSON can hold."""
    return None if np.isnan(value) else round(float(value), 6)
