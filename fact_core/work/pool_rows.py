"""What a worker of a large pool makes of a handful of images: rows of features, or of a classifier's answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
import torch

from fact_core.backbones import Backbone
from fact_core.classifier.model import Classifier
from fact_core.classifier.predict import Reader, predict
from fact_core.compute.device import WORTH_COMPILING, Prepared, device_named
from fact_core.errors import ImageError
from fact_core.features.extract import extract, features_key
from fact_core.generators import finish
from fact_core.images.source import digest_of
from fact_core.types import FloatArray

Model = Backbone | Classifier
UNREAD = "The file cannot be read"


@dataclass
class _Kept:
    """A store in memory: the rows of one call."""

    rows: dict[str, FloatArray] = field(default_factory=dict)

    def missing(self, digests: Sequence[str]) -> list[str]:
        return [digest for digest in digests if digest not in self.rows]

    def append(self, digests: Sequence[str], x: FloatArray) -> None:
        self.rows.update(zip(digests, x, strict=True))


@dataclass(frozen=True)
class Rows:
    """x (n, D) with zeros where ``errors`` says why there is no row; digests are "" there where nothing was read."""

    digests: list[str]
    errors: list[str]
    x: FloatArray


class RowMaker:
    """Makes rows by a backbone (D features) or a classifier (a probability of each class), ready on its device."""

    def __init__(self, model: Model, device: str = "auto", batch: int = 64) -> None:
        self.device, self.batch, self.model = device_named(device), batch, model
        self.backbone = model.backbone if isinstance(model, Classifier) else model
        images = WORTH_COMPILING if self.backbone.preprocess.square else 0
        self.reader = Reader(model, self.device, images) if isinstance(model, Classifier) else None
        self.network = Prepared(self.backbone, images)

    def __call__(self, contents: Sequence[bytes | None], errors: Sequence[str] | None = None) -> Rows:
        """Rows of files by their bytes; None: it could not be read, for the reason in ``errors``."""
        told = [UNREAD if content is None else "" for content in contents]
        if errors is not None:
            told = [given or own for given, own in zip(errors, told, strict=True)]
        digests = ["" if content is None else digest_of(content) for content in contents]
        known = {digest: content for digest, content in zip(digests, contents, strict=True) if content is not None}
        found, bad = self._answers(list(known), list(known.values()))
        x = np.zeros((len(contents), width(self.model)), dtype=np.float32)
        for row, digest in enumerate(digests):
            if digest in found:
                x[row] = found[digest]
            told[row] = told[row] or bad.get(digest, "")
        return Rows(digests, told, x)

    def _answers(self, digests: list[str], contents: list[bytes]) -> tuple[dict[str, FloatArray], dict[str, str]]:
        """(digest -> row, digest -> why there is none)."""
        if self.reader is not None:
            said = finish(
                predict(self.reader.classifier, contents, device=self.device, batch=self.batch, reader=self.reader)
            )
            final = said.answers[said.final]
            good = {digest: final[row] for row, digest in enumerate(digests) if row not in said.bad}
            return good, {digests[row]: why for row, why in said.bad.items()}
        kept, bad = _Kept(), dict[str, str]()

        def failed(digest: str, error: ImageError) -> None:
            bad[digest] = error.what

        step = extract(
            self.backbone,
            digests,
            contents,
            kept,
            device=self.device,
            batch=self.batch,
            on_bad=failed,
            network=self.network,
        )
        finish(step)
        return kept.rows, bad


def width(model: Model) -> int:
    """D: numbers of a row."""
    return len(model.classes) if isinstance(model, Classifier) else model.dim


def about(model: Model) -> dict[str, Any]:
    """What rows of this model depend on: kept with them, so that no others come among them."""
    if isinstance(model, Classifier):
        key = f"{model.backbone.name}-{_weights(model)}"
        return {"dim": width(model), "kind": "answers", "key": key, "classes": list(model.classes)}
    return {"dim": width(model), "kind": "features", "key": features_key(model), "backbone": model.name}


def _weights(model: Classifier) -> str:
    """A name for all weights of a classifier: two trainings of one backbone have two."""
    digest = blake2b(digest_size=8)
    for tensor in model.state_dict().values():
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
