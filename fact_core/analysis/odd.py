"""Odd images of a pool: blurred, dark, over-exposed, tiny, unlike all others, or nearly a repeat of another one.

Light and sharpness are measured on the thumbnail (160 pixels at the longer side), where every image has about the same
size: what is blurred only at full size is sharp enough for a network that sees it at 224 pixels. Sharpness is the
variance of the Laplacian (Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy"), in the sharpest
of 16 tiles: a flower before a soft background is no blurred image.

What is odd depends on the pool: night shots are usual among night shots. So a measure is held against the median of
the pool in units of its MAD (the modified z-score of Iglewicz and Hoaglin 1993, "How to detect and handle outliers"),
and against two bounds: what lies beyond the hard one is odd unless most of the pool is so, what lies within the easy
one never is.

Unlike all is the distance to the k-th nearest other image in features (Ramaswamy et al. 2000, "Efficient algorithms
for mining outliers"; Sun et al. 2022, "Out-of-distribution detection with deep nearest neighbors"). A mean over few
neighbours misses what is strange and comes in twos and threes, such as screenshots: each has its like beside it. Of 24
foreign images among 600 flowers the mean of five finds 7 and the tenth 21, either with one flower in its list; of 16
among 534 photos of 51 kinds neither finds any, and neither lists a photo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from fact_core.analysis.alike import NEAR, near
from fact_core.analysis.neighbors import nearest
from fact_core.analysis.rows import finite_unit
from fact_core.types import FloatArray, IntArray, Step

TILES = 4  # a side
CLIPPED = 250 / 255  # from here on light is clipped
NTH, MOST = 10, 20_000
#: Share of the usual distance of two images within which one may be left out as nearly the same. It is stricter than
#: ``alike.NEAR``: a group that is too large costs little, an image that is left out is gone. EfficientNet-Lite0:
#:
#:     share   flowers, 4,311   Caltech, 2,395   copies among 500 of each
#:     0.07     8 listed         26 listed        64 and  64 of 125
#:     0.10    12                36               92 and  84
#:     0.15    50                69              117 and 106
#:
#: Looked at: all 26 are copies, mirrored ones or the same drawing, and 7 of the 8. From 0.074 on different footballs
#: are listed, and of the flowers within 0.15 most are other flowers. The copies: saved at quality 70 (42 of 42 within
#: 0.07) or 40, halved, cut by 2 to 5 % at each side, and halved, cut and saved at 60.
TWIN = 0.07
EPSILON = 1e-7

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Measures:
    """One row an image of the pool (N,), by id.

    sharp: variance of the Laplacian of greys 0 to 1 in the sharpest tile; light: mean grey, 0 to 1; clipped: share of
    pixels that are as light as can be; side: pixels of the shorter side; apart: distance to the ``NTH`` nearest other,
    of features of length 1; twin: row of the earlier image that is most like it, within ``alike.NEAR``, -1 for none;
    alike: the cosine to it; off: the distance 1 - cosine to it as a share of that of two usual images.
    """

    sharp: FloatArray
    light: FloatArray
    clipped: FloatArray
    side: IntArray
    apart: FloatArray
    twin: IntArray
    alike: FloatArray
    off: FloatArray

    def __len__(self) -> int:
        return len(self.sharp)


def measures_of(columns: Mapping[str, npt.NDArray[Any]]) -> Measures | None:
    """Of columns by name, (N,) each; None where one is missing: an earlier version has measured something else."""
    names = [each.name for each in fields(Measures)]
    return Measures(**{name: columns[name] for name in names}) if columns.keys() >= set(names) else None


def light_of(grey: FloatArray) -> tuple[float, float, float]:
    """(sharp, light, clipped) of a picture [H,W] of greys 0 to 1."""
    return _sharpness(grey), float(grey.mean()), float((grey >= CLIPPED).mean())


def _sharpness(grey: FloatArray) -> float:
    if min(grey.shape) < 3:
        return 0.0
    edges = 4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    high, wide = edges.shape[0] // TILES, edges.shape[1] // TILES
    if not high or not wide:
        return float(edges.var())
    tiles = edges[: high * TILES, : wide * TILES].reshape(TILES, high, TILES, wide)
    return float(tiles.var(axis=(1, 3)).max())


def likeness(x: FloatArray, seed: int = 0) -> Step[tuple[FloatArray, IntArray, FloatArray, FloatArray]]:
    """(apart, twin, alike, off) of features x (N, D): see ``Measures``.

    Of nearly equal images the first is nobody's twin.

    In a pool of more than ``MOST`` images the others are so many of them, drawn at random.
    """
    n = len(x)
    if n < 2:
        nothing = np.zeros(n, dtype=np.float32)
        return nothing, np.full(n, -1, dtype=np.int64), nothing, nothing
    among = np.arange(n)
    if n > MOST:
        among = np.sort(np.random.default_rng(seed).choice(n, MOST, replace=False))
    u, own = finite_unit(x), np.arange(n)[:, None]
    rows, gaps = yield from nearest(u, NTH + 1, u[among])
    others = among[rows]
    drop = others == own
    drop[~drop.any(axis=1), -1] = True  # one too many where the image itself is not among them
    others, gaps = others[~drop].reshape(n, -1), gaps[~drop].reshape(n, -1)
    cosines = 1 - gaps**2 / 2  # |a - b|^2 = 2 - 2 cos of rows of length 1
    least = near(x)
    earlier = (cosines >= least) & (others < own)
    there, first = earlier.any(axis=1), earlier.argmax(axis=1)
    twin = np.where(there, others[own[:, 0], first], -1).astype(np.int64)
    alike = np.where(there, cosines[own[:, 0], first], 0).astype(np.float32)
    off = np.where(there, NEAR * (1 - alike) / max(1 - least, EPSILON), 0).astype(np.float32)
    return gaps[:, -1].astype(np.float32), twin, alike, off


@dataclass(frozen=True)
class Bounds:
    """From where on a measure is odd. z: modified z-scores from the median of the pool; from ``always`` on it is odd,
    unless most of the pool is so, up to ``never`` nowhere. down: small values are the odd ones. rare: where a larger
    share of the pool than this would be odd, none of it is: what many images are is usual."""

    z: float
    always: float
    never: float
    down: bool = False
    rare: float = 1.0

    def odd(self, values: FloatArray) -> Mask:
        """Whether each of the values (N,) is odd among them."""
        sign = -1.0 if self.down else 1.0
        v = sign * np.asarray(values, dtype=np.float64)
        usual = bool((v >= sign * self.always).mean() > 0.5) if len(v) else True
        found = ((v >= sign * self.always) & (not usual)) | ((v > sign * self.never) & (z_scores(v) > self.z))
        return found if found.sum() <= self.rare * len(found) else np.zeros_like(found)


def z_scores(values: npt.NDArray[np.floating]) -> FloatArray:
    """Distances (N,) from the median in standard deviations as the MAD estimates them; NaN stays what it is."""
    if not np.isfinite(values).any():
        return np.zeros(len(values), dtype=np.float32)
    off = values - np.nanmedian(values)
    spread = 1.4826 * np.nanmedian(np.abs(off))
    return np.asarray(off / max(spread, EPSILON), dtype=np.float32)


SHARP = Bounds(z=2.5, always=np.log(1e-5), never=np.log(1e-3), down=True)  # of the logarithm
DARK = Bounds(z=3.5, always=0.08, never=0.2, down=True)
BRIGHT = Bounds(z=3.0, always=0.92, never=0.7)
# Many clipped images are pictures before a white ground, which no figure of one image tells from too much light.
CLIPS = Bounds(z=3.5, always=0.95, never=0.35, rare=0.05)
TINY = Bounds(z=3.5, always=np.log(32), never=np.log(96), down=True)  # of the logarithm
UNLIKE = Bounds(z=3.0, always=np.inf, never=0.0)


def odd(found: Measures) -> dict[str, IntArray]:
    """Kind -> rows of the pool, the oddest first.

    A dark, over-exposed or tiny image is not called blurred, too: the plainer reason stands.
    """
    dark, tiny = DARK.odd(found.light), TINY.odd(_log(found.side))
    bright = BRIGHT.odd(found.light) | CLIPS.odd(found.clipped)
    sharp = _log(found.sharp)
    blurred = ~(dark | bright | tiny) & SHARP.odd(sharp)
    return {
        "unlike": _first(UNLIKE.odd(found.apart), -found.apart),
        "blurred": _first(blurred, sharp),
        "dark": _first(dark, found.light),
        "bright": _first(bright, -found.light),
        "tiny": _first(tiny, found.side),
        "twin": _first((found.twin >= 0) & (found.off <= TWIN), -found.alike),
    }


def _log(values: npt.NDArray[np.number]) -> FloatArray:
    return np.asarray(np.log(np.maximum(values, EPSILON)), dtype=np.float32)


def _first(which: Mask, order: npt.NDArray[np.number]) -> IntArray:
    """The rows of a mask, those with the smallest number first."""
    rows = np.flatnonzero(which)
    return rows[np.argsort(order[rows], kind="stable")]
