"""In which folder the names of a file begin: a list of one sub-folder names its images as seen from there."""

from __future__ import annotations

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

    folder: as paths of the pool are written; "" is the image folder. InputError where no image lies in it.
    """
    begin = folder.replace("\\", "/").strip("/") + "/"
    if begin == "/":
        return pool, dict(aliases)
    rows = [row for row, path in enumerate(pool.paths) if path.startswith(begin)]
    if not rows:
        raise InputError("No image of this project lies in that folder", folder, f"Name one below {pool.root}.")
    inside = replace(
        pool,
        root=pool.root / begin,
        ids=pool.ids[np.array(rows)],
        paths=tuple(pool.paths[row].removeprefix(begin) for row in rows),
        digests=tuple(pool.digests[row] for row in rows),
    )
    return inside, {path.removeprefix(begin): item for path, item in aliases.items() if path.startswith(begin)}


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
