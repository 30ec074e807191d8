"""Answers of a trained classifier for many images, of every phase in one pass."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fact_core.backbones import Tokens
from fact_core.classifier.model import Classifier
from fact_core.compute.device import Prepared
from fact_core.compute.image_batches import Picture, batches, normalise
from fact_core.compute.less_memory import LessMemory
from fact_core.errors import ImageError
from fact_core.events import Progress
from fact_core.types import FloatArray, Source, Step


@dataclass(frozen=True)
class Predictions:
    """Probabilities (N, K) of each phase, in the recipe's order. The rows of ``bad`` images are NaN."""

    answers: dict[str, FloatArray]
    final: str
    bad: dict[int, str]  # row -> why the image cannot be decoded


def predict(
    classifier: Classifier,
    files: Sequence[Source | bytes],
    *,
    device: torch.device,
    batch: int = 64,
    probe: nn.Linear | None = None,
    x: FloatArray | None = None,
    reader: Reader | None = None,
) -> Step[Predictions]:
    """Classify N images. x (N, D): their PRETRAINED features, for the answers of phase 1 ("lp").

    probe: phase 1's layer where it is not the classifier's own. The images are read once, and
    not at all when only phase 1 is asked. reader: of this classifier, for who predicts part by part.
    """
    shape = (len(files), len(classifier.classes))
    probe = probe if probe is not None else classifier.probe
    heads = dict(classifier.heads.items())
    answers: dict[str, FloatArray] = {}
    if x is not None and "lp" in heads and isinstance(heads["lp"], nn.Linear):
        probe = heads.pop("lp")  # type: ignore[assignment]  # the same layer, and the features are known
    if x is not None and probe is not None:
        answers["lp"] = _from_features(probe, x)
    answers |= {name: np.full(shape, np.nan, dtype=np.float32) for name in heads}
    bad: dict[int, str] = {}
    if heads:
        reader = reader or Reader(classifier, device, len(files))
        yield from _from_images(reader, heads, files, batch, answers, bad)
    return Predictions(answers, classifier.final, bad)


def _from_features(probe: nn.Linear, x: FloatArray) -> FloatArray:
    with torch.no_grad():
        at = probe.weight.device
        answer: FloatArray = probe(torch.as_tensor(x, device=at).float()).softmax(-1).cpu().numpy()
        return answer


def _from_images(
    reader: Reader,
    heads: dict[str, nn.Module],
    files: Sequence[Source | bytes],
    batch: int,
    answers: dict[str, FloatArray],
    bad: dict[int, str],
) -> Step[None]:
    pre, began, done = reader.classifier.backbone.preprocess, time.monotonic(), 0

    def on_bad(row: int, error: ImageError) -> None:
        bad[row] = error.what

    for rows, pictures in batches(files, pre, batch, on_bad=on_bad, pinned=reader.less.device.type == "cuda"):
        found = yield from reader.read(pictures, list(heads))
        for name, values in found.items():
            answers[name][rows] = values.numpy()
        done += len(rows)
        rate = done / max(time.monotonic() - began, 1e-9)
        yield Progress("predict", done + len(bad), len(files), "images", rate, (len(files) - done) / rate)


class Reader:
    """A copy of a classifier: its backbone as fast as the device allows, the heads in float32. images: to come."""

    def __init__(self, classifier: Classifier, device: torch.device, images: int) -> None:
        self.classifier = copy.deepcopy(classifier).eval()
        self.network = Prepared(classifier.backbone, images if classifier.backbone.preprocess.square else 0)
        self.less = LessMemory(device)

    def read(self, pictures: Picture, names: Sequence[str]) -> Step[dict[str, Tensor]]:
        """Probabilities (b, K) of the named heads for pictures [b,3,H,W]."""

        def said(rows: slice, where: torch.device) -> dict[str, Tensor]:
            images = normalise(pictures[rows], self.classifier.backbone.preprocess, where)
            tokens: Tokens = self.network.on(where, images)(images)
            self.classifier.heads.to(where)
            with torch.inference_mode():
                return {name: self.classifier.read(tokens, name).exp().float().cpu() for name in names}

        parts = yield from self.less.pieces("predict", len(pictures), len(pictures), said)
        return {name: torch.cat([part[name] for part in parts]) for name in names}
