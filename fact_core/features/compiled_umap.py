"""umap-learn, compiled once for all processes.

numba compiles umap's functions anew in each process, which takes 6 s of a map that is drawn in one. Told to keep
them, it stores what it compiled beside umap's source, or in the person's cache folder where that may not be written,
by the source's time and the kind of processor: as pynndescent, which umap imports, has it done for its own. The map is
the same to the bit.
"""

from __future__ import annotations

import functools
import sys
from importlib import import_module
from typing import Any


def load() -> Any:
    """The module ``umap``."""
    if "umap" in sys.modules:
        return sys.modules["umap"]
    numba: Any = import_module("numba")
    plain = numba.njit
    numba.njit = functools.partial(plain, cache=True)
    try:
        return import_module("umap")
    finally:
        numba.njit = plain
