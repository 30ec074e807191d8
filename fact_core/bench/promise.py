"""How often the promise of a goal is kept: folders whose answers are known, check images drawn as the program does.

A promise is broken where less than the goal of what was accepted is right, in the folder as it is, check images aside.
Answers are right by how sure they are: in a third of the folders all alike, less than a point below the goal, else less
and less. Plain: images stand alone. Groups: images of one group are sure together and, for 50 to 95 % of them, right or
wrong together. Looks: ten, each with another model and goal, and more check images; one broken promise is enough.
Classes: three, two of which have goals of their own; one broken promise is enough.
Any goal: one look, and the goal is chosen by somebody who knows which promise is broken, of all that are offered.
"naive" takes the laxest threshold at which the check images themselves keep the goal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fact_core.analysis import promise, promise_places
from fact_core.analysis.promise import Kept
from fact_core.events import Log, Progress
from fact_core.select import checks
from fact_core.types import Evidence, IntArray, Step

SIMULATIONS = {False: 1_000, True: 10_000}
LOOKS = 10
GOALS = (0.8, 0.9, 0.95)
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Folder:
    """A folder whose open images' answers are known to be right or not (N,)."""

    evidence: Evidence
    right: Bools


@dataclass(frozen=True)
class Outcome:
    """What came of one folder: whether a promise was broken, which share was accepted; both also for "naive"."""

    broken: bool
    accepted: float
    naive_broken: bool
    naive_accepted: float


def run(full: bool) -> Step[dict[str, Any]]:
    """1,000 simulations of each kind; ``full``: 10,000."""
    rows = []
    for kind in KINDS:
        rows.append((yield from simulated(kind, SIMULATIONS[full])))
        yield Log(f"{kind}: kept in {100 * rows[-1]['kept']:.1f} %")
    return {"text": table(rows), "json": rows}


def simulated(kind: str, simulations: int, seed: int = 0) -> Step[dict[str, Any]]:
    """The shares of simulations in which no promise was broken, and the mean share accepted, ours and "naive"."""
    rng = np.random.default_rng(seed)
    sums = np.zeros(4)
    for done in range(simulations):
        found = KINDS[kind](rng)
        sums += (not found.broken, found.accepted, not found.naive_broken, found.naive_accepted)
        if done % 100 == 99:
            yield Progress(kind, done + 1, simulations, "simulations")
    names = ("kept", "accepted", "naive_kept", "naive_accepted")
    shares = {name: round(float(value) / simulations, 4) for name, value in zip(names, sums, strict=True)}
    return {"kind": kind, "simulations": simulations, **shares}


def _plain(rng: np.random.Generator) -> Outcome:
    goal = float(rng.choice(GOALS))
    return _outcome(_folder(rng, goal), goal, promise.DELTA)


def _groups(rng: np.random.Generator) -> Outcome:
    goal = float(rng.choice(GOALS))
    sizes = rng.integers(1, int(rng.integers(3, 31)), int(rng.integers(100, 401)))
    return _outcome(_folder(rng, goal, np.repeat(np.arange(len(sizes)), sizes)), goal, promise.DELTA)


def _looks(rng: np.random.Generator) -> Outcome:
    found = []
    for look in range(1, LOOKS + 1):
        goal = float(rng.choice(GOALS))
        found.append(_outcome(_folder(rng, goal, drawn=50 * look), goal, promise.level(look)))
    broken, naive = any(each.broken for each in found), any(each.naive_broken for each in found)
    return Outcome(broken, found[-1].accepted, naive, found[-1].naive_accepted)


def _classes(rng: np.random.Generator) -> Outcome:
    goal, own = float(rng.choice(GOALS[:2])), {0: float(rng.choice(GOALS[1:])), 1: float(rng.choice(GOALS[1:]))}
    parts = [_folder(rng, own.get(each, goal)) for each in range(3)]
    of = [part.evidence for part in parts]
    y = np.repeat(np.arange(3), [len(each.confidence) for each in of])
    check_y = np.repeat(np.arange(3), [len(each.check_confidence) for each in of])
    sure = np.concatenate([each.confidence for each in of])
    checks = np.concatenate([each.check_confidence for each in of]), np.concatenate([each.check_right for each in of])
    both = Evidence(np.arange(len(y)), y, sure, ("a", "b", "c"), (1, 2, 3), *checks, check_y=check_y)
    found, goals = promise.kept_by_class(both, goal, own, promise.DELTA), [*own.values(), goal]
    mine = [found[0], found[1], found[promise.OTHERS]]
    naive = [naive_kept(each, its) for each, its in zip(of, goals, strict=True)]
    broken = [
        any(_broken(part, kept, its) for part, kept, its in zip(parts, all_kept, goals, strict=True))
        for all_kept in (mine, naive)
    ]
    taken = [sum(kept.accepted for kept in all_kept) / len(y) for all_kept in (mine, naive)]
    return Outcome(broken[0], taken[0], broken[1], taken[1])


def _any_goal(rng: np.random.Generator) -> Outcome:
    about = float(rng.choice(GOALS))
    folder = _folder(rng, about)
    goals = [float(goal) for goal in np.arange(promise.LOWEST, promise.HIGHEST + 1e-9, 2 * promise.STEP)]
    found = [_outcome(folder, goal, promise.level(1)) for goal in goals]
    broken, naive = any(each.broken for each in found), any(each.naive_broken for each in found)
    mean = [float(np.mean(shares)) for shares in ([f.accepted for f in found], [f.naive_accepted for f in found])]
    return Outcome(broken, mean[0], naive, mean[1])


def _folder(rng: np.random.Generator, goal: float, groups: IntArray | None = None, drawn: int = 0) -> Folder:
    """A folder with 60 to 500 check images (``drawn`` of them, where it is said)."""
    count = drawn or int(rng.integers(60, 501))
    size = len(groups) if groups is not None else int(rng.integers(2, 9)) * count
    place, chance = rng.random(size), rng.random(size)  # 0 is the surest; right where the chance is below the share
    if groups is not None:
        heads, together = int(groups.max()) + 1, rng.uniform(0.5, 0.95)
        place = np.clip(rng.random(heads)[groups] + rng.normal(0, 0.05, size), 0, 1)
        chance = np.where(rng.random(size) < together, rng.random(heads)[groups], chance)
        count = min(count, size // 3)
    right = chance < _share(rng, goal, place)
    check = checks.draw(np.arange(size), count, rng, groups)
    rest = np.flatnonzero(np.bincount(check, minlength=size) == 0)
    sure = (1 - place).astype(np.float32)
    of_check = None if groups is None else groups[check]
    none = np.zeros(len(rest), dtype=np.int64)
    return Folder(Evidence(rest, none, sure[rest], ("a",), (1,), sure[check], right[check], of_check), right[rest])


def _share(rng: np.random.Generator, goal: float, place: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How often answers at a place are right."""
    if rng.random() < 1 / 3:
        return np.full(len(place), goal - rng.uniform(0, 0.01))
    return rng.uniform(goal, 1) - rng.uniform(0, 0.6) * place ** rng.uniform(0.5, 4)


def _outcome(folder: Folder, goal: float, alpha: float) -> Outcome:
    mine, naive = promise.kept(folder.evidence, goal, alpha), naive_kept(folder.evidence, goal)
    both = [(_broken(folder, each, goal), each.accepted / max(1, len(folder.right))) for each in (mine, naive)]
    return Outcome(*both[0], *both[1])


def naive_kept(evidence: Evidence, goal: float) -> Kept:
    """The laxest threshold of the grid at which the check images themselves keep the goal."""
    at = promise_places.places(evidence)
    right = promise_places.accepted(evidence.check_confidence[evidence.check_right], at.threshold)
    good = np.flatnonzero((at.checks > 0) & (right >= goal * at.checks))
    if not len(good):
        return Kept(None, 0, 0, 0)
    last = int(good[-1])
    return Kept(float(at.threshold[last]), int(at.rest[last]), int(at.checks[last]), int(at.checks[last] - right[last]))


def _broken(folder: Folder, found: Kept, goal: float) -> bool:
    if found.threshold is None:
        return False
    of = folder.right[folder.evidence.confidence >= found.threshold]
    return len(of) > 0 and float(of.mean()) < goal - 1e-9


KINDS: dict[str, Callable[[np.random.Generator], Outcome]] = {
    "plain": _plain,
    "groups": _groups,
    "looks": _looks,
    "classes": _classes,
    "any goal": _any_goal,
}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a line a kind."""
    lines = [
        "| check images | simulations | promise kept | accepted | naive: kept | accepted |",
        "|---|---|---|---|---|---|",
    ]
    titles = {
        "plain": "each alone",
        "groups": "in groups",
        "looks": "ten looks",
        "classes": "two classes of three with goals of their own",
        "any goal": "one look, the worst of the goals",
    }
    for row in rows:
        figures = (row["kept"], row["accepted"], row["naive_kept"], row["naive_accepted"])
        told = " | ".join(f"{100 * value:.1f} %" for value in figures)
        lines.append(f"| {titles[row['kind']]} | {row['simulations']:,} | {told} |")
    return "\n".join(lines)
