"""The two readings of the light model, each fitted on its own, and the choice between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from fact_core.compute.less_memory import LessMemory, in_pieces
from fact_core.config import LmConfig
from fact_core.events import Decision, Event, Log, Point, Progress
from fact_core.generators import logs_only, map_events
from fact_core.lightweight import logistic
from fact_core.lightweight.folds import folds, smallest_class, together
from fact_core.lightweight.frofa import augment
from fact_core.lightweight.logistic import C_GRID, Linear
from fact_core.lightweight.map_head import MapHead
from fact_core.lightweight.map_train import Check, MapTraining, Memory, Reduce, taken, train_map
from fact_core.types import IntArray, Step

MAX_ROWS = 20_000  # of originals and views together in one logistic regression
CHUNK = 256  # images at a time through MAP
CV_STEPS = 300  # attention steps in cross-validation, at most
CV_FOLDS = 3


@dataclass(frozen=True)
class Labelled:
    """The labelled images: pooled (n, D) float32, patches (n, h, w, C) or (n, N, C), y (n,) int64, on one device.

    The patches lie on the CPU where there are many. groups (n,): images of one number belong together; None: each
    stands alone. less: what is known of the device's memory.
    """

    pooled: Tensor
    patches: Tensor
    y: Tensor
    groups: IntArray | None = None
    less: LessMemory | None = None

    @property
    def device(self) -> torch.device:
        """Where it is worked."""
        return self.pooled.device

    def to(self, device: torch.device) -> Labelled:
        """The same on another device."""
        if device == self.device:
            return self
        return replace(self, pooled=self.pooled.to(device), patches=self.patches.to(device), y=self.y.to(device))

    def rows(self, mask: Tensor) -> Labelled:
        """The images where mask (n,) is true."""
        groups = None if self.groups is None else self.groups[mask.cpu().numpy()]
        patches = self.patches[mask.to(self.patches.device)]
        return Labelled(self.pooled[mask], patches, self.y[mask], groups, self.less)


@dataclass(frozen=True)
class MapLines:
    """Logistic regressions on [pooled, MAP] x scales, one for each C."""

    lines: list[Linear]
    scales: Tensor  # (2,)


@dataclass(frozen=True)
class Found:
    """What cross-validation chose."""

    mode: str
    c_pooled: float
    c_map: float
    decisions: tuple[Decision, ...]


def pooled_line(data: Labelled, n_classes: int, config: LmConfig, grid: Sequence[float]) -> Step[list[Linear]]:
    """R3: logistic regression on unit-norm pooled features, for each C of the grid."""
    x = functional.normalize(data.pooled, dim=1).double()
    unit = logistic.scaled(1.0, x)
    return (
        yield from logistic.fit_path(x, data.y, n_classes, grid, unit=unit, balanced=config.balanced, less=data.less)
    )


def train_reading(
    data: Labelled,
    n_classes: int,
    reduce: Reduce,
    config: LmConfig,
    steps: int,
    seed: int,
    name: str,
    memory: Memory,
    check: Check | None = None,
) -> Step[MapHead]:
    """R2's attention pooling, started at mean pooling with a converged linear head on it."""

    def mean(rows: slice) -> Tensor:
        return taken(data.patches, rows, data.device).flatten(1, -2).mean(dim=1)

    pooled = reduce(torch.cat(in_pieces(len(data.y), CHUNK, mean, data.device)[0]))
    C = logistic.scaled(config.C, pooled)
    fitting = logistic.fit(pooled, data.y, n_classes, C=C, balanced=config.balanced, tol=1e-4, less=data.less)
    line = yield from logs_only(fitting)
    start = (line.weight.float(), line.bias.float())
    training = MapTraining(data.patches, data.y, n_classes, reduce, start, config, steps, seed)
    return (yield from train_map(training, name, memory, check, data.less))


def map_line(
    data: Labelled,
    n_classes: int,
    head: MapHead,
    reduce: Reduce,
    config: LmConfig,
    seed: int,
    grid: Sequence[float],
) -> Step[MapLines]:
    """R2's logistic regression on originals and FroFA views, which together weigh one image."""
    n = len(data.y)
    generator = torch.Generator().manual_seed(seed + 1)
    views = min(config.views, max(0, MAX_ROWS // n - 1)) if augments(config) else 0
    seen = [map_features(head, reduce, data.patches)]
    seen += [map_features(head, reduce, data.patches, config, generator) for _ in range(views)]
    scales = torch.stack((_unit_rms(data.pooled), _unit_rms(seen[0])))
    x = torch.cat([torch.cat((data.pooled * scales[0], each * scales[1]), dim=1) for each in seen]).double()
    weight = torch.full((len(x),), 1.0 / (views + 1), dtype=torch.float64, device=x.device)
    lines = yield from logistic.fit_path(
        x,
        data.y.repeat(views + 1),
        n_classes,
        grid,
        unit=logistic.scaled(1.0, x),
        balanced=config.balanced,
        sample_weight=weight,
        less=data.less,
    )
    return MapLines(lines, scales)


@torch.no_grad()
def map_features(
    head: MapHead,
    reduce: Reduce,
    patches: Tensor,
    config: LmConfig | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """MAP features (n, W) of patches (n, h, w, C) or (n, N, C), augmented where a generator is given."""
    device = reduce.mean.device

    def seen(rows: slice) -> Tensor:
        drawn = generator.get_state() if generator is not None else None
        try:
            maps = taken(patches, rows, device)
            if generator is not None and config is not None:
                maps = augment(maps, config.frofa, config.strength, generator, form=config.form)
            return head(reduce(maps.flatten(1, -2)))  # type: ignore[no-any-return]
        except (RuntimeError, MemoryError):
            if generator is not None and drawn is not None:
                generator.set_state(drawn)  # smaller pieces draw anew
            raise

    return torch.cat(in_pieces(len(patches), CHUNK, seen, device)[0])


def augments(config: LmConfig) -> bool:
    """Whether FroFA changes anything."""
    return config.frofa != "none" and config.strength > 0


def choose(data: Labelled, n_classes: int, reduce: Reduce, config: LmConfig, seed: int, memory: Memory) -> Step[Found]:
    """Reading and both Cs by stratified cross-validation; MAP is trained anew without the held-out images.

    Attention steps are cut to CV_STEPS. Equal to 1 %: both readings, the safest.
    """
    y = data.y.cpu().numpy()
    groups = together(data.pooled.cpu().numpy(), y, data.groups)
    k = min(CV_FOLDS, smallest_class(y, groups))
    steps = min(config.steps, CV_STEPS)
    pooled = torch.zeros(len(C_GRID), len(data.y), n_classes, dtype=torch.float64, device=data.y.device)
    mapped = pooled.clone()
    parts = folds(y, k, torch.Generator().manual_seed(seed), groups)
    for i, held in enumerate(parts):
        mask = torch.ones(len(data.y), dtype=torch.bool, device=data.y.device)
        mask[torch.from_numpy(held)] = False
        run = train_reading(data.rows(mask), n_classes, reduce, config, steps, seed + 2 + i, f"fold{i}", memory)
        head = yield from map_events(run, _progress(i * steps, k * steps))
        lines = yield from logs_only(pooled_line(data.rows(mask), n_classes, config, C_GRID))
        fitted = yield from logs_only(map_line(data.rows(mask), n_classes, head, reduce, config, seed, C_GRID))
        out = data.rows(~mask)
        unit = functional.normalize(out.pooled, dim=1)
        seen = map_features(head, reduce, out.patches)
        both = torch.cat((out.pooled * fitted.scales[0], seen * fitted.scales[1]), dim=1)
        for j in range(len(C_GRID)):
            pooled[j, ~mask] = lines[j].logits(unit).log_softmax(-1)
            mapped[j, ~mask] = fitted.lines[j].logits(both).log_softmax(-1)
    return _best(pooled, mapped, data.y)


def _best(pooled: Tensor, mapped: Tensor, y: Tensor) -> Found:
    """Lowest log-loss. pooled and mapped (candidates of C, n, K): held-out log-probabilities."""
    losses = [[float(functional.nll_loss(each, y)) for each in reading] for reading in (pooled, mapped)]
    chosen = [logistic.best(dict(zip(C_GRID, each, strict=True))) for each in losses]
    rows = [C_GRID.index(c) for c in chosen]
    mean = ((pooled[rows[0]] + mapped[rows[1]]) / 2).log_softmax(-1)
    scores = {"both": float(functional.nll_loss(mean, y)), "lr": losses[0][rows[0]], "map_lr": losses[1][rows[1]]}
    lowest = min(scores.values())
    mode = next(name for name, score in scores.items() if score <= lowest * 1.01)
    why = "lowest cross-validated log-loss"
    decisions = [Decision("lm.mode", mode, why, {name: round(score, 4) for name, score in scores.items()})]
    for name, c, column in (("lm.C", chosen[0], losses[0]), ("lm.C_map", chosen[1], losses[1])):
        table = {f"{each:g}": round(loss, 4) for each, loss in zip(C_GRID, column, strict=True)}
        if mode in ("both", "lr" if name == "lm.C" else "map_lr"):
            decisions.append(Decision(name, f"{c:g}", why, table))
    return Found(mode, chosen[0], chosen[1], tuple(decisions))


def _unit_rms(x: Tensor) -> Tensor:
    return 1.0 / x.square().mean().sqrt().clamp_min(1e-12)


def _progress(done: int, total: int) -> Callable[[Event], Event | None]:
    """Points of a fold are no points of the phase: they become its Progress."""

    def change(event: Event) -> Event | None:
        if isinstance(event, Point):
            return Progress("lm.mode", done + event.step, total, "steps")
        return event if isinstance(event, Log) else None

    return change
