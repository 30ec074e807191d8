"""Which image goes into which folder: worked out from what was said of each, before anything is written."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fact_core.exchange.export_labels import csv_text
from fact_core.images.sorting import folded, folder_names, free_name, safe_name

#: Where images go whose class nobody knows.
UNSURE = "unsure"
#: What a sorting itself writes into the folder (``sort_undo``): no class may have a folder of such a name.
UNDO, LIST = "undo.jsonl", "list.csv"
RESERVED = (UNDO, LIST)
LIST_FIELDS = ("file", "file_path", "label", "source", "confidence")


@dataclass(frozen=True)
class Said:
    """What is said of one image file. label: its class, "" where that is not known.

    source: who says so: person, accepted, model, or "". path: relative to the image folder. bytes, mtime_ns: as the
    scan has seen it.
    """

    path: str
    digest: str
    label: str
    source: str = ""
    confidence: float | None = None
    bytes: int = 0
    mtime_ns: int = 0


@dataclass(frozen=True)
class Place:
    """Where one image file goes. target: relative to the chosen folder, with ``/``: "rose/1.jpg"."""

    said: Said
    target: str


@dataclass(frozen=True)
class Plan:
    """All images with their places, in the order of their paths. folders: class -> folder; unsure: that of the rest.

    renamed: images that get another file name, as another one of their folder has theirs, or no system would take it.
    """

    places: tuple[Place, ...]
    folders: Mapping[str, str]
    unsure: str
    renamed: int

    @property
    def bytes(self) -> int:
        """What copies of all of them take."""
        return sum(each.said.bytes for each in self.places)

    @property
    def repeats(self) -> int:
        """How many of the files hold the same bytes as another one that is sorted, too."""
        return len(self.places) - len({each.said.digest for each in self.places})

    def counts(self) -> dict[str, int]:
        """Images a class, in the order of the folders' names; "" for those whose class is not known."""
        found = Counter(each.said.label for each in self.places)
        return {name: found[name] for name in (*self.folders, "") if name in found}

    def sources(self) -> dict[str, int]:
        """Images by who says what they are: person, accepted, model; "" for nobody."""
        return dict(Counter(each.said.source for each in self.places))


def plan(said: Iterable[Said]) -> Plan:
    """A place for every image file: no two fall together, on no file system, and each name is fit for all."""
    rows = sorted(said, key=lambda each: each.path)
    names = sorted({each.label for each in rows if each.label}, key=str.casefold)
    folders = folder_names(names, RESERVED)
    unsure = free_name(UNSURE, {folded(folder): 1 for folder in folders.values()})
    inside: dict[str, list[Said]] = {}
    for each in rows:
        inside.setdefault(folders[each.label] if each.label else unsure, []).append(each)
    placed = {each.path: f"{folder}/{name}" for folder, held in inside.items() for each, name in _named(held)}
    places = tuple(Place(each, placed[each.path]) for each in rows)
    renamed = sum(posixpath.basename(each.said.path) != posixpath.basename(each.target) for each in places)
    return Plan(places, folders, unsure, renamed)


def _named(held: Sequence[Said]) -> Iterable[tuple[Said, str]]:
    """Each image of a folder with its name there: the first one of a name keeps it, others get a number."""
    taken: dict[str, int] = {}
    later = []
    for each in held:
        name = posixpath.basename(each.path)
        if safe_name(name) == name and folded(name) not in taken:
            yield each, free_name(name, taken)
        else:
            later.append((each, safe_name(name)))
    for each, name in later:
        stem, ending = posixpath.splitext(name)
        yield each, free_name(stem, taken, ending)


def list_text(places: Iterable[Place], alone: bool) -> str:
    """The list as CSV: where each image lies, what it is, who says so. alone: there is nothing but the list."""
    rows = (
        (
            "" if alone else each.target,
            each.said.path,
            each.said.label,
            each.said.source,
            "" if each.said.confidence is None else f"{each.said.confidence:.4f}",
        )
        for each in places
    )
    return csv_text(LIST_FIELDS, rows)
