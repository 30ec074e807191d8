"""Each part of the program with too little memory: it ends, with the right result and one notice.

A part runs once with memory enough, which tells its peak, and again with a share of it, less and less until the memory
was full: the allocator counts how often. A CPU has no such limit: there the parts run, and nothing is said of memory.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fact_core.bench.gpu import right_solvers
from fact_core.bench.gpu.given import LITE, Bench, Checks, Rows, apart, cosine, told
from fact_core.bench.gpu.right_strategies import picked
from fact_core.bench.gpu.right_training import small_config
from fact_core.bench.gpu.way import Task, task_of, training
from fact_core.bench.rows import Row
from fact_core.classifier.predict import predict
from fact_core.compute.less_memory import CPU, LessMemory
from fact_core.config import LmConfig
from fact_core.events import Event, Log, PhaseDone, PhaseStarted
from fact_core.features.extract import extract, token_steps
from fact_core.finetune.training_run import CheckSet
from fact_core.generators import finish
from fact_core.lightweight.map_train import Reduce
from fact_core.lightweight.readings import Labelled
from fact_core.types import FloatArray, Step, T

#: Shares of what a part takes that it is given, until its memory was full.
SHARES = (0.7, 0.5, 0.3, 0.15, 0.05)
NOTHING_SAID = "A CPU has no such limit: the parts run, and nothing is said of memory."
CLOSE = 2e-2  # between probabilities
MEAN = 5e-2  # between those after training, on average: steps magnify what is rounded otherwise


class Zone:
    """Where a part of a program may take no more than a share of what it took before: from ``begin`` to ``end``.

    size: bytes that it took with memory enough; share 1: there is enough. Afterwards size tells what it took, and full
    how often its memory was full.
    """

    def __init__(self, at: torch.device, share: float = 1.0, size: float = 0.0) -> None:
        self.at, self.share, self.size = at, share, size
        self.base, self.full, self.before, self.inside = 0.0, 0, 0, False

    def begin(self) -> None:
        """From now on."""
        self.inside = True
        if self.at.type != "cuda":
            return
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self.at)
        self.base, self.before = float(torch.cuda.memory_reserved(self.at)), self._count()
        if self.share < 1:
            self._limit(self.base + self.share * self.size)

    def end(self) -> None:
        """Until now. Twice does nothing more."""
        if self.inside and self.at.type == "cuda":
            self.full = self._count() - self.before
            self.size = float(torch.cuda.max_memory_reserved(self.at)) - self.base
            self._limit(float("inf"))
        self.inside = False

    def _count(self) -> int:
        return int(torch.cuda.memory_stats(self.at).get("num_ooms", 0))

    def _limit(self, most: float) -> None:
        total = torch.cuda.get_device_properties(self.at).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, most / total), self.at)


Part = Callable[[Zone], Step[T]]
#: The zone, what the part gave, and what it told.
Ended = tuple[Zone, tuple[T, list[Event]]]


def drill(
    bench: Bench,
    checks: Checks,
    name: str,
    part: Part[T],
    differ: Callable[[T, T], float],
    within: float,
    silent: bool = False,
    enough: Ended[T] | None = None,
) -> None:
    """Check that a part ends with little memory as with enough, and says so once. differ: how far results are apart.

    That it goes on with less, and that the CPU does the rest, are two things to say. silent: it may say neither.
    enough: how the part has ended with memory enough, where that is known.
    """
    zone, (wanted, events) = enough or _in_zone(part, Zone(bench.at))
    checks.true(f"{name}: no notice with memory enough", not notices(events), "; ".join(notices(events)))
    if bench.at.type != "cuda":
        return
    size, share = zone.size, 1.0
    for share in SHARES:
        zone, (found, events) = _in_zone(part, Zone(bench.at, share, size))
        if zone.full and (silent or notices(events)):  # what a library finds room for by itself is not said
            break
    said = notices(events)
    checks.true(f"{name}: memory was full", zone.full > 0, f"{zone.full} times at {share:.0%} of {size / 1e6:.0f} MB")
    checks.below(f"{name}: apart", differ(found, wanted), within)
    by_cpu = sum("the CPU does" in each for each in said)
    once = by_cpu <= 1 and len(said) - by_cpu <= 1 and (bool(said) or silent)
    checks.true(f"{name}: said once", once, " / ".join(said) or "nothing")


def _in_zone(part: Part[T], zone: Zone) -> Ended[T]:
    try:
        return zone, told(part(zone))
    finally:
        zone.end()


def whole(step: Callable[[], Step[T]]) -> Part[T]:
    """A part that is a zone from its beginning to its end."""

    def part(zone: Zone) -> Step[T]:
        zone.begin()
        return (yield from step())

    return part


def notices(events: list[Event]) -> list[str]:
    """What was said of memory."""
    return [event.text for event in events if isinstance(event, Log) and "emory" in event.text]


def _ended(bench: Bench, checks: Checks) -> Row:
    row = checks.row(bench, "" if bench.at.type == "cuda" else NOTHING_SAID)
    skipped = bench.at.type != "cuda" and row["status"] == "passed"
    return {**row, "status": "skipped", "words": NOTHING_SAID} if skipped else row


def answers(bench: Bench) -> Row:
    """Features, tokens and predictions."""
    checks, backbone = Checks(), bench.backbone(LITE)
    task = task_of(bench.pictures, bench.pick(256, 16), bench.pick(128, 8), 1)
    names = [str(number) for number in range(len(task.pool))]

    def features() -> Step[FloatArray]:
        store = Rows()
        yield from extract(copy.deepcopy(backbone), names, task.pool, store, device=bench.at)
        return store.of(names)

    def tokens() -> Step[Tensor]:
        return (yield from token_steps(copy.deepcopy(backbone), task.pool, LessMemory(bench.at), batch=64))[1].float()

    drill(bench, checks, "features", whole(features), lambda a, b: 1 - cosine(a, b), 1e-3)
    drill(bench, checks, "tokens", whole(tokens), lambda a, b: 1 - cosine(a, b), 1e-3)
    store, rows = Rows(), np.arange(bench.pick(60, 12), dtype=np.int64)
    finish(extract(backbone, names, task.pool, store, device=bench.at))
    x, config = store.of(names), small_config(bench, "lp-ft", LITE)
    trained = finish(training(task, copy.deepcopy(backbone), config, bench.at, rows, x))

    def predictions() -> Step[FloatArray]:
        found = yield from predict(copy.deepcopy(trained.classifier), task.test, device=bench.at)
        return found.answers[found.final]

    drill(bench, checks, "predictions", whole(predictions), _most, CLOSE)
    return _ended(bench, checks)


def _most(a: FloatArray, b: FloatArray) -> float:
    return float(np.abs(a - b).max())


def _mean(a: FloatArray, b: FloatArray) -> float:
    return float(np.abs(a - b).mean())


def solvers(bench: Bench) -> Row:
    """Logistic regression, attention pooling and the joint solver, on data that fill some of the memory."""
    checks, at = Checks(), bench.at
    x, y = right_solvers.mixture(bench.pick(40_000, 200), bench.pick(384, 32))

    def regression() -> Step[Tensor]:
        line = yield from right_solvers.fitted(x, y, at, LessMemory(at))
        return (x[:1000].double() @ line.weight.cpu().T + line.bias.cpu()).softmax(1)

    drill(bench, checks, "logistic regression", whole(regression), apart, right_solvers.CLOSE)
    data, reduce = right_solvers.labelled(bench)
    config, steps = LmConfig(steps=bench.pick(40, 6)), bench.pick(40, 6)

    def phase(work: Callable[[Labelled, Reduce], Step[Tensor]]) -> Step[Tensor]:
        """As phase 3 does: the tokens stay on the CPU, and at last it works there."""
        less = LessMemory(at)

        def on(where: torch.device) -> Step[Tensor]:
            moved = Labelled(data.pooled.to(where), data.patches, data.y.to(where), less=less)
            return (yield from work(moved, reduce.to(where)))

        return (yield from less.whole("lm", on))

    def pooling() -> Step[Tensor]:
        return phase(lambda moved, by: right_solvers.pooling(moved, by, config, steps))

    def joint() -> Step[Tensor]:
        return phase(lambda moved, by: right_solvers.jointly(moved, by, LmConfig(steps=bench.pick(10, 3))))

    drill(bench, checks, "attention pooling", whole(pooling), apart, CLOSE)
    # Its views are made in pieces of any size, of which nothing is said.
    drill(bench, checks, "joint L-BFGS", whole(joint), apart, CLOSE, silent=True)
    return _ended(bench, checks)


def selection(bench: Bench) -> Row:
    """Strategies that hold the pool on the device: the same picks."""
    checks = Checks()
    for name in ("activeft", "kcenter", "maxherding"):
        drill(bench, checks, name, whole(partial(_picks, bench, name)), _others, bench.pick(0.1, 0.0))
    return _ended(bench, checks)


def _picks(bench: Bench, name: str) -> Step[set[int]]:
    events: list[Event] = []
    found = picked(bench, name, bench.at, events.append)
    yield from events
    return set(found.rows.tolist())


def _others(a: set[int], b: set[int]) -> float:
    """Share of the picks that are not the same: a CPU rounds otherwise."""
    return 1 - len(a & b) / max(1, len(b))


def phases(bench: Bench) -> Row:
    """Memory that becomes little when a phase begins: phase 2 with its gate, self-training with its naming, phase 3."""
    checks = Checks()
    task = task_of(bench.pictures, bench.pick(200, 24), bench.pick(60, 6), 1)
    few = {name: bench.pick(6, 2) for name in ("ff.steps", "st.steps", "lm.steps")}
    values = {"ff.gate": "choose", "ff.pixels": bench.pick(128, 0), "st.rounds": 1, "lm.mode": "lr", **few}
    config = small_config(bench, "fact+", LITE, **values)
    backbone, names = bench.backbone(LITE), [str(number) for number in range(len(task.pool))]
    store, rows = Rows(), np.arange(bench.pick(100, 20), dtype=np.int64)
    finish(extract(backbone, names, task.pool, store, device=bench.at))
    held_out = Rows()
    digests = [str(number) for number in range(len(task.test))]
    finish(extract(backbone, digests, task.test, held_out, device=bench.at))
    check = CheckSet(task.test, task.test_y, held_out.of(digests))

    def begun() -> Step[Any]:
        return training(task, copy.deepcopy(backbone), config, bench.at, rows, store.of(names), check=check)

    # Without a limit one training says as much as three.
    zones = {phase: Zone(bench.at) for phase in (("ff", "st", "lm") if bench.at.type == "cuda" else ("lm",))}
    enough = told(_in_phases(begun, zones, task))
    for phase, zone in zones.items():
        part = partial(_in_phase, begun, phase, task)
        drill(bench, checks, phase, part, _mean, MEAN, enough=(zone, enough))
    return _ended(bench, checks)


def _in_phase(begun: Callable[[], Step[Any]], phase: str, task: Task, zone: Zone) -> Step[FloatArray]:
    """A training of which one phase is the zone; its answers on the CPU."""
    return _in_phases(begun, {phase: zone}, task)


def _in_phases(begun: Callable[[], Step[Any]], zones: Mapping[str, Zone], task: Task) -> Step[FloatArray]:
    """A training of which some phases are a zone each; its answers on the CPU."""
    step = begun()
    try:
        while True:
            event = next(step)
            if isinstance(event, PhaseStarted) and event.phase in zones:
                zones[event.phase].begin()
            if isinstance(event, PhaseDone) and event.phase in zones:
                zones[event.phase].end()
            yield event
    except StopIteration as stop:
        trained = stop.value
    finally:
        step.close()
        for zone in zones.values():
            zone.end()
    found = finish(predict(trained.classifier, task.test, device=CPU))
    return found.answers[found.final]
