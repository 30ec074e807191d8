"""Which images of the pool belong together by what their files say: names, folders, times. Nothing heavy is needed."""

from __future__ import annotations

from fact_core.analysis.groups import with_gone
from fact_core.choices import GROUPINGS, resolve
from fact_core.events import Log
from fact_core.storage import groups, items
from fact_core.storage.project import Project
from fact_core.types import Step


def by_files(project: Project) -> Step[None]:
    """Group the pool by the names and times that its files have now, where the person wants groups of these.

    Files that were moved into another folder belong to another patient: what was found by their names of before would
    be shown nowhere, and keep a patient's images on both sides of a measurement.
    """
    way = groups.chosen(project)
    if way in (groups.NONE, groups.COLUMN) or GROUPINGS[way].features:
        return
    pool = items.pool(project)
    found = yield from resolve(GROUPINGS[way].target)(groups.facts(project, pool))
    known = groups.names(project, way)
    names = with_gone(way, known, dict(zip(pool.ids.tolist(), found, strict=True)))
    if names != known:
        yield looking(way)
        groups.store(project, way, names)


def looking(way: str) -> Log:
    """What the log says of it."""
    return Log(f"looking for images that belong together: {GROUPINGS[way].title.lower()}")
