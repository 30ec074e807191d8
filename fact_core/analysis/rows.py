"""Rows of features at unit length, as numpy does it; ``select.clusters.unit_rows`` does it on a device."""

from __future__ import annotations

import numpy as np

from fact_core.types import FloatArray


def unit(x: FloatArray) -> FloatArray:
    """Rows (N, D) of length 1; a row of zeros stays."""
    x = np.asarray(x, dtype=np.float32)
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def finite_unit(x: FloatArray) -> FloatArray:
    """``unit`` of rows that may hold numbers that are none: these count as 0."""
    return unit(np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0))
