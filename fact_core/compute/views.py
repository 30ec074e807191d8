"""Which part of a picture a network sees, and at which size: the three views of ``choices.VIEWS``.

Numbers alone, no pixels: a view says what is cut out of the picture, and how large the cut becomes. An export copies
all that stands below the line into its ``predict.py``, which so sees the same.
"""

from __future__ import annotations

import math
from typing import NamedTuple

# ---- from here on copied into predict.py

#: ``whole`` sees at most so many times the short side: of a panorama the middle, so that memory stays bounded
LONGEST_VIEW = 3


class Cut(NamedTuple):
    """size: (width, height) that the network sees. box: (left, top, right, bottom) in the picture's own pixels."""

    size: tuple[int, int]
    box: tuple[float, float, float, float]


def crop(width: int, height: int, pixels: int, crop_pct: float, step: int) -> Cut:
    """The square of the centre, as published: the short side becomes floor(pixels / crop_pct), the centre stays.

    Only what is cut out is resized: of a picture of 1 x 20,000 the rest would fill the memory.
    """
    short = math.floor(pixels / crop_pct)
    if width <= height:
        size = (short, max(short, int(short * height / width)))
    else:
        size = (max(short, int(short * width / height)), short)
    left, top = round((size[0] - pixels) / 2), round((size[1] - pixels) / 2)
    x, y = width / size[0], height / size[1]
    return Cut((pixels, pixels), (left * x, top * y, min(width, (left + pixels) * x), min(height, (top + pixels) * y)))


def squash(width: int, height: int, pixels: int, crop_pct: float, step: int) -> Cut:
    """All of the picture, as a square of ``pixels``."""
    return Cut((pixels, pixels), (0, 0, width, height))


def whole(width: int, height: int, pixels: int, crop_pct: float, step: int) -> Cut:
    """All of the picture at its own proportions: the short side becomes ``pixels``.

    The long side is rounded to a multiple of ``step``, which stretches it by less than half a step and keeps the
    number of shapes small. Of a picture more than ``LONGEST_VIEW`` times as long as it is wide the middle is seen.
    """
    short = min(width, height)
    w, h = min(width, LONGEST_VIEW * short), min(height, LONGEST_VIEW * short)
    left, top = (width - w) / 2, (height - h) / 2
    long = max(pixels, math.floor(pixels * max(w, h) / short / step + 0.5) * step)
    return Cut((pixels, long) if w <= h else (long, pixels), (left, top, left + w, top + h))
