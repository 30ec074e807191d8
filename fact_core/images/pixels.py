"""Pixels: an opened file of Pillow becomes an upright RGB picture of 8 bits, transparency on white.

What has more than 8 bits a value is scaled by a range that is the same for all images of a project, so that the
brightness of one does not depend on chance. Needs Pillow and numpy only: an export copies all that stands below the
line into its ``predict.py``, which so does the same.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

# ---- from here on copied into predict.py

STRIP = 1 << 18  # pixels that are turned at a time, so that a large picture costs little beside itself
LOOKED_AT = 1 << 20  # pixels that tell the range of a picture; of more some are passed over, evenly
NO_END = 10_000  # one pixel in so many is no end of a range: a camera has hot pixels
FULL = 65535.0
#: Grey with transparency, 16 bits each: Pillow makes it RGBA. Taken as RGBA, its four bytes come as they lie there.
GREY_ALPHA = "LA;16B"

#: TIFF tags: bits of each value, what 0 means (0: white), whether colours lie side by side (1) or in planes (2).
_BITS, _ZERO, _PLANES = 258, 262, 284

# Pillow knows deep grey whose zero is white in the one order of bytes only; ``rgb`` turns it round.
TiffImagePlugin.OPEN_INFO.setdefault((b"MM", 0, (1,), 1, (16,), ()), ("I;16B", "I;16B"))

#: EXIF orientation -> how the picture is turned.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def rgb(image: Any, ranges: Any = ()) -> Any:
    """The picture as upright RGB. image: opened from a file that is still open, not loaded yet.

    ranges: (kind, from, to) of each kind of deep pixels; of a kind that is not there the picture's own range counts.
    """
    kind, low = deep_kind(image), None
    white = getattr(image, "tag_v2", {}).get(_ZERO) == 0  # a TIFF has no more to say once it is loaded
    known = next(((low, high) for name, low, high in ranges if name == kind), None)
    if kind == "colour16" and known != (0.0, FULL):
        low = low_bytes(image)
    image.load()
    turn = orientation(image)
    if low is not None:
        flat = _white_beneath(_colour(image, low, known or span(kind, *ends(image, low))))
    elif kind and kind != "colour16":
        flat = _grey(image, known or span(kind, *ends(image)), white)
    else:
        flat = _white_beneath(image)
    return flat.transpose(TURNS[turn]) if turn in TURNS else flat


def orientation(image: Any) -> int:
    """The EXIF orientation of a loaded image; 1 where it has none that can be read."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # unreadable metadata, whatever it makes Pillow raise; the picture itself is fine
        return 1


def deep_kind(image: Any) -> str:
    """Of what kind the values are that have more than 8 bits: grey16, grey32, float, colour16; "" where none has.

    To be asked before the image is loaded.
    """
    _name_planes(image)
    if image.mode.startswith("I;16"):
        return "grey16"
    if image.mode in ("I", "F"):
        return "grey32" if image.mode == "I" else "float"
    return "colour16" if _raw(image) in _other_byte() else ""


def seen_anew(image: Any, kind: str) -> bool:
    """Whether versions before schema 20 saw it wrong: a TIFF of deep colours in planes, or of deep grey, 0 is white.

    kind: its ``deep_kind``. To be asked before the image is loaded.
    """
    tags: Any = getattr(image, "tag_v2", {})
    return tags.get(_PLANES) == 2 if kind == "colour16" else bool(kind) and tags.get(_ZERO) == 0


def ends(image: Any, low: Any = None) -> tuple[float, float]:
    """The smallest and the largest value of a loaded picture, single pixels left out. low: its ``low_bytes``."""
    step = math.ceil(image.width * image.height / LOOKED_AT)
    some = [part.ravel()[::step] for _, part in _parts(image, low)]
    values = np.concatenate(some).astype(np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 0.0
    out = len(values) // NO_END
    values = np.partition(values, [out, len(values) - 1 - out])
    return float(values[out]), float(values[len(values) - 1 - out])


def span(kind: str, low: float, high: float, narrow: bool = False) -> tuple[float, float]:
    """From where to where values are scaled that reach from ``low`` to ``high``: black and white.

    Whole numbers from 0 to 2^bits - 1, by the bits that are used. Others by 1, 255, or what they reach, rounded
    outwards, so that one more image seldom changes it. narrow: values that stay far from 0 need not begin there.
    """
    far = narrow and high > low > high / 2
    if low >= 0 and not far:
        if kind != "float":
            return 0.0, float(2 ** max(1, math.ceil(math.log2(high + 1))) - 1)
        if high <= 255:
            return 0.0, 1.0 if high <= 1 else 255.0
    step = 2.0 ** (math.floor(math.log2(max(high - low, 1e-30))) - 3)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return (low, high) if high > low else (low, low + 1.0)


def low_bytes(image: Any) -> Any:
    """The lower halves of 16-bit colours as a loaded image of their own: Pillow itself gives the upper ones only."""
    image.fp.seek(0)
    other: Any = Image.open(image.fp, formats=[image.format])
    _name_planes(other)
    swap = _other_byte()
    for place, tile in enumerate(other.tile):
        args = swap[tile.args] if isinstance(tile.args, str) else (swap[tile.args[0]], *tile.args[1:])
        other.tile[place] = tile._replace(args=args)
    other.info["grey"] = _raw(image) == GREY_ALPHA
    other.load()
    return other


def _name_planes(image: Any) -> None:
    """Have the colours of a TIFF read that lie one behind the other, 16 bits each: Pillow takes them for 8 bits."""
    tags: Any = getattr(image, "tag_v2", {})
    if tags.get(_PLANES, 1) != 2 or set(tags.get(_BITS, ())) != {16}:
        return
    order = ";16L" if tags.prefix == b"II" else ";16B"
    for place, tile in enumerate(image.tile):
        if tile[0] == "raw" and len(tile[3][0]) == 1:
            image.tile[place] = tile._replace(args=(tile[3][0] + order, *tile[3][1:]))


def _raw(image: Any) -> str:
    """How the values lie in the file, as Pillow calls it."""
    tile = getattr(image, "tile", None)
    args = tile[0].args if tile else ""
    first = args if isinstance(args, str) else args[0] if args else ""
    return first if isinstance(first, str) else ""


def _other_byte() -> dict[str, str]:
    """Pillow takes the upper byte of 16-bit colours; the name of the order that takes the lower one instead."""
    native = "16B" if sys.byteorder == "little" else "16L"
    swap = {"16B": "16L", "16L": "16B", "16N": native}
    colours = {
        f"{mode};{order}": f"{mode};{other}" for mode in ("RGB", "RGBA", *"RGBA") for order, other in swap.items()
    }
    return {**colours, GREY_ALPHA: "RGBA"}


def _strips(image: Any) -> Any:
    """(top, bottom) of strips of at most ``STRIP`` pixels, at least one row each."""
    rows = max(1, STRIP // image.width)
    return ((top, min(top + rows, image.height)) for top in range(0, image.height, rows))


def _parts(image: Any, low: Any = None) -> Any:
    """(top, values) strip by strip: (h, w) of a deep grey picture, (h, w, 3) of colours and their lower bytes."""
    for top, bottom in _strips(image):
        box = (0, top, image.width, bottom)
        part = np.asarray(image.crop(box))
        if low is not None:
            lower = np.asarray(low.crop(box))
            lower = lower[:, :, 1:2] if low.info["grey"] else lower[:, :, :3]
            part = (part[:, :, :3].astype(np.uint16) << 8) | lower
        yield top, part


def _eight(values: Any, known: Any) -> Any:
    low, high = known
    finite = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=high, neginf=low)
    return np.round((np.clip(finite, low, high) - low) * (255.0 / (high - low))).astype(np.uint8)


def _grey(image: Any, known: Any, white: bool) -> Any:
    """Deep grey as RGB. white: 0 means white, as in radiographs; Pillow turns only values of 8 bits round."""
    picture = Image.new("RGB", image.size)
    for top, values in _parts(image):
        shown = _eight(values, known)
        picture.paste(Image.fromarray(255 - shown if white else shown).convert("RGB"), (0, top))
    return picture


def _colour(image: Any, low: Any, known: Any) -> Any:
    """16-bit colours as 8-bit ones; what is transparent stays so."""
    picture = Image.new("RGB", image.size)
    for top, values in _parts(image, low):
        picture.paste(Image.fromarray(_eight(values, known)), (0, top))
    if image.mode == "RGBA":
        picture.putalpha(image.getchannel("A"))
    return picture


def _white_beneath(image: Any) -> Any:
    """An 8-bit picture of any mode as RGB, what is transparent on white."""
    if image.mode not in ("RGBA", "RGBa", "LA", "La", "PA") and "transparency" not in image.info:
        return image.copy() if image.mode == "RGB" else image.convert("RGB")
    picture = Image.new("RGB", image.size, "white")
    for top, bottom in _strips(image):
        front = image.crop((0, top, image.width, bottom)).convert("RGBA")
        picture.paste(front, (0, top), front.getchannel("A"))
    return picture
