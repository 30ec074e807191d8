"""In which folder the names of a file begin: a list of one sub-folder names its images as seen from there."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from fact_core.errors import InputError
from fact_core.exchange.addresses import readings
from fact_core.types import Pool

MOST = 100  # folders that are offered


def within(pool: Pool, aliases: Mapping[str, int | None], folder: str) -> tuple[Pool, dict[str, int | None]]:
    """The images, and the paths outside the pool, below a sub-folder, named as seen from there.

    folder: as paths of the pool are written, or in full; "" is the image folder. InputError where no image lies in it.
    """
    told = _nfc(folder).replace("\\", "/").removeprefix(_nfc(pool.root.as_posix()).rstrip("/") + "/")
    parts = [each for each in told.split("/") if each not in ("", ".")]
    if not parts:
        return pool, dict(aliases)
    begin = "/".join(parts) + "/"

    def below(path: str) -> str:
        return path.split("/", len(parts))[-1] if _nfc(path).startswith(begin) else ""

    rows = [row for row, path in enumerate(pool.paths) if below(path)]
    if not rows:
        raise InputError("No image of this project lies in that folder", folder, f"Name one below {pool.root}.")
    inside = replace(
        pool,
        root=pool.root / begin,
        ids=pool.ids[np.array(rows)],
        paths=tuple(below(pool.paths[row]) for row in rows),
        digests=tuple(pool.digests[row] for row in rows),
    )
    return inside, {below(path): item for path, item in aliases.items() if below(path)}


def folders_with(names: Iterable[str], pool: Pool) -> tuple[str, ...]:
    """The sub-folders in which such names lie, those with most of them first."""
    wanted = {read[0].path.replace("\\", "/").removeprefix("./") for name in names if (read := readings(name))}
    found = Counter[str]()
    for path in pool.paths:
        at = path.find("/")
        while at >= 0:
            if path[at + 1 :] in wanted:
                found[path[:at]] += 1
            at = path.find("/", at + 1)
    return tuple(sorted(found, key=lambda folder: (-found[folder], folder))[:MOST])


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
