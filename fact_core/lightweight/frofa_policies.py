"""FroFA policies: a random choice of stylistic operations for each sample.

In the style of AutoAugment (Cubuk et al. 2019) and TrivialAugment (Mueller & Hutter 2021). The FroFA paper
tries such policies without saying their tables, so these tables are our own choice;
geometric operations, which hurt, are in none of them. Both use sharpness and so need a grid.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fact_core.compute.image_batches import upload
from fact_core.lightweight import frofa_ops as ops
from fact_core.lightweight.frofa import Form

Operation = Callable[[Tensor, float, Form, torch.Generator], Tensor]
#: operation, probability, magnitude: its strength is magnitude times the strength of the policy
PolicyStep = tuple[Operation, float, float]
#: the rows of a table are equally likely; the steps of a row go one after the other
Table = tuple[tuple[PolicyStep, ...], ...]

#: Style of AutoAugment: pairs, a gentle operation with a harder one. The first is the paper's best sequence.
AUTOAUGMENT: Table = (
    ((ops.brightness, 1.0, 1.0), (ops.posterize, 1.0, 0.6)),
    ((ops.brightness, 0.8, 0.8), (ops.contrast, 0.6, 0.8)),
    ((ops.contrast, 0.8, 1.0), (ops.sharpness, 0.4, 0.8)),
    ((ops.equalize, 0.6, 0.6), (ops.brightness, 0.8, 0.4)),
    ((ops.equalize, 0.4, 0.8), (ops.solarize, 0.4, 0.4)),
    ((ops.posterize, 0.8, 0.8), (ops.brightness, 0.6, 0.6)),
    ((ops.posterize, 0.6, 0.6), (ops.equalize, 0.4, 0.6)),
    ((ops.solarize, 0.6, 0.6), (ops.contrast, 0.6, 0.6)),
    ((ops.solarize, 0.4, 0.4), (ops.brightness, 0.8, 0.8)),
    ((ops.sharpness, 0.8, 1.0), (ops.brightness, 0.6, 1.0)),
    ((ops.sharpness, 0.6, 0.8), (ops.posterize, 0.4, 0.6)),
    ((ops.invert, 0.2, 0.4), (ops.contrast, 0.8, 0.6)),
)

#: Style of TrivialAugment: one operation, or none, always, as strong as its own draw says.
TRIVIALAUGMENT: Table = (
    (),
    ((ops.brightness, 1.0, 1.0),),
    ((ops.contrast, 1.0, 1.0),),
    ((ops.posterize, 1.0, 1.0),),
    ((ops.solarize, 1.0, 1.0),),
    ((ops.sharpness, 1.0, 1.0),),
    ((ops.invert, 1.0, 1.0),),
    ((ops.equalize, 1.0, 1.0),),
)


def autoaugment(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """A row of AUTOAUGMENT for each sample; the magnitudes of its steps times strength."""
    return _by_table(unit, strength, form, generator, AUTOAUGMENT)


def trivialaugment(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """A row of TRIVIALAUGMENT for each sample, at the strength."""
    return _by_table(unit, strength, form, generator, TRIVIALAUGMENT)


def _by_table(unit: Tensor, strength: float, form: Form, generator: torch.Generator, table: Table) -> Tensor:
    """``unit`` (n, h, w, C) after each sample's own row of the table.

    A sample draws its row and whether each step happens; the step then draws as it does alone,
    by channel where the form says so. ConfigError without a grid, whatever the draws.
    """
    ops.channels_first(unit, "A policy that may sharpen")  # refuse always, not only when a draw asks for it
    drawn = torch.randint(len(table), (len(unit),), generator=generator)
    chance = torch.rand(len(unit), max(map(len, table)), generator=generator)
    out = unit.clone()
    todo: list[tuple[Operation, float, Tensor]] = []
    for row, steps in enumerate(table):
        for place, (operation, probability, magnitude) in enumerate(steps):
            taken = (drawn == row) & (chance[:, place] < probability)
            if taken.any():
                todo.append((operation, strength * magnitude, taken.nonzero().flatten()))
    if not todo:
        return out
    # Which samples a step takes is known on the CPU: all of it goes to a GPU in one copy.
    samples = upload(torch.cat([rows for _, _, rows in todo]), unit.device).split([len(rows) for _, _, rows in todo])
    for (operation, magnitude, _), rows in zip(todo, samples, strict=True):
        out[rows] = operation(out[rows], magnitude, form, generator)
    return out
