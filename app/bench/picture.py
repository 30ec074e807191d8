"""A photograph of the page as a small PNG: 256 colours, among them exactly those that the page itself has."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

#: Colours of the page that are kept as they are; the others are for the photos in it.
KEPT, COLOURS = 128, 256


def small(png: bytes) -> bytes:
    """The same picture with a palette of 256 colours.

    A page has few colours in large even areas, marks of a class among them; photos have many, each in few places. A
    palette made of all of them together would give up the marks for one more green of a meadow.
    """
    image = Image.open(io.BytesIO(png)).convert("RGB")
    pixels = np.asarray(image).reshape(-1, 3)
    numbers = pixels.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    found, at, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rest = pixels[~np.isin(at, order[:KEPT])]
    page = found[order[:KEPT]]
    palette = np.stack((page >> 16, page >> 8 & 255, page & 255), axis=1).astype(np.uint8)
    if len(rest):
        strip = Image.fromarray(rest.reshape(1, -1, 3)).quantize(COLOURS - KEPT, Image.Quantize.MEDIANCUT)
        photos = np.array(strip.getpalette(), dtype=np.uint8).reshape(-1, 3)[: COLOURS - KEPT]
        palette = np.concatenate([palette, photos])
    listed = Image.new("P", (1, 1))
    listed.putpalette(palette.ravel().tolist())
    out = io.BytesIO()
    image.quantize(palette=listed, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()
