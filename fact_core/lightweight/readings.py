"""The two readings of the light model, each fitted on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from fact_core.compute.less_memory import LessMemory, in_pieces
from fact_core.config import LmConfig
from fact_core.generators import logs_only
from fact_core.lightweight import logistic
from fact_core.lightweight.frofa import augment
from fact_core.lightweight.logistic import Linear
from fact_core.lightweight.map_head import MapHead
from fact_core.lightweight.map_train import Check, MapTraining, Memory, Reduce, taken, train_map
from fact_core.types import IntArray, Step

MAX_ROWS = 20_000  # of originals and views together in one logistic regression
CHUNK = 256  # images at a time through MAP


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


def _unit_rms(x: Tensor) -> Tensor:
    return 1.0 / x.square().mean().sqrt().clamp_min(1e-12)
