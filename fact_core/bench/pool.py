"""The training images of a table: their pretrained features, and which of them are labelled."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fact_core.backbones import Backbone
from fact_core.bench.datasets import Dataset
from fact_core.bench.order import Order
from fact_core.bench.recorded import record_selection, recorded, selection_key
from fact_core.errors import InputError, storage_error
from fact_core.events import Log
from fact_core.features.extract import extract, features_key
from fact_core.files import Lock, take_lock, write_text
from fact_core.select.choose import choose_images
from fact_core.storage.feature_store import FeatureStore
from fact_core.types import FloatArray, IntArray, Step


@dataclass(frozen=True)
class Chosen:
    """Rows of the training images in labelling order. seconds: of choosing; None where the choice was recorded."""

    rows: IntArray
    seconds: float | None


class Features:
    """Pretrained features of images by name; those that the cache lacks are computed.

    Rows are found by the bytes of an image, so that a cache may serve several folders.
    """

    def __init__(self, backbone: Backbone, root: Path, cache: Path, device: torch.device) -> None:
        self.backbone, self.root, self.device = backbone, root, device
        self.folder = cache / "features" / features_key(backbone)
        self.lock = cache / "locks" / f"{self.folder.name}.lock"  # not in the folder: the store may empty it
        self._digests: dict[str, str] = {}

    def of(self, names: Sequence[str], may_lack: bool = False) -> Step[FloatArray]:
        """(n, D) of the named images. InputError when one cannot be decoded; ``may_lack``: its row is NaN instead."""
        digests = [self._digest(name) for name in names]
        if FeatureStore(self.folder).missing(digests):
            with (yield from _alone(self.lock)):
                store = FeatureStore.open(self.folder, self.backbone.dim, {"backbone": self.backbone.name})
                files = [self.root / name for name in names]
                yield from extract(self.backbone, digests, files, store, device=self.device)
        store = FeatureStore(self.folder)
        gone = set(store.missing(digests))
        if gone and not may_lack:
            bad = [name for name, digest in zip(names, digests, strict=True) if digest in gone]
            found = f"{len(bad)} images, the first is {self.root / bad[0]}"
            raise InputError("Some images of the data set cannot be read", found)
        there = [digest not in gone for digest in digests]
        x = np.full((len(digests), self.backbone.dim), np.nan, dtype=np.float32)
        x[there] = store.gather([digest for digest, has in zip(digests, there, strict=True) if has])
        return x

    def _digest(self, name: str) -> str:
        if name not in self._digests:
            try:
                self._digests[name] = hashlib.blake2b((self.root / name).read_bytes(), digest_size=16).hexdigest()
            except OSError as error:
                raise storage_error(error, "reading the images") from error
        return self._digests[name]


def choose(order: Order, data: Dataset, features: Features, labels: int, seed: int) -> Step[Chosen]:
    """The images to label: the recorded choice, else that of an earlier start, else a new one."""
    pixels = features.backbone.preprocess.pixels
    key = selection_key(data.name, features.backbone.name, pixels, order.strategy, data.train)
    if not order.anew:
        rows = recorded(order.selections, key, labels, seed, len(data.train))
        if rows is not None:
            return Chosen(np.array(rows, dtype=np.int64), None)
    mark = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
    file = order.cache / "selections" / mark / f"{labels}-{seed}.json"
    # One process at a time: all methods of a cell, wherever they are measured, train on the same images.
    with (yield from _alone(order.cache / "locks" / f"selections-{mark}.lock")):
        kept = _kept(file, labels, len(data.train))
        if kept is None:
            kept = yield from _compute(order, data, features, labels, seed)
            write_text(file, json.dumps({"key": key, **kept}), "keeping the chosen images")
    for each in {order.out.parent / "selections.json", *((order.selections,) if order.record else ())}:
        # A lock of the file's own: choices of other images, or by another strategy, are written into it as well.
        mark = hashlib.blake2b(str(each.absolute()).encode(), digest_size=8).hexdigest()
        with (yield from _alone(order.cache / "locks" / f"recorded-{mark}.lock")):
            record_selection(each, key, labels, seed, kept["rows"])
    return Chosen(np.array(kept["rows"], dtype=np.int64), kept["seconds"])


def _kept(file: Path, labels: int, images: int) -> dict[str, Any] | None:
    """The choice of an earlier start; None where there is none that can be: it is made again."""
    try:
        found = json.loads(file.read_text("utf-8"))
        rows = [int(row) for row in found["rows"]]
        fits = len(set(rows)) == len(rows) == labels and 0 <= min(rows) <= max(rows) < images
        return {"rows": rows, "seconds": found["seconds"]} if fits else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _compute(order: Order, data: Dataset, features: Features, labels: int, seed: int) -> Step[dict[str, Any]]:
    x = yield from features.of(data.train)
    yield Log(f"choosing {labels} of {len(x):,} images by {order.strategy}, seed {seed}")
    began, nothing = time.monotonic(), np.zeros(0, dtype=np.int64)
    rng = np.random.default_rng(seed)
    picks = yield from choose_images(order.strategy, x, labels, nothing, nothing, rng, device=features.device)
    return {"rows": [int(row) for row in picks.rows], "seconds": round(time.monotonic() - began, 3)}


def _alone(file: Path) -> Step[Lock]:
    """The lock of that file; waits while another process, which may fill the same cache, has it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, "making the cache folder") from error
    told = False
    while (lock := take_lock(file)) is None:
        if not told:
            yield Log("Another process works on this cache; waiting for it.")
        told = True
        time.sleep(0.5)
    return lock
