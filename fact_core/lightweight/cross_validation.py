"""The light model on labels that it has not learned from: which reading and C to take, and how sure it may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fact_core.config import LmConfig
from fact_core.events import Decision, Event, Log, Point, Progress
from fact_core.generators import logs_only, map_events
from fact_core.lightweight import logistic
from fact_core.lightweight.folds import able_rows, folds, smallest_class, together
from fact_core.lightweight.logistic import C_GRID
from fact_core.lightweight.map_train import Memory, Reduce
from fact_core.lightweight.readings import Labelled, map_features, map_line, pooled_line, train_reading
from fact_core.types import IntArray, Step

CV_STEPS = 300  # attention steps in cross-validation, at most
CV_FOLDS = 3
LINE_FOLDS = 5  # where no attention is trained
SURE_STEPS = 100  # attention steps from which on a temperature stays as it is: flowers 1.44 with 300, 1.44 with 100


@dataclass(frozen=True)
class Found:
    """What cross-validation chose."""

    mode: str
    c_pooled: float
    c_map: float
    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class _Fits:
    """What is fitted in each fold: C of both readings, none where one is not asked for; attention steps; names."""

    pooled: Sequence[float]
    mapped: Sequence[float]
    steps: int
    name: str  # of the parts in the memory
    part: str  # what the progress is about


def choose(data: Labelled, n_classes: int, reduce: Reduce, config: LmConfig, seed: int, memory: Memory) -> Step[Found]:
    """Reading and both Cs by stratified cross-validation; MAP is trained anew without the held-out images.

    Attention steps are cut to CV_STEPS. Equal to 1 %: both readings, the safest.
    """
    y = data.y.cpu().numpy()
    groups = together(data.pooled.cpu().numpy(), y, data.groups)
    k = min(CV_FOLDS, smallest_class(y, groups))
    parts = folds(y, k, torch.Generator().manual_seed(seed), groups)
    fits = _Fits(C_GRID, C_GRID, min(config.steps, CV_STEPS), "fold", "lm.mode")
    pooled, mapped = yield from _held_out(data, n_classes, reduce, config, fits, parts, seed, memory)
    return _best(pooled, mapped, data.y)


def answers_left_out(
    data: Labelled,
    n_classes: int,
    reduce: Reduce | None,
    config: LmConfig,
    chosen: tuple[str, float, float],
    seed: int,
    memory: Memory,
    fewest: int = 1,
) -> Step[tuple[IntArray, Tensor] | None]:
    """(rows (m,), log-probabilities (m, K) float64 on the CPU) of the labels that can be left out (``able_rows``).

    Each is answered by a light model like the one that is ``chosen`` (reading, C of the pooled features, C behind
    attention), fitted without it. None where fewer than ``fewest`` can be left out, and for "joint_lbfgs", which would
    take its whole time for each fold. ``reduce`` may be None for the reading "lr".
    """
    mode, c_pooled, c_map = chosen
    y = data.y.cpu().numpy()
    groups = together(data.pooled.cpu().numpy(), y, data.groups)
    able = able_rows(y, groups)
    if mode == "joint_lbfgs" or len(able) < max(1, fewest):
        return None
    k = min(LINE_FOLDS if mode == "lr" else CV_FOLDS, smallest_class(y[able], groups[able]))
    parts = [able[part] for part in folds(y[able], k, torch.Generator().manual_seed(seed), groups[able])]
    lines, maps = [
        [c] if mode in names else [] for c, names in ((c_pooled, ("lr", "both")), (c_map, ("map_lr", "both")))
    ]
    fits = _Fits(lines, maps, min(config.steps, SURE_STEPS), "left_out", "lm.temperature")
    pooled, mapped = yield from _held_out(data, n_classes, reduce, config, fits, parts, seed, memory)
    rows = torch.from_numpy(able)
    return able, torch.cat([pooled, mapped]).cpu()[:, rows].mean(dim=0).log_softmax(-1)


def _held_out(
    data: Labelled,
    n_classes: int,
    reduce: Reduce | None,
    config: LmConfig,
    fits: _Fits,
    parts: Sequence[IntArray],
    seed: int,
    memory: Memory,
) -> Step[tuple[Tensor, Tensor]]:
    """Log-probabilities (C of a reading, n, K), float64, of both readings for the rows in ``parts``, each by a fit on
    all the others."""
    shape, device = (len(data.y), n_classes), data.y.device
    pooled = torch.zeros(len(fits.pooled), *shape, dtype=torch.float64, device=device)
    mapped = torch.zeros(len(fits.mapped), *shape, dtype=torch.float64, device=device)
    for i, held in enumerate(parts):
        mask = torch.ones(len(data.y), dtype=torch.bool, device=device)
        mask[torch.from_numpy(held)] = False
        rest, out = data.rows(mask), data.rows(~mask)
        if fits.pooled:
            lines = yield from logs_only(pooled_line(rest, n_classes, config, fits.pooled))
            unit = functional.normalize(out.pooled, dim=1)
            pooled[:, ~mask] = torch.stack([line.logits(unit).log_softmax(-1) for line in lines])
        if fits.mapped and reduce is not None:
            name = f"{fits.name}{i}"
            run = train_reading(rest, n_classes, reduce, config, fits.steps, seed + 2 + i, name, memory)
            told = _progress(fits.part, i * fits.steps, len(parts) * fits.steps)
            head = yield from map_events(run, told)
            fitted = yield from logs_only(map_line(rest, n_classes, head, reduce, config, seed, fits.mapped))
            seen = map_features(head, reduce, out.patches)
            both = torch.cat((out.pooled * fitted.scales[0], seen * fitted.scales[1]), dim=1)
            mapped[:, ~mask] = torch.stack([line.logits(both).log_softmax(-1) for line in fitted.lines])
    return pooled, mapped


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


def _progress(part: str, done: int, total: int) -> Callable[[Event], Event | None]:
    """Points of a fold are no points of the phase: they become its Progress."""

    def change(event: Event) -> Event | None:
        if isinstance(event, Point):
            return Progress(part, done + event.step, total, "steps")
        return event if isinstance(event, Log) else None

    return change
