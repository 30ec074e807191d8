"""The binary answers: a header in JSON, then columns of numbers.

u32 length of the header, the header as JSON padded to 4 bytes, then each column; all of it little-endian.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from fastapi import Response

from fact_core.types import FloatArray


def packed(header: Mapping[str, Any], *columns: npt.NDArray[Any]) -> bytes:
    """The bytes of an answer. The columns have the types that the page reads: ``<f4``, ``<i4``, ``<u2``, ``u1``."""
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<I", len(text)) + text + b"".join(column.tobytes() for column in columns)


def sure(confidence: FloatArray) -> npt.NDArray[np.uint8]:
    """Confidences (N,) of 0 to 1 as whole numbers of 0 to 255."""
    return np.clip(np.rint(confidence * 255), 0, 255).astype("u1")


def fine(confidence: FloatArray) -> npt.NDArray[np.uint16]:
    """The same as whole numbers of 0 to 65535, where they are sorted by."""
    return np.clip(np.rint(confidence.astype(np.float64) * 65535), 0, 65535).astype("<u2")


def answer(content: bytes) -> Response:
    """They belong to the moment: no browser keeps them."""
    return Response(content, media_type="application/octet-stream", headers={"cache-control": "no-store"})
