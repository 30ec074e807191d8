"""A photograph of the page as a small PNG: 256 colours, among them exactly those that the page itself has."""

from __future__ import annotations

import io
from collections.abc import Collection

import numpy as np
from PIL import Image

from fact_core.types import IntArray

#: Colours of the page that are kept as they are; the others are for the photos in it.
KEPT, COLOURS = 80, 256
CHUNK = 4096  # colours at a time


def small(png: bytes, own: Collection[tuple[int, int, int]] = ()) -> bytes:
    """The same picture with a palette of 256 colours. own: colours that are kept in any case, red, green, blue.

    A page has few colours in large even areas, and small marks of a class; photos have many, each in few places. A
    palette made of all of them together would give up the marks for one more green of a meadow.
    """
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    flat = pixels.reshape(-1, 3)
    numbers = flat.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    found, at, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    first = np.isin(found, [red << 16 | green << 8 | blue for red, green, blue in own])
    order = np.lexsort((-counts, ~first))
    colours = np.stack((found >> 16, found >> 8 & 255, found & 255), axis=1)
    palette = colours[order[:KEPT]]
    rest = flat[~np.isin(at, order[:KEPT])]
    if len(rest):
        strip = Image.fromarray(rest.reshape(1, -1, 3)).quantize(COLOURS - KEPT, Image.Quantize.MEDIANCUT)
        photos = np.array(strip.getpalette(), dtype=np.int64).reshape(-1, 3)[: COLOURS - KEPT]
        palette = np.concatenate([palette, photos])
    # Pillow's own way to a given palette takes colours for the same that differ by three of 255: white becomes grey.
    made = Image.fromarray(nearest(colours, palette)[at].astype(np.uint8).reshape(pixels.shape[:2]), "P")
    made.putpalette(palette.astype(np.uint8).ravel().tolist())
    out = io.BytesIO()
    made.save(out, "PNG", optimize=True)
    return out.getvalue()


def nearest(colours: IntArray, palette: IntArray) -> IntArray:
    """(n,) the place in a palette (p, 3) of the colour that is nearest to each of ``colours`` (n, 3)."""
    place = np.empty(len(colours), dtype=np.int64)
    for start in range(0, len(colours), CHUNK):
        part = slice(start, start + CHUNK)
        place[part] = ((colours[part, None, :] - palette[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
    return place
