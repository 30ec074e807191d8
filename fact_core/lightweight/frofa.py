"""FroFA: changes of frozen patch features as if they were pictures (Baer et al. 2024)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fact_core.choices import FROFA, named, resolve
from fact_core.compute.image_batches import upload
from fact_core.errors import ConfigError


class Form(NamedTuple):
    """own_range: smallest and largest value of a channel over its tokens, else of the sample over
    tokens and channels. own_draw: one random strength a channel, else one a sample."""

    own_range: bool
    own_draw: bool


FORMS: dict[str, Form] = {
    "default": Form(False, False),
    "channel": Form(False, True),
    "channel-squared": Form(True, True),
}


def augment(
    maps: Tensor, name: str, strength: float, generator: torch.Generator, *, form: str = "channel-squared"
) -> Tensor:
    """Patch features (n, h, w, C), or (n, N, C) where nothing needs a grid, changed by an entry of FROFA.

    Scaled to 0..1 by the smallest and largest value that ``form`` says, changed, scaled back by the
    same and clipped to them; where these are less than 1e-6 apart nothing changes. ``strength`` 0..1
    means what the operation says; at 0, and with "none", the input itself comes back and
    nothing is drawn. ``generator`` lives on the CPU, so that a seed means the same on every device.

    Class and register tokens have no place in a picture; they never come here, because
    ``Backbone`` keeps them out of its patches.

    ConfigError: unknown name or form, strength outside 0..1, another shape, no grid for a spatial operation.
    """
    target, kind = named(FROFA, name, "FroFA augmentation").target, named(FORMS, form, "form of FroFA")
    _check(strength)
    if name == "none" or strength == 0:
        return maps
    if maps.ndim not in (3, 4):
        raise ConfigError("FroFA takes features (n, h, w, C) or (n, N, C)", f"{tuple(maps.shape)}")
    if name == "brightness":
        return brightness(maps, strength, generator, form=form)
    over = tuple(range(1, maps.ndim - 1 if kind.own_range else maps.ndim))
    low, high = maps.amin(dim=over, keepdim=True), maps.amax(dim=over, keepdim=True)
    flat = high - low < 1e-6
    span = (high - low).masked_fill(flat, 1.0)
    changed = resolve(target)(((maps - low) / span).clamp(0, 1), strength, kind, generator)
    # rounding alone may leave the range
    return torch.where(flat, maps, torch.minimum(torch.maximum(changed * span + low, low), high))


def brightness(
    patches: Tensor, strength: float, generator: torch.Generator, *, form: str = "channel-squared"
) -> Tensor:
    """Patch features (n, ..., C) with a random brightness, clipped to each image's own range.

    Scaled to 0..1 by the image's smallest and largest value, moved by a draw from
    U(-strength, strength), clipped, scaled back. The range is per channel in the
    channel-squared form, else over all tokens and channels; the draw is per channel, in the
    default form per image. A channel without spread (< 1e-6) stays as it is.
    ``generator`` lives on the CPU, so that a seed means the same on every device.
    """
    by_channel, draw_by_channel = named(FORMS, form, "form of FroFA")
    _check(strength)
    n, channels = patches.shape[0], patches.shape[-1]
    draw = torch.rand(n, 1, channels if draw_by_channel else 1, generator=generator) * 2 - 1
    tokens = patches.reshape(n, -1, channels)
    over = (1,) if by_channel else (1, 2)
    low, high = tokens.amin(dim=over, keepdim=True), tokens.amax(dim=over, keepdim=True)
    span = high - low
    # (x - low) / span + d, clipped to 0..1 and scaled back, is x + d * span clipped to low..high
    shift = (upload(draw.to(tokens.dtype), tokens.device) * strength * span).where(span >= 1e-6, torch.zeros_like(span))
    return torch.minimum(torch.maximum(tokens + shift, low), high).reshape(patches.shape)


def _check(strength: float) -> None:
    if not 0.0 <= strength <= 1.0:
        raise ConfigError("FroFA strength must be between 0 and 1", f"{strength:g}")
