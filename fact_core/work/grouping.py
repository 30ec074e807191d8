"""Which images of the pool belong together, by the way that the person chose."""

from __future__ import annotations

import dataclasses

from fact_core.analysis.groups import with_gone
from fact_core.choices import GROUPINGS, resolve
from fact_core.storage import groups, items
from fact_core.storage.project import Project
from fact_core.types import IntArray, Pool, Step
from fact_core.work.file_groups import by_files, looking
from fact_core.work.pool_features import identify_here, open_store, with_features


def group_numbers(project: Project, pool: Pool, backbone: str, device: str, view: str) -> Step[IntArray | None]:
    """Group numbers (N,) of the pool's images; None where the person wants no groups. Stored, so that it stays so.

    Images are looked at anew where some came since, or hold other bytes. An image that stands alone has a number of
    its own.
    """
    way = groups.chosen(project)
    yield from by_files(project)
    if GROUPINGS[way].features:
        known = groups.names(project, way)
        if not all(each in known for each in pool.ids.tolist()):
            yield looking(way)
            store = open_store(project, identify_here(project, backbone, device, view))
            everything = with_features(items.pool(project), store)
            facts = dataclasses.replace(groups.facts(project, everything), x=store.gather(everything.digests))
            found = yield from resolve(GROUPINGS[way].target)(facts)
            groups.store(project, way, with_gone(way, known, dict(zip(everything.ids.tolist(), found, strict=True))))
    return groups.among(project, pool.ids)
