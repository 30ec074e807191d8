"""When and by which camera a photo was taken, as its EXIF says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from PIL import Image

#: Formats whose EXIF is read without decoding them.
FORMATS = frozenset({"JPEG", "MPO", "TIFF", "WEBP"})
LONGEST = 100  # characters of a camera's name

_EXIF, _MAKE, _MODEL, _CHANGED = 0x8769, 0x010F, 0x0110, 0x0132
_TAKEN, _PARTS, _SERIAL = 0x9003, 0x9291, 0xA431


def taken(image: Image.Image) -> tuple[float, str]:
    """(seconds since 1970 by the camera's own clock, the camera); 0 and "" where the file does not say.

    Whatever a damaged or hostile EXIF holds counts as not said.
    """
    if image.format not in FORMATS:
        return 0.0, ""
    try:
        base = image.getexif()
        more: dict[int, Any] = dict(base.get_ifd(_EXIF))
        at = _seconds(more.get(_TAKEN) or base.get(_CHANGED), more.get(_PARTS))
        camera = " ".join(filter(None, (_text(base.get(_MAKE)), _text(base.get(_MODEL)), _text(more.get(_SERIAL)))))
    except Exception:  # Pillow's readers of EXIF raise of every kind
        return 0.0, ""
    return at, camera[:LONGEST]


def _seconds(said: Any, parts: Any) -> float:
    try:
        at = datetime.strptime(_text(said)[:19], "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
    digits = _text(parts)[:3]
    return max(0.0, at + (float(f"0.{digits}") if digits.isdigit() and digits.isascii() else 0.0))


def _text(value: Any) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""
    return " ".join("".join(each for each in text[:1000] if each.isprintable()).split())
