"""Scanning: finds the images in the folder and keeps the ``item`` table equal to what is there.

A second scan reads only files whose size or time has changed. A file that was moved keeps
its id, and so its labels. Rows are never deleted: what is gone is marked as missing.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from fact_core.errors import ImageError, InputError
from fact_core.events import Progress
from fact_core.images import decode
from fact_core.images.folder import PROJECT_FILE, Found, in_words, walk
from fact_core.storage import db
from fact_core.storage.project import Project, image_folder
from fact_core.types import Item, Pool, Step

BATCH = 500  # rows a transaction
LARGE = 40_000_000  # pixels; larger pictures are decoded one at a time


@dataclass(frozen=True)
class ScanResult:
    """What a scan found, in files. ``total``: images in the pool (readable, without repeats)."""

    added: int
    changed: int
    removed: int
    moved: int
    unreadable: int
    duplicates: int
    total: int
    seconds: float


@dataclass(frozen=True)
class Counts:
    """Of all files known. ``sizes``: the most frequent (width, height, files), at most ten."""

    files: int
    pool: int
    duplicates: int
    unreadable: int
    missing: int
    bytes: int
    sizes: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class _Read:
    found: Found
    digest: str = ""
    width: int = 0
    height: int = 0
    format: str = ""
    reason: str = ""


def scan(project: Project, workers: int = 0) -> Step[ScanResult]:
    """Bring the project up to date with its image folder. InputError when there are no images.

    workers: threads that read; 0 takes one a core. What was read is stored in batches, so a scan that
    was stopped goes on where it was.
    """
    started = time.monotonic()
    seen = walk(image_folder(project.images), project.folder)
    if not any(not found.reason for found in seen.files):
        raise InputError("There are no images in this folder", in_words(project.images, seen), _WHAT_TO_DO)
    yield Progress("scan", 0, len(seen.files), "images")
    with db.connect(project.db) as con:
        rows = con.execute("SELECT path, digest, bytes, mtime_ns, status, reason FROM item")
        known = {row["path"]: row for row in rows}
    todo = [found for found in seen.files if not _same(known.get(found.path), found)]
    added, changed = set[str](), 0
    done, batch, stored = len(seen.files) - len(todo), list[_Read](), time.monotonic()
    for each in _read_all(project.images, todo, workers):
        batch.append(each)
        row = known.get(each.found.path)
        if row is None or row["status"] == "missing":
            added.add(each.found.path)
        elif (row["digest"], row["reason"]) != (each.digest, each.reason):
            changed += 1
        if len(batch) >= BATCH or time.monotonic() - stored > 1:
            _store(project, batch)
            done, batch, stored = done + len(batch), [], time.monotonic()
            yield _progress(started, done, len(seen.files), len(todo))
    _store(project, batch)
    followed, gone = _settle(project, {found.path for found in seen.files})
    moved = len(added & followed)
    yield _progress(started, len(seen.files), len(seen.files), len(todo))
    now = counts(project)
    return ScanResult(
        added=len(added) - moved,
        changed=changed,
        removed=gone - moved,
        moved=moved,
        unreadable=now.unreadable,
        duplicates=now.duplicates,
        total=now.pool,
        seconds=time.monotonic() - started,
    )


def pool(project: Project) -> Pool:
    """The readable images without repeats, by id."""
    with db.connect(project.db) as con:
        rows = con.execute(
            "SELECT id, path, digest FROM item WHERE status = 'ok' AND duplicate_of IS NULL ORDER BY id"
        ).fetchall()
    return Pool(
        project.images,
        np.array([row["id"] for row in rows], dtype=np.int64),
        tuple(row["path"] for row in rows),
        tuple(row["digest"] for row in rows),
    )


def get(project: Project, item_id: int) -> Item | None:
    """The image of that id, or None when there is none or it cannot be read."""
    found = get_many(project, [item_id])
    return found[0] if found else None


def get_many(project: Project, ids: Sequence[int]) -> list[Item]:
    """The readable images of those ids, in the order asked for; others are left out."""
    wanted = [int(each) for each in ids]
    with db.connect(project.db) as con:
        rows = con.execute(
            "SELECT id, path, digest, width, height FROM item "
            "WHERE status = 'ok' AND id IN (SELECT value FROM json_each(?))",
            (json.dumps(wanted),),
        )
        by_id = {row["id"]: Item(**dict(row)) for row in rows}
    return [by_id[each] for each in wanted if each in by_id]


def path_of(project: Project, item_id: int) -> Path:
    """The file of an image, checked to lie inside the image folder. InputError otherwise.

    A link that was put there since the scan, and leads out, is refused here too.
    """
    with db.connect(project.db) as con:
        row = con.execute("SELECT path FROM item WHERE id = ? AND status = 'ok'", (int(item_id),)).fetchone()
    if row is None:
        raise InputError("There is no such image", str(item_id), "Reload the page.")
    try:
        file = (project.images / str(row["path"])).resolve()
        inside = file.is_relative_to(project.images.resolve())
    except (OSError, ValueError, RuntimeError):  # a loop of links, NUL in the name
        inside = False
    if not inside:
        raise InputError("The image does not lie in the image folder", row["path"], "Scan the folder again.")
    return file


def counts(project: Project) -> Counts:
    """How many files of which kind."""
    with db.connect(project.db) as con:
        row = con.execute(
            "SELECT count(*) AS files, total(status = 'ok' AND duplicate_of IS NULL) AS pool, "
            "total(status = 'ok' AND duplicate_of IS NOT NULL) AS duplicates, "
            "total(status = 'unreadable') AS unreadable, total(status = 'missing') AS missing, "
            "total(CASE WHEN status = 'ok' THEN bytes END) AS bytes FROM item"
        ).fetchone()
        sizes = con.execute(
            "SELECT width, height, count(*) AS n FROM item WHERE status = 'ok' GROUP BY width, height "
            "ORDER BY n DESC, width, height LIMIT 10"
        ).fetchall()
    numbers = {name: int(row[name]) for name in ("files", "pool", "duplicates", "unreadable", "missing", "bytes")}
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


def aliases(project: Project) -> dict[str, int | None]:
    """Paths outside the pool: of a repeat -> the image that stands for it; of an unreadable or missing file -> None."""
    with db.connect(project.db) as con:
        rows = con.execute(
            "SELECT path, status, duplicate_of FROM item WHERE status != 'ok' OR duplicate_of IS NOT NULL"
        )
        return {row["path"]: row["duplicate_of"] if row["status"] == "ok" else None for row in rows}


def find_images(root: Path) -> list[Path]:
    """The image files below any folder, by path; nothing is read or stored."""
    return [root / found.path for found in walk(root, root / PROJECT_FILE).files if not found.reason]


_WHAT_TO_DO = "Choose a folder with jpg, png, webp, bmp, gif or tif files."


def _same(row: sqlite3.Row | None, found: Found) -> bool:
    """Whether a file needs no reading. What could not be read is tried again: its permissions may be other now."""
    if row is None or row["status"] != "ok" or found.reason:
        return False
    return bool(row["bytes"] == found.bytes and row["mtime_ns"] == found.mtime_ns)


def _read_all(root: Path, todo: Sequence[Found], workers: int) -> Iterator[_Read]:
    """Read in threads (Pillow lets go of the interpreter while it decodes), in order, some files ahead."""
    threads = workers or min(16, os.cpu_count() or 2)
    large = threading.Lock()
    waiting: deque[Future[_Read]] = deque()
    executor = ThreadPoolExecutor(threads, thread_name_prefix="scan")
    try:
        for found in todo:
            waiting.append(executor.submit(_read, root, found, large))
            if len(waiting) >= 4 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _read(root: Path, found: Found, large: threading.Lock) -> _Read:
    if found.reason:
        return _Read(found, reason=found.reason)
    try:
        if found.bytes > decode.MAX_BYTES:
            raise ImageError("The file is larger than 1 GB")
        content = (root / found.path).read_bytes()
        width, height, kind = decode.probe(content)
        if width * height > LARGE:
            with large:
                decode.check(content)
        else:
            decode.check(content)
    except ImageError as error:
        return _Read(found, reason=error.what)
    except OSError as error:
        return _Read(found, reason=f"The file may not be read ({error.strerror or error})")
    return _Read(found, blake2b(content, digest_size=16).hexdigest(), width, height, kind)


def _store(project: Project, batch: Sequence[_Read]) -> None:
    rows = [
        (
            each.found.path, each.digest, each.width, each.height, each.format, each.found.bytes, each.found.mtime_ns,
            "unreadable" if each.reason else "ok", each.reason,
        )
        for each in batch
    ]  # fmt: skip
    if not rows:
        return
    with db.connect(project.db) as con, db.transaction(con):
        con.executemany(
            "INSERT INTO item (path, digest, width, height, format, bytes, mtime_ns, status, reason) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET digest = excluded.digest, "
            "width = excluded.width, height = excluded.height, format = excluded.format, bytes = excluded.bytes, "
            "mtime_ns = excluded.mtime_ns, status = excluded.status, reason = excluded.reason, duplicate_of = NULL",
            rows,
        )
        db.bump(con)


def _settle(project: Project, present: set[str]) -> tuple[set[str], int]:
    """Mark what is gone, let moved files keep their ids, mark repeats.

    Returns the paths that took the place of a missing file, and how many files are newly missing.
    """
    with db.connect(project.db) as con, db.transaction(con):
        rows = con.execute("SELECT id, path, digest, status FROM item ORDER BY id").fetchall()
        gone = [row for row in rows if row["path"] not in present]
        newly = [row for row in gone if row["status"] != "missing"]
        con.executemany(
            "UPDATE item SET status = 'missing', duplicate_of = NULL WHERE id = ?", [(r["id"],) for r in newly]
        )
        followed = _follow(con, [row for row in newly if row["digest"]])
        con.execute(
            "WITH first AS (SELECT digest, min(id) AS id FROM item WHERE status = 'ok' GROUP BY digest) "
            "UPDATE item SET duplicate_of = nullif(first.id, item.id) FROM first "
            "WHERE first.digest = item.digest AND item.status = 'ok' "
            "AND item.duplicate_of IS NOT nullif(first.id, item.id)"
        )
        db.bump(con)
        return followed, len(newly)


def _follow(con: sqlite3.Connection, gone: Sequence[sqlite3.Row]) -> set[str]:
    """Where a missing image's bytes lie under another, younger row, the two rows swap their files.

    So a moved or renamed file keeps its id and its labels. Returns the new paths.
    """
    moved = set[str]()
    for old in gone:
        new = con.execute(
            "SELECT * FROM item WHERE digest = ? AND status = 'ok' AND id > ? ORDER BY id DESC LIMIT 1",
            (old["digest"], old["id"]),
        ).fetchone()
        if new is None:
            continue
        con.execute("UPDATE item SET path = '' WHERE id = ?", (new["id"],))
        con.execute(
            "UPDATE item SET path = ?, bytes = ?, mtime_ns = ?, status = 'ok', reason = '' WHERE id = ?",
            (new["path"], new["bytes"], new["mtime_ns"], old["id"]),
        )
        con.execute("UPDATE item SET path = ?, status = 'missing' WHERE id = ?", (old["path"], new["id"]))
        moved.add(new["path"])
    return moved


def _progress(started: float, done: int, total: int, todo: int) -> Progress:
    read = done - (total - todo)
    rate = read / max(time.monotonic() - started, 1e-6)
    return Progress("scan", done, total, "images", rate, (total - done) / rate if rate > 0 else None)
