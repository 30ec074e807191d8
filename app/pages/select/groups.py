"""Which images belong together: what each way finds in the pool, and what the person decided."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from app.routes.features import features_of
from app.routes.shapes import told
from app.shell.server import Opened
from fact_core.analysis import groups as ways
from fact_core.analysis.groups import Found
from fact_core.choices import GROUPINGS, resolve
from fact_core.generators import finish
from fact_core.labeling import classes
from fact_core.storage import groups, items
from fact_core.types import Pool, PoolFacts

#: A larger pool is not looked at by its features while the page waits: the run that needs the groups does it.
MOST = 20_000


@dataclass(frozen=True)
class Group:
    """A group as an example: its name, how many images it has, and the first of them."""

    name: str
    size: int
    ids: list[int]


@dataclass(frozen=True)
class Way:
    """A way to group images and what it finds; later: it is looked at only when images are chosen."""

    way: str
    title: str
    help: str
    limits: str
    groups: int
    largest: int
    alone: int
    later: bool
    examples: list[Group]


@dataclass(frozen=True)
class Grouping:
    """What the page shows. ways: those that say something here; proposed: the one that is clear, "none"."""

    chosen: str
    proposed: str
    ways: list[Way]


def grouping(held: Opened) -> dict[str, Any]:
    """See ``Grouping``."""
    pool, found = _found(held)
    chosen, ids = groups.chosen(held.project), pool.ids.tolist()
    features = features_of(held) is not None
    shown = [_way(found[name], ids) for name in found if found[name].fits or name in (chosen, "none")]
    for name, each in GROUPINGS.items():
        if name not in found and (features or name == chosen):
            shown.append(Way(name, each.title, each.help, each.limits, 0, 0, 0, True, []))
    return told(Grouping(chosen, ways.proposed(list(found.values())), shown))


def choose(held: Opened, way: str) -> dict[str, Any]:
    """Group images so from now on. What is found quickly is stored now, the rest by the run that needs it."""
    groups.choose(held.project, way)
    known = _names(held, *_facts(held)).get(way)
    if known is not None and way not in (groups.NONE, groups.COLUMN):
        ids = items.pool(held.project).ids.tolist()
        groups.store(held.project, way, dict(zip(ids, known, strict=True)))
    return grouping(held)


def _found(held: Opened) -> tuple[Pool, dict[str, Found]]:
    """What each way finds, kept while images, features and classes stay."""
    pool, facts = _facts(held)
    features = facts.x is not None
    stamp = (pool.paths, features, facts.classes, facts.given, float(facts.taken.sum()))
    kept = held.cache.get("grouping")
    if kept is None or kept[0] != stamp:
        names = _names(held, pool, facts)
        kept = (stamp, {name: ways.summary(name, each, facts) for name, each in names.items()})
        held.cache["grouping"] = kept
    found: dict[str, Found] = kept[1]
    return pool, found


def _facts(held: Opened) -> tuple[Pool, PoolFacts]:
    pool = items.pool(held.project)
    facts = groups.facts(held.project, pool, [each.name for each in classes.classes(held.project)])
    known = features_of(held) if len(pool) <= MOST else None
    # Some images may have no features: then the run that needs the groups looks.
    if known is None or known[0].tolist() != pool.ids.tolist():
        return pool, facts
    return pool, dataclasses.replace(facts, x=known[1])


def _names(held: Opened, pool: Pool, facts: PoolFacts) -> dict[str, list[str]]:
    """Way -> the name of each image's group, of all ways that can be asked now."""
    asked = {name: each for name, each in GROUPINGS.items() if facts.x is not None or not each.features}
    return {name: finish(resolve(each.target)(facts)) for name, each in asked.items()}


def _way(found: Found, ids: list[int]) -> Way:
    about = GROUPINGS[found.way]
    examples = [Group(each.name, each.size, [ids[row] for row in each.rows]) for each in found.examples]
    told = (about.title, about.help, about.limits, found.groups, found.largest, found.alone)
    return Way(found.way, *told, False, examples)
