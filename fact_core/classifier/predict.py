"""Answers of a trained classifier for many images, of every phase in one pass."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from fact_core.backbones import Tokens
from fact_core.classifier.model import Classifier
from fact_core.compute.device import Prepared
from fact_core.compute.image_batches import Picture, batches, normalise
from fact_core.compute.less_memory import LessMemory
from fact_core.compute.several import answered, copies
from fact_core.errors import ImageError
from fact_core.events import Progress
from fact_core.types import FloatArray, IntArray, Source, Step


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
    others: Sequence[torch.device] = (),
) -> Step[Predictions]:
    """Classify N images. x (N, D): their PRETRAINED features, for the answers of phase 1 ("lp").

    probe: phase 1's layer where it is not the classifier's own. The images are read once, and
    not at all when only phase 1 is asked. reader: of this classifier, for who predicts part by part. others: further
    devices that answer as well.
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
        yield from _from_images(reader.copies(others), heads, files, batch, answers, bad)
    return Predictions(answers, classifier.final, bad)


def _from_features(probe: nn.Linear, x: FloatArray) -> FloatArray:
    with torch.no_grad():
        at = probe.weight.device
        answer: FloatArray = probe(torch.as_tensor(x, device=at).float()).softmax(-1).cpu().numpy()
        return answer


def _from_images(
    readers: Sequence[Reader],
    heads: dict[str, nn.Module],
    files: Sequence[Source | bytes],
    batch: int,
    answers: dict[str, FloatArray],
    bad: dict[int, str],
) -> Step[None]:
    pre, began, done = readers[0].classifier.backbone.preprocess, time.monotonic(), 0

    def on_bad(row: int, error: ImageError) -> None:
        bad[row] = error.what

    def asked(reader: Reader, batch: tuple[IntArray, Picture]) -> Step[dict[str, Tensor]]:
        return reader.read(batch[1], list(heads))

    read = batches(files, pre, batch, on_bad=on_bad, pinned=readers[0].less.device.type == "cuda")
    with closing(answered(read, [partial(asked, each) for each in readers])) as found:
        for (rows, _), answer in found:
            for name, values in (yield from answer).items():
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

    def copies(self, others: Sequence[torch.device]) -> list[Reader]:
        """This one, and one for each further device; one device twice shares the network."""
        readers = [self]
        for network, less in copies(self.network, self.less.device, others)[1:]:
            reader = Reader(self.classifier, less.device, 0)
            reader.network, reader.less = network, less
            readers.append(reader)
        return readers

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
