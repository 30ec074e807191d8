"""Files that were renamed, swapped or overwritten: a label stays with the bytes that it was given for.

Of a row whose file has other bytes now, ``item.was`` says which it had. A scan ends with ``follow``: rows swap their
files until each has its own bytes again, as far as these are still there.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from itertools import count

from sqlite_utils import Database

#: What belongs to the file; the rest of a row is its identity, to which labels, picks and answers refer.
_FILE = [
    "path",
    "digest",
    "width",
    "height",
    "format",
    "bytes",
    "mtime_ns",
    "ctime_ns",
    "status",
    "reason",
    "deep",
    "low",
    "high",
    "taken",
    "camera",
]
#: Images that a person has said something of, chosen, or accepted.
_SAID = (
    "SELECT item FROM label WHERE item IS NOT NULL UNION SELECT item FROM pick WHERE state = 'chosen' "
    "UNION SELECT item FROM accepted"
)
_ASIDE = " (was here until it was replaced, "


def note_digests(con: Database, files: Sequence[tuple[str, str]]) -> None:
    """Before files (path, digest now) are stored: what they had before. Part of the same transaction.

    Those that come back with their own bytes are noted too, until ``follow``: a scan that is killed has not told them.
    Other bytes under the name of a file that was gone are no edit of it: its row leaves the name to them.
    """
    gone = con.execute(
        "SELECT item.id, item.path FROM json_each(?) AS file JOIN item ON item.path = json_extract(file.value, '$[0]') "
        "WHERE item.status = 'missing' AND item.digest NOT IN ('', json_extract(file.value, '$[1]'))",
        (json.dumps(files),),
    ).fetchall()
    for row in gone:
        con.execute("UPDATE item SET path = ? WHERE id = ?", (_aside(con, row["path"], row["id"]), row["id"]))
    con.conn.executemany(
        "UPDATE item SET was = digest "
        "WHERE path = ? AND digest != '' AND (digest != ? OR status = 'missing') AND was = ''",
        files,
    )


def names_of_replaced(con: Database) -> set[str]:
    """The names that labeled and skipped images had until other files came there. Their bytes are nowhere."""
    rows = con.execute(
        "SELECT path FROM item WHERE status = 'missing' AND instr(path, ?) "
        "AND EXISTS (SELECT 1 FROM label WHERE label.item = item.id)",
        (_ASIDE,),
    )
    return {row["path"].partition(_ASIDE)[0] for row in rows}


def identities(con: Database) -> dict[int, str]:
    """Row -> the digest that it stands for, whatever file it has just now; "" where that is not known."""
    cursor = con.conn.cursor()
    cursor.row_factory = None
    return dict(cursor.execute("SELECT id, coalesce(nullif(was, ''), digest) FROM item"))


def follow(con: Database, newly: set[int]) -> tuple[set[str], int]:
    """Give each row the file that has its bytes. newly: rows whose file is missing since this scan.

    A row whose bytes are nowhere keeps the file of its own path: it was edited. Returns (the paths that took the place
    of another one, how many rows that were gone for longer have a file again under another name).
    """
    con.execute("UPDATE item SET was = '' WHERE was = digest AND status != 'missing'")
    rows = con.execute(
        "SELECT id, path, status FROM item WHERE was != '' OR (status = 'missing' AND digest != '') ORDER BY id"
    ).fetchall()
    moved, back = set[str](), 0
    said = {row[0] for row in con.conn.execute(_SAID)}
    for row in rows:
        own = _row(con, row["id"])
        if (other := _holder(con, own, own["id"] in newly, said)) is not None:
            _swap(con, own, other)
            moved.add(other["path"])
            back += row["status"] == "missing" and row["id"] not in newly
            if other["was"] == own["digest"]:  # both names were swapped
                moved.add(own["path"])
    for row in rows:
        _settled(con, _row(con, row["id"]), row["path"])
    return moved, back


def _holder(con: Database, own: sqlite3.Row, newly: bool, said: set[int]) -> sqlite3.Row | None:
    """The row whose file has the bytes of this one, and that can spare it. said: rows of which something was said.

    A row whose file has its own bytes stands: labels are about it, whichever row came first. It spares its file for the
    row that it repeats, and where nothing was said of it for one of which something was.
    """
    mine = own["was"] or own["digest"]
    rows = con.execute(
        "SELECT * FROM item WHERE digest = ? AND status = 'ok' AND id != ? ORDER BY was = '', id DESC",
        (mine, own["id"]),
    ).fetchall()

    def stands(row: sqlite3.Row) -> bool:
        may_ask = own["id"] in said or row["id"] > own["id"]
        return not row["was"] and (row["id"] in said or not may_ask)

    if own["status"] == "missing" and not own["was"] and not newly and any(map(stands, rows)):
        return None  # a repeat that is long gone
    return next((row for row in rows if row["duplicate_of"] == own["id"] or not stands(row)), None)


def _swap(con: Database, own: sqlite3.Row, other: sqlite3.Row) -> None:
    con.execute("UPDATE item SET path = '' WHERE id = ?", (other["id"],))
    _put(con, own["id"], other)
    _put(con, other["id"], own)
    con.execute("UPDATE item SET was = '' WHERE id IN (?, ?) AND was = digest", (own["id"], other["id"]))


def _settled(con: Database, row: sqlite3.Row, path: str) -> None:
    """End with a row whose bytes are nowhere. path: of the file that it had at first."""
    if not row["was"]:
        return
    if row["status"] == "missing":
        con.execute("UPDATE item SET digest = was, was = '', duplicate_of = NULL WHERE id = ?", (row["id"],))
        return
    if row["status"] != "ok":
        return  # it may be readable again
    repeat = con.execute(
        "SELECT 1 FROM item WHERE digest = ? AND status = 'ok' AND was = '' AND id != ?", (row["digest"], row["id"])
    ).fetchone()
    if row["path"] == path and not repeat:
        con.execute("UPDATE item SET was = '' WHERE id = ?", (row["id"],))
        return
    # Another image's file: that gets a row of its own.
    con.execute(
        "UPDATE item SET path = ?, digest = was, was = '', status = 'missing', duplicate_of = NULL WHERE id = ?",
        (_aside(con, path, row["id"]), row["id"]),
    )
    con.table("item").insert({name: row[name] for name in _FILE})


def _aside(con: Database, path: str, item: int) -> str:
    """A name that no row has: the first one may have gone to the row that this one was swapped with."""
    start = f"{path.partition(_ASIDE)[0]}{_ASIDE}{item}"
    names = (f"{start})" if number == 1 else f"{start}, {number})" for number in count(1))
    return next(name for name in names if not con.execute("SELECT 1 FROM item WHERE path = ?", (name,)).fetchone())


def _row(con: Database, item: int) -> sqlite3.Row:
    row: sqlite3.Row = con.execute("SELECT * FROM item WHERE id = ?", (item,)).fetchone()
    return row


def _put(con: Database, item: int, file: sqlite3.Row) -> None:
    """Let a row have that file."""
    columns = ", ".join(f"{name} = ?" for name in _FILE)
    con.execute(f"UPDATE item SET {columns} WHERE id = ?", (*(file[name] for name in _FILE), item))
