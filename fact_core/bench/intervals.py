"""How often the 95 % interval holds the truth: pools whose answers are known, check images drawn as the program does.

Truth is how often images of the kind that the pool is drawn from are answered right, those yet to come too. Plain:
images stand alone. Groups: images of one group tend to be right or wrong together, by a correlation of 0.05 to 0.6; 30
to 150 check images of a third of 45 to 240 groups (``select.checks``). Strata: from each of 3 to 8 parts, which are
right more or less often, a share by its size.
"naive" is Wilson's interval that knows of neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fact_core.analysis import intervals
from fact_core.events import Log, Progress
from fact_core.select import checks
from fact_core.types import IntArray, Step

SIMULATIONS = {False: 1_000, True: 10_000}
POOL = 30  # images of the pool for each that is drawn
#: (answers of the check images (n,), their groups, their strata, the truth)
Drawn = tuple[intervals.Right, IntArray | None, IntArray | None, float]


def run(full: bool) -> Step[dict[str, Any]]:
    """1,000 simulations of each kind; ``full``: 10,000."""
    rows = []
    for kind in KINDS:
        rows.append((yield from coverage(kind, SIMULATIONS[full])))
        yield Log(f"{kind}: {100 * rows[-1]['held']:.1f} %")
    return {"text": table(rows), "json": rows}


def coverage(kind: str, simulations: int, seed: int = 0) -> Step[dict[str, Any]]:
    """The shares of simulations whose interval holds the truth, and the mean width, with and without knowledge."""
    rng = np.random.default_rng(seed)
    held, width = np.zeros(2), np.zeros(2)
    for done in range(simulations):
        right, groups, strata, truth = KINDS[kind](rng)
        for place, (low, high) in enumerate((intervals.interval(right, groups, strata), intervals.interval(right))):
            held[place] += low <= truth <= high
            width[place] += high - low
        if done % 100 == 99:
            yield Progress(kind, done + 1, simulations, "simulations")
    figures = {"held": held[0], "width": width[0], "naive_held": held[1], "naive_width": width[1]}
    return {
        "kind": kind,
        "simulations": simulations,
        **{name: round(float(value) / simulations, 4) for name, value in figures.items()},
    }


def _plain(rng: np.random.Generator) -> Drawn:
    n = int(rng.integers(30, 151))
    level = _level(rng)
    pool = rng.random(POOL * n) < level
    return pool[checks.draw(np.arange(len(pool)), n, rng)], None, None, level


def _groups(rng: np.random.Generator) -> Drawn:
    n, count, share = int(rng.integers(30, 151)), int(rng.integers(45, 241)), rng.uniform(0.05, 0.6)
    sizes = rng.integers(1, 2 * POOL * n // count, count)
    level, spread = _level(rng), (1 - share) / share
    groups = np.repeat(np.arange(count), sizes)
    pool = rng.random(len(groups)) < rng.beta(level * spread, (1 - level) * spread, count)[groups]
    drawn = checks.draw(np.arange(len(pool)), min(n, len(pool)), rng, groups)
    return pool[drawn], groups[drawn], None, level


def _strata(rng: np.random.Generator) -> Drawn:
    n, count = int(rng.integers(60, 151)), int(rng.integers(3, 9))
    taken = np.maximum(2, np.round(n * rng.dirichlet(np.full(count, 3.0)))).astype(np.int64)
    levels = np.clip(_level(rng) + rng.normal(0, 0.15, count), 0.02, 0.99)
    strata = np.repeat(np.arange(count), POOL * taken)
    pool = rng.random(len(strata)) < levels[strata]
    parts = [checks.draw(np.flatnonzero(strata == part), int(taken[part]), rng) for part in range(count)]
    drawn = np.concatenate(parts)
    return pool[drawn], None, strata[drawn], float((taken * levels).sum() / taken.sum())


def _level(rng: np.random.Generator) -> float:
    """How often a classifier is right: from a half to nearly always."""
    return float(rng.uniform(0.5, 0.98))


KINDS: dict[str, Callable[[np.random.Generator], Drawn]] = {"plain": _plain, "groups": _groups, "strata": _strata}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a line a kind."""
    lines = [
        "| check images | simulations | interval holds the truth | its width | without knowing of it | its width |",
        "|---|---|---|---|---|---|",
    ]
    titles = {"plain": "each alone", "groups": "in groups", "strata": "drawn by strata"}
    for row in rows:
        figures = (row["held"], row["width"], row["naive_held"], row["naive_width"])
        told = " | ".join(f"{100 * value:.1f} %" for value in figures)
        lines.append(f"| {titles[row['kind']]} | {row['simulations']:,} | {told} |")
    return "\n".join(lines)
