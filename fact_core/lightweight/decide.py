"""What the light model leaves open, reading and C: decided by cross-validation before it is fitted.

Features of a backbone that was finetuned on the labelled images have seen the labels: on them the largest C always
looks best. So the decision is a step of its own, that may run on the PRETRAINED features before phase 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from fact_core.compute.less_memory import CPU, LessMemory, out_of_memory
from fact_core.config import LmConfig
from fact_core.errors import InputError
from fact_core.events import Decision
from fact_core.lightweight import logistic
from fact_core.lightweight.cross_validation import choose
from fact_core.lightweight.folds import smallest_class, together
from fact_core.lightweight.map_train import Memory, Reduce, reduction
from fact_core.lightweight.readings import Labelled
from fact_core.types import IntArray, Step

ON_DEVICE = 1 << 30  # bytes of the labelled images' tokens; more stay on the CPU, and a batch of them is uploaded
ENOUGH = 5  # labels a class from which cross-validation is worth something


@dataclass(frozen=True)
class LightPlan:
    """How the light model is fitted. Both C are those of unit-norm features (``logistic.scaled``)."""

    mode: str
    c_pooled: float
    c_map: float
    decisions: tuple[Decision, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> LightPlan:
        """Back from ``to_dict``."""
        return LightPlan(**{**values, "decisions": tuple(Decision(**each) for each in values["decisions"])})


def decide(
    pooled: Tensor,
    patches: Tensor,
    y: Tensor,
    n_classes: int,
    *,
    pool_patches: Tensor | None = None,
    config: LmConfig,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
    memory: Memory | None = None,
    groups: IntArray | None = None,
    less: LessMemory | None = None,
) -> Step[LightPlan]:
    """Reading and C for the light model; the arguments are those of ``light.fit``. Yields Decisions and Progress."""
    data = labelled(pooled, patches, y, solved_on(device), groups, less)
    memory = Memory() if memory is None else memory
    reduce = (yield from reduction_of(data, pool_patches, config)) if config.mode != "lr" else None
    return (yield from decide_on(data, n_classes, reduce, config, seed_of(memory, generator), memory))


def decide_on(
    data: Labelled, n_classes: int, reduce: Reduce | None, config: LmConfig, seed: int, memory: Memory
) -> Step[LightPlan]:
    """By cross-validation where there are labels enough, else fixed."""
    counts = torch.bincount(data.y.cpu())
    a_class = len(data.y) / int((counts > 0).sum())
    y = data.y.cpu().numpy()
    groups = together(data.pooled.cpu().numpy(), y, data.groups)
    enough = a_class >= ENOUGH and smallest_class(y, groups) >= 2
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
                unit,
                data.y,
                n_classes,
                default=config.C,
                balanced=config.balanced,
                generator=generator,
                groups=groups,
                less=data.less,
            )
            c_map = c_pooled
            decisions.append(Decision("lm.C", f"{c_pooled:g}", "lowest cross-validated log-loss", scores))
        elif config.choose != "none":
            decisions.append(Decision("lm.C", f"{config.C:g}", f"{few}: the fixed value"))
    yield from decisions
    return LightPlan(mode, c_pooled, c_map, tuple(decisions))


def seed_of(memory: Memory, generator: torch.Generator) -> int:
    """The seed of a fit; a fit that goes on has the one it began with."""
    return int(memory.kept.setdefault("seed", torch.randint(2**31, (1,), generator=generator)))


def labelled(
    pooled: Tensor,
    patches: Tensor,
    y: Tensor,
    device: torch.device,
    groups: IntArray | None = None,
    less: LessMemory | None = None,
) -> Labelled:
    """The labelled images on the device; more patches than ``ON_DEVICE`` stay where they are.

    InputError where they are of no use.
    """
    if not bool(torch.isfinite(patches).all()):
        raise InputError("Some features are not numbers", "NaN or infinity in the patch features of labeled images")
    logistic.check(pooled, y)
    here = patches
    if patches.numel() * patches.element_size() <= ON_DEVICE:
        try:
            here = patches.to(device)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
    return Labelled(pooled.float().to(device), here, y.long().to(device), groups, less or LessMemory(device))


def solved_on(device: torch.device | str) -> torch.device:
    """Where the light model is fitted: it needs numbers of 64 bits, which an Apple GPU has not."""
    found = torch.device(device)
    return CPU if found.type == "mps" else found


def reduction_of(data: Labelled, pool: Tensor | None, config: LmConfig) -> Step[Reduce]:
    """Standardisation and PCA of tokens, from the pool's (m, C) where there are any."""
    tokens = data.patches if pool is None or len(pool) < 2 else pool
    flat = tokens.reshape(-1, tokens.shape[-1])
    less = data.less or LessMemory(data.device)
    return (yield from less.once("PCA", lambda at: reduction(flat.to(at), config.width).to(data.device)))
