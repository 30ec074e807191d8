"""Recorded choices of images, so that every machine labels the same ones.

A file of recorded choices is JSON: {KEY: {"BUDGET-SEED": [row numbers]}} with one line a choice; the key names
the data set, what chose, and the images in their order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from fact_core.errors import InputError
from fact_core.files import write_text

RECORDED = Path(__file__).parent / "results" / "selections.json"
Selections = dict[str, dict[str, list[int]]]


def selection_key(dataset: str, backbone: str, pixels: int, strategy: str, files: Sequence[str]) -> str:
    """The name of a choice: what chose among which images (relative names, in order)."""
    digest = hashlib.blake2b("\n".join(files).encode(), digest_size=8).hexdigest()
    return f"{dataset} {backbone} {pixels} {strategy} {len(files)} {digest}"


def read_selections(file: Path) -> Selections:
    """The recorded choices of a file, none where there is no file. InputError when it is damaged."""
    try:
        found = json.loads(file.read_text("utf-8"))
        return {key: {name: [int(row) for row in rows] for name, rows in each.items()} for key, each in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError("The recorded choices of images cannot be read", f"{file}: {error}") from error


def recorded(file: Path, key: str, budget: int, seed: int, images: int) -> list[int] | None:
    """The recorded rows of ``images`` images, None where there are none. InputError when they cannot be."""
    rows = read_selections(file).get(key, {}).get(f"{budget}-{seed}")
    if rows is not None and (
        len(rows) != budget or len(set(rows)) != budget or not 0 <= min(rows) <= max(rows) < images
    ):
        raise InputError("A recorded choice of images does not fit", f"{file}: {budget}-{seed} of {key}")
    return rows


def record_selection(file: Path, key: str, budget: int, seed: int, rows: Sequence[int]) -> None:
    """Write a choice into a file of recorded choices; nothing is written when it is there already."""
    every = read_selections(file)
    name, plain = f"{budget}-{seed}", [int(row) for row in rows]
    if every.get(key, {}).get(name) == plain:
        return
    every.setdefault(key, {})[name] = plain
    write_text(file, _text(every), "recording the chosen images")


def _text(every: Selections) -> str:
    """One line a choice, budgets in order, so that a new one is one line of a diff."""
    parts = []
    for key in sorted(every):
        names = sorted(every[key], key=lambda name: [int(part) for part in name.split("-")])
        lines = [f"  {json.dumps(name)}: {json.dumps(every[key][name], separators=(',', ':'))}" for name in names]
        parts.append(f" {json.dumps(key)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"
