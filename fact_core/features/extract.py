"""Features of images: computed in batches, appended to a store as they come."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fact_core.backbones.loading import Identity
from fact_core.backbones.network import Backbone, Tokens
from fact_core.choices import plain_name
from fact_core.compute.device import Prepared, answering, placed
from fact_core.compute.image_batches import Picture, Preprocess, batches, normalise
from fact_core.compute.less_memory import CPU, LessMemory
from fact_core.compute.several import answered, copies
from fact_core.compute.tensor_files import kept_tensor
from fact_core.errors import ImageError, WeightsError
from fact_core.events import Progress
from fact_core.generators import finish
from fact_core.types import FloatArray, IntArray, Source, Step

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
    return f"{plain_name(backbone.name)}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def extract(
    backbone: Backbone,
    digests: Sequence[str],
    files: Sequence[Source | bytes],
    store: Store,
    *,
    device: torch.device,
    batch: int = 64,
    workers: int = 0,
    network: Prepared | None = None,
    others: Sequence[torch.device] = (),
    on_image: Callable[[str, Image.Image], None] | None = None,
    on_bad: Callable[[str, ImageError], None] | None = None,
) -> Step[Extracted]:
    """Compute the pooled features of the images that the store lacks; batch by batch, so a stop loses one batch.

    on_image(digest, image) gets each decoded image (thumbnails), in a decoding thread, never two at once;
    on_bad(digest, error) each file that can no longer be decoded. When memory is full: see ``less_memory``.
    network: the backbone made ready, for who extracts part by part; None: it is made ready here. others: further
    devices that answer as well. WeightsError when the network answers with NaN.
    """
    where = dict(zip(reversed(digests), reversed(files), strict=True))
    todo = list(dict.fromkeys(store.missing(list(digests))))
    start, done, bad = time.monotonic(), 0, 0

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
    network = network or Prepared(backbone, len(todo) if pre.square else 0)
    yield Progress("features", 0, len(todo))
    read = batches(
        [where[d] for d in todo], pre, batch, workers, on_image=seen, on_bad=failed, pinned=device.type == "cuda"
    )
    networks = copies(network, device, others)

    def ask(network: Prepared, less: LessMemory, read: tuple[IntArray, Picture]) -> Step[FloatArray]:
        return _pooled(network, read[1], pre, less, max(1, batch))

    asks = [partial(ask, *each) for each in networks]
    with closing(answered(read, asks)) as answers:
        for (rows, _), answer in answers:
            x = yield from answer
            store.append([todo[row] for row in rows], x)
            done += len(rows)
            rate = done / max(time.monotonic() - start, 1e-9)
            yield Progress("features", done + bad, len(todo), "images", rate, (len(todo) - done - bad) / rate)
    seconds = time.monotonic() - start
    precision = " and ".join(sorted({str(each.dtype).removeprefix("torch.") for each, _ in networks}))
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
    """``token_steps`` at once."""
    return finish(token_steps(backbone, files, LessMemory(device), batch=batch, workers=workers, on_bad=on_bad))


def token_steps(
    backbone: Backbone,
    files: Sequence[Source],
    less: LessMemory,
    *,
    what: str = "tokens",
    batch: int = 32,
    workers: int = 0,
    on_bad: Callable[[int, ImageError], None] | None = None,
) -> Step[tuple[Tensor, Tensor]]:
    """(pooled [n,D] float32, patches [n,h,w,C] float16) on the CPU, for the few labeled images, in their order.

    Computed by the backbone as it is, which stays on the device in eval mode. what: the progress. More patches than
    ``tensor_files.MOST`` lie in a file. ImageError when a file cannot be decoded, unless ``on_bad(row, error)`` takes
    note of it.
    """
    pre = backbone.preprocess
    backbone.eval()  # placed with the first pictures: the device may have no room for the weights
    pooled = torch.zeros(len(files), backbone.dim)
    patches = kept_tensor((len(files), *backbone.grid(pre.pixels), backbone.token_dim), torch.float16)
    order: list[int] = []
    for rows, pictures in batches(files, pre, batch, workers, on_bad=on_bad, pinned=less.device.type == "cuda"):

        def seen(part: slice, where: torch.device, pictures: Picture = pictures) -> tuple[Tensor, Tensor]:
            return _tokens(placed(backbone, where), normalise(pictures[part], pre, where))

        parts = yield from less.pieces("tokens", len(rows), len(rows), seen)
        at = torch.from_numpy(rows)
        pooled[at], patches[at] = (torch.cat(each) for each in zip(*parts, strict=True))
        order += rows.tolist()
        yield Progress(what, len(order), len(files))
    if len(order) == len(files):
        return pooled, patches
    good = torch.tensor(sorted(order), dtype=torch.int64)
    return pooled[good], patches[good]


def _tokens(backbone: Backbone, x: Tensor) -> tuple[Tensor, Tensor]:
    """(pooled [b,D] float32, patches [b,h,w,C] float16) on the CPU."""
    with answering(x.device):
        found: Tokens = backbone(x)
        # Un-normalised maps may exceed what float16 holds.
        return found.pooled.float().cpu(), found.patches.clamp(-65504, 65504).half().cpu()


def _pooled(network: Prepared, pictures: Picture, pre: Preprocess, less: LessMemory, most: int) -> Step[FloatArray]:
    """Features [b,D], at most ``most`` pictures at a time."""

    def seen(rows: slice, where: torch.device) -> FloatArray:
        part = normalise(pictures[rows], pre, where)
        answer: FloatArray = network.on(where, part)(part).pooled.float().cpu().numpy()
        return answer

    whole = network.compiled_on(CPU)
    x = np.concatenate((yield from less.pieces("features", len(pictures), most, seen, compiled=whole)))
    if not np.isfinite(x).all():
        raise WeightsError("The network answered with values that are not numbers", do="Check the weights file.")
    return x
