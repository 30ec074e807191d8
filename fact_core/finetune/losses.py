"""What the batches of a training gave: numbers that stay on the device until somebody asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Learned:
    """What the pieces of a batch of n images gave; it is read when it is asked for, as reading waits for a GPU.

    losses: of each piece, by n; hits: how many of each were right.
    """

    n: int
    losses: list[Tensor] = field(default_factory=list)
    hits: list[Tensor] = field(default_factory=list)


def read(learned: Sequence[Learned]) -> list[tuple[float, float]]:
    """(mean loss, accuracy) of each batch, in one copy from the device."""
    if not learned:
        return []
    flat = torch.stack([each for batch in learned for each in batch.losses])
    hits = torch.stack([each for batch in learned for each in batch.hits])
    numbers = iter(torch.stack([flat.double(), hits.double()], dim=1).tolist())
    found = []
    for batch in learned:
        pieces = [next(numbers) for _ in batch.losses]
        found.append((sum(loss for loss, _ in pieces), sum(hits for _, hits in pieces) / batch.n))
    return found
