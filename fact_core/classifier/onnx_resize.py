"""A step that PyTorch's older ONNX exporter lacks: bicubic resizing with antialias, by which vision transformers
stretch their positions to the shape of a picture. Its sides may be known only when the model runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.onnx import symbolic_helper
from torch.onnx.utils import register_custom_op_symbolic, unregister_custom_op_symbolic

NAME, VERSION = "aten::_upsample_bicubic2d_aa", 18  # ONNX knows antialias since then


@contextmanager
def resize_known() -> Iterator[None]:
    """Inside, the exporter can write it."""
    register_custom_op_symbolic(NAME, _resize, VERSION)
    try:
        yield
    finally:
        unregister_custom_op_symbolic(NAME, VERSION)


def _resize(g: Any, x: Any, size: Any, *rest: Any) -> Any:
    """ONNX's Resize of x (n, c, h, w) to (n, c, *size). As PyTorch: coefficient -0.5, nothing from beyond the edge."""
    sides = symbolic_helper._unpack_list(size)
    sides = [g.op("Cast", symbolic_helper._unsqueeze_helper(g, each, [0]), to_i=7) for each in sides]
    first = symbolic_helper._slice_helper(g, g.op("Shape", x), axes=[0], starts=[0], ends=[2])
    none = g.op("Constant", value_t=torch.tensor([], dtype=torch.float32))
    how = {"mode_s": "cubic", "antialias_i": 1, "cubic_coeff_a_f": -0.5, "exclude_outside_i": 1}
    shape = g.op("Concat", first, *sides, axis_i=0)
    return g.op("Resize", x, none, none, shape, coordinate_transformation_mode_s="half_pixel", **how)
