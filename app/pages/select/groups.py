"""Which images belong together: what each way finds in the pool, and what the person decided."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.routes.shapes import told
from app.routes.vectors import features_of, whole_features_of
from app.shell.server import Opened
from fact_core.analysis import groups as ways
from fact_core.analysis.groups import Found
from fact_core.choices import GROUPINGS, resolve
from fact_core.generators import finish
from fact_core.labeling import classes
from fact_core.storage import groups, items
from fact_core.types import Pool, PoolFacts

#: A larger pool is not looked at by its features while the page waits: the run that needs the groups does it.
MOST = 5_000


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
    pool, found, differ = _found(held)
    chosen, ids = groups.chosen(held.project), pool.ids.tolist()
    features = features_of(held) is not None
    wanted = [each for each in found if (each.fits and each.way in differ) or each.way in (chosen, groups.NONE)]
    shown = [_way(each, ids) for each in wanted]
    for name, each in GROUPINGS.items():
        if all(name != one.way for one in found) and (
            name == chosen or (each.features and features and len(pool) > MOST)
        ):
            shown.append(Way(name, each.title, each.help, each.limits, 0, 0, 0, True, []))
    return told(Grouping(chosen, ways.proposed(found), shown))


def choose(held: Opened, way: str) -> dict[str, Any]:
    """Group images so from now on. What is found quickly is stored now, the rest by the run that needs it."""
    groups.choose(held.project, way)
    pool, facts = _facts(held)
    known = _names(facts, (way,)).get(way)
    if known is not None and way not in (groups.NONE, groups.COLUMN):
        gone = groups.names(held.project, way)  # left out since, or missing: it may have been learned from
        now = dict(zip(pool.ids.tolist(), known, strict=True))
        groups.store(held.project, way, ways.with_gone(way, gone, now))
    return grouping(held)


def _found(held: Opened) -> tuple[Pool, list[Found], list[str]]:
    """(pool, what each way finds, the ways that differ), kept while images, features and classes stay."""
    pool, facts = _facts(held)
    features = facts.x is not None
    stamp = (pool.paths, pool.digests, features, facts.classes, facts.given, float(facts.taken.sum()))
    kept = held.cache.get("grouping")
    if kept is None or kept[0] != stamp:
        named = _names(facts, tuple(GROUPINGS))
        kept = (stamp, [ways.summary(name, each, facts) for name, each in named.items()], ways.distinct(named))
        held.cache["grouping"] = kept
    found, told = kept[1:]
    return pool, found, told


def _facts(held: Opened) -> tuple[Pool, PoolFacts]:
    pool = items.pool(held.project)
    facts = groups.facts(held.project, pool, [each.name for each in classes.classes(held.project)])
    # Some images may have no features: then the run that needs the groups looks.
    x = whole_features_of(held) if len(pool) <= MOST else None
    return pool, facts if x is None else dataclasses.replace(facts, x=x)


def _names(facts: PoolFacts, asked: Sequence[str]) -> dict[str, list[str]]:
    """Way -> the name of each image's group, of those of the ways that can be asked now."""
    able = (name for name in asked if facts.x is not None or not GROUPINGS[name].features)
    return {name: finish(resolve(GROUPINGS[name].target)(facts)) for name in able}


def _way(found: Found, ids: list[int]) -> Way:
    about = GROUPINGS[found.way]
    examples = [Group(each.name, each.size, [ids[row] for row in each.rows]) for each in found.examples]
    told = (about.title, about.help, about.limits, found.groups, found.largest, found.alone)
    return Way(found.way, *told, False, examples)
