"""``launch.py bench expansion``: what ActiveDC's guessed labels are worth beside a person's.

ActiveFT chooses, the chosen images are labeled, and ActiveDC guesses classes of images around them. The same logistic
regression as in ``bench strategies`` learns from the labels alone, and from labels and guesses together.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fact_core.bench import activedc, strategies
from fact_core.bench.grids import line, rule
from fact_core.bench.strategies import Known
from fact_core.events import Log, Progress
from fact_core.files import write_text
from fact_core.types import IntArray, Step

#: Options of ActiveDC that are measured: as it is, and with the draws that its authors check.
FORMS = {"ActiveDC": {"mover": False}, "ActiveDC, checked draws": {"mover": True}}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench expansion``: those of ``bench strategies``."""
    strategies.add_arguments(parser)
    parser.set_defaults(strategies="activeft", budgets="50,250", seeds=3)


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Choose, label, guess and answer, for each strategy, budget and seed."""
    names, budgets = strategies.ordered(given)
    known = yield from strategies.known_of(given)
    rows: list[dict[str, Any]] = []
    cells = [(name, n, seed) for name in names for n in budgets for seed in range(given.seeds)]
    for done, (name, labels, seed) in enumerate(cells):
        yield Progress("expansion", done, len(cells), "choices", 0.0, None)
        chosen = yield from strategies.chosen_by(known, name, labels, seed)
        for form, options in FORMS.items():
            row = yield from _measure(known, chosen, seed, options)
            rows.append({"strategy": name, "labels": labels, "seed": seed, "form": form, **row})
            yield Log(f"{name}, {labels} labels, seed {seed}, {form}: {row['alone']:.1%} alone, {row['with']:.1%} with")
    if given.json:
        lines = ",\n".join(json.dumps(row) for row in rows)
        write_text(given.json, f"[\n{lines}\n]\n", "writing the rows")
    return {"text": table(rows), "json": rows}


def _measure(known: Known, chosen: IntArray, seed: int, options: Mapping[str, Any]) -> Step[dict[str, Any]]:
    """Accuracy in 0..1 without and with guesses, their number, and the share of them that is right."""
    y, k, rng = known.data.train_y, len(known.data.classes), np.random.default_rng(seed)
    found = yield from activedc.expand(known.x, chosen, y[chosen], rng, device=known.device, **options)
    both, named = np.concatenate([chosen, found.rows]), np.concatenate([y[chosen], found.y])
    alone = strategies.answers(known.x[chosen], y[chosen], known.test_x, k, seed)
    together = strategies.answers(known.x[both], named, known.test_x, k, seed)
    return {
        "alone": round(float((alone == known.test_y).mean()), 6),
        "with": round(float((together == known.test_y).mean()), 6),
        "guesses": len(found.rows),
        "right": round(float((y[found.rows] == found.y).mean()), 6) if len(found.rows) else None,
    }


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: means over seeds in per cent."""
    lines = [line("labels", "guesses by", "guesses", "right", "labels alone", "with guesses"), rule(6)]
    for labels in sorted({int(row["labels"]) for row in rows}):
        for form in dict.fromkeys(row["form"] for row in rows):
            found = [row for row in rows if (row["labels"], row["form"]) == (labels, form)]
            cells = [_mean([row[name] for row in found]) for name in ("right", "alone", "with")]
            count = f"{statistics.mean(row['guesses'] for row in found):.0f}"
            lines.append(line(str(labels), form, count, *cells))
    return "\n".join(lines)


def _mean(shares: Sequence[float | None]) -> str:
    known = [100 * each for each in shares if each is not None]
    return f"{statistics.mean(known):.1f}" if known else "–"
