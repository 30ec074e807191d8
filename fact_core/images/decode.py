"""Decoding: any supported image file becomes an upright RGB picture, or an ImageError in words."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fact_core.errors import ImageError

#: What is taken as an image, by the end of the name.
EXTENSIONS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})

#: Pictures that are not supported: reported by name, with what to do.
OTHER_PICTURES = {
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIC is not supported; convert it to JPEG"),
    **dict.fromkeys((".avif", ".jxl", ".jp2", ".j2k"), "This format is not supported; convert it to JPEG or PNG"),
    **dict.fromkeys((".svg", ".svgz", ".eps", ".ps", ".ai"), "Drawings are not supported; convert it to PNG"),
    **dict.fromkeys(
        (".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef"),
        "Raw camera files are not supported; convert it to JPEG",
    ),
    **dict.fromkeys(
        (".psd", ".xcf", ".tga", ".ico", ".ppm", ".pgm", ".pbm", ".pcx", ".dds", ".exr", ".hdr", ".dcm"),
        "This format is not supported; convert it to PNG",
    ),
}

#: Only these decoders of Pillow are ever used, whatever the name says. JPEG opens MPO too (what cameras call .jpg).
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")

MAX_PIXELS = 200_000_000
MAX_BYTES = 1 << 30

# Pillow refuses at twice this number by itself.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2

_SIGNATURES = (
    (b"%!PS", "It is PostScript, not a picture of pixels"),
    (b"%PDF", "It is a PDF, not an image"),
    (b"<svg", "It is an SVG drawing; convert it to PNG"),
    (b"<?xml", "It is an XML file, not an image"),
    (b"<!DOCTYPE", "It is a web page, not an image"),
    (b"<html", "It is a web page, not an image"),
    (b"PK\x03\x04", "It is a zip archive, not an image"),
    (b"version https://git-lfs", "It is a Git LFS pointer; fetch the real file"),
)


def decode(source: Path | bytes, max_side: int = 0, min_side: int = 0) -> Image.Image:
    """The picture as upright RGB: first frame, EXIF rotation applied, alpha on white, 16 bits scaled to 8.

    source: a file, or its bytes. max_side: the longer side of the result in pixels, never enlarged; 0 keeps
    the size. min_side: only a hint that no side needs more pixels than this; nothing is resampled. With either
    a large JPEG is decoded at a fraction of its size, many times faster.
    Errors: ImageError, whose ``what`` is the reason in words.
    """
    with _reading(source) as image:
        if max_side > 0:
            # Twice the wanted side, so that the final resampling still averages.
            image.draft("RGB", (2 * max_side, 2 * max_side))
        elif min_side > 0:
            image.draft("RGB", (min_side, min_side))
        picture = _rgb(image)
        if max_side > 0 and max(picture.size) > max_side:
            picture.thumbnail((max_side, max_side), Image.Resampling.BICUBIC, reducing_gap=3.0)
        return picture


def probe(source: Path | bytes) -> tuple[int, int, str]:
    """(width, height, format) of the upright picture, from the header alone. ImageError in words."""
    with _reading(source) as image:
        return (*_upright_size(image), _format(image))


def check(source: bytes) -> tuple[int, int, str]:
    """Like ``probe``, after the first frame was decoded to its end: a truncated file is an ImageError."""
    with _reading(source) as image:
        found = (*_upright_size(image), _format(image))
        image.draft("RGB", (256, 256))  # a JPEG is still read to its end
        _rgb(image)
        return found


def thumbnail(image: Image.Image, side: int = 160) -> bytes:
    """JPEG bytes of an RGB picture whose longer side is at most ``side`` pixels."""
    small = image.copy() if image.mode == "RGB" else image.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=82, optimize=False)
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
def _reading(source: Path | bytes) -> Iterator[Image.Image]:
    """The opened image; whatever a damaged file makes Pillow raise becomes an ImageError in words."""
    # Not catch_warnings: it swaps the filters of the whole process and images are read in many threads.
    if warnings.filters[:1] != [_QUIET]:
        warnings.filterwarnings("ignore", module=_QUIET[3].pattern)
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if size == 0:
            raise ImageError("The file is empty")
        if size > MAX_BYTES:
            raise ImageError("The file is larger than 1 GB")
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise ImageError(_too_large(f"{width} x {height}"))
            yield image
    except ImageError:
        raise
    except _BROKEN as error:
        raise ImageError(_reason(error, source)) from error


def _rgb(image: Image.Image) -> Image.Image:
    """Decode to upright 8-bit RGB, transparency on white."""
    image.load()
    upright = _turned(image)
    if upright.mode.startswith(("I", "F")):
        return _eight_bits(upright).convert("RGB")
    if upright.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in upright.info:
        front = upright.convert("RGBA")
        picture = Image.new("RGB", front.size, "white")
        picture.paste(front, mask=front.getchannel("A"))
        return picture
    return upright.copy() if upright.mode == "RGB" and upright is image else upright.convert("RGB")


def _turned(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except _BROKEN:  # unreadable metadata; the picture itself is fine
        return image


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    try:
        turned = image.getexif().get(_ORIENTATION) in _QUARTER_TURNS
    except _BROKEN:
        turned = False
    return (height, width) if turned else (width, height)


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and floating-point grey to 8 bits: by the range of the type, else of the values."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    low, high = float(values.min()), float(values.max())
    if image.mode != "F" and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    elif image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    scaled = (values - low) * (255.0 / max(high - low, 1e-12))
    return Image.fromarray(np.round(scaled).astype(np.uint8))


def _format(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)


def _too_large(size: str) -> str:
    return f"The picture is too large: {size} pixels; at most 200 million are read"


def _reason(error: BaseException, source: Path | bytes) -> str:
    """One sentence without a full stop: why the file cannot be decoded."""
    if isinstance(error, FileNotFoundError):
        return "The file is not there any more"
    if isinstance(error, PermissionError):
        return "The file may not be read"
    if isinstance(error, IsADirectoryError):
        return "It is a folder"
    if isinstance(error, MemoryError):
        return "There is not enough memory for this picture"
    if isinstance(error, Image.DecompressionBombError):
        found = re.search(r"\d+", str(error))
        return _too_large(found.group() if found else "over 200 million")
    if isinstance(error, UnidentifiedImageError):
        return _what_it_is(source)
    text = " ".join(str(error).split())
    if isinstance(error, EOFError) or re.search(r"truncated|unexpected end|end of file|not enough|EOF", text, re.I):
        return "The file ends too early: it is cut off"
    return f"The file is damaged ({text[:120] or type(error).__name__})"


def _what_it_is(source: Path | bytes) -> str:
    """Judged by the first bytes of a file that is no supported image."""
    try:
        if isinstance(source, bytes):
            start = source[:512]
        else:
            with open(source, "rb") as file:
                start = file.read(512)
    except OSError:
        start = b""
    if start[4:8] == b"ftyp":
        brand = start[8:12]
        if brand in (b"avif", b"avis"):
            return "AVIF is not supported; convert it to JPEG or PNG"
        return "HEIC is not supported; convert it to JPEG" if brand[:2] in (b"he", b"mi", b"ms") else "It is a video"
    for signature, reason in _SIGNATURES:
        if start.lstrip().lower().startswith(signature.lower()):
            return reason
    starts_well = start.startswith((b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"II*", b"MM\x00*", b"RIFF"))
    return "The file is damaged: it cannot be opened" if starts_well else "It is not an image of a known format"
