"""``launch.py bench finish``: how often the promise is kept on folders whose classes are known, and what it spares.

So many images are chosen by ActiveFT and labeled; the light model's logistic regression on frozen features answers all
others. Then check images are drawn at random from those, ``--draws`` times: each time the promise of each goal says
what is accepted, as the first look of the program does it (``promise.level``), and the person labels the rest. Choosing
and answering happen once a seed; a draw takes milliseconds. A promise is broken where less than the goal is right of
the images that were accepted in that draw.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fact_core.analysis import promise
from fact_core.bench import known_folder, rounds
from fact_core.bench.grids import line, rule
from fact_core.bench.rounds import Folder
from fact_core.bench.rows import Row, read_rows
from fact_core.compute.device import describe, device_named
from fact_core.errors import ConfigError
from fact_core.events import Log
from fact_core.labeling.pace import USUAL_SECONDS
from fact_core.types import IntArray, Step

GOALS = (0.9, 0.95)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench finish``."""
    known_folder.add_arguments(parser)
    give = parser.add_argument
    give("--labels", default="200,500,1000", metavar="N,...", help="%(default)s, beside the check images")
    give("--check", type=int, default=300, metavar="N", help="check images (%(default)s)")
    give("--draws", type=int, default=100, metavar="N", help="draws of check images a seed (%(default)s)")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Measure all that the file of rows lacks."""
    budgets = _budgets(given)
    rows = read_rows(given.json) if given.json else []
    x, y, about = yield from known_folder.known(given)
    if max(budgets) + given.check >= len(y):
        raise ConfigError("--labels needs fewer than the images", f"{max(budgets)} + {given.check} of {len(y)}")
    nobody = np.zeros(0, dtype=np.int64)
    folder = Folder(x, y, nobody, about["classes"], device_named(given.device))
    cells = _cells(given, about, budgets)
    yield from known_folder.measure_lacking(
        given.json, rows, cells, lambda cell: measured(folder, cell), "finish", "models"
    )
    return {"text": table(rows), "json": rows}


def _budgets(given: argparse.Namespace) -> list[int]:
    budgets = known_folder.numbers(given.labels)
    if budgets[0] < 2 or min(given.check, given.draws, given.seeds) < 1:
        raise ConfigError("--labels needs 2 images or more, --check, --draws and --seeds 1", given.labels)
    return budgets


def _cells(given: argparse.Namespace, about: Mapping[str, Any], budgets: Sequence[int]) -> Iterator[Row]:
    """What tells the rows from each other."""
    for seed in range(given.seeds):
        for labels in budgets:
            told = {"check": given.check, "draws": given.draws}
            yield known_folder.light_cell(about, "activeft", labels, seed, **told)


def measured(folder: Folder, cell: Mapping[str, Any]) -> Step[dict[str, Any]]:
    """Choose, fit and answer once; then draw check images again and again."""
    began, told = time.monotonic(), cell["overrides"]
    rows = yield from rounds.chosen(folder, "one shot", cell["labels"], cell["labels"], cell["seed"])
    p = rounds.answers(folder, rows, cell["seed"])
    right = p.argmax(axis=1) == folder.y
    rest = np.setdiff1d(np.arange(len(folder.y)), rows)
    found: dict[str, Any] = {"accuracy": round(float(right[rest].mean()), 6)}
    kinds, rng = rounds.kinds_of(folder, rows), np.random.default_rng([cell["seed"], 2])
    sums = np.zeros((len(GOALS), 4))
    for _ in range(told["draws"]):
        drawn = replace(folder, check=rng.choice(rest, told["check"], replace=False))
        sums += _draw(drawn, rows, right, rounds.evidence_of(drawn, rows, p, right, kinds))
    for goal, (kept, some, taken, good) in zip(GOALS, sums.tolist(), strict=True):
        name = f"{goal:.0%}"
        mean = taken / told["draws"]
        found |= {f"kept {name}": int(kept), f"some {name}": int(some), f"accepted {name}": round(mean, 1)}
        found |= {f"right {name}": round(good / taken, 6) if taken else None}
        found |= {f"to finish {name}": round(len(folder.y) - mean, 1)}
    words = ", ".join(f"{found[f'kept {goal:.0%}']} kept at {goal:.0%}" for goal in GOALS)
    yield Log(f"{cell['dataset']}, {cell['labels']} labels, seed {cell['seed']}: of {told['draws']} draws {words}")
    return {**found, "seconds": round(time.monotonic() - began, 1), "device": describe(folder.device)}


def _draw(folder: Folder, rows: IntArray, right: Any, evidence: Any) -> Any:
    """(goals, 4): whether the promise was kept, whether any were accepted, how many, how many of them right."""
    out = np.zeros((len(GOALS), 4))
    for at, goal in enumerate(GOALS):
        kept = promise.kept(evidence, goal, promise.level(1))
        taken = evidence.ids[:0]
        if kept.threshold is not None:
            taken = evidence.ids[evidence.confidence >= np.float32(kept.threshold)]
        good = int(right[taken].sum())
        out[at] = (good >= goal * len(taken) - 1e-9, len(taken) > 0, len(taken), good)
    return out


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown, a part a folder: what finishes it, beside labeling everything and beside the first result alone."""
    parts = []
    for name, images in dict.fromkeys((row["dataset"], row["test_images"]) for row in rows):
        parts.append(_part(images, [row for row in rows if (row["dataset"], row["test_images"]) == (name, images)]))
    return "\n\n".join(parts) or "nothing was measured"


def _part(images: int, rows: Sequence[Mapping[str, Any]]) -> str:
    first, seeds = rows[0], len({row["seed"] for row in rows})
    told, device = first["overrides"], first["device"]
    heads = [f"goal {goal:.0%}: {what}" for goal in GOALS for what in ("labels to finish", "right", "kept")]
    lines = [
        f"{first['dataset']}: {images:,} images, so many labels for everything; {first['classes']} classes, "
        f"{seeds} seeds, {told['draws']} draws each, {first['backbone']} at {first['image_size']} px, {device}",
        "",
        line("labels", "first result alone: right", *heads),
        rule(2 + len(heads)),
    ]
    for labels in sorted({row["labels"] for row in rows}):
        own = [row for row in rows if row["labels"] == labels]
        alone = f"{100 * statistics.mean(row['accuracy'] for row in own):.1f} %"
        cells = [cell for goal in GOALS for cell in _cell(own, f"{goal:.0%}", told["draws"])]
        lines.append(line(f"{labels} + {told['check']}", alone, *cells))
    return "\n".join(lines)


def _cell(rows: Sequence[Mapping[str, Any]], goal: str, draws: int) -> tuple[str, str, str]:
    some = [row[f"right {goal}"] for row in rows if row[f"right {goal}"] is not None]
    right = f"{100 * statistics.mean(some):.1f} %" if some else "none accepted"
    kept = sum(row[f"kept {goal}"] for row in rows)
    return f"{to_finish(rows, goal):,.0f}", right, f"{kept} of {draws * len(rows)}"


def to_finish(rows: Sequence[Mapping[str, Any]], goal: str) -> float:
    """Labels that finish the folder, on the mean over seeds and draws."""
    return float(statistics.mean(row[f"to finish {goal}"] for row in rows))


def headline(rows: Sequence[Mapping[str, Any]]) -> str:
    """One sentence on the flowers: labels and minutes to a finished folder, with the best of the budgets measured."""
    own = [row for row in rows if row["dataset"] == "flowers"]
    images = own[0]["test_images"]
    parts = []
    for goal in GOALS:
        groups = [[row for row in own if row["labels"] == each] for each in sorted({row["labels"] for row in own})]
        labels = min(to_finish(group, f"{goal:.0%}") for group in groups)
        parts.append(f"{labels:,.0f} labels, {labels * USUAL_SECONDS / 60:,.0f} minutes, at {goal:.0%}")
    alone = f"{images:,} labels, {images * USUAL_SECONDS / 60:,.0f} minutes"
    return f"{' and '.join(parts)}, where all by hand take {alone} ({USUAL_SECONDS} s a label, as the page reckons)"
