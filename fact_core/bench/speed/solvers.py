"""Parts that fit or choose: phases 1 and 3, phase 1's answers, ActiveFT, the map."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional

from fact_core.backbones import Backbone
from fact_core.bench import selection
from fact_core.bench.gpu.given import LITE, Bench, installed
from fact_core.bench.gpu.right_solvers import CLASSES, mixture
from fact_core.bench.speed.measured import Found, in_turns, rates, seconds
from fact_core.classifier.model import Classifier
from fact_core.classifier.predict import predict
from fact_core.config import LmConfig
from fact_core.features.umap_map import umap_map
from fact_core.finetune.training_run import linear
from fact_core.generators import finish
from fact_core.lightweight import logistic
from fact_core.lightweight.map_train import BATCH, MapTraining, Memory, reduction, train_map

C, ROWS, DIM = 10.0, 1_000, 1_280
POOL = 100_000


def phase_1(bench: Bench) -> Found:
    """The regression as phase 1 solves it, and scikit-learn's to the same tolerance."""
    n, dim = bench.pick((ROWS, DIM), (60, 16))
    x, y = mixture(n, dim)
    a, b = x.numpy().astype("f8"), y.numpy()
    told: list[int] = []

    def ours() -> None:
        told.append(len(finish(logistic.fit(x, y, CLASSES, C=C, device=bench.at)).losses))

    def plain() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            LogisticRegression(C=C, max_iter=500, class_weight="balanced", tol=1e-6).fit(a, b)

    found, other = in_turns(bench, seconds(ours), seconds(plain))
    floor = rates(bench).floor(told[-1] * 4.0 * n * dim * CLASSES, told[-1] * 16.0 * n * dim)
    return Found("s", found, other, floor, f"{n:,} x {dim:,}, {CLASSES} classes, {told[-1]} iterations")


def phase_3(bench: Bench) -> Found:
    """A step on the tokens of labelled images, and plain PyTorch's own attention on the same batch."""
    n, side, width = bench.pick((500, 7, 320), (24, 2, 8))
    steps = bench.pick(60, 2)
    made = torch.Generator().manual_seed(0)
    tokens = torch.randn(n, side, side, width, generator=made).half()
    y = torch.arange(n) % CLASSES
    reduce = reduction(tokens[: bench.pick(100, 8)].reshape(-1, width).float(), width).to(bench.at)

    def ours() -> None:
        start = torch.zeros(CLASSES, width, device=bench.at), torch.zeros(CLASSES, device=bench.at)
        finish(train_map(MapTraining(tokens, y, CLASSES, reduce, start, LmConfig(), steps, 0), "map", Memory()))

    def plain() -> None:
        _attention(bench, tokens, y, steps)

    found, other = in_turns(bench, seconds(ours), seconds(plain))
    work = 3 * 2.0 * min(n, BATCH) * (side * side * width * width + 10 * width * width)
    words = f"a step of {min(n, BATCH)} images, {side} x {side} tokens of {width}; plain without FroFA"
    return Found("ms", 1e3 * found / steps, 1e3 * other / steps, 1e3 * rates(bench).floor(work), words)


def _attention(bench: Bench, tokens: torch.Tensor, y: torch.Tensor, steps: int) -> None:
    """Pooling by ``nn.MultiheadAttention`` with one query, a residual MLP and a linear layer, by AdamW."""
    width = tokens.shape[-1]
    query = nn.Parameter(torch.zeros(1, 1, width, device=bench.at))
    pool = nn.MultiheadAttention(width, 5 if width % 5 == 0 else 1, batch_first=True, device=bench.at)
    mlp = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)).to(
        bench.at
    )
    line = nn.Linear(width, CLASSES, device=bench.at)
    weights = [query, *pool.parameters(), *mlp.parameters(), *line.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=1e-3)
    for _ in range(steps):
        rows = torch.randperm(len(y))[:BATCH]
        seen = tokens[rows].to(bench.at).float().flatten(1, -2)
        pooled, _ = pool(query.expand(len(rows), -1, -1), seen, seen)
        pooled = pooled[:, 0]
        loss = functional.cross_entropy(line(pooled + mlp(pooled)), y[rows].to(bench.at))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def answers(bench: Bench) -> Found:
    """Predictions of a run that ended in phase 1, from stored features, and scikit-learn's with the same weights."""
    n = bench.pick(POOL, 50)
    backbone: Backbone = bench.backbone(LITE)
    x = torch.randn(n, backbone.dim, generator=torch.Generator().manual_seed(0)).numpy()
    weight = torch.randn(CLASSES, backbone.dim, generator=torch.Generator().manual_seed(1))
    classifier = Classifier(
        backbone, {"lp": linear(weight, torch.zeros(CLASSES))}, "lp", tuple(map(str, range(CLASSES))), None
    )
    model = LogisticRegression()
    model.coef_, model.intercept_ = weight.numpy(), torch.zeros(CLASSES).numpy()
    model.classes_ = torch.arange(CLASSES).numpy()
    names = [Path(f"{each}.jpg") for each in range(n)]  # of which none is read

    def ours() -> None:
        finish(predict(classifier, names, device=bench.at, x=x))

    found, other = in_turns(bench, seconds(ours), seconds(lambda: model.predict_proba(x)))
    floor = rates(bench).floor(2.0 * n * backbone.dim * CLASSES, 4.0 * n * backbone.dim)
    return Found("s", found, other, floor, f"{n:,} x {backbone.dim:,}")


def activeft(bench: Bench) -> Found:
    """Choosing, and plain autograd of the same objective from the same start (``bench selection``), once each."""
    n, c, k = bench.pick((50_000, 384, 250), (300, 8, 5))
    row = finish(selection.measure(n, c, k, bench.at))
    words = f"loss {row['loss']:.4f}, plain {row['yardstick_loss']:.4f}"
    return Found("s", row["seconds"], row["yardstick_seconds"], None, words)


def umap(bench: Bench) -> Found:
    """The map as the program draws it, and umap-learn's own ``fit_transform``, once each; compiled before."""
    if not installed("umap"):
        raise ImportError("umap-learn is not installed")
    from umap import UMAP

    n = bench.pick(50_000, 60)
    x, few = selection.mixture(n, bench.pick(384, 8)), selection.mixture(bench.pick(500, 60), 8)

    def plain(rows: object) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a part of it needs tensorflow
            UMAP(random_state=0).fit_transform(rows)

    finish(umap_map(few))
    plain(few)
    found, other = seconds(lambda: finish(umap_map(x)))(), seconds(lambda: plain(x))()
    return Found("s", found, other, None, f"{n:,} x {x.shape[1]}")
