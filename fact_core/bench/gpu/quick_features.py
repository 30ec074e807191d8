"""Images a second from files to features, beside what the device does with pictures that lie in its memory."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from fact_core.backbones import Backbone
from fact_core.bench.gpu.given import Bench, Rows, steady
from fact_core.bench.rows import Row
from fact_core.choices import backbone_choice
from fact_core.compute.device import WORTH_COMPILING, inference
from fact_core.compute.image_batches import batches, decoding_threads, load_eval, normalise
from fact_core.features.extract import extract

SECONDS, SHORT = 5.0, 0.3  # of each measurement
MANY = 400_000  # files that are offered: more than any device does in the time
FEW = WORTH_COMPILING - 1  # files of the short form: compiling would be all that it measures
LOOK = 64  # pictures at a time, as ``extract`` does
GREATER = 256  # pictures at a time where only the device counts


def run(bench: Bench, name: str, size: str) -> Row:
    """Features by the program, from files; its share of what the network does alone, and that of the products."""
    seconds, backbone = bench.pick(SECONDS, SHORT), bench.backbone(name)
    files = bench.pictures.files(size, bench.pick(MANY, FEW))
    digests = [str(number) for number in range(len(files))]
    bench.fresh()
    batch = bench.pick(LOOK, 8)
    step = extract(backbone, digests, files, Rows(), device=bench.at, batch=batch)
    rate, images = steady(step, "features", seconds, 4 * batch)
    peak = bench.peak()
    alone, batch, dtype = own_rate(bench, backbone, size)
    flops = 2e6 * backbone_choice(name).megaflops * (backbone.preprocess.pixels / backbone_choice(name).pixels) ** 2
    figures = {
        "images_per_s": round(rate, 1),
        "images": images,
        "device_images_per_s": round(alone, 1),
        "share": round(rate / alone, 3),
        "batch": batch,
        "dtype": dtype,
        "pixels": backbone.preprocess.pixels,
        "threads": decoding_threads(),
        "tflops": round(rate * flops / 1e12, 2),
        "products_tflops": round(products(bench) / 1e12, 1),
        "peak_memory_mb": peak,
    }
    words = f"{rate:,.0f} images/s from files, {rate / alone:.0%} of the network alone ({alone:,.0f}), in {dtype}."
    return bench.row(words, figures=figures, backbone=name, pictures=bench.pictures.said(size))


def own_rate(bench: Bench, backbone: Backbone, size: str) -> tuple[float, int, str]:
    """(images a second of the network on pictures in the device's memory, at which batch, number format)."""
    pre = backbone.preprocess
    pictures = np.stack([load_eval(file, pre) for file in bench.pictures.files(size, 16)])
    sample = normalise(pictures, pre, bench.at)
    ready = inference(backbone, bench.at, sample, bench.pick(WORTH_COMPILING, 0))
    best = (0.0, 0)
    for batch in bench.pick((LOOK, GREATER), (8,)):
        x = sample.repeat(-(-batch // len(sample)), 1, 1, 1)[:batch].to(ready.dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        rate = bench.rate(lambda x=x: ready(x), batch, bench.pick(1.5, SHORT))  # type: ignore[misc]
        best = max(best, (rate, batch))
    return (*best, str(ready.dtype).removeprefix("torch."))


def products(bench: Bench) -> float:
    """Operations a second of large products of matrices, in the number format in which networks answer."""
    side = bench.pick(8192, 512)
    dtype = torch.bfloat16 if bench.at.type == "cuda" else torch.float32
    a = torch.randn(side, side, device=bench.at, dtype=dtype)
    return bench.rate(lambda: a @ a, 1, bench.pick(0.5, 0.1)) * 2 * side**3


def decoding(bench: Bench, size: str) -> Row:
    """Pictures a second from files to arrays of 224 x 224, with all threads and with one."""
    pre = bench.backbone("vit_small_patch16_224.dino", 224).preprocess
    files, seconds = bench.pictures.files(size, MANY), bench.pick(SECONDS, SHORT)
    rates, batch = {}, bench.pick(LOOK, 8)
    for threads in (decoding_threads(), 1):
        read = batches(files, pre, batch, threads, pinned=bench.at.type == "cuda")
        taken = (len(rows) for rows, _ in read)
        next(taken)

        def some(taken: object = taken) -> None:
            list(itertools.islice(taken, 1))  # type: ignore[call-overload]

        rates[threads] = bench.rate(some, batch, seconds)
        read.close()  # type: ignore[attr-defined]
    most, one = rates[decoding_threads()], rates[1]
    words = f"{most:,.0f} images/s by {decoding_threads()} threads, {one:,.0f} by one."
    figures = {"images_per_s": round(most, 1), "by_one_thread": round(one, 1), "threads": decoding_threads()}
    bench.weights.clear()  # no network looks at them
    return bench.row(words, figures=figures, pictures=bench.pictures.said(size))
