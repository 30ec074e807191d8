"""Tensors that may be larger than what should lie in memory."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from fact_core.errors import storage_error

#: Bytes of a tensor that stay in memory; a larger one lies in a file.
MOST = 2 << 30

_TYPES = {torch.float16: np.float16, torch.float32: np.float32}


def kept_tensor(shape: Sequence[int], dtype: torch.dtype, most: int = MOST) -> Tensor:
    """A tensor of zeros on the CPU, in a file of its own where it has more than ``most`` bytes.

    The file has no name for others and goes with the tensor, or with the process. StorageError when the disk is full.
    """
    kind = np.dtype(_TYPES[dtype])
    if math.prod(shape) * kind.itemsize <= most:
        return torch.zeros(*shape, dtype=dtype)
    try:
        with tempfile.TemporaryFile() as file:  # the map keeps what it needs of it
            if hasattr(os, "posix_fallocate"):  # else a disk that fills up later would end the process
                os.posix_fallocate(file.fileno(), 0, math.prod(shape) * kind.itemsize)
            return torch.from_numpy(np.memmap(file, dtype=kind, mode="w+", shape=tuple(shape)))
    except OSError as error:
        raise storage_error(error, "keeping what the network says of the images") from error
