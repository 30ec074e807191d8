"""The classes: their names, order, colours and keys.

A class is never thrown away: deleting hides it, and merging gives its images rows of another class
in the history. So both can be undone, and what was said stays readable.
"""

from __future__ import annotations

import sqlite3
import time
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from fact_core.errors import InputError
from fact_core.files import clean_name
from fact_core.labeling import bulk, taken_back
from fact_core.labeling.brought_back import follow_classes
from fact_core.labeling.history import INSERT, LARGEST, NOW
from fact_core.storage import db
from fact_core.storage.excluded import USABLE
from fact_core.storage.project import Project

#: Places in the palette: twelve colours as discs, then as squares, then as diamonds.
COLOURS = 36
#: Keys that mean something else on the Label page, beside the digits.
TAKEN_KEYS = "fgn?+-/"
#: More classes than this are a mistake, such as a column of file names.
MOST_CLASSES = 10_000


@dataclass(frozen=True)
class ClassRow:
    """One class; ``count`` images that training can use have it as their label now (``labels_now.snapshot``): no repeat
    of another, none that is missing or cannot be read. ``colour``: its place in the palette.

    ``key``: the key that gives it, beside its number; "" for none. ``other``: it holds what fits no other class.
    """

    id: int
    name: str
    position: int
    count: int
    colour: int
    key: str
    other: bool


@dataclass(frozen=True)
class Merged:
    """What ``merge`` did: ``images`` got another label. ``batch`` and ``from_id`` take it back (``unmerge``)."""

    batch: str
    from_id: int
    into_id: int
    images: int


@dataclass(frozen=True)
class Added:
    """The ids of new classes, in order, and the names that were there already."""

    ids: tuple[int, ...]
    passed_over: tuple[str, ...]


def classes(project: Project) -> list[ClassRow]:
    """The classes in the person's order, with their counts."""
    with db.connect(project.db) as con:
        counts = dict(
            con.execute(
                f"SELECT now.class, count(*) FROM ({NOW}) AS now "
                f"JOIN item ON item.id = now.item AND {USABLE} "
                "WHERE now.kind = 'label' GROUP BY now.class"
            ).fetchall()
        )
        return [
            ClassRow(
                *(row["id"], row["name"], row["position"], counts.get(row["id"], 0), _colour(row), row["key"]),
                other=bool(row["other"]),
            )
            for row in _present(con)
        ]


def add_class(project: Project, name: str) -> int:
    """Add a class at the end and return its id. InputError when the name cannot be used or is taken."""
    cleaned = clean_name(name, "class name")
    with db.writing(project.db, project.id) as con:
        _need_free(con, cleaned, 0)
        return add_missing(con, [cleaned])[cleaned]


def add_many(project: Project, names: Sequence[str]) -> Added:
    """Add the classes of a list, in its order; names that are there already, or twice, are passed over.

    InputError, which names the line, when one cannot be used; then none is added.
    """
    cleaned = []
    for number, name in enumerate(names, start=1):
        try:
            cleaned.append(clean_name(name, "class name"))
        except InputError as error:
            raise InputError(f"Line {number}: {error.what}", error.found, error.do) from None
    if not cleaned:
        raise InputError("The list has no names", do="Give one name a line.")
    with db.writing(project.db, project.id) as con:
        before = {row["folded"] for row in _present(con)}
        ids = add_missing(con, cleaned)
    new = {ids[name]: None for name in cleaned if name.casefold() not in before}
    return Added(tuple(new), tuple(dict.fromkeys(name for name in cleaned if name.casefold() in before)))


def names_of(text: str) -> list[str]:
    """The names in a pasted list: one a line, as typed or quoted as in a CSV column; empty lines are left out."""
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    quoted = (line[1:-1].replace('""', '"') if len(line) > 1 and line[0] == line[-1] == '"' else line for line in lines)
    return [name for name in quoted if name.strip()]


def ensure_classes(project: Project, names: Iterable[str]) -> dict[str, int]:
    """The id of each name; missing classes are added, in order. Names that differ only in case are one class."""
    given = {name: clean_name(name, "class name") for name in names}
    with db.writing(project.db, project.id) as con:
        ids = add_missing(con, list(given.values()))
    return {name: ids[cleaned] for name, cleaned in given.items()}


def rename_class(project: Project, class_id: int, name: str) -> None:
    """Give a class another name; its labels stay. InputError when the name is taken or the class is gone."""
    cleaned = clean_name(name, "class name")
    with db.writing(project.db, project.id) as con:
        need_class(con, class_id)
        _need_free(con, cleaned, class_id)
        con.table("class").update(class_id, {"name": cleaned, "folded": cleaned.casefold()})
        db.bump(con)


def recolour(project: Project, class_id: int, colour: int | None) -> None:
    """Give a class another place in the palette, 0..35; None: the place of its position."""
    whole = colour is None or (isinstance(colour, int) and not isinstance(colour, bool) and 0 <= colour < COLOURS)
    if not whole:
        raise InputError("There is no such colour", repr(colour)[:80], f"Places in the palette: 0 to {COLOURS - 1}.")
    with db.writing(project.db, project.id) as con:
        need_class(con, class_id)
        con.table("class").update(class_id, {"colour": colour})
        db.bump(con)


def set_key(project: Project, class_id: int, key: str) -> None:
    """Give a class a key of its own, one character (a letter in lower case); "" takes it away.

    InputError when it cannot be a key, is one of the page's own, or another class has it.
    """
    wanted = clean_key(key)
    with db.writing(project.db, project.id) as con:
        need_class(con, class_id)
        other = con.execute(
            "SELECT name FROM class WHERE key = ? AND key != '' AND NOT deleted AND id != ?", (wanted, class_id)
        ).fetchone()
        if other:
            raise InputError("Another class has this key", f"{wanted} gives “{other['name']}”", "Choose another key.")
        con.table("class").update(class_id, {"key": wanted})
        db.bump(con)


def clean_key(key: str) -> str:
    """The key as it is stored. InputError when it cannot be one."""
    if not isinstance(key, str):
        raise InputError("The key is not a text", repr(key)[:80])
    text = unicodedata.normalize("NFC", key).strip()
    text = text.lower() if len(text.lower()) == 1 else text
    if key and (len(text) != 1 or not text.isprintable()):
        raise InputError("A key is one character", repr(key)[:80], "Give a letter or a sign.")
    if text and (text.isdigit() or text in TAKEN_KEYS):
        raise InputError("This key means something else on the Label page", text, "Choose another key.")
    return text


def reorder(project: Project, ids: Sequence[int]) -> None:
    """Put the classes into this order; each keeps its colour. InputError unless all are named exactly once."""
    with db.writing(project.db, project.id) as con:
        rows = _present(con)
        if sorted(ids) != sorted(row["id"] for row in rows):
            raise InputError(
                "The classes have changed meanwhile", f"{len(ids)} given, {len(rows)} present", "Reload the page."
            )
        colours = {row["id"]: _colour(row) for row in rows}
        con.conn.executemany(
            "UPDATE class SET position = ?, colour = ? WHERE id = ?",
            [
                (place, colours[each] if colours[each] != place % COLOURS else None, each)
                for place, each in enumerate(ids)
            ],
        )
        db.bump(con)


def delete_class(project: Project, class_id: int) -> int:
    """Take a class away. Its images count as unlabeled; the history keeps what was said. Returns how many."""
    with db.writing(project.db, project.id) as con:
        need_class(con, class_id)
        count = len(_labeled(con, class_id))
        _hide(con, class_id)
        return count


def restore_class(project: Project, class_id: int) -> None:
    """Undo a deletion: the labels of the class count again, except where an image got another one since.

    A key that another class has by now is not given back. InputError when the name is taken by now.
    """
    with db.writing(project.db, project.id) as con:
        _restore(con, class_id)


def merge(project: Project, from_id: int, into_id: int, client: str) -> Merged:
    """Every image labeled ``from_id`` gets the label ``into_id``, then ``from_id`` is taken away.

    What a model answers, and what is accepted of it, counts as ``into_id`` too.
    client: a name for this step, used once; it is the batch that ``unmerge`` takes back.
    """
    with db.writing(project.db, project.id) as con:
        for each in (from_id, into_id):
            need_class(con, each)
        if from_id == into_id:
            raise InputError("A class cannot be merged into itself", do="Choose another class.")
        images = bulk.give(con, client, dict.fromkeys(_labeled(con, from_id), into_id), "merge")
        _hide(con, from_id)
        con.execute("UPDATE class SET merged = ? WHERE id = ?", (into_id, from_id))
        return Merged(client, from_id, into_id, images)


def unmerge(project: Project, batch: str, from_id: int) -> int:
    """Undo ``merge``: the class is back, and its images have it again except where somebody changed them since.

    Returns how many images have it again.
    """
    with db.writing(project.db, project.id) as con:
        _restore(con, from_id)
        taken_back.follow(con, changed := bulk.take_back(con, batch), ())
        return len({*changed, *follow_classes(con, INSERT)})


def add_missing(con: Database, names: Sequence[str]) -> dict[str, int]:
    """The id of each cleaned name within a transaction; missing classes are added in order, each with a free colour."""
    rows = _present(con)
    known = {row["folded"]: int(row["id"]) for row in rows}
    used = {_colour(row) for row in rows}
    place = con.execute("SELECT coalesce(max(position), -1) + 1 AS next FROM class").fetchone()["next"]
    before, table = len(known), con.table("class")
    for name in names:
        if (folded := name.casefold()) in known:
            continue
        if len(known) >= MOST_CLASSES:
            raise InputError("These are too many classes", f"more than {MOST_CLASSES:,}", "Is this the right column?")
        free = next((each for each in range(COLOURS) if each not in used), None)
        own = None if free == place % COLOURS else free
        row = {"name": name, "folded": folded, "position": place, "created": time.time(), "colour": own}
        known[folded] = int(table.insert(row).last_rowid or 0)
        used.add(place % COLOURS if own is None else own)
        place += 1
    if len(known) > before:
        db.bump(con)
    return {name: known[name.casefold()] for name in names}


def hide_empty(con: Database, ids: Iterable[int]) -> None:
    """Take away those of the classes that no image has as its label (undo of an import that added them)."""
    for each in ids:
        if 0 < each < LARGEST and not _labeled(con, each):
            _hide(con, each)


def _present(con: Database) -> list[sqlite3.Row]:
    return con.execute(
        "SELECT id, name, folded, position, colour, key, other FROM class WHERE NOT deleted ORDER BY position, id"
    ).fetchall()


def _colour(row: sqlite3.Row) -> int:
    return int(row["position"] if row["colour"] is None else row["colour"]) % COLOURS


def _labeled(con: Database, class_id: int) -> list[int]:
    """The images that have this class as their label now."""
    rows = con.execute(f"SELECT item FROM ({NOW}) WHERE kind = 'label' AND class = ? ORDER BY item", (class_id,))
    return [int(row["item"]) for row in rows]


def _hide(con: Database, class_id: int) -> None:
    con.execute("UPDATE class SET deleted = 1 WHERE id = ?", (class_id,))
    db.bump(con)


def _restore(con: Database, class_id: int) -> None:
    row = con.execute("SELECT name, key, deleted FROM class WHERE id = ?", (class_id,)).fetchone()
    if row is None or not row["deleted"]:
        raise InputError("There is no deleted class of this number", str(class_id)[:80], "Reload the page.")
    _need_free(con, row["name"], class_id)
    if con.execute("SELECT 1 FROM class WHERE key = ? AND NOT deleted", (row["key"],)).fetchone():
        con.execute("UPDATE class SET key = '' WHERE id = ?", (class_id,))
    con.execute("UPDATE class SET deleted = 0, merged = NULL WHERE id = ?", (class_id,))
    db.bump(con)


def _need_free(con: Database, name: str, but: int) -> None:
    other = con.execute(
        "SELECT name FROM class WHERE folded = ? AND NOT deleted AND id != ?", (name.casefold(), but)
    ).fetchone()
    if other:
        raise InputError("There is a class of this name already", other["name"], "Choose another name.")


def need_class(con: Database, class_id: int) -> None:
    """InputError unless there is that class."""
    if not con.execute("SELECT 1 FROM class WHERE id = ? AND NOT deleted", (class_id,)).fetchone():
        raise InputError("This class does not exist any more", str(class_id), "Reload the page.")
