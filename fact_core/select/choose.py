"""Run a strategy by its name, and see to what all of them need: size limits, first labels, near-duplicates."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fact_core.choices import STRATEGIES, StrategyChoice, named, resolve
from fact_core.compute.less_memory import CPU, LessMemory
from fact_core.errors import ConfigError
from fact_core.events import Log
from fact_core.select.picks import Picks, candidates, distinct, same_from, spread
from fact_core.select.words import Words
from fact_core.types import FloatArray, IntArray, Step

#: Chooses the first images of a strategy that learns from labels.
FIRST = "activeft"


def choose_images(
    strategy: str,
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    near: float = 0.0,
    groups: IntArray | None = None,
    answers: FloatArray | None = None,
    words: Words | None = None,
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows of x [N,D] by the strategy of that name. ``select.picks`` says what it gets.

    answers [N,K]: what a trained model says, for the strategies that take it (``label_next``). words: the same N images
    and the names of the classes, for those that read names (``vecaf``).
    labeled_rows (L,) are never picked. labeled_y (L,): their classes, -1 where a row is taken but has none.

    What no strategy has to see to, because it is seen to here:
    - A strategy that learns from labels gives way to ``FIRST`` while fewer than two classes have a label.
    - A pool above the strategy's limit is looked at through a random sample.
    - Near-duplicates are passed over: ``near`` is a share of the usual distance (1 - cos) from an image to the
      nearest other one. Two images closer than that count as one picture. 0: every image is its own.
    - Where the device's memory is full the CPU chooses, with the same picks.
    - Of a group one image is picked until the budget needs more: rows of one number in groups (N,) belong together.

    ConfigError for an unknown strategy or an impossible budget, InputError for features that are not numbers.
    """
    choice = named(STRATEGIES, strategy, "strategy")
    candidates(x, budget, labeled_rows)
    taken = labeled_rows
    info: dict[str, Any] = {}
    classed = np.zeros(0, dtype=bool) if labeled_y is None else np.asarray(labeled_y) >= 0
    if choice.needs_labels and (labeled_y is None or len(np.unique(labeled_y[classed])) < 2):
        yield Log(
            f"{choice.title} learns from labels of at least two classes, and there are none yet: "
            f"these images are chosen by {STRATEGIES[FIRST].title}."
        )
        choice, info["instead"] = STRATEGIES[FIRST], FIRST
    seen = _seen(len(x), choice.most, budget, labeled_rows, rng)
    if labeled_y is not None and not classed.all():
        if choice.needs_labels:  # what is chosen and not labeled yet teaches nothing, and is not to be picked again
            seen = np.setdiff1d(seen, labeled_rows[~classed])
            labeled_rows, labeled_y = labeled_rows[classed], labeled_y[classed]
        else:
            labeled_y = None
    if choice.most and len(x) > choice.most:
        yield Log(
            f"{choice.title} looks at {len(seen):,} images at most: a random sample of the {len(x):,} in the pool."
        )
        info["sample"] = len(seen)
    part, where = x if len(seen) == len(x) else x[seen], np.searchsorted(seen, labeled_rows)
    options |= _beside(choice, seen, answers, words)
    found = yield from _picked(choice.target, (part, budget, where, labeled_y), rng, options)
    picks = Picks(seen[found.rows], seen[found.next_best], {**found.info, **info})
    if near > 0:
        picks = yield from _apart(x, picks, taken, near)
    return picks if groups is None else spread(picks, groups, taken)


def _beside(
    choice: StrategyChoice, seen: IntArray, answers: FloatArray | None, words: Words | None
) -> dict[str, FloatArray | Words]:
    """What the strategy takes beside features and labels, for the rows that it looks at."""
    found: dict[str, FloatArray | Words] = {}
    if choice.answers and answers is not None:
        found["answers"] = answers[seen]
    if choice.words and words is not None:
        found["words"] = words.rows(seen)
    return found


def _picked(target: str, given: tuple[Any, ...], rng: np.random.Generator, options: dict[str, Any]) -> Step[Picks]:
    """What the strategy picks: once more, on the CPU and with the same chance, where the device's memory is full."""
    device, begun = torch.device(options.get("device", "cpu")), rng.bit_generator.state

    def run(at: torch.device) -> Step[Picks]:
        rng.bit_generator.state = begun
        chosen: Step[Picks] = resolve(target)(*given, rng, **{**options, "device": at})
        return chosen

    # An Apple GPU has no numbers of 64 bits, which some strategies need.
    return (yield from LessMemory(CPU if device.type == "mps" else device).whole("select", run))


def _apart(x: FloatArray, picks: Picks, taken: IntArray, near: float) -> Step[Picks]:
    """The picks without near-duplicates of each other and of the rows ``taken``."""
    kept = distinct(x, picks, taken, same_from(x, near))
    if kept.info["near_duplicates"]:
        yield Log(f"{kept.info['near_duplicates']} near-duplicates of chosen or labeled images were passed over.")
    return kept


def _seen(n: int, most: int, budget: int, labeled_rows: IntArray, rng: np.random.Generator) -> IntArray:
    """The rows that a strategy looks at, ascending: all, or the labeled ones and a sample of ``most`` rows in all."""
    if not most or n <= most:
        return np.arange(n, dtype=np.int64)
    free = np.setdiff1d(np.arange(n, dtype=np.int64), labeled_rows)
    room = most - len(labeled_rows)
    if room < 2 * budget:
        raise ConfigError(
            "The budget is too large for this strategy",
            f"{budget:,} images and {len(labeled_rows):,} labeled ones, where it can look at {most:,} in all",
            "Choose ActiveFT, which has no such limit, or a smaller budget.",
        )
    drawn = rng.choice(free, room, replace=False)
    return np.sort(np.concatenate([drawn, np.asarray(labeled_rows, dtype=np.int64)]))
