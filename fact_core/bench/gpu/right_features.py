"""Features, tokens and crops on the device, beside those of the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from fact_core.backbones import Backbone
from fact_core.bench.gpu.given import LITE, SMALL, Bench, Checks, Rows, apart, cosine
from fact_core.bench.rows import Row
from fact_core.compute.device import MIN_COSINE, Ready
from fact_core.compute.device_crops import FILTERS, Uploaded, together, uploaded
from fact_core.compute.image_batches import load_eval, normalise, planes
from fact_core.compute.less_memory import CPU, LessMemory
from fact_core.compute.training_images import ImageCache, cut, draw_crop
from fact_core.features.extract import extract, token_steps
from fact_core.generators import finish

WITHIN = 1e-4  # of the largest feature, in float32


def features(bench: Bench) -> Row:
    """Float32 features within ``WITHIN`` of the CPU's, short ones along them; cuDNN must be on while they are made."""
    checks, precisions = Checks(), {}
    files = bench.pictures.files("small", bench.pick(48, 6)) + bench.pictures.files("large", bench.pick(16, 2))
    for name in (LITE, SMALL):
        backbone, short = bench.backbone(name), name.split("_")[0]
        wanted = _exactly(backbone, files, CPU)
        seen = _Watch(backbone)
        found = _exactly(backbone, files, bench.at)
        checks.below(f"{short}, float32 apart", apart(found.pooled, wanted.pooled), WITHIN)
        store = Rows()
        digests = [str(number) for number in range(len(files))]
        told = finish(extract(backbone, digests, files, store, device=bench.at))
        precisions[name] = told.precision
        checks.least(f"{short}, cosine as the program answers", cosine(store.of(digests), wanted.pooled), MIN_COSINE)
        pooled, patches = finish(token_steps(backbone, files, LessMemory(bench.at)))
        checks.least(f"{short}, cosine of its tokens", cosine(patches.float(), wanted.patches), MIN_COSINE)
        checks.least(f"{short}, cosine beside its tokens", cosine(pooled, wanted.pooled), MIN_COSINE)
        if bench.at.type == "cuda":
            checks.true(f"{short}, cuDNN on in all {len(seen.cudnn)} answers", bool(seen.cudnn) and all(seen.cudnn))
            checks.true(f"{short}, no TF32 in float32", not any(seen.tf32))
        backbone.to(CPU)
        seen.off()
    words = f"In {' and '.join(sorted(set(precisions.values())))}."
    return checks.row(bench, words, figures={"precision": precisions, "pictures": len(files)})


class _Seen:
    """pooled [n,D] and patches [n,...] in float32 on the CPU."""

    def __init__(self, pooled: Tensor, patches: Tensor) -> None:
        self.pooled, self.patches = pooled, patches


class _Watch:
    """Notes at each convolution of a network that answers whether cuDNN is on, and TF32 in float32.

    Hooks are copied with the network, and so see what the program makes of it.
    """

    def __init__(self, backbone: Backbone) -> None:
        self.cudnn, self.tf32 = list[bool](), list[bool]()
        layer = next(each for each in backbone.modules() if isinstance(each, nn.Conv2d))
        self.handle = layer.register_forward_pre_hook(_Note(self))

    def off(self) -> None:
        """No more notes."""
        self.handle.remove()


class _Note:
    """The hook. A copy of it writes into the same notes."""

    def __init__(self, watch: _Watch) -> None:
        self.watch = watch

    def __deepcopy__(self, memo: dict[int, object]) -> _Note:
        return self

    def __call__(self, layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        if given[0].device.type == "cuda":
            cudnn = torch.backends.cudnn
            self.watch.cudnn.append(cudnn.enabled)
            if given[0].dtype == torch.float32 and not torch.is_autocast_enabled("cuda"):
                self.watch.tf32.append(cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32)


def _exactly(backbone: Backbone, files: Sequence[Path], at: torch.device) -> _Seen:
    """What the backbone says in float32, by the program's own way of answering."""
    pre = backbone.preprocess
    ready = Ready(backbone.to(at).to(memory_format=torch.channels_last).eval(), at, torch.float32)  # type: ignore[call-overload]
    pictures = np.stack([load_eval(file, pre) for file in files])
    found = ready(normalise(pictures, pre, at))
    return _Seen(found.pooled.float().cpu(), found.patches.float().cpu())


def crops(bench: Bench) -> Row:
    """Random crops, resized and mirrored on the device: at most one grey level from Pillow's."""
    checks, pixels = Checks(), bench.pick(224, 48)
    files = bench.pictures.files("large", bench.pick(48, 6)) + bench.pictures.files("small", bench.pick(16, 4))
    cache, made = ImageCache(files, pixels), torch.Generator().manual_seed(0)
    rows = torch.arange(len(files))
    drawn = [draw_crop(cache[int(row)].size, made, 0.08) for row in rows]
    for interpolation in FILTERS:
        there = finish(uploaded(cache, bench.at, interpolation)) if bench.at.type == "cuda" else _on_cpu(cache)
        checks.true(f"{interpolation}, pictures are uploaded", there is not None)
        if there is not None:
            found = there.crops(drawn, rows, pixels, interpolation).cpu().int()
            wanted = cut([cache[int(row)] for row in rows], drawn, pixels, interpolation).int()
            checks.below(f"{interpolation}, grey levels apart", float((found - wanted).abs().max()), 1)
    return checks.row(bench, figures={"pictures": len(files), "pixels": pixels})


def _on_cpu(cache: ImageCache) -> Uploaded:
    """The same arithmetic where there is nothing to upload to."""
    return together([planes(cache[row]) for row in range(len(cache))])
