"""One mask file: a PNG whose values are classes, with a palette of colours or without."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from fact_core.errors import ImageError
from fact_core.images import decode
from fact_core.images.reasons import reason
from fact_core.images.source import content_of
from fact_core.segment.metric import UNLABELLED

Mask = npt.NDArray[np.int16]  # (H, W) classes, UNLABELLED where there is none

#: Modes of Pillow whose pixels are one whole number each.
_MODES = ("1", "P", "L", "I", "I;16", "I;16B")


@dataclass(frozen=True)
class Coding:
    """What the values of a mask mean: value first + k is class k of ``classes``; ``unlabelled`` values are none."""

    classes: tuple[str, ...]
    unlabelled: tuple[int, ...] = (255,)
    first: int = 0


def read(path: Path, coding: Coding) -> Mask:
    """The classes (H, W) of a mask file. ImageError in words for another kind of file, or a value without a class."""
    values = indices(path)
    known = np.full(65_536, -2, dtype=np.int16)
    known[coding.first : coding.first + len(coding.classes)] = np.arange(len(coding.classes))
    known[list(coding.unlabelled)] = UNLABELLED
    mask: Mask = known[values]
    if bool((mask == -2).any()):
        unknown = ", ".join(map(str, np.unique(values[mask == -2])[:5]))
        last = coding.first + len(coding.classes) - 1
        left_out = ", ".join(map(str, coding.unlabelled)) or "none"
        raise ImageError(
            "The mask has values that are no class",
            f"{unknown}; classes are {coding.first} to {last}, left out: {left_out}",
            "Correct the mask, name more classes, or say which value is left out.",
        )
    return mask


def indices(path: Path) -> npt.NDArray[np.uint16]:
    """The values (H, W) of a PNG of one channel; a palette's places, not its colours. ImageError in words.

    It lies as its EXIF says, as its picture does. Greys of 2 or 4 bits are no classes: 1 of 3 may stand for 1 or, where
    a program has saved room, for 85.
    """
    with content_of(path) as content, decode.header(content) as image:
        if image.format != "PNG":
            raise ImageError("A mask must be a PNG", f"{image.format}: its values are not kept exactly")
        if image.mode not in _MODES:
            do = "Give the number of the class as the value of a pixel, or a PNG with a palette."
            raise ImageError("The mask has colours where classes are needed", f"mode {image.mode}", do)
        if (bits := content[24]) in (2, 4) and image.mode == "L":
            do = "Save it with 8 bits a pixel, or with a palette."
            raise ImageError("The mask has greys where classes are needed", f"{bits} bits a pixel", do)
        try:
            image.load()
            upright = ImageOps.exif_transpose(image)
        except Exception as error:  # what Pillow's decoders raise on damaged files has no common base
            raise ImageError(reason(error, content)) from error
        values: npt.NDArray[Any] = np.asarray(upright)
    if values.size and not 0 <= values.min() <= values.max() < 65_536:
        raise ImageError("The mask has values that are no class", f"{values.min()} to {values.max()}")
    return values.astype(np.uint16)


def picture(mask: npt.NDArray[Any], coding: Coding) -> Image.Image:
    """A mask (H, W) of classes as a PNG with a palette, in the values of ``coding``; unlabelled ones are its first."""
    values = np.where(mask == UNLABELLED, (*coding.unlabelled, 0)[0], mask + coding.first).astype(np.uint8)
    image = Image.fromarray(values, mode=None)
    image.putpalette(palette())
    return image


def palette() -> list[int]:
    """256 colours, three values each, in which neighbours differ much (the scheme of PASCAL VOC's devkit).

    The bits of a class's number go to the three channels in turn, the lowest into the channels' highest bits.
    """
    colours = []
    for number in range(256):
        for channel in range(3):
            bits = [(number >> (3 * place + channel)) & 1 for place in range(8)]
            colours.append(sum(bit << (7 - place) for place, bit in enumerate(bits)))
    return colours
