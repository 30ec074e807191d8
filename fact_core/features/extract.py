"""Features of images: computed in batches, appended to a store as they come."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fact_core.backbones.loading import Identity
from fact_core.backbones.network import Backbone, Tokens
from fact_core.compute.device import Ready, exact_float32, inference, out_of_memory
from fact_core.compute.image_batches import Picture, Preprocess, batches, normalise
from fact_core.errors import DeviceError, ImageError, WeightsError
from fact_core.events import Log, Progress
from fact_core.types import FloatArray, Source, Step

#: Raised by one whenever the same file and weights would give other features.
VERSION = 1


class Store(Protocol):
    """What is needed of ``storage.feature_store.FeatureStore``: rows are found by the digest of the image."""

    def missing(self, digests: Sequence[str]) -> list[str]:
        """The digests that have no row yet."""

    def append(self, digests: Sequence[str], x: FloatArray) -> None:
        """Add rows [b,D]."""


@dataclass(frozen=True)
class Extracted:
    """n_new rows were added in ``seconds``; n_bad files could not be read; precision: float32 or bfloat16."""

    n_new: int
    seconds: float
    images_per_s: float
    n_bad: int = 0
    precision: str = "float32"


def features_key(backbone: Backbone | Identity, version: int = VERSION) -> str:
    """The folder name of a backbone's features: everything they depend on."""
    text = json.dumps([backbone.name, backbone.key, backbone.preprocess.to_dict(), version], sort_keys=True)
    return f"{backbone.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def extract(
    backbone: Backbone,
    digests: Sequence[str],
    files: Sequence[Source],
    store: Store,
    *,
    device: torch.device,
    batch: int = 64,
    workers: int = 0,
    on_image: Callable[[str, Image.Image], None] | None = None,
    on_bad: Callable[[str, ImageError], None] | None = None,
) -> Step[Extracted]:
    """Compute the pooled features of the images that the store lacks; batch by batch, so a stop loses one batch.

    on_image(digest, image) gets each decoded image (thumbnails), in a decoding thread, never two at once;
    on_bad(digest, error) each file that can no longer be decoded. When the GPU's memory
    is full the batch is halved, for the rest of the run. WeightsError when the network answers with NaN.
    """
    where = dict(zip(reversed(digests), reversed(files), strict=True))
    todo = list(dict.fromkeys(store.missing(list(digests))))
    start, done, bad = time.monotonic(), 0, 0
    ready: Ready | None = None
    fits = max(1, batch)  # images at a time: what did not fit once is not tried again

    def failed(row: int, error: ImageError) -> None:
        nonlocal bad
        bad += 1
        if on_bad is not None:
            on_bad(todo[row], error)

    one_at_a_time = threading.Lock()

    def seen(row: int, image: Image.Image) -> None:
        if on_image is not None:
            with one_at_a_time:
                on_image(todo[row], image)

    pre = backbone.preprocess
    yield Progress("features", 0, len(todo))
    for rows, pictures in batches([where[d] for d in todo], pre, batch, workers, on_image=seen, on_bad=failed):
        if ready is None:
            to_come = len(todo) if pre.square else 0
            ready = inference(backbone, device, normalise(pictures[:16], pre, device), to_come)
        x, size = _pooled(ready, pictures, pre, fits)
        if size < min(fits, len(rows)):
            fits = size
            yield Log(f"The GPU's memory is full: going on with {fits} images at a time.", "warning")
        store.append([todo[row] for row in rows], x)
        done += len(rows)
        rate = done / max(time.monotonic() - start, 1e-9)
        yield Progress("features", done + bad, len(todo), "images", rate, (len(todo) - done - bad) / rate)
    seconds = time.monotonic() - start
    precision = str(ready.dtype).removeprefix("torch.") if ready else "float32"
    return Extracted(done, seconds, done / seconds if seconds > 0 else 0.0, bad, precision)


def tokens(
    backbone: Backbone,
    files: Sequence[Source],
    device: torch.device,
    *,
    batch: int = 32,
    workers: int = 0,
    on_bad: Callable[[int, ImageError], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """(pooled [n,D] float32, patches [n,h,w,C] float16) on the CPU, for the few labeled images, in their order.

    Computed in float32 by the backbone as it is, which stays on ``device`` in eval mode.
    ImageError when a file cannot be decoded, unless ``on_bad(row, error)`` takes note of it.
    """
    pre = backbone.preprocess
    backbone.to(device).eval()
    grid = backbone.grid(pre.pixels)
    order: list[int] = []
    pooled, patches = [], []
    for rows, pictures in batches(files, pre, batch, workers, on_bad=on_bad):
        found = _tokens(backbone, normalise(pictures, pre, device))
        order += rows.tolist()
        pooled.append(found.pooled.float().cpu())
        # Un-normalised maps may exceed what float16 holds.
        patches.append(found.patches.clamp(-65504, 65504).half().cpu())
    if not pooled:
        return torch.zeros(0, backbone.dim), torch.zeros(0, *grid, backbone.token_dim, dtype=torch.float16)
    back = torch.from_numpy(np.argsort(order))
    return torch.cat(pooled)[back], torch.cat(patches)[back]


@torch.no_grad()
def _tokens(backbone: Backbone, x: Tensor) -> Tokens:
    with exact_float32(x.device):
        found: Tokens = backbone(x)
    return found


def _pooled(ready: Ready, pictures: Picture, pre: Preprocess, most: int) -> tuple[FloatArray, int]:
    """(features [b,D], images at a time): from ``most`` on it is halved until it fits."""
    size = min(most, len(pictures))
    while True:
        try:
            parts = [
                ready(normalise(pictures[i : i + size], pre, ready.device)).pooled.float().cpu().numpy()
                for i in range(0, len(pictures), size)
            ]
            break
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            if size == 1:
                raise DeviceError(
                    "The memory is full with a single image", str(error).splitlines()[0], "Choose the device cpu."
                ) from error
        torch.cuda.empty_cache()
        size = (size + 1) // 2
    x = np.concatenate(parts)
    if not np.isfinite(x).all():
        raise WeightsError("The network answered with values that are not numbers", do="Check the weights file.")
    return x, size
