"""Yardsticks: the same work as the documentation of timm, DeiT, scikit-learn and umap-learn shows it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import timm
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from torch.utils.data import DataLoader, Dataset

from fact_core import processor
from fact_core.bench.gpu.given import Bench, installed, skipped
from fact_core.bench.gpu.quick_select import MAPPED, WIDTH
from fact_core.bench.gpu.quick_solvers import SIZES, C
from fact_core.bench.gpu.right_solvers import mixture
from fact_core.bench.rows import Row
from fact_core.bench.selection import mixture as clusters
from fact_core.choices import backbone_choice
from fact_core.compute.device import amp_dtype

BATCH, SECONDS, SHORT = 64, 5.0, 0.3


class _Files(Dataset[tuple[torch.Tensor, int]]):
    """Pictures of files, as torch's tutorial writes a data set."""

    def __init__(self, files: Sequence[Path], y: Sequence[int], transform: Any) -> None:
        self.files, self.y, self.transform = files, y, transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.open(self.files[row]).convert("RGB")), self.y[row]


def features(bench: Bench, name: str, size: str) -> Row:
    """timm's model and transform, a DataLoader with a worker a core, autocast."""
    model = _model(bench, name, num_classes=0).eval()
    config = timm.data.resolve_model_data_config(model)
    config["input_size"] = (3, bench.pixels(name), bench.pixels(name))
    transform = timm.data.create_transform(**config, is_training=False)
    files = bench.pictures.files(size, bench.pick(400_000, 64))
    loader = _loader(bench, _Files(files, [0] * len(files), transform), shuffle=False)
    done, began, first = 0, 0.0, 0
    with torch.inference_mode(), _autocast(bench):
        for number, (images, _) in enumerate(loader):
            model(images.to(bench.at, non_blocking=True)).float().cpu()
            done += len(images)
            if number == bench.pick(4, 1):  # workers have started
                began, first = time.perf_counter(), done
            if began and time.perf_counter() - began > bench.pick(SECONDS, SHORT) and done > first:
                break
    rate = (done - first) / (time.perf_counter() - began)
    words = f"{rate:,.0f} images/s by timm and a DataLoader with {_workers(bench)} workers."
    figures = {"images_per_s": round(rate, 1), "workers": _workers(bench), "batch": bench.pick(BATCH, 8)}
    return bench.row(words, figures=figures, backbone=name, pictures=bench.pictures.said(size))


def steps(bench: Bench, name: str) -> Row:
    """DeiT's loop of an epoch: timm's augmentation in workers, autocast, AdamW, a wait for each loss."""
    classes = len(bench.pictures.classes)
    model = _model(bench, name, num_classes=classes, drop_path_rate=0.1).train()
    transform = timm.data.create_transform(bench.pixels(name), is_training=True, color_jitter=0.4, auto_augment=None)
    n = bench.pick(200 * BATCH, 64)
    files = bench.pictures.files("small", n)
    y = [int(bench.pictures.train_y[row % len(bench.pictures.train_y)]) for row in range(n)]
    loader = _loader(bench, _Files(files, y, transform), shuffle=True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.05)
    criterion, done, began, first = torch.nn.CrossEntropyLoss(label_smoothing=0.1), 0, 0.0, 0
    for number, (samples, targets) in enumerate(loader):
        samples, targets = samples.to(bench.at, non_blocking=True), targets.to(bench.at, non_blocking=True)
        with _autocast(bench):
            loss = criterion(model(samples), targets)
        loss.item()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimiser.step()
        bench.wait()
        done += len(samples)
        if number == bench.pick(4, 1):
            began, first = time.perf_counter(), done
        if began and time.perf_counter() - began > bench.pick(SECONDS, SHORT) and done > first:
            break
    rate = (done - first) / (time.perf_counter() - began)
    words = f"{rate:,.0f} images/s, {_workers(bench)} workers."
    return bench.row(words, figures={"images_per_s": round(rate, 1), "workers": _workers(bench)}, backbone=name)


def logistic(bench: Bench) -> Row:
    """scikit-learn's, on the same rows and with the same C as ``quick_solvers.lbfgs``."""
    figures, words = {}, []
    for n, dim in bench.pick(SIZES, ((200, 32),)):
        x, y = (each.numpy() for each in mixture(n, dim))
        model = LogisticRegression(C=C, max_iter=500, class_weight="balanced", tol=1e-6)
        _, seconds = bench.took(lambda model=model, x=x, y=y: model.fit(x.astype("f8"), y))  # type: ignore[misc]
        figures[f"{n} x {dim}"] = {"seconds": round(seconds, 3), "iterations": int(model.n_iter_[0])}
        words.append(f"{n:,} x {dim}: {seconds:.2f} s")
    return bench.row("; ".join(words) + " by the processor.", figures=figures)


def umap(bench: Bench) -> Row:
    """umap-learn's ``fit_transform`` with its own neighbours."""
    if not installed("umap"):
        return skipped("umap-learn is not installed.")
    n = bench.pick(MAPPED, 200)
    x = clusters(n, bench.pick(WIDTH, 16))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a part of it needs tensorflow
        from umap import UMAP

        picture, seconds = bench.took(lambda: UMAP(random_state=0).fit_transform(x))
    figures = {"seconds": round(seconds, 2), "images": n, "rows": len(picture)}
    return bench.row(f"{n:,} images in {seconds:.1f} s by the processor, compiling included.", figures=figures)


def _model(bench: Bench, name: str, **values: Any) -> Any:
    """timm's model with random weights: they change no speed."""
    bench.weights[name] = "random"
    side = {"img_size": bench.pixels(name)} if "vit" in name else {}
    return timm.create_model(backbone_choice(name).timm_name, **side, **values).to(bench.at)


def _loader(bench: Bench, files: _Files, shuffle: bool) -> DataLoader[tuple[torch.Tensor, int]]:
    pinned = bench.at.type == "cuda"
    batch = bench.pick(BATCH, 8)
    return DataLoader(files, batch, shuffle, num_workers=_workers(bench), pin_memory=pinned, drop_last=shuffle)


def _workers(bench: Bench) -> int:
    return bench.pick(processor.cores(), 0)


def _autocast(bench: Bench) -> AbstractContextManager[Any]:
    dtype = amp_dtype(bench.at)
    return nullcontext() if dtype is None else torch.autocast(bench.at.type, dtype)
