"""Several networks judged on the same images: which is the best, and which others may be as good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fact_core.analysis.intervals import Interval, Right, interval
from fact_core.analysis.paired import between, error_of
from fact_core.types import IntArray


@dataclass(frozen=True)
class Standing:
    """One network on n images. interval: 95 %; behind: by how much the best one is more often right.

    error: the standard error of that; worse: whether it is more than chance (``paired.between``); seconds: an image.
    """

    name: str
    accuracy: float
    interval: Interval
    behind: float
    error: float
    worse: bool
    seconds: float


def standings(
    right: Mapping[str, Right], seconds: Mapping[str, float], groups: IntArray | None = None
) -> tuple[list[Standing], str]:
    """(all networks, the best first; the name of the one that is proposed).

    right: name -> whether each of the same n images was named rightly; seconds: name -> cost of one image; groups (n,):
    images of one number count together. Proposed is the one that is right most often, of equal ones the cheapest. The
    cheapest within one standard error of the best (the 1 SE rule of Breiman et al. 1984, section 3.4.3) did worse on
    flowers: with 100 labels such an error is five points, see "Which backbone" in RESULTS.md.
    """
    order = sorted(right, key=lambda name: (-float(right[name].mean()), seconds[name], name))
    best = right[order[0]]
    found = [
        Standing(
            name=name,
            accuracy=float(right[name].mean()),
            interval=interval(right[name], groups),
            behind=float(best.mean() - right[name].mean()),
            error=error_of(best, right[name], groups),
            worse=between(best, right[name], groups).sure,
            seconds=float(seconds[name]),
        )
        for name in order
    ]
    return found, found[0].name
