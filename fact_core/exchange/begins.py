"""In which folder the names of a file begin: a list of one sub-folder names its images as seen from there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from fact_core.errors import InputError
from fact_core.exchange.matching import nfc
from fact_core.types import Pool

MOST = 100  # folders that are offered


def within(pool: Pool, aliases: Mapping[str, int | None], folder: str) -> tuple[Pool, Mapping[str, int | None]]:
    """The images, and the paths outside the pool, below a sub-folder, named as seen from there.

    folder: as paths of the pool are written, or in full; "" is the image folder. InputError where no image lies in it.
    """
    told = nfc(folder).replace("\\", "/").removeprefix(nfc(pool.root.as_posix()).rstrip("/") + "/")
    parts = [each for each in told.split("/") if each not in ("", ".")]
    if not parts:
        return pool, aliases
    begin = "/".join(parts) + "/"

    def below(path: str) -> str:
        return path.split("/", len(parts))[-1] if nfc(path).startswith(begin) else ""

    found = {row: name for row, path in enumerate(pool.paths) if (name := below(path))}
    if not found:
        raise InputError("No image of this project lies in that folder", folder, f"Name one below {pool.root}.")
    inside = replace(
        pool,
        root=pool.root / begin,
        ids=pool.ids[list(found)],
        paths=tuple(found.values()),
        digests=tuple(pool.digests[row] for row in found),
    )
    return inside, {name: item for path, item in aliases.items() if (name := below(path))}


def folders_with(names: Iterable[str], pool: Pool) -> tuple[str, ...]:
    """The sub-folders in which such names lie, those with most of them first. names: as ``readings`` gives them."""
    wanted = {name.replace("\\", "/").removeprefix("./") for name in names}
    found = Counter[str]()
    for path in pool.paths:
        at = path.find("/")
        while at >= 0:
            if path[at + 1 :] in wanted:
                found[path[:at]] += 1
            at = path.find("/", at + 1)
    return tuple(sorted(found, key=lambda folder: (-found[folder], folder))[:MOST])
