"""``launch.py bench rounds``: labels bought against the share of a folder that is finished, and that is right.

A folder whose classes are known, one sub-folder a class. Check images are drawn at random first. Then three ways to
spend the other labels: ``rounds`` chooses the first ones by ActiveFT and each further round by "Label next" on the
model of the labels so far; ``one shot`` chooses all at once by ActiveFT; ``random`` draws them. The model is the light
model's logistic regression on pretrained features, so that only the choice differs. At each number of labels the
promise of each goal says what is accepted; all else is labeled by the person, who is never wrong. ``rounds`` is told
twice: with a look after each round, all of which it pays for (``promise.level``), and with one look at the end
(``ONCE``), as the other two have.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import normalize

from fact_core.analysis import promise
from fact_core.analysis.alike import like_any, near
from fact_core.analysis.novelty import strangers
from fact_core.bench import known_folder
from fact_core.bench.grids import line, rule
from fact_core.bench.rows import Row, read_rows
from fact_core.compute.device import describe, device_named
from fact_core.config import LmConfig, SelectConfig
from fact_core.errors import ConfigError
from fact_core.events import Event, Log
from fact_core.generators import finish, map_events
from fact_core.lightweight import logistic
from fact_core.lightweight.decide import decide_on
from fact_core.lightweight.map_train import Memory
from fact_core.lightweight.readings import Labelled
from fact_core.select.choose import choose_images
from fact_core.types import Evidence, FloatArray, IntArray, Step

WAYS = {"rounds": "Rounds", "one shot": "One shot", "random": "Random"}
GOALS = (0.8, 0.9, 0.95)
ONCE = " once"  # what a figure of rounds is called that comes of a single look
NONE = np.zeros(0, dtype=np.int64)
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Folder:
    """A folder's features x [N,D] and classes y (N,). check (n,): rows that are drawn to measure with."""

    x: FloatArray
    y: IntArray
    check: IntArray
    classes: int
    device: torch.device

    @property
    def free(self) -> IntArray:
        """Rows that may be chosen."""
        return np.setdiff1d(np.arange(len(self.y)), self.check)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench rounds``."""
    known_folder.add_arguments(parser)
    give = parser.add_argument
    give("--labels", default="50,100,200", metavar="N,...", help="%(default)s, beside the check images")
    give("--round", type=int, default=50, metavar="N", help="labels a round (%(default)s)")
    give("--check", type=int, default=100, metavar="N", help="check images (%(default)s)")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Measure all that the file of rows lacks."""
    budgets = _budgets(given)
    rows = read_rows(given.json) if given.json else []
    x, y, about = yield from known_folder.known(given)
    folder = Folder(x, y, NONE, about["classes"], device_named(given.device))
    cells = _cells(given, about, budgets)

    def measure(cell: Row) -> Step[dict[str, Any]]:
        return measured(drawn(folder, given.check, cell["seed"]), cell, given.round)

    yield from known_folder.measure_lacking(given.json, rows, cells, measure, "rounds", "ways")
    return {"text": table(rows), "json": rows}


def drawn(folder: Folder, check: int, seed: int) -> Folder:
    """The folder with so many of its images drawn to measure with."""
    return replace(folder, check=np.random.default_rng(seed).choice(len(folder.y), check, replace=False))


def _budgets(given: argparse.Namespace) -> list[int]:
    budgets = known_folder.numbers(given.labels)
    if given.round < 2 or any(each < given.round or each % given.round for each in budgets):
        raise ConfigError("--labels needs whole rounds", f"{given.labels} of rounds of {given.round}")
    return budgets


def _cells(given: argparse.Namespace, about: Mapping[str, Any], budgets: Sequence[int]) -> Iterator[Row]:
    """What tells the rows from each other."""
    for seed in range(given.seeds):
        for way in WAYS:
            for labels in budgets:
                if way == "rounds" and labels == given.round:
                    continue  # the same as one shot
                told = {"check": given.check, "round": given.round}
                yield known_folder.light_cell(about, way, labels, seed, **told)


def measured(folder: Folder, cell: Mapping[str, Any], each: int) -> Step[dict[str, Any]]:
    """Choose, fit, answer, promise: what one way comes to with so many labels."""
    began, looks = time.monotonic(), cell["labels"] // each if cell["strategy"] == "rounds" else 1
    rows = yield from chosen(folder, cell["strategy"], cell["labels"], each, cell["seed"])
    p = answers(folder, rows, cell["seed"])
    right = p.argmax(axis=1) == folder.y
    rest = np.setdiff1d(folder.free, rows)
    found: dict[str, Any] = {"accuracy": round(float(right[rest].mean()), 6)}
    evidence = evidence_of(folder, rows, p, right)
    alphas = {"": promise.level(looks), ONCE: promise.DELTA} if looks > 1 else {"": promise.DELTA}
    for goal in GOALS:
        for how, alpha in alphas.items():
            kept = promise.kept(evidence, goal, alpha)
            taken = NONE if kept.threshold is None else evidence.ids[evidence.confidence >= np.float32(kept.threshold)]
            name = f"{goal:.0%}{how}"
            found[f"accepted {name}"] = len(taken)
            found[f"right {name}"] = int(right[taken].sum())
            found[f"to finish {name}"] = len(rows) + len(folder.check) + len(rest) - len(taken)
    yield Log(f"{cell['strategy']}, {cell['labels']} labels, seed {cell['seed']}: {found['accuracy']:.1%} of the rest")
    return {**found, "looks": looks, "seconds": round(time.monotonic() - began, 1), "device": describe(folder.device)}


def chosen(folder: Folder, way: str, labels: int, each: int, seed: int) -> Step[IntArray]:
    """Rows (labels,) of the folder, none of them a check image."""
    if way == "random":
        return np.random.default_rng([seed, 1]).choice(folder.free, labels, replace=False)
    if way == "one shot":
        return (yield from _choose(folder, "activeft", labels, NONE, None, seed))
    rows = NONE
    while len(rows) < labels:
        rows = yield from after(folder, rows, each, seed)
    return rows


def after(folder: Folder, rows: IntArray, each: int, seed: int) -> Step[IntArray]:
    """Rows (n + each,) once one round more is labeled: the first one by ActiveFT, each other by "Label next"."""
    p = answers(folder, rows, seed) if len(rows) else None
    strategy = "next" if len(rows) else "activeft"
    return np.concatenate([rows, (yield from _choose(folder, strategy, each, rows, p, seed))])


def _choose(
    folder: Folder, strategy: str, count: int, rows: IntArray, p: FloatArray | None, seed: int
) -> Step[IntArray]:
    """So many more rows by a strategy, as the program asks it: check images are not seen by it."""
    free, config = folder.free, SelectConfig()
    options = {**config.for_strategies(), "device": folder.device, "near": config.near}
    taken, y = np.searchsorted(free, np.sort(rows)), folder.y[np.sort(rows)]
    told = None if p is None else p[free]
    step = choose_images(
        strategy, folder.x[free], count, taken, y, np.random.default_rng(seed), answers=told, **options
    )
    return free[(yield from map_events(step, _quiet)).rows]


def answers(folder: Folder, rows: IntArray, seed: int) -> FloatArray:
    """Probabilities [N,K] of all images by the light model's logistic regression, C by cross-validation."""
    x, y, config = torch.from_numpy(folder.x[rows]), folder.y[rows], LmConfig(mode="lr")
    names, target = np.unique(y, return_inverse=True)
    p = np.zeros((len(folder.y), folder.classes), dtype=np.float32)
    if len(names) < 2:
        p[:, names] = 1
        return p
    data = Labelled(x, x[:, None], torch.from_numpy(target))
    plan = finish(decide_on(data, len(names), None, config, seed, Memory()))
    unit = normalize(x, dim=1).double()
    fitted = finish(logistic.fit(unit, data.y, len(names), C=plan.c_pooled, balanced=config.balanced))
    p[:, names] = torch.softmax(fitted.logits(normalize(torch.from_numpy(folder.x), dim=1)), dim=1).numpy()
    return p


def kinds_of(folder: Folder, rows: IntArray) -> tuple[Bools, Bools]:
    """Which images (N,) are not unlike every class, and which nearly repeat one that was learned."""
    x = folder.x
    return ~strangers(x[rows], folder.y[rows], x), like_any(x, x[rows], near(x))


def evidence_of(
    folder: Folder, rows: IntArray, p: FloatArray, right: Any, kinds: tuple[Bools, Bools] | None = None
) -> Evidence:
    """What the promise rests on, as ``labeling.finishing`` gathers it: no strangers, and no check images that leak.

    kinds: of ``kinds_of``, where they are known already.
    """
    sure, (able, close) = p.max(axis=1).astype(np.float32), kinds or kinds_of(folder, rows)
    rest, check = np.setdiff1d(folder.free, rows), folder.check
    open_rows, fair = rest[able[rest]], check[able[check] & ~close[check]]
    return Evidence(
        ids=open_rows,
        y=p.argmax(axis=1)[open_rows],
        confidence=sure[open_rows],
        classes=tuple(map(str, range(folder.classes))),
        class_ids=tuple(range(folder.classes)),
        check_confidence=sure[fair],
        check_right=right[fair],
        strange=len(rest) - len(open_rows),
    )


def _quiet(event: Event) -> Event | None:
    return event if isinstance(event, Log) else None


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown, a part a folder: the accuracy on the rest, and the labels that finish the folder by goal."""
    parts: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        parts.setdefault((row["dataset"], row["test_images"], row["overrides"]["check"]), []).append(row)
    return "\n\n".join(_part(name, images, own) for (name, images, _), own in parts.items()) or "nothing was measured"


def _part(name: str, images: int, rows: Sequence[Mapping[str, Any]]) -> str:
    first = rows[0]
    told = [key.removeprefix("to finish ") for key in first if key.startswith("to finish ")]
    goals = [goal for goal in told if not goal.endswith(ONCE)]
    seeds = len({row["seed"] for row in rows})
    heads = [f"goal {goal}" for goal in goals]
    lines = [
        f"{name}: {images:,} images, {first['classes']} classes, {first['overrides']['check']} check images, "
        f"{seeds} seeds, {first['backbone']} at {first['image_size']} px, {first['device']}",
        "",
        line("labels", "way", "right of the rest, %", *heads),
        rule(3 + len(heads)),
    ]
    cells: dict[tuple[int, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        cells.setdefault((row["labels"], row["strategy"]), []).append(row)
    for (labels, way), own in sorted(cells.items(), key=lambda each: (each[0][0], list(WAYS).index(each[0][1]))):
        start = f"{labels} + {first['overrides']['check']}", WAYS[way], _spread([100 * row["accuracy"] for row in own])
        lines.append(line(*start, *(_ended(own, goal, images) for goal in goals)))
        if f"accepted {goals[0]}{ONCE}" in own[0]:
            once = [_ended(own, goal + ONCE, images) for goal in goals]
            lines.append(line(start[0], f"{WAYS[way]}, asked once", start[2], *once))
    return "\n".join(lines)


def _ended(rows: Sequence[Mapping[str, Any]], goal: str, images: int) -> str:
    """Which share of the folder is labeled or accepted, how many labels finish it, which share of these is right."""
    done = [(row["labels"] + row["overrides"]["check"] + row[f"accepted {goal}"]) / images for row in rows]
    labels = statistics.mean(row[f"to finish {goal}"] for row in rows)
    return f"{100 * statistics.mean(done):.0f} %, {labels:,.0f}, {_right(rows, goal)}"


def _right(rows: Sequence[Mapping[str, Any]], goal: str) -> str:
    """Which share of what was accepted is right, and in how many of the seeds that kept the goal."""
    some = [row for row in rows if row[f"accepted {goal}"]]
    if not some:
        return "none accepted"
    shares = [row[f"right {goal}"] / row[f"accepted {goal}"] for row in some]
    held = sum(share >= float(goal.removesuffix(ONCE).rstrip("%")) / 100 for share in shares)
    return f"{100 * statistics.mean(shares):.1f} % ({held} of {len(some)} kept)"


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.1f}" + (f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else "")
