"""Images of a large pool whose bytes are others than when their rows were made, under the same name.

A file that was written or moved there since its shard was begun is read, and held against the digest of its row; of an
archive that was, all rows count as changed. So a pool that nobody has touched costs one look at the times of its files.
A clock that was set back since then by more than ``MARGIN`` hides a change.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from fact_core.images.source import digest_of
from fact_core.storage.feature_shards import FeatureShards
from fact_core.work.pool_fetch import ARCHIVE, whole
from fact_core.work.pool_sources import Source

MARGIN = 60.0  # seconds that the clocks of this machine and of the files' may differ


def changed(sources: Sequence[Source], shards: FeatureShards) -> dict[str, list[str]]:
    """Shard -> those of its images that have changed; only shards that have some. Tables of paths say no times."""
    begun = {name: _begun(name) for name in shards.names}
    since = min(begun.values(), default=0.0) - MARGIN
    times = {image: at for source in sources for image, at in _times(source).items() if at > since}
    if not begun or not times:
        return {}
    found: dict[str, list[str]] = {}
    for name, lines in shards.by_shard():
        for line in lines:
            archive, inside, _ = line["image"].partition(ARCHIVE)
            at = times.get(archive + ".tar" if inside else line["image"])
            if at is not None and at > begun[name] - MARGIN and (inside or _is_other(line)):
                found.setdefault(name, []).append(line["image"])
    return found


def _begun(name: str) -> float:
    """When a shard was begun, in seconds: its name says it in microseconds. 0 for a name that is none of ours."""
    first = name.partition("-")[0]
    return int(first) / 1e6 if first.isascii() and first.isdecimal() else 0.0


def _times(source: Source) -> Mapping[str, float]:
    """Image or archive -> when it was written or moved there, in seconds."""
    if source.kind == "parquet":
        return {}
    if source.files is not None:
        return {source.before + path: at for path, at in zip(source.paths, source.times, strict=False)}
    found = {}
    for path in source.paths:
        try:
            info = os.stat(path)
        except OSError:
            continue  # gone: told where it is read
        found[source.before + path] = max(info.st_mtime, info.st_ctime)  # a rename leaves the one, a copy the other
    return found


def _is_other(line: Mapping[str, str]) -> bool:
    content = whole(line["image"])
    return isinstance(content, bytes) and digest_of(content) != line["digest"]
