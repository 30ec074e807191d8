"""What a library can be imported without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Within it, modules that are not loaded yet cannot be imported, as where they are not installed.

    For libraries that use another one where they find it, and so load for a second what nobody here asks them for.
    Afterwards everything can be imported. Not for use beside other threads that import.
    """
    hidden = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: "there is none", says the manual
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
