"""Small real parts for the tests of finetuning: coloured pictures and an untrained network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from fact_core.backbones import Backbone, load
from fact_core.classifier.model import Classifier
from fact_core.config import TrainConfig, train_config
from fact_core.events import Event
from fact_core.features.extract import tokens
from fact_core.finetune.loop_state import Net
from fact_core.finetune.pipeline import Trained, train
from fact_core.types import FloatArray, IntArray, Step
from tests.conftest import SMALL as SMALL

CPU = torch.device("cpu")
PIXELS = 64
#: A network of the default one's family, with a thirtieth of its weights: what is tested here are the steps, not how
#: much they learn. Every listed network is in tests/backbones, the default one goes the whole way in tests/headless.
SMALL_TRANSFORMER = "timm:test_vit.r160_in1k"  # for what a network of convolutions cannot have
DEFAULT = "tf_efficientnet_lite0"
COLOURS = ((220, 40, 40), (40, 200, 60), (50, 70, 220))
NAMES = ("red", "green", "blue")


class LittleMemory(Net):
    """A network whose device has memory for ``room`` images, in whichever process it is."""

    room = 2

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if len(images) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(images)


@dataclass(frozen=True)
class Coloured:
    """Labelled pictures: noise around one colour a class."""

    files: tuple[Path, ...]
    y: IntArray
    x: FloatArray


def backbone(seed: int = 0, *, name: str = SMALL, pixels: int = PIXELS, view: str = "crop") -> Backbone:
    """A small network with random weights, for small pictures."""
    return load(name, pixels=pixels, random=True, seed=seed, view=view)


def all_heads(classifier: Classifier, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Log-probabilities (B, K) of every head."""
    seen = classifier.backbone(images)
    return {name: classifier.read(seen, name) for name in classifier.heads}


def coloured(folder: Path, y: Sequence[int], seed: int = 0) -> Coloured:
    """Write one picture a label, and compute its features."""
    rng = np.random.default_rng(seed)
    files = []
    folder.mkdir(parents=True, exist_ok=True)
    for i, each in enumerate(y):
        pixels = np.clip(np.array(COLOURS[each]) + rng.normal(0, 60, (40, 48, 3)), 0, 255).astype(np.uint8)
        files.append(folder / f"{i:03}.png")
        Image.fromarray(pixels).save(files[-1])
    pooled = tokens(backbone(), files, CPU)[0]
    return Coloured(tuple(files), np.array(y, dtype=np.int64), np.asarray(pooled, dtype=np.float32))


def tiny(recipe: str = "fact", **values: Any) -> TrainConfig:
    """A recipe of some seconds."""
    small = {"ff.steps": 4, "ff.batch": 4, "ff.pixels": PIXELS, "lm.steps": 20, "lm.width": 16, "lm.choose": "none"}
    return train_config("quick", recipe=recipe, **{**small, **values})


def steps(data: Coloured, config: TrainConfig, folder: Path | None = None, **more: Any) -> Step[Trained]:
    """A training run that saves a checkpoint at every step."""
    more = {"pool_files": data.files[:4], "classes": NAMES, "backbone": backbone(), "checkpoint_every": 0.0, **more}
    return train(files=data.files, y=data.y, x=data.x, config=config, device=CPU, folder=folder, **more)


def drain(step: Step[Any]) -> tuple[list[Event], Any]:
    """All events, and the result."""
    events: list[Event] = []
    while True:
        try:
            events.append(next(step))
        except StopIteration as stop:
            return events, stop.value
        assert not torch.is_inference_mode_enabled() and torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    """Whether two modules are equal to the bit."""
    one, two = a.state_dict(), b.state_dict()
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
