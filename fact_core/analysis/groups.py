"""Images that belong together: frames of a video, pictures of a patient, a burst. numpy only.

If some of a group are trained on and others measure the result, the figure says how well images are remembered. A way
gives each image the name of its group, "" where it stands alone; ``choices.GROUPINGS`` lists the ways.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from fact_core.choices import GROUPINGS
from fact_core.types import IntArray, PoolFacts, Step

#: Seconds from one photo of a burst to the next, at most. Hands that look for another motif take longer.
BURST = 10.0
#: A way says something from so many groups of two images or more, where none holds more than half of the pool.
FEWEST, MOST_SHARE = 2, 0.5
#: It is proposed from so many groups, of which this share is named like parts of one series, or if groups hold this
#: share of the images.
CLEAR, ALIKE_NAMED, SHARE = 5, 0.9, {"burst": 0.1, "alike": 0.2}
SHOWN = 3  # examples, and images of each

_LAST = re.compile(r"(\d+)(\D*)$")
_DATE = re.compile(r"(?:19|20)\d\d([-_.]?)[01]\d\1[0-3]\d(?!\d)")
_FIRST = re.compile(r"\D*\d+")
_SIGNS = " -_.,()[]#+~"


@dataclass(frozen=True)
class Example:
    """A group: its name, how many images it has, and rows of the first of them."""

    name: str
    size: int
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Found:
    """What a way found. Groups have two images or more; alone: images in none.

    fits: whether it says something here; clear: whether it is to be proposed.
    """

    way: str
    groups: int
    largest: int
    alone: int
    fits: bool
    clear: bool
    examples: tuple[Example, ...]


def alone(facts: PoolFacts) -> Step[list[str]]:
    """No groups."""
    yield from ()
    return [""] * len(facts)


def by_column(facts: PoolFacts) -> Step[list[str]]:
    """What a file of labels says."""
    yield from ()
    return list(facts.given)


def by_folder(facts: PoolFacts) -> Step[list[str]]:
    """The folder that the image lies in, "" for those directly in the image folder."""
    yield from ()
    return [path.rpartition("/")[0] for path in facts.paths]


def by_name(facts: PoolFacts) -> Step[list[str]]:
    """The name without its last number: "a/vid7-0001.png" -> "a/vid7". What follows the number counts where nothing
    stands before it."""
    yield from ()
    return [_named(path, _without_last) for path in facts.paths]


def by_start(facts: PoolFacts) -> Step[list[str]]:
    """The name up to its date, else up to the first of several numbers: "patient12_day3_007" -> "patient12"."""
    yield from ()
    return [_named(path, _up_to_first) for path in facts.paths]


def by_burst(facts: PoolFacts) -> Step[list[str]]:
    """Photos of one camera, each at most ``BURST`` seconds after the one before."""
    yield from ()
    camera = np.unique(np.array(facts.cameras, dtype=str), return_inverse=True)[1]
    order = np.lexsort((facts.taken, camera))
    order = order[facts.taken[order] > 0]
    names = [""] * len(facts)
    if not len(order):
        return names
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (np.diff(facts.taken[order]) > BURST) | (np.diff(camera[order]) != 0)
    for burst in np.split(order, np.flatnonzero(begins)[1:]):
        if len(burst) > 1:
            at = datetime.fromtimestamp(float(facts.taken[burst[0]]), UTC)
            name = f"{facts.cameras[burst[0]]} {at:%Y-%m-%d %H:%M:%S}".strip()
            for row in burst.tolist():
                names[row] = name
    return names


def numbers(names: Sequence[str]) -> IntArray:
    """Group numbers (N,) from 0; an image that stands alone has a number of its own."""
    place = {name: number for number, name in enumerate(dict.fromkeys(filter(None, names)))}
    out, fresh = np.empty(len(names), dtype=np.int64), len(place)
    for row, name in enumerate(names):
        out[row] = place[name] if name else fresh
        fresh += not name
    return out


def with_gone(way: str, old: Mapping[int, str], new: Mapping[int, str]) -> dict[int, str]:
    """``new`` (image -> its group), and the images of ``old`` that were not looked at, with their mates of before.

    Such are gone, or left out, and may have been learned from. A group that is told by its images (``by_mates``) may
    have another name by now, and an image whose only mates are gone would stand alone.
    """
    if not GROUPINGS[way].by_mates:
        return {**old, **new}
    left = {name for item, name in old.items() if name and item not in new}
    found = {item: name or (old.get(item, "") if old.get(item) in left else "") for item, name in new.items()}
    now: dict[str, str] = {}
    for item, name in found.items():
        if name and old.get(item):
            now.setdefault(old[item], name)
    return {item: now.get(name, name) for item, name in old.items() if item not in new} | found


def summary(way: str, names: Sequence[str], facts: PoolFacts) -> Found:
    """What a person should see of a way before deciding."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        if name:
            rows.setdefault(name, []).append(row)
    groups = {name: each for name, each in rows.items() if len(each) > 1}
    largest = max(map(len, groups.values()), default=0)
    fits = len(groups) >= FEWEST and largest <= MOST_SHARE * len(facts) and not _are_classes(way, groups, facts)
    if way in ("name", "start"):  # no more than the folders say
        fits = fits and any("/" not in name or name.rpartition("/")[0] in _parted(groups) for name in groups)
    share = sum(map(len, groups.values())) / max(1, len(facts))
    shown = sorted(groups, key=lambda name: (-len(groups[name]), name))[:SHOWN]
    return Found(
        way=way,
        groups=len(groups),
        largest=largest,
        alone=len(facts) - sum(map(len, groups.values())),
        fits=fits,
        clear=fits and way != "none" and _is_clear(way, list(groups), share),
        examples=tuple(Example(name, len(groups[name]), tuple(groups[name][:SHOWN])) for name in shown),
    )


def distinct(named: Mapping[str, Sequence[str]]) -> list[str]:
    """The ways that group these images otherwise than every way before them. named: way -> names of groups (N,)."""
    seen = set[tuple[int, ...]]()
    kept = []
    for way, names in named.items():
        number = numbers(names)
        mark = tuple(np.unique(number, return_index=True)[1][number].tolist())  # the first row of each one's group
        kept += [] if mark in seen and way != "none" else [way]
        seen.add(mark)
    return kept


def proposed(found: Sequence[Found]) -> str:
    """The way to propose: the first of the list that is clear; "none"."""
    return next((each.way for each in found if each.clear), "none")


def _is_clear(way: str, names: Sequence[str], share: float) -> bool:
    """Whether these names of groups speak for themselves. share: of the images that lie in groups."""
    if way == "column":
        return True
    if way in SHARE:
        return share >= SHARE[way]
    if len(names) < CLEAR or share < 0.5:
        return False
    if way == "folder":  # patient1, patient2: one word and a number
        words = Counter(re.sub(r"\d+", "#", name.rpartition("/")[2]) for name in names)
        word, most = words.most_common(1)[0]
        return most >= ALIKE_NAMED * len(names) and bool(re.search(r"[^\W\d_]{3}", word)) and "#" in word
    counted = sum(bool(re.search(r"[^\W\d_]{2}[-_ ]?\d", last) or _DATE.search(last)) for last in map(_last, names))
    return counted >= ALIKE_NAMED * len(names)


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _are_classes(way: str, groups: dict[str, list[int]], facts: PoolFacts) -> bool:
    """Whether the groups bear the names of classes: of "cat/", "dog/" nothing belongs together."""
    known = {name.casefold() for name in facts.classes}
    return way != "column" and bool(known) and all(_last(name).casefold() in known for name in groups)


def _parted(groups: dict[str, list[int]]) -> set[str]:
    """Folders whose images lie in several groups."""
    counts = Counter(name.rpartition("/")[0] for name in groups)
    return {folder for folder, count in counts.items() if count > 1}


def _named(path: str, part: Callable[[str], str]) -> str:
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    found = part(stem).strip(_SIGNS)
    return f"{folder}/{found}" if found and folder else found


def _without_last(stem: str) -> str:
    last = _LAST.search(stem)
    if last is None:
        return ""
    before = stem[: last.start()]
    return before if any(map(str.isalnum, before)) else last[2]


def _up_to_first(stem: str) -> str:
    if (date := _DATE.search(stem)) is not None:
        return stem[: date.end()]
    first = _FIRST.match(stem)
    return first[0] if first is not None and any(map(str.isdigit, stem[first.end() :])) else ""
