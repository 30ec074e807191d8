"""Shared by the tests of pictures: files that no encoder at hand writes."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

Values = npt.NDArray[np.uint16]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of an image file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png16(values: Values) -> bytes:
    """A PNG of 16 bits a value: values (h, w) grey, (h, w, 3) colours; (h, w, 2) or (h, w, 4) with transparency."""
    height, width = values.shape[:2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[values.size // (height * width)]
    lines = b"".join(b"\0" + values[row].astype(">u2").tobytes() for row in range(height))
    about = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    parts = ((b"IHDR", about), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def chunk(name: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def tiff16(values: Values, order: str = "<", packed: bool = False) -> bytes:
    """A TIFF of colours (h, w, 3) of 16 bits. order: of the bytes, "<" or ">"; packed: with deflate."""
    height, width, bands = values.shape
    content = values.astype(order + "u2").tobytes()
    content = zlib.compress(content) if packed else content
    behind = 8 + 2 + 12 * 9 + 4
    tags = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, bands, behind),
        (259, 3, 1, 8 if packed else 1),
        (262, 3, 1, 2),
        (273, 4, 1, behind + 2 * bands),
        (277, 3, 1, bands),
        (278, 3, 1, height),
        (279, 4, 1, len(content)),
    ]
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags))
    for tag, kind, count, value in tags:
        short = kind == 3 and count == 1
        out += struct.pack(order + "HHI", tag, kind, count)
        out += struct.pack(order + "HH", value, 0) if short else struct.pack(order + "I", value)
    return out + struct.pack(order + "I", 0) + struct.pack(order + "H", 16) * bands + content


def tiff16_planes(values: Values, order: str = "<", zero: int = 2) -> bytes:
    """A TIFF of (h, w, bands) of 16 bits, a band behind the other. zero: 0 where 0 means white, 1 black, 2 colours."""
    height, width, bands = values.shape
    planes = [values[:, :, band].astype(order + "u2").tobytes() for band in range(bands)]
    behind, size = 8 + 2 + 12 * 10 + 4, len(planes[0])
    starts = [behind + 10 * bands + number * size for number in range(bands)]
    bits, places, sizes = (behind + at * bands for at in (0, 2, 6))
    bits = bits if bands != 2 else 0x0010_0010  # two numbers stand in the tag itself
    one = bands == 1
    tags = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, bands, 16 if one else bits), (259, 3, 1, 1)]
    tags += [(262, 3, 1, zero), (273, 4, bands, starts[0] if one else places), (277, 3, 1, bands), (278, 3, 1, height)]
    tags += [(279, 4, bands, size if one else sizes), (284, 3, 1, 1 if one else 2)]
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags))
    for tag, kind, count, value in tags:
        out += struct.pack(order + "HHI", tag, kind, count)
        out += struct.pack(
            order + ("HH" if kind == 3 and count == 1 else "I"), *((value, 0) if kind == 3 and count == 1 else (value,))
        )
    behind_tags = struct.pack(f"{order}I{bands}H{2 * bands}I", 0, *[16] * bands, *starts, *[size] * bands)
    return out + behind_tags + b"".join(planes)


def closed_folder(root: Path, name: str = "closed") -> Path:
    """A folder below ``root`` in which lies one that nobody can list by its path: the path is too long."""
    at = os.open(root, os.O_RDONLY)
    for part in (name, *["d" * 250] * 17):
        os.mkdir(part, dir_fd=at)
        below = os.open(part, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    return root / name
