"""Labels from elsewhere, in two steps: ``read`` says what would happen, ``commit`` does it, whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from fact_core.errors import InputError
from fact_core.exchange.label_files import Entry, Finder, Outcome, csv_entries, folder_entries, studio_entries
from fact_core.files import clean_name
from fact_core.labeling import bulk, classes, labels_now
from fact_core.labeling.history import states_of
from fact_core.storage import db, items
from fact_core.storage.project import Project

Kind = Literal["csv", "folders", "label-studio"]
Keep = Literal["mine", "theirs"]

SHOWN = 20  # files that are told one by one

#: kind -> how its text is read; the names of folders need no file
READERS: Mapping[str, Callable[[str], Iterable[Entry]]] = {"csv": csv_entries, "label-studio": studio_entries}
KINDS = (*READERS, "folders")


@dataclass(frozen=True)
class Source:
    """Where labels come from. ``text``: the content of the file, "" for the names of folders."""

    kind: str
    text: str = ""


@dataclass(frozen=True)
class Told:
    """How many files something holds for, and the first of them."""

    count: int = 0
    first: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conflict:
    """An image that has a label already, and another one in the file."""

    item: int
    mine: str
    theirs: str


@dataclass(frozen=True)
class Preview:
    """What an import would do; nothing is written yet.

    rows: item id -> class name, for all images whose label is new or another one; by_class: how many of them
    each class gets. already_same: images that have that label. unknown: there is no such file. ambiguous: the
    name fits several images. differing: the file itself gives the image several labels. skipped: rows without
    a label, images without a folder, and files that cannot be read.
    """

    kind: str
    rows: dict[int, str]
    by_class: dict[str, int]
    conflicts: tuple[Conflict, ...]
    new_classes: tuple[str, ...]
    already_same: int
    skipped: int
    unknown: Told = Told()
    ambiguous: Told = Told()
    differing: Told = Told()


@dataclass(frozen=True)
class Applied:
    """What an import did. ``batch`` and ``new_classes`` (ids) take it back; ``kept``: labels that were left."""

    batch: str
    images: int
    kept: int
    new_classes: tuple[int, ...]


def read(project: Project, source: Source) -> Preview:
    """What importing would do now. InputError, which names the row, when the source cannot be used."""
    if source.kind not in KINDS:
        raise InputError("There is no such source of labels", repr(source.kind)[:80], f"Known: {', '.join(KINDS)}.")
    try:
        source.text.encode()
    except UnicodeEncodeError as error:  # half a surrogate pair, possible in JSON
        row = source.text.count("\n", 0, error.start) + 1
        raise InputError(f"Row {row} has a character that is none", do="Save the file as UTF-8.") from None
    pool = items.pool(project)
    entries = folder_entries(pool) if source.kind == "folders" else READERS[source.kind](source.text)
    present = {each.id: each.name for each in classes.classes(project)}
    now = {
        item: present[state.class_id] for item, state in labels_now.states(project).items() if state.class_id in present
    }
    found = _gather(entries, Finder(pool, items.aliases(project)), list(present.values()))
    return _preview(source.kind, found, now, list(present.values()))


def commit(project: Project, preview: Preview, client: str, keep: Keep) -> Applied:
    """Give the labels of a preview in one transaction, as one batch of ``client`` (a name used once).

    keep: whose label stays where an image has another one by now: "mine" (the project's) or "theirs" (the file's).
    Classes that are missing by now are added. Nothing is written when nothing would change.
    """
    if keep not in ("mine", "theirs"):
        raise InputError("Whose labels to keep is not known", repr(keep)[:80], "Known: mine, theirs.")
    with db.connect(project.db) as con, db.transaction(con):
        present = {row["id"]: row["folded"] for row in con.execute("SELECT id, folded FROM class WHERE NOT deleted")}
        now = {item: present.get(state.class_id or 0) for item, state in states_of(con, set(preview.rows)).items()}
        other = {item for item, name in preview.rows.items() if now.get(item) not in (None, name.casefold())}
        give = {
            item: name
            for item, name in preview.rows.items()
            if now.get(item) != name.casefold() and (keep == "theirs" or item not in other)
        }
        ids = classes.add_missing(con, list(dict.fromkeys(give.values())))
        images = bulk.give(con, client, {item: ids[name] for item, name in give.items()}, "import")
        new = tuple(sorted(set(ids.values()) - set(present)))
        return Applied(client, images, len(other) if keep == "mine" else 0, new)


def undo(project: Project, batch: str, new_classes: Sequence[int] = ()) -> int:
    """Take an import back: images changed since keep their label, classes it added go if they are empty.

    Returns how many images are as before.
    """
    with db.connect(project.db) as con, db.transaction(con):
        changed = len(bulk.take_back(con, batch))
        classes.hide_empty(con, new_classes)
        return changed


@dataclass
class _Found:
    """What a source says of the images of a project."""

    labels: dict[int, str] = field(default_factory=dict)
    differing: dict[int, str] = field(default_factory=dict)  # image -> its file, as the source names it
    unknown: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)
    skipped: int = 0


def _gather(entries: Iterable[Entry], find: Finder, present: Sequence[str]) -> _Found:
    """Find the image of each entry and bring class names to one spelling: the project's, else the first."""
    found = _Found()
    spelled = {name.casefold(): name for name in present}
    cleaned: dict[str, str] = {}
    for entry in entries:
        outcome, item = _first_hit(find, entry.files)
        if not entry.labels or outcome == "unreadable":
            found.skipped += 1
            continue
        names = {_spell(each, entry.where, spelled, cleaned) for each in entry.labels}
        shown = (entry.files[0] if entry.files else entry.where)[:200].encode(errors="replace").decode()
        if outcome != "found":
            (found.ambiguous if outcome == "several" else found.unknown).append(shown)
        elif len(names) > 1 or found.labels.get(item, name := next(iter(names))) != name:
            found.differing.setdefault(item, shown)
        else:
            found.labels[item] = name
    for item in found.differing:  # nothing is guessed
        found.labels.pop(item, None)
    return found


def _first_hit(find: Finder, files: Sequence[str]) -> tuple[Outcome, int]:
    for each in files:
        outcome, item = find.look(each)
        if outcome != "unknown":
            return outcome, item
    return "unknown", 0


def _spell(name: str, where: str, spelled: dict[str, str], cleaned: dict[str, str]) -> str:
    if name not in cleaned:
        try:
            text = clean_name(name, "label")
        except InputError as error:
            raise InputError(f"{where}: {error.what}", error.found, error.do) from None
        cleaned[name] = spelled.setdefault(text.casefold(), text)
        if len(spelled) > classes.MOST_CLASSES:
            raise InputError(
                "These are too many classes", f"more than {classes.MOST_CLASSES:,}", "Is this the right column?"
            )
    return cleaned[name]


def _preview(kind: str, found: _Found, now: Mapping[int, str], present: Sequence[str]) -> Preview:
    rows = {item: name for item, name in found.labels.items() if now.get(item) != name}
    by_class = Counter(rows.values())
    return Preview(
        kind=kind,
        rows=rows,
        by_class=dict(by_class.most_common()),
        conflicts=tuple(Conflict(item, now[item], name) for item, name in rows.items() if item in now),
        new_classes=tuple(name for name in by_class if name not in set(present)),
        already_same=len(found.labels) - len(rows),
        skipped=found.skipped,
        unknown=_told(found.unknown),
        ambiguous=_told(found.ambiguous),
        differing=_told(list(found.differing.values())),
    )


def _told(files: Sequence[str]) -> Told:
    return Told(len(files), tuple(files[:SHOWN]))
