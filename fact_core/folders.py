"""Where the program's own files lie: what is kept (projects, settings), and what can be made again (weights, tables).

The folders are those that the operating system has for this (``platformdirs``). Earlier versions used Linux's
places everywhere: one of those is still used as long as it is there and the system's own is not.
"""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import PlatformDirs
from platformdirs.api import PlatformDirsABC

PROGRAM = "fact-studio"


def data_folder(system: PlatformDirsABC | None = None) -> Path:
    """Where projects lie if the person does not say: $FACT_STUDIO_HOME, else the user's data folder. Not made.

    system: the operating system's folders; None: those of this one.
    """
    if own := os.environ.get("FACT_STUDIO_HOME"):
        return Path(own).expanduser().absolute()
    return _standing((system or _here()).user_data_path, _before("XDG_DATA_HOME", ".local/share"))


def cache_folder(system: PlatformDirsABC | None = None) -> Path:
    """Where downloads and tables lie: $FACT_STUDIO_CACHE, else the user's cache folder. Not made.

    system: as in ``data_folder``.
    """
    if own := os.environ.get("FACT_STUDIO_CACHE"):
        return Path(own).expanduser().absolute()
    return _standing((system or _here()).user_cache_path, _before("XDG_CACHE_HOME", ".cache"))


def _here() -> PlatformDirsABC:
    return PlatformDirs(PROGRAM, appauthor=False)


def _before(variable: str, below_home: str) -> Path:
    """The place of earlier versions."""
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / below_home) / PROGRAM


def _standing(today: Path, before: Path) -> Path:
    return (before if before.is_dir() and not today.is_dir() else today).expanduser().absolute()
