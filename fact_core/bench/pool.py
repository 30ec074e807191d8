"""The training images of a table: their pretrained features, and which of them are labelled."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from fact_core.backbones import Backbone
from fact_core.bench.arguments import Order
from fact_core.bench.datasets import Dataset
from fact_core.bench.recorded import record_selection, recorded, selection_key
from fact_core.choices import STRATEGIES, resolve
from fact_core.errors import InputError, storage_error
from fact_core.events import Log
from fact_core.features import extract, features_key
from fact_core.files import write_text
from fact_core.store import FeatureStore
from fact_core.types import FloatArray, IntArray, Step


@dataclass(frozen=True)
class Chosen:
    """Rows of the training images in labelling order. seconds: of choosing; None where the choice was recorded."""

    rows: IntArray
    seconds: float | None


def pooled(
    backbone: Backbone, data: Dataset, names: Sequence[str], cache: Path, device: torch.device
) -> Step[FloatArray]:
    """Pretrained features (n, D) of the named images; those that the cache lacks are computed.

    Rows are found by the bytes of an image, so that a cache may serve several folders. InputError when one
    cannot be decoded.
    """
    files = [data.root / name for name in names]
    digests = [_digest(file) for file in files]
    store = FeatureStore.open(cache / "features" / features_key(backbone), backbone.dim, {"backbone": backbone.name})
    if store.missing(digests):
        yield from extract(backbone, digests, files, store, device=device)
    gone = set(store.missing(digests))
    if gone:
        bad = [str(file) for file, digest in zip(files, digests, strict=True) if digest in gone]
        raise InputError("Some images of the data set cannot be read", f"{len(bad)} images, the first is {bad[0]}")
    return store.gather(digests)


def choose(
    order: Order, data: Dataset, backbone: Backbone, labels: int, seed: int, device: torch.device
) -> Step[Chosen]:
    """The images to label: the recorded choice, else that of an earlier start, else a new one."""
    key = selection_key(data.name, backbone.name, backbone.preprocess.pixels, order.strategy, data.train)
    if not order.anew:
        rows = recorded(order.selections, key, labels, seed, len(data.train))
        if rows is not None:
            return Chosen(np.array(rows, dtype=np.int64), None)
    folder = order.cache / "selections" / hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
    file = folder / f"{labels}-{seed}.json"
    if file.is_file():
        kept = json.loads(file.read_text("utf-8"))
    else:
        kept = yield from _compute(order, data, backbone, labels, seed, device)
        write_text(file, json.dumps({"key": key, **kept}), "keeping the chosen images")
    for each in {order.out.parent / "selections.json", *((order.selections,) if order.record else ())}:
        record_selection(each, key, labels, seed, kept["rows"])
    return Chosen(np.array(kept["rows"], dtype=np.int64), kept["seconds"])


def _compute(
    order: Order, data: Dataset, backbone: Backbone, labels: int, seed: int, device: torch.device
) -> Step[dict[str, object]]:
    x = yield from pooled(backbone, data, data.train, order.cache, device)
    yield Log(f"choosing {labels} of {len(x)} images by {order.strategy}, seed {seed}")
    began, nothing = time.monotonic(), np.zeros(0, dtype=np.int64)
    select = resolve(STRATEGIES[order.strategy].target)
    picks = yield from select(x, labels, nothing, nothing, np.random.default_rng(seed), device=device)
    return {"rows": [int(row) for row in picks.rows], "seconds": time.monotonic() - began}


def _digest(file: Path) -> str:
    try:
        return hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()
    except OSError as error:
        raise storage_error(error, "reading the images") from error
