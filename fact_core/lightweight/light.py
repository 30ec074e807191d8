"""The light model: logistic regression on attention-pooled and on pooled features (method.md 6).

Two readings of the paper's phase 3, and their mean:

    R2  map_lr  MAP trained with FroFA, then logistic regression on [pooled, MAP], originals and views
    R3  lr      logistic regression on the pooled features of unit norm
        both    mean of the two log-probabilities
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fact_core.config import LmConfig
from fact_core.errors import ConfigError, InputError
from fact_core.events import Decision, Point, Progress
from fact_core.lightweight import logistic
from fact_core.lightweight.folds import smallest_class
from fact_core.lightweight.map_head import MapHead
from fact_core.lightweight.map_train import Check, Memory, Reduce, reduction
from fact_core.lightweight.readings import Labelled, choose, map_line, pooled_line, train_reading
from fact_core.types import Step, T

MODES = ("map_lr", "lr", "both")
ENOUGH = 5  # labels a class from which cross-validation is worth something (method.md 11.3)


class LightHead(nn.Module):
    """Log-probabilities (B, K) from pooled features (B, D) and patches (B, h, w, C) or (B, N, C)."""

    mean: Tensor
    basis: Tensor
    scales: Tensor

    def __init__(self, pooled_dim: int, token_dim: int, width: int, n_classes: int, mode: str) -> None:
        super().__init__()
        if mode not in MODES:
            raise ConfigError(f"There is no reading called {mode!r}", do=f"Known: {', '.join(MODES)}.")
        self.pooled_dim, self.token_dim, self.width = pooled_dim, token_dim, width
        self.n_classes, self.mode = n_classes, mode
        if mode != "lr":
            self.register_buffer("mean", torch.zeros(token_dim))
            self.register_buffer("basis", torch.zeros(token_dim, width))
            self.register_buffer("scales", torch.ones(2))  # of the pooled and of the MAP feature
            self.map = MapHead(width)
            self.map_line = nn.Linear(pooled_dim + width, n_classes)
        if mode != "map_lr":
            self.pooled_line = nn.Linear(pooled_dim, n_classes)

    def forward(self, pooled: Tensor, patches: Tensor) -> Tensor:
        answers: list[Tensor] = []
        if self.mode != "map_lr":
            answers.append(self.pooled_line(functional.normalize(pooled, dim=1)).log_softmax(-1))
        if self.mode != "lr":
            tokens = patches.reshape(patches.shape[0], -1, self.token_dim).to(pooled.dtype)
            seen = self.map((tokens - self.mean) @ self.basis)
            both = torch.cat((pooled * self.scales[0], seen * self.scales[1]), dim=1)
            answers.append(self.map_line(both).log_softmax(-1))
        if len(answers) == 1:
            return answers[0]
        mean = (answers[0] + answers[1]) / 2
        return mean.log_softmax(-1)

    def config(self) -> dict[str, Any]:
        """What ``from_config`` needs to build an empty head of this shape."""
        names = ("pooled_dim", "token_dim", "width", "n_classes", "mode")
        return {name: getattr(self, name) for name in names}

    @staticmethod
    def from_config(config: dict[str, Any]) -> LightHead:
        """An empty head, to be filled by ``load_state_dict``."""
        return LightHead(**config)


def fit(
    pooled: Tensor,
    patches: Tensor,
    y: Tensor,
    n_classes: int,
    *,
    pool_patches: Tensor | None = None,
    config: LmConfig,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
    check: tuple[Tensor, Tensor, Tensor] | None = None,
    memory: Memory | None = None,
) -> Step[tuple[LightHead, list[Decision]]]:
    """Fit the light model on pooled (n, D), patches (n, h, w, C) or (n, N, C), y (n,).

    pool_patches (m, C): tokens of the pool, for the PCA and the standardisation; else the labelled ones.
    check: (pooled, patches, y) of held-out labels, only shown in the Points. memory: goes on from it, and
    holds at every event what a later call needs to go on. Yields Decisions, Points of the attention
    steps and then of the L-BFGS iterations, and Progress of the cross-validation.
    Errors: InputError for one class only, or tokens that are not finite.
    """
    memory = Memory() if memory is None else memory
    data = _labelled(pooled, patches, y, device)
    seed = int(memory.kept.setdefault("seed", torch.randint(2**31, (1,), generator=generator)))
    reduce = _reduction(data, pool_patches, config) if config.mode != "lr" else None
    plan = yield from _decide(data, n_classes, reduce, config, seed, memory)
    mode, c_pooled, c_map = plan.mode, plan.c_pooled, plan.c_map
    axis = _Axis()
    width = reduce.basis.shape[1] if reduce else min(config.width, data.patches.shape[-1])
    head = LightHead(data.pooled.shape[1], data.patches.shape[-1], width, n_classes, mode).to(device)
    if mode != "lr" and reduce is not None:
        shown = _check(check, reduce, device) if check else None
        seen = yield from train_reading(data, n_classes, reduce, config, config.steps, seed, "map", memory, shown)
        axis.done = config.steps
        head.map = seen
        fitted = yield from axis.behind(map_line(data, n_classes, seen, reduce, config, seed, (c_map,)))
        _copy(head.map_line, fitted.lines[0])
        head.scales.copy_(fitted.scales)
        head.mean.copy_(reduce.mean)
        head.basis.copy_(reduce.basis)
    if mode != "map_lr":
        lines = yield from axis.behind(pooled_line(data, n_classes, config, (c_pooled,)))
        _copy(head.pooled_line, lines[0])
    head.eval().requires_grad_(False)
    yield _last_point(head, data, check, axis.done, device)
    return head, list(plan.decisions)


@dataclasses.dataclass
class _Axis:
    """The steps of the phase: those of attention, if any, then the iterations of one solver after the other."""

    done: int = 0

    def behind(self, run: Step[T]) -> Step[T]:
        """The same Points, behind what is done. Nobody knows how many iterations come: the axis grows with them."""
        first = self.done
        while True:
            try:
                event = next(run)
            except StopIteration as stop:
                result: T = stop.value
                return result
            if isinstance(event, Point):
                self.done = first + event.step
                event = dataclasses.replace(event, step=self.done, steps=self.done if first else event.steps)
            if not isinstance(event, Progress):
                yield event


@dataclasses.dataclass(frozen=True)
class _Plan:
    mode: str
    c_pooled: float
    c_map: float
    decisions: tuple[Decision, ...]


def _decide(
    data: Labelled, n_classes: int, reduce: Reduce | None, config: LmConfig, seed: int, memory: Memory
) -> Step[_Plan]:
    """Reading and C: by cross-validation where there are labels enough, else fixed."""
    counts = torch.bincount(data.y.cpu())
    a_class = len(data.y) / int((counts > 0).sum())
    enough = a_class >= ENOUGH and smallest_class(data.y.cpu().numpy()) >= 2
    mode = "both" if config.mode == "auto" else config.mode
    c_pooled = c_map = config.C
    decisions: list[Decision] = []
    few = f"{len(data.y)} labels of {int((counts > 0).sum())} classes are too few to compare"
    if config.mode == "auto" and config.choose == "C+mode" and enough and reduce is not None:
        found = yield from choose(data, n_classes, reduce, config, seed, memory)
        mode, c_pooled, c_map = found.mode, found.c_pooled, found.c_map
        decisions = list(found.decisions)
    else:
        if config.mode == "auto":
            why = "the mean of both readings, which is never far from the better one"
            decisions.append(Decision("lm.mode", mode, why if enough else f"{few}: {why}"))
        if config.choose != "none" and enough:
            unit = functional.normalize(data.pooled, dim=1)
            generator = torch.Generator().manual_seed(seed)
            c_pooled, scores = yield from logistic.choose_C(
                unit, data.y, n_classes, default=config.C, balanced=config.balanced, generator=generator
            )
            c_map = c_pooled
            decisions.append(Decision("lm.C", f"{c_pooled:g}", "lowest cross-validated log-loss", scores))
        elif config.choose != "none":
            decisions.append(Decision("lm.C", f"{config.C:g}", f"{few}: the fixed value"))
    yield from decisions
    return _Plan(mode, c_pooled, c_map, tuple(decisions))


def _labelled(pooled: Tensor, patches: Tensor, y: Tensor, device: torch.device | str) -> Labelled:
    """The labelled images on the device; patches as (n, N, C). InputError where they are of no use."""
    flat = patches.reshape(patches.shape[0], -1, patches.shape[-1])
    if not bool(torch.isfinite(flat).all()):
        raise InputError("Some features are not numbers", "NaN or infinity in the patch features of labeled images")
    logistic.check(pooled, y)
    return Labelled(pooled.float().to(device), flat.to(device), y.long().to(device))


def _reduction(data: Labelled, pool: Tensor | None, config: LmConfig) -> Reduce:
    tokens = data.patches if pool is None or len(pool) < 2 else pool.to(data.pooled.device)
    return reduction(tokens.reshape(-1, tokens.shape[-1]), config.width)


def _check(check: tuple[Tensor, Tensor, Tensor], reduce: Reduce, device: torch.device | str) -> Check:
    """Loss and accuracy of the passing linear head on held-out labels."""
    _, patches, y = check
    tokens = reduce(patches.reshape(patches.shape[0], -1, patches.shape[-1]).to(device))
    truth = y.long().to(device)

    @torch.no_grad()
    def measure(head: MapHead, line: nn.Linear) -> tuple[float, float]:
        logits = line(head(tokens))
        return float(functional.cross_entropy(logits, truth)), float((logits.argmax(1) == truth).float().mean())

    return measure


def _last_point(
    head: LightHead,
    data: Labelled,
    check: tuple[Tensor, Tensor, Tensor] | None,
    last: int,
    device: torch.device | str,
) -> Point:
    """The finished head on the labelled and on the held-out images."""
    loss, accuracy = _measure(head, data.pooled, data.patches, data.y)
    held: tuple[float | None, float | None] = (None, None)
    if check:
        held = _measure(head, check[0].to(device), check[1].to(device), check[2].long().to(device))
    return Point("lm", last, last, float(last), loss, accuracy, held[0], held[1])


@torch.no_grad()
def _measure(head: LightHead, pooled: Tensor, patches: Tensor, y: Tensor) -> tuple[float, float]:
    parts = [head(p.float(), t.float()) for p, t in zip(pooled.split(256), patches.split(256), strict=True)]
    logp = torch.cat(parts)
    return float(functional.nll_loss(logp, y)), float((logp.argmax(dim=1) == y).float().mean())


def _copy(layer: nn.Linear, line: logistic.Linear) -> None:
    with torch.no_grad():
        layer.weight.copy_(line.weight)
        layer.bias.copy_(line.bias)
