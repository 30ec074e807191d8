"""Small pictures for the page, in a cache file that may be deleted at any time.

The file has no write-ahead log, for the sake of its deletion: the index of such a log is mapped into the memory of
all who read, and a file of that name that is made anew under them would end the process (SIGBUS).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from sqlite_utils import Database

from fact_core.errors import FactError
from fact_core.images import decode
from fact_core.images.decode import Ranges
from fact_core.images.gate import Gate
from fact_core.storage import db, deep
from fact_core.storage.items import source_of
from fact_core.storage.project import Project
from fact_core.types import Item, Source

SIDE = 160  # pixels of the longer side

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
SCHEMA = ("CREATE TABLE thumb (digest TEXT PRIMARY KEY, jpeg BLOB NOT NULL) WITHOUT ROWID;",)


class Thumbs:
    """Thumbnails by the digest of the image's bytes."""

    def __init__(self, project: Project) -> None:
        self.file = project.thumbs

    def get(self, digest: str) -> bytes | None:
        """The JPEG of an image, or None when there is none yet (or the cache cannot be read)."""
        if not self.file.is_file():
            return None
        try:
            with self._open() as con:
                row = con.execute("SELECT jpeg FROM thumb WHERE digest = ?", (digest,)).fetchone()
        except FactError as error:
            self._drop_if_damaged(error)
            return None
        return bytes(row["jpeg"]) if row else None

    def missing(self, digests: Sequence[str]) -> list[str]:
        """Those that have no thumbnail yet."""
        if not self.file.is_file():
            return list(digests)
        with self._open() as con:
            known = {row["digest"] for row in con.execute("SELECT digest FROM thumb")}
        return [digest for digest in digests if digest not in known]

    def put_many(self, rows: Sequence[tuple[str, bytes]]) -> None:
        """Store (digest, JPEG) pairs. Never fails: thumbnails can be made again."""
        if not rows:
            return
        try:
            self.file.parent.mkdir(exist_ok=True)  # never the project's folder: its disk may not be connected
            with self._open(create=True) as con:
                con.execute("PRAGMA synchronous = OFF")
                with db.transaction(con):
                    con.table("thumb").insert_all([("digest", "jpeg"), *rows], replace=True)
        except FactError as error:
            self._drop_if_damaged(error)
        except OSError:
            return

    def forget(self, digests: Sequence[str]) -> None:
        """Take away those of images that are decoded in another way now, whatever range they were scaled by."""
        if not digests or not self.file.is_file():
            return
        try:
            with self._open() as con, db.transaction(con):
                find = "DELETE FROM thumb WHERE substr(digest, 1, ?) IN (SELECT value FROM json_each(?))"
                con.execute(find, (len(digests[0]), json.dumps(list(digests))))
        except FactError as error:
            self._drop_if_damaged(error)

    def get_or_make(self, project: Project, item: Item, gate: Gate | None = None) -> bytes:
        """The JPEG of an image, made now if need be.

        ImageError when the file cannot be decoded any more; ImageChanged when it is another one than the scan saw.
        """
        key = key_of(project, item.digest, item.deep)
        known = self.get(key)
        if known is not None:
            return known
        made = make(source_of(project, item), deep.ranges(project), gate)
        self.put_many([(key, made)])
        return made

    def drop_older(self) -> None:
        """Delete the cache of earlier versions, which kept a write-ahead log."""
        for suffix in ("", "-wal", "-shm"):
            _unlink(self.file.with_name(f"thumbs.sqlite{suffix}"))

    def _open(self, *, create: bool = False) -> AbstractContextManager[Database]:
        return db.connect(self.file, SCHEMA, create=create, wal=False)

    def _drop_if_damaged(self, error: FactError) -> None:
        """Only then: a file that has no table yet is being made at this moment, by another thread or process."""
        cause = error.__cause__
        if isinstance(cause, sqlite3.DatabaseError) and cause.sqlite_errorcode & 0xFF in DAMAGED:
            for suffix in ("-journal", ""):
                _unlink(self.file.with_name(self.file.name + suffix))


def _unlink(file: Path) -> None:
    with suppress(OSError):
        file.unlink()


def key_of(project: Project, digest: str, kind: str) -> str:
    """What a thumbnail depends on: the bytes, and the range where they are of a kind of deep pixels."""
    return digest + deep.look(project, kind)


def make(file: Source, ranges: Ranges = (), gate: Gate | None = None) -> bytes:
    """The thumbnail of a file as JPEG. ImageError in words."""
    with decode.decoding(file, SIDE, ranges=ranges, gate=gate) as picture:
        return decode.thumbnail(picture, SIDE)
