"""The images of a project: what reads and writes the ``item`` table.

Rows are never deleted: what is gone is marked as missing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fact_core.errors import InputError
from fact_core.images.folder import READ_AGAIN, Found
from fact_core.storage import db, deep, links, moved, outlived, told
from fact_core.storage.excluded import IN_POOL, IS_EXCLUDED
from fact_core.storage.project import Project
from fact_core.storage.told import Settled
from fact_core.types import ImageFile, IntArray, Item, Pool


@dataclass(frozen=True)
class Counts:
    """Of all files known. ``sizes``: the most frequent (width, height, files), at most ten.

    excluded: images that would be in the pool and are left out of it by a person.
    """

    files: int
    pool: int
    excluded: int
    duplicates: int
    unreadable: int
    missing: int
    bytes: int
    sizes: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class KnownFile:
    """What is stored of a file that an earlier scan has seen. ``status``: ok, unreadable or missing."""

    digest: str
    bytes: int
    mtime_ns: int
    status: str
    reason: str
    deep: str | None
    ctime_ns: int
    taken: float | None


@dataclass(frozen=True)
class FileRow:
    """A file as a scan has read it. ``reason``: why it cannot be read; then the rest is empty."""

    found: Found
    digest: str = ""
    width: int = 0
    height: int = 0
    format: str = ""
    reason: str = ""
    deep: str = ""
    low: float = 0.0
    high: float = 0.0
    taken: float = 0.0
    camera: str = ""
    anew: bool = False  # not stored: earlier versions saw it wrong


def pool(project: Project) -> Pool:
    """The readable images without repeats and without those that are left out, by id."""
    with db.connect(project.db) as con:
        cursor = con.conn.cursor()
        cursor.row_factory = None  # plain tuples: of a hundred thousand rows a page waits for each
        rows = cursor.execute(f"SELECT id, path, digest FROM item WHERE {IN_POOL} ORDER BY id").fetchall()
    ids = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
    return Pool(project.images, ids, tuple([row[1] for row in rows]), tuple([row[2] for row in rows]))


def pool_ids(project: Project) -> IntArray:
    """The ids (n,) of the pool alone, ascending: a third of the time that ``pool`` takes."""
    with db.connect(project.db) as con:
        cursor = con.conn.cursor()
        cursor.row_factory = None
        rows = cursor.execute(f"SELECT id FROM item WHERE {IN_POOL} ORDER BY id").fetchall()
    return np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))


def pool_size(project: Project) -> int:
    """How many images the pool has."""
    with db.connect(project.db) as con:
        return int(con.conn.execute(f"SELECT count(*) FROM item WHERE {IN_POOL}").fetchone()[0])


def count_without(project: Project, ids: IntArray) -> int:
    """How many images of the pool are none of these."""
    return int((~np.isin(pool_ids(project), ids)).sum())


def folders(project: Project) -> set[str]:
    """The folders that images of the pool lie in, each with a / at its end; "" for the image folder itself."""
    # From the right all goes that is no slash: cheaper than to read a hundred thousand paths.
    find = f"SELECT DISTINCT rtrim(path, replace(path, '/', '')) FROM item WHERE {IN_POOL}"
    with db.connect(project.db) as con:
        return {str(row[0]) for row in con.conn.execute(find)}


def digests(project: Project) -> tuple[IntArray, npt.NDArray[np.bytes_]]:
    """(ids (n,), digests of their files (n,)) by id; b"" where a scan was cut short that has yet to say whose bytes
    these are."""
    find = "SELECT id, CASE WHEN was IN ('', digest) THEN digest ELSE '' END FROM item ORDER BY id"
    with db.connect(project.db) as con:
        cursor = con.conn.cursor()
        cursor.row_factory = None
        rows = cursor.execute(find).fetchall()
    ids = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
    return ids, np.array([row[1] for row in rows], dtype=np.bytes_)


def get(project: Project, item_id: int) -> Item | None:
    """The image of that id, or None when there is none or it cannot be read."""
    found = get_many(project, [item_id])
    return found[0] if found else None


def get_many(project: Project, ids: Sequence[int]) -> list[Item]:
    """The readable images of those ids, in the order asked for; others are left out."""
    wanted = [int(each) for each in ids]
    with db.connect(project.db) as con:
        rows = con.execute(
            "SELECT id, path, digest, width, height, coalesce(deep, '') AS deep FROM item "
            "WHERE status = 'ok' AND id IN (SELECT value FROM json_each(?))",
            (json.dumps(wanted),),
        )
        by_id = {row["id"]: Item(**dict(row)) for row in rows}
    return [by_id[each] for each in wanted if each in by_id]


def known(project: Project, ids: Collection[int]) -> list[tuple[int, str, str]]:
    """(id, path, "" or "missing" or "unreadable") of those images, by id, whatever has become of their files."""
    with db.connect(project.db) as con:
        rows = con.conn.execute(
            "SELECT id, path, CASE status WHEN 'ok' THEN '' ELSE status END FROM item "
            "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json.dumps(list(ids)),),
        )
        return [(int(item), str(path), str(status)) for item, path, status in rows]


def path_of(project: Project, item_id: int) -> Path:
    """The file of an image, checked to lie inside the image folder, or where the person allows links to lead.

    InputError otherwise. A link that was put there since the scan, and leads out, is refused here too.
    """
    with db.connect(project.db) as con:
        row = con.execute("SELECT path FROM item WHERE id = ? AND status = 'ok'", (int(item_id),)).fetchone()
    if row is None:
        raise InputError("There is no such image", str(item_id), "Reload the page.")
    file = links.contained(project, project.images / str(row["path"]))
    if file is None:
        raise InputError("The image does not lie in the image folder", row["path"], "Scan the folder again.")
    return file


def source_of(project: Project, item: Item) -> ImageFile:
    """The file of an image, checked like ``path_of``, to be read only with the bytes that were scanned."""
    return ImageFile(path_of(project, item.id), item.digest)


def counts(project: Project) -> Counts:
    """How many files of which kind."""
    with db.connect(project.db) as con:
        row = con.execute(
            f"SELECT count(*) AS files, total({IN_POOL}) AS pool, total({IS_EXCLUDED}) AS excluded, "
            "total(status = 'ok' AND duplicate_of IS NOT NULL) AS duplicates, "
            "total(status = 'unreadable') AS unreadable, total(status = 'missing') AS missing, "
            "total(CASE WHEN status = 'ok' THEN bytes END) AS bytes FROM item"
        ).fetchone()
        sizes = con.execute(
            "SELECT width, height, count(*) AS n FROM item WHERE status = 'ok' GROUP BY width, height "
            "ORDER BY n DESC, width, height LIMIT 10"
        ).fetchall()
    names = ("files", "pool", "excluded", "duplicates", "unreadable", "missing", "bytes")
    numbers = {name: int(row[name]) for name in names}
    return Counts(**numbers, sizes=tuple((each["width"], each["height"], each["n"]) for each in sizes))


def problems(project: Project) -> list[tuple[str, str]]:
    """(path, reason) of every file that is not read, by path."""
    with db.connect(project.db) as con:
        rows = con.execute("SELECT path, reason FROM item WHERE status = 'unreadable' ORDER BY path")
        return [(row["path"], row["reason"]) for row in rows]


def duplicates(project: Project) -> dict[int, int]:
    """Repeat -> the image that stands for it in the pool."""
    with db.connect(project.db) as con:
        rows = con.execute("SELECT id, duplicate_of FROM item WHERE status = 'ok' AND duplicate_of IS NOT NULL")
        return {row["id"]: row["duplicate_of"] for row in rows}


def known_files(project: Project) -> dict[str, KnownFile]:
    """All files that earlier scans have seen, by path; missing ones too."""
    with db.connect(project.db) as con:
        rows = con.execute("SELECT path, digest, bytes, mtime_ns, status, reason, deep, ctime_ns, taken FROM item")
        return {path: KnownFile(*rest) for path, *rest in rows}


def store(project: Project, batch: Sequence[FileRow]) -> None:
    """Add files, or bring those of the same path up to date, in one transaction."""
    if not batch:
        return
    with db.writing(project.db, project.id) as con:
        told.begin(con)
        moved.note_digests(con, [(each.found.path, each.digest) for each in batch])
        con.table("item").upsert_all((_item_row(each) for each in batch), pk="path")
        db.bump(con)


def settle(project: Project, present: set[str]) -> Settled:
    """Mark what is gone, let moved files keep their ids, mark repeats, drop what models said of other bytes."""
    with db.writing(project.db, project.id) as con:
        before = moved.identities(con)
        rows = con.execute("SELECT id, path, digest, status FROM item ORDER BY id").fetchall()
        gone = [row for row in rows if row["path"] not in present]
        newly = [row for row in gone if row["status"] != "missing"]
        con.conn.executemany(
            "UPDATE item SET status = 'missing', duplicate_of = NULL WHERE id = ?", [(r["id"],) for r in newly]
        )
        followed, back = moved.follow(con, {row["id"] for row in newly})
        con.execute(_REPEATS)
        deep.settle(con)
        now = moved.identities(con)
        edited = [item for item, digest in before.items() if digest and now[item] != digest]
        accepted = outlived.drop(con, project, edited)
        replaced = told.new_under(con, moved.names_of_replaced(con))
        told.end(con)
        db.bump(con)
        return Settled(followed, len(newly) + back, told.labeled(con, edited), accepted, replaced)


#: Of files with the same bytes one stands for all: one that something was said of, else one that was chosen or
#: accepted, else the oldest row. A file that could not be read may come to hold the bytes of an image with a label.
_REPEATS = """
WITH said AS (SELECT DISTINCT item FROM label WHERE item IS NOT NULL),
used AS (SELECT item FROM pick WHERE state = 'chosen' UNION SELECT item FROM accepted),
first AS (
    SELECT digest, coalesce(
        min(CASE WHEN said.item IS NOT NULL THEN id END), min(CASE WHEN used.item IS NOT NULL THEN id END), min(id)
    ) AS id
    FROM item LEFT JOIN said ON said.item = item.id LEFT JOIN used ON used.item = item.id
    WHERE status = 'ok' GROUP BY digest)
UPDATE item SET duplicate_of = nullif(first.id, item.id) FROM first
WHERE first.digest = item.digest AND item.status = 'ok' AND item.duplicate_of IS NOT nullif(first.id, item.id)
"""


def unsettled(project: Project) -> bool:
    """Whether a scan was cut short that had found changed files: nobody has seen yet whose bytes these are."""
    with db.connect(project.db) as con:
        return con.execute("SELECT 1 FROM item WHERE was != '' AND status = 'ok' LIMIT 1").fetchone() is not None


def note_times(project: Project, files: Sequence[Found]) -> None:
    """When files were changed last that an earlier version of the program has read."""
    if files:
        with db.writing(project.db, project.id) as con:
            rows = [(each.ctime_ns, each.path) for each in files]
            con.conn.executemany("UPDATE item SET ctime_ns = ? WHERE path = ?", rows)


def note_taken(project: Project, said: Sequence[tuple[str, float, str]]) -> None:
    """(path, seconds since 1970, camera) of photos that an earlier version of the program has read."""
    if said:
        with db.writing(project.db, project.id) as con:
            rows = [(at, camera, path) for path, at, camera in said]
            con.conn.executemany("UPDATE item SET taken = ?, camera = ? WHERE path = ?", rows)


def note_shallow(project: Project, files: Sequence[Found]) -> None:
    """Files that have no deep pixels, where an earlier version of the program has not looked, or not right."""
    if files:
        with db.writing(project.db, project.id) as con:
            rows = [(each.path,) for each in files]
            con.conn.executemany("UPDATE item SET deep = '' WHERE path = ? AND deep IS NULL", rows)


def doubt(project: Project, digests: Sequence[str]) -> None:
    """Files that no longer have these bytes, whatever their time says: the next scan reads them again."""
    with db.connect(project.db) as con:
        con.execute(
            f"UPDATE item SET mtime_ns = {READ_AGAIN} WHERE digest IN (SELECT value FROM json_each(?))",
            (json.dumps(list(digests)),),
        )


def _item_row(each: FileRow) -> dict[str, str | int | float | None]:
    return {
        "path": each.found.path,
        "digest": each.digest,
        "width": each.width,
        "height": each.height,
        "format": each.format,
        "bytes": each.found.bytes,
        "mtime_ns": each.found.mtime_ns,
        "ctime_ns": each.found.ctime_ns,
        "status": "unreadable" if each.reason else "ok",
        "reason": each.reason,
        "duplicate_of": None,  # ``settle`` finds it
        "deep": each.deep,
        "low": each.low,
        "high": each.high,
        "taken": each.taken,
        "camera": each.camera,
    }
