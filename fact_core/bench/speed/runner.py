"""The bench of speed, part by part; each row is written at once."""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch

from fact_core.bench.gpu import pictures
from fact_core.bench.gpu.given import Bench, opened
from fact_core.bench.rows import Row, read_rows, write_rows
from fact_core.bench.speed.measured import Found
from fact_core.bench.speed.sections import SECTIONS
from fact_core.bench.speed.table import sentence, table
from fact_core.choices import named, resolve
from fact_core.compute.device import describe
from fact_core.events import Log, Progress
from fact_core.types import Step

KEY = ("section", "device")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Measure what the file of rows lacks. Figures: the rows as text, and those of this device."""
    asked = [name for name in given.only.split(",") if name] or list(SECTIONS)
    for name in asked:
        named(SECTIONS, name, "part")
    rows = read_rows(given.out, key=KEY, of="the bench of speed") if given.out else []
    folder = yield from pictures.prepared(None, given.data)
    bench = opened(given.device, False, folder)
    device = describe(bench.at)
    there = {row["section"] for row in rows if row["device"] == device and not given.again}
    todo = [name for name in asked if name not in there]
    for done, name in enumerate(todo):
        yield Progress("speed", done, len(todo), "parts")
        row = {**measured(bench, name), "device": device, "torch": str(torch.__version__)}
        rows = [each for each in rows if (each["section"], each["device"]) != (name, device)] + [row]
        if given.out:
            write_rows(given.out, rows)
        yield Log(sentence(row))
    return {"text": table(rows), "rows": len(rows)}


def measured(bench: Bench, name: str) -> Row:
    """One part, which is not measured where a library that it takes is not here."""
    section, began = SECTIONS[name], time.monotonic()
    bench.weights.clear()
    try:
        found: Found = resolve(section.target)(bench, *section.args)
    except ImportError as error:
        return {"section": name, "status": "skipped", "words": str(error)}
    return {
        "section": name,
        "status": "measured",
        "unit": found.unit,
        **{part: None if (value := getattr(found, part)) is None else float(f"{value:.5g}") for part in PARTS},
        "words": found.words,
        "seconds": round(time.monotonic() - began, 1),
    }


PARTS = ("ours", "plain", "ratio", "floor")
