"""With what a run works: noted with every run."""

from __future__ import annotations

import platform
from importlib import metadata

PACKAGES = ("torch", "timm", "peft", "scikit-learn", "umap-learn", "numpy", "pillow")


def versions() -> dict[str, str]:
    """Versions of Python and of what the result depends on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
