"""Rows of a table: one measured cell each, in one JSON file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fact_core.errors import InputError, storage_error
from fact_core.files import Lock, take_lock, write_text

Row = dict[str, Any]
#: What tells two cells apart. The rest of a row is what was found there.
KEY = (
    *("dataset", "backbone", "image_size", "strategy", "labels", "method", "frofa", "preset", "seed"),
    *("test_images", "overrides"),
)


def key_of(row: Mapping[str, Any], key: Sequence[str] = KEY) -> str:
    """The cell of a row. key: what tells two cells apart."""
    return json.dumps([row[name] for name in key], sort_keys=True)


def read_rows(file: Path, needed: bool = False, key: Sequence[str] = KEY, of: str = "a table") -> list[Row]:
    """The rows of a file, none where there is no file. InputError when it is ``needed``, or damaged.

    key: what each row has; of: what they are rows of, in words.
    """
    try:
        found = json.loads(file.read_text("utf-8"))
        if not isinstance(found, list) or any(not set(key) <= set(row) for row in found):
            raise ValueError(f"it does not hold rows of {of}")
    except FileNotFoundError:
        if needed:
            raise InputError("There is no such file of rows", str(file)) from None
        return []
    except (OSError, ValueError, TypeError) as error:
        raise InputError("The rows of a table cannot be read", f"{file}: {error}") from error
    return [named_now(row) for row in found]


def named_now(row: Row) -> Row:
    """A row in the words of today: once "fact" and "l3fact" learned from the pool, in one round."""
    if row.get("method") not in ("fact", "l3fact") or "st" not in row.get("phase_seconds", ()):
        return row
    steps = (row["overrides"] or {}).get("st.steps", 300)
    way = {"st.steps": steps, "st.rounds": 1, "st.names": "network"}
    return {**row, "method": f"{row['method']}+", "overrides": {**(row["overrides"] or {}), **way}}


def write_rows(file: Path, rows: Sequence[Row]) -> None:
    """Write all rows, whole or not at all, one line a row."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    write_text(file, f"[\n{lines}\n]\n", "writing the rows of the table")


def only_one(out: Path, cache: Path) -> Lock:
    """Hold a file of rows for this process. InputError when another one writes it."""
    file = cache / "locks" / f"{hashlib.blake2b(str(out.absolute()).encode(), digest_size=8).hexdigest()}.lock"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, "making the cache folder") from error
    lock = take_lock(file)
    if lock is None:
        raise InputError("Another process is measuring this table", str(out), "Wait for it, or give another --out.")
    return lock
