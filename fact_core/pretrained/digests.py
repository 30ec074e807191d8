"""The sha256 of large files, remembered by their size and time: hashing hundreds of megabytes takes a second."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from fact_core.errors import FactError, storage_error
from fact_core.files import write_text

#: A file that was written so short a time ago may be written again without a change of its time.
SETTLED_NS = 2_000_000_000
KEPT = 200  # files that are remembered, the newest


def file_sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise storage_error(error, "reading the weights") from error


def remembered_sha256(path: Path, memory: Path) -> str:
    """Hexadecimal sha256 of a file's bytes; read again only when its size or a time of it has changed.

    memory: a JSON file, path -> [state, digest]. One that is damaged, or that the disk does not let us
    write, costs the time of hashing and nothing else.
    """
    name = os.path.abspath(path)
    before = _state(path)
    known = _read(memory)
    if before is not None and known.get(name, [None])[0] == before:
        return str(known[name][1])
    digest = file_sha256(path)
    if before is not None and before == _state(path) and time.time_ns() - before[1] > SETTLED_NS:
        known = {key: value for key, value in _read(memory).items() if key != name}
        kept = dict([*known.items(), (name, [before, digest])][-KEPT:])
        try:
            write_text(memory, json.dumps(kept, indent=1), "remembering the weights")
        except FactError:
            pass  # it is computed again the next time
    return digest


def _state(path: Path) -> list[int] | None:
    """Size, time of change of the content and of the entry (ns): the latter cannot be set back by a copy."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _read(memory: Path) -> dict[str, Any]:
    """What is remembered; only whole entries."""
    try:
        stored = json.loads(memory.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: each for name, each in stored.items() if _whole(each)} if isinstance(stored, dict) else {}


def _whole(entry: Any) -> bool:
    """Whether it is [[size, time, time], 64 hexadecimal digits]."""
    if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], str)):
        return False
    return len(entry[1]) == 64 and not set(entry[1]) - set("0123456789abcdef")
