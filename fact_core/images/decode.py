"""Decoding: any supported image file becomes an upright RGB picture, or an ImageError in words.

The work and the memory that one file can ask for are bounded: by its bytes, its pixels, and the passes over them.
``Gate`` bounds what many threads ask for together.
"""

from __future__ import annotations

import io
import os
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from PIL import Image

from fact_core.errors import ImageError
from fact_core.images import pixels
from fact_core.images.gate import Gate, cost
from fact_core.images.reasons import reason, too_large
from fact_core.images.source import content_of
from fact_core.images.taken import taken
from fact_core.types import Source

#: What is taken as an image, by the end of the name.
EXTENSIONS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})

#: Only these decoders of Pillow are ever used, whatever the name says. JPEG opens MPO too (what cameras call .jpg).
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")

MAX_PIXELS = 200_000_000
MAX_SCANNED = 20 * MAX_PIXELS  # pixels times the passes over them that a JPEG asks for

#: Of each kind of deep pixels (kind, from, to): what becomes black and white. See ``pixels.span``.
Ranges = tuple[tuple[str, float, float], ...]

# Pillow refuses at twice this number by itself.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2
# Pieces that are larger than what malloc keeps for later (32 MB): each thread would keep a large picture's memory.
Image.core.set_block_size(1 << 26)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Examined:
    """What a file holds. Upright size; deep: the kind of pixels with more than 8 bits, and what they reach.

    taken, camera: see ``taken.taken``. anew: see ``pixels.seen_anew``.
    """

    width: int
    height: int
    format: str
    deep: str = ""
    low: float = 0.0
    high: float = 0.0
    taken: float = 0.0
    camera: str = ""
    anew: bool = False


def decode(source: Source | bytes, max_side: int = 0, min_side: int = 0, ranges: Ranges = ()) -> Image.Image:
    """The picture as upright RGB: first frame, EXIF rotation applied, alpha on white, deep pixels scaled to 8 bits.

    source: a file, or its bytes. max_side: the longer side of the result in pixels, never enlarged; 0 keeps
    the size. min_side: only a hint that no side needs more pixels than this; nothing is resampled. With either
    a large JPEG is decoded at a fraction of its size, many times faster. ranges: how deep pixels are scaled.
    Errors: ImageError, whose ``what`` is the reason in words; ImageChanged when the bytes are not those scanned.
    """
    with decoding(source, max_side, min_side, ranges) as picture:
        return picture


@contextmanager
def decoding(
    source: Source | bytes, max_side: int = 0, min_side: int = 0, ranges: Ranges = (), gate: Gate | None = None
) -> Iterator[Image.Image]:
    """``decode`` for the time of a ``with`` block, in which the gate keeps room for the picture.

    A memory that is full within the block, too, is an ImageError: of this file.
    """
    # Twice the wanted side, so that the final resampling still averages.
    with _opened(source, 2 * max_side or min_side, gate) as (image, _):
        with _in_words():
            picture: Image.Image = pixels.rgb(image, ranges)
            if max_side > 0 and max(picture.size) > max_side:
                picture = shrunk(picture, max_side)
        try:
            yield picture
        except MemoryError as error:
            raise ImageError(reason(error, b"")) from error


@contextmanager
def header(content: bytes, gate: Gate | None = None) -> Iterator[Image.Image]:
    """The image of these bytes, nothing decoded yet. ImageError in words."""
    with _opened(content, 0, gate) as (image, _):
        yield image


def probe(source: Source | bytes) -> tuple[int, int, str]:
    """(width, height, format) of the upright picture, from the header alone. ImageError in words."""
    with _opened(source) as (image, full):
        return (*_upright_size(image, full), _format(image))


def check(source: bytes) -> tuple[int, int, str]:
    """Like ``probe``, after the first frame was decoded to its end: a truncated file is an ImageError."""
    found = examine(source)
    return found.width, found.height, found.format


def examine(source: Source | bytes, gate: Gate | None = None) -> Examined:
    """What a file holds, after its first frame was decoded to its end. ImageError in words."""
    with _opened(source, 256, gate) as (image, full), _in_words():  # a JPEG is still read to its end
        kind = pixels.deep_kind(image)  # first: Pillow loads a PNG to read its EXIF
        low, anew = pixels.low_bytes(image) if kind == "colour16" else None, pixels.seen_anew(image, kind)
        if image.format == "PNG":
            image.load()  # asked for its EXIF, Pillow loads it itself, and what is damaged would fail there unheard
        size, said = _upright_size(image, full), taken(image)  # a TIFF has no more to say once it is loaded
        image.load()
        reach = pixels.ends(image, low) if kind else (0.0, 0.0)
        pixels.rgb(image, ((kind, 0.0, pixels.FULL),))
        return Examined(*size, _format(image), kind, *reach, *said, anew)


def is_shallow_png(file: str | os.PathLike[str]) -> bool:
    """Whether the head of a PNG says that no value has more than 8 bits; False for what is none or cannot be read."""
    try:
        with open(file, "rb") as opened:
            head = opened.read(25)
    except OSError:
        return False
    return len(head) == 25 and head[:8] == b"\x89PNG\r\n\x1a\n" and head[12:16] == b"IHDR" and head[24] <= 8


def shrunk(picture: Image.Image, side: int) -> Image.Image:
    """The picture with a longer side of ``side`` pixels; the large one is not copied."""
    share = side / max(picture.size)
    size = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)


def thumbnail(image: Image.Image, side: int = 160) -> bytes:
    """JPEG bytes of an RGB picture whose longer side is at most ``side`` pixels."""
    small = shrunk(image, side) if max(image.size) > side else image
    out = io.BytesIO()
    (small if small.mode == "RGB" else small.convert("RGB")).save(out, "JPEG", quality=82, optimize=False)
    return out.getvalue()


_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    OverflowError,
    ZeroDivisionError,
    EOFError,
    RuntimeError,
    MemoryError,
    AttributeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)  # what Pillow's decoders raise on damaged files


#: Pillow's warnings about odd metadata are no concern of the person.
_QUIET = ("ignore", None, Warning, re.compile(r"PIL(\.|$)"), 0)

#: Where the EXIF orientation turns the picture by a quarter.
_ORIENTATION, _QUARTER_TURNS = 0x0112, (5, 6, 7, 8)


@contextmanager
def _opened(
    source: Source | bytes, draft: int = 0, gate: Gate | None = None
) -> Iterator[tuple[Image.Image, tuple[int, int]]]:
    """The opened image, not decoded yet, and its full size; the gate keeps room for it. ImageError in words.

    draft: a JPEG may be decoded at a fraction of its size, with no side smaller than this.
    """
    # Not catch_warnings: it swaps the filters of the whole process and images are read in many threads.
    if warnings.filters[:1] != [_QUIET]:
        warnings.filterwarnings("ignore", module=_QUIET[3].pattern)
    with ExitStack() as held:
        with _in_words():
            content = source if isinstance(source, bytes) else held.enter_context(content_of(source, gate))
        with _in_words(content):
            image = _checked(content)
            full = image.size
            if draft:
                image.draft("RGB", (draft, draft))
        held.enter_context(image)
        if gate is not None:
            held.enter_context(gate.pixels.hold(cost(image, full)))
        yield image, full


def _checked(content: bytes) -> Image.Image:
    """The image of these bytes, nothing decoded. ImageError when decoding it would be too much work."""
    if not content:
        raise ImageError("The file is empty")
    image = Image.open(io.BytesIO(content), formats=FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(too_large(f"{width} x {height}"))
    if image.format in ("JPEG", "MPO") and image.info.get("progressive"):
        passes = content.count(b"\xff\xda")
        if passes * width * height > MAX_SCANNED:
            raise ImageError(f"The picture asks for too much work: {passes} passes over {width} x {height} pixels")
    return image


@contextmanager
def _in_words(content: bytes = b"") -> Iterator[None]:
    """Whatever a damaged file makes Pillow raise becomes an ImageError in words."""
    try:
        yield
    except ImageError:
        raise
    except _BROKEN as error:
        raise ImageError(reason(error, content)) from error


def _upright_size(image: Image.Image, full: tuple[int, int]) -> tuple[int, int]:
    width, height = full
    try:
        # Pillow has turned the size of a TIFF already.
        turned = image.format != "TIFF" and image.getexif().get(_ORIENTATION) in _QUARTER_TURNS
    except _BROKEN:
        turned = False
    return (height, width) if turned else (width, height)


def _format(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)
