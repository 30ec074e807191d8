"""The operations of FroFA on features scaled to 0..1 (Baer et al. 2024); ``frofa.augment`` calls them.

Each takes ``unit`` (n, h, w, C), or (n, N, C) where it needs no neighbours, the strength s in 0..1, the
form and a generator on the CPU, and gives the same shape within 0..1. Each draws d ~ U(-1, 1) once a
sample or once a channel, as the form says; s * d is the level.
A mean or a ranking (contrast, equalize) goes over the same elements as the form's smallest and
largest value: a channel's tokens, or the whole sample.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from fact_core.compute.image_batches import upload
from fact_core.errors import ConfigError
from fact_core.lightweight.frofa import Form

LARGEST_ANGLE = math.radians(30)
LARGEST_SHEAR = 0.3
LARGEST_MOVE = 0.45  # of the side


def none(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """The features as they are."""
    return unit


def brightness(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """x + level: at strength 1 up to the whole range, up or down."""
    return (unit + _level(unit, strength, form, generator)).clamp(0, 1)


def contrast(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """Distance from the mean times 1 + level: at strength 1 between nothing and double."""
    over = tuple(range(1, unit.ndim - 1 if form.own_range else unit.ndim))
    mean = unit.mean(dim=over, keepdim=True)
    return (mean + (unit - mean) * (1 + _level(unit, strength, form, generator))).clamp(0, 1)


def posterize(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """Of the 8 bits of round(255 x) the first 8 - round(7 |level|) stay: at strength 1 down to a single one."""
    dropped = torch.round(7 * _level(unit, strength, form, generator).abs())
    step = torch.exp2(dropped)
    return torch.floor(torch.round(unit * 255) / step) * step / 255


def solarize(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """1 - x above 1 - |level|: at strength 1 anything from nothing to all is inverted."""
    threshold = 1 - _level(unit, strength, form, generator).abs()
    return torch.where(unit > threshold, 1 - unit, unit)


def sharpness(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """Distance from the smoothed map times 1 + level: at strength 1 between smooth and twice as sharp.

    Smooth: each token 5 parts, its eight neighbours one part each, of 13. The edge of the grid has not
    all neighbours and stays as it is.
    """
    grid = channels_first(unit, "Sharpness")
    if min(grid.shape[-2:]) < 3:
        return unit
    around = functional.avg_pool2d(grid, 3, stride=1) * 9
    inner = grid[..., 1:-1, 1:-1]
    level = _level(unit, strength, form, generator).movedim(-1, 1)
    smooth = (around + 4 * inner) / 13
    out = grid.clone()
    out[..., 1:-1, 1:-1] = smooth + (inner - smooth) * (1 + level)
    return out.movedim(1, -1).clamp(0, 1)


def invert(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """1 - x with probability strength."""
    return torch.where(_happens(unit, strength, form, generator), 1 - unit, unit)


def equalize(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """Spread evenly over 0..1, with probability strength.

    x becomes the number of elements below it over the number below the largest: what equalizing a
    picture's histogram does, without its 256 bins, which a map has too few tokens to fill.
    """
    flat = unit.flatten(1, -2).movedim(1, -1) if form.own_range else unit.flatten(1)
    flat = flat.contiguous()
    below = torch.searchsorted(flat.sort(dim=-1).values, flat).to(unit.dtype)
    even = below / below.amax(dim=-1, keepdim=True).clamp(min=1)
    if form.own_range:
        even = even.movedim(-1, 1)
    return torch.where(_happens(unit, strength, form, generator), even.reshape(unit.shape), unit)


def rotate(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """By up to 30 degrees times strength, either way."""
    grid, level = _spatial(unit, strength, form, generator, "Rotating")
    cos, sin = (level * LARGEST_ANGLE).cos(), (level * LARGEST_ANGLE).sin()
    x, y = _places(grid)
    return _read(grid, x * cos - y * sin, x * sin + y * cos)


def shear_x(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """Rows slide along by up to 0.3 times strength tokens a row."""
    grid, level = _spatial(unit, strength, form, generator, "Shearing")
    x, y = _places(grid)
    return _read(grid, x + level * LARGEST_SHEAR * y, y)


def shear_y(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """Columns slide along by up to 0.3 times strength tokens a column."""
    grid, level = _spatial(unit, strength, form, generator, "Shearing")
    x, y = _places(grid)
    return _read(grid, x, y + level * LARGEST_SHEAR * x)


def translate_x(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """Sideways by up to 0.45 times strength of the width."""
    grid, level = _spatial(unit, strength, form, generator, "Translating")
    x, y = _places(grid)
    return _read(grid, x + level * LARGEST_MOVE * grid.shape[-1], y)


def translate_y(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """Up or down by up to 0.45 times strength of the height."""
    grid, level = _spatial(unit, strength, form, generator, "Translating")
    x, y = _places(grid)
    return _read(grid, x, y + level * LARGEST_MOVE * grid.shape[-2])


def channels_first(unit: Tensor, what: str) -> Tensor:
    """(n, C, h, w) of (n, h, w, C). ConfigError, which calls the operation ``what``, for tokens without a grid."""
    if unit.ndim != 4:
        raise ConfigError(
            f"{what} needs to know where a token lies: features (n, h, w, C)",
            f"tokens without a grid, {tuple(unit.shape)}",
            "Choose an operation that changes each token by itself, such as brightness.",
        )
    return unit.movedim(-1, 1)


def _draw(unit: Tensor, form: Form, generator: torch.Generator) -> Tensor:
    """U(-1, 1) of shape (n, 1, 1, C) or (n, 1, 1, 1); one 1 less without a grid."""
    ones = (1,) * (unit.ndim - 2)
    drawn = torch.rand(len(unit), *ones, unit.shape[-1] if form.own_draw else 1, generator=generator)
    return upload((drawn * 2 - 1).to(unit.dtype), unit.device)


def _level(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    return _draw(unit, form, generator) * strength


def _happens(unit: Tensor, strength: float, form: Form, generator: torch.Generator) -> Tensor:
    """True with probability strength."""
    return (_draw(unit, form, generator) + 1) / 2 < strength


def _spatial(unit: Tensor, strength: float, form: Form, generator: torch.Generator, what: str) -> tuple[Tensor, Tensor]:
    """Maps (n, C, h, w) and levels (n, C or 1, 1, 1)."""
    grid = channels_first(unit, what)
    return grid, _level(unit, strength, form, generator).movedim(-1, 1)


def _places(grid: Tensor) -> tuple[Tensor, Tensor]:
    """x (1, w) and y (h, 1) of the tokens, counted in tokens from the centre of the map."""
    h, w = grid.shape[-2:]
    x = torch.arange(w, device=grid.device, dtype=grid.dtype) - (w - 1) / 2
    y = torch.arange(h, device=grid.device, dtype=grid.dtype) - (h - 1) / 2
    return x[None, :], y[:, None]


def _read(grid: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Maps (n, h, w, C) that read ``grid`` (n, C, h, w) at x and y, bilinear; outside of it lies 0, the smallest value.

    x and y broadcast to (n, C or 1, h, w).
    """
    n, channels, h, w = grid.shape
    x, y = torch.broadcast_tensors(x, y)
    own = x.shape[1]  # places of its own for each channel, or one set for all
    places = torch.stack((x * (2 / w), y * (2 / h)), dim=-1).reshape(n * own, h, w, 2)
    pictures = grid.reshape(n * own, channels // own, h, w)
    out = functional.grid_sample(pictures, places, mode="bilinear", padding_mode="zeros", align_corners=False)
    return out.reshape(n, channels, h, w).movedim(1, -1).clamp(0, 1)
