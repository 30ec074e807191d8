"""FroFA: brightness changes of frozen patch features (Baer et al. 2024; method.md 5.1)."""

from __future__ import annotations

import torch
from torch import Tensor

from fact_core.choices import pick
from fact_core.errors import ConfigError

#: form -> (smallest and largest value over tokens only, one draw per channel)
FORMS: dict[str, tuple[bool, bool]] = {
    "default": (False, False),
    "channel": (False, True),
    "channel-squared": (True, True),
}


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
    by_channel, draw_by_channel = pick(FORMS, form, "form of FroFA")
    if not 0.0 <= strength <= 1.0:
        raise ConfigError("FroFA strength must be between 0 and 1", f"{strength:g}")
    n, channels = patches.shape[0], patches.shape[-1]
    draw = torch.rand(n, 1, channels if draw_by_channel else 1, generator=generator) * 2 - 1
    tokens = patches.reshape(n, -1, channels)
    over = (1,) if by_channel else (1, 2)
    low, high = tokens.amin(dim=over, keepdim=True), tokens.amax(dim=over, keepdim=True)
    span = high - low
    # (x - low) / span + d, clipped to 0..1 and scaled back, is x + d * span clipped to low..high
    shift = (draw.to(tokens) * strength * span).where(span >= 1e-6, torch.zeros_like(span))
    return torch.minimum(torch.maximum(tokens + shift, low), high).reshape(patches.shape)
