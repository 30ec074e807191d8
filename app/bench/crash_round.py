"""One project from the scan to the export, by the page's own requests, while its processes are killed and frozen."""

from __future__ import annotations

import contextlib
import errno
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.bench.crash_check import Given
from app.bench.crash_program import Away, Labeler, Program, frozen, send
from fact_core.errors import RunError
from fact_core.events import Log
from fact_core.labeling import classes, selections
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project
from fact_core.types import Step

#: What happens to whom, as often as it is named.
BLOWS = ("worker", "server", "both", "both", "both", "freeze worker", "freeze server", "leave", "stop")
STAGES = ("scan", "features", "select", "train", "predict", "export")
#: Seconds in which a blow falls, from the start of a stage or from the last blow: with the imports of torch.
SPAN = {"scan": 2.0, "features": 7.0, "select": 6.0, "train": 12.0, "predict": 7.0, "export": 8.0}
#: A stage that does not end by itself within so many seconds after the last blow has failed; idle cores need 60.
STAGE_SECONDS = 600.0
MOST_FROZEN = 2.0
#: How often a server that starts is killed before it serves, and within how many seconds.
IN_START, START_SPAN = 0.4, 4.0
BUDGET, CHECKS = 12, 6
#: A training of some steps a phase, as the page's form sends it.
FEW = {"ff.steps": 12, "ff.pixels": 32, "ff.batch": 6, "ff.gate": "off", "st.steps": 6, "st.images": 10}
FEW |= {"lm.steps": 8, "lm.views": 1}


@dataclass
class Counts:
    """What was done to the program."""

    blows: Counter[str] = field(default_factory=Counter)

    @property
    def kills(self) -> int:
        return sum(self.blows[name] for name in ("server", "worker"))


@dataclass
class Round:
    """A round under way. disk: the small file system of the project, where there is one, to be filled now and then."""

    program: Program
    project: Project
    rng: np.random.Generator
    counts: Counts
    disk: Path | None = None
    haste: float = 1.0  # of the seconds in ``SPAN``
    runs: dict[str, int] = field(default_factory=dict)
    #: The labels that were acknowledged, once the round is over.
    given: list[Given] = field(default_factory=list)

    def play(self, blows: Mapping[str, int]) -> Step[None]:
        """All stages, each with so many blows. RunError where one does not end."""
        labeler: Labeler | None = None
        try:
            self.program.start()
            for stage in STAGES:
                yield Log(f"  {stage}")
                self._stage(stage, blows.get(stage, 0))
                if stage == "select":
                    labeler = self._labeler()
                    labeler.start()
                    self._wait_for_all(labeler)
        finally:
            if labeler:
                self.given = labeler.finish()
            self.program.close()

    def config(self, stage: str) -> dict[str, Any]:
        """The options of a stage's run."""
        train = self.runs.get("train", 0)
        return {
            "scan": {},
            "features": {"device": "cpu", "batch": 8},
            "select": {"budget": str(BUDGET), "check": CHECKS, "strategy": "random", "device": "cpu"},
            "train": {"preset": "quick", "device": "cpu", **FEW},
            "predict": {"run": train, "device": "cpu"},
            "export": {"run": train, "folder": str(self.export), "items": ["model", "labels"]},
        }[stage]

    @property
    def place(self) -> Path:
        """The folder of the round: the project, and what is exported."""
        return self.project.folder.parent

    @property
    def export(self) -> Path:
        """Where the export goes: beside the project."""
        return self.place / "export"

    def _stage(self, stage: str, blows: int) -> None:
        """Have the run of a stage begun, strike so often, and see that it comes to its end."""
        for _ in range(blows):
            self._go_on(stage)
            time.sleep(self.rng.uniform(0, self.haste * SPAN[stage]))
            self._strike(stage)
        until = time.monotonic() + STAGE_SECONDS
        while not self._go_on(stage):
            if time.monotonic() > until:
                raise RunError(f"The stage {stage} does not come to its end", str(self._run(stage)))
            time.sleep(0.2)

    def _go_on(self, stage: str) -> bool:
        """What a person does who looks at the page: start the server, start the run, resume it. True: it is done."""
        try:
            self.program.look()
            run = self._run(stage)
            if run is None:
                self._begin(stage)
            elif run.status in ("failed", "stopped"):
                self.program.post("/resume", {"run": run.id})
            elif (active := run_queue.active(self.project)) and active.kind in ("map", "odd"):  # nobody waits for them
                self._strike_worker()
            return run is not None and run.status == "done"
        except Away:
            self._restart()
            return False

    def _restart(self) -> None:
        """Start the server anew; now and then it is killed before it serves."""
        self.program.kill()
        if self.rng.random() < IN_START:
            self.program.launch()
            time.sleep(self.rng.uniform(0, START_SPAN))
            self.counts.blows["server"] += self.program.kill()
        self.program.start()

    def _begin(self, stage: str) -> None:
        known = {run.id for run in run_queue.list_runs(self.project, stage)}
        with contextlib.suppress(Away):
            self.program.post("/run", {"kind": stage, "config": self.config(stage)})
        # Also where the server went before it could answer: the run may be there.
        fresh = [run.id for run in run_queue.list_runs(self.project, stage) if run.id not in known]
        if fresh:
            self.runs[stage] = fresh[0]

    def _run(self, stage: str) -> run_queue.Run | None:
        return run_queue.get(self.project, self.runs[stage]) if stage in self.runs else None

    def _strike(self, stage: str) -> None:
        blow = str(self.rng.choice(BLOWS if self.disk is None else (*BLOWS, "full disk")))
        worker = self.program.worker()
        seconds = float(self.rng.uniform(0.1, MOST_FROZEN))
        if blow in ("worker", "both"):
            self._strike_worker()
        if blow in ("server", "both"):
            self.counts.blows["server"] += self.program.kill()
        if blow == "freeze worker" and worker:
            self.counts.blows[blow] += frozen(worker, seconds)
        if blow == "freeze server":
            self.counts.blows[blow] += self.program.freeze(seconds)
        if blow == "leave" and worker:
            self.counts.blows[blow] += send(worker, signal.SIGTERM)
        if blow == "stop" and (run := self._run(stage)) and run.open:
            with contextlib.suppress(Away):
                self.program.post("/stop", {"run": run.id})
                self.counts.blows[blow] += 1
        if blow == "full disk" and self.disk:
            with full(self.disk):
                time.sleep(seconds)
            self.counts.blows[blow] += 1

    def _strike_worker(self) -> None:
        if worker := self.program.worker():
            self.counts.blows["worker"] += send(worker, signal.SIGKILL)

    def _labeler(self) -> Labeler:
        """Somebody who labels what was chosen, and then repeats it, so that every training has the same labels."""
        names = {row.id: row.path.partition("/")[0] for row in items.get_many(self.project, self._chosen())}
        ids = classes.ensure_classes(self.project, sorted(set(names.values())))
        return Labeler(self.program, {item: ids[name] for item, name in names.items()})

    def _wait_for_all(self, labeler: Labeler) -> None:
        """Until each of the chosen images has its label. RunError where that does not come."""
        wanted, until = len(self._chosen()), time.monotonic() + STAGE_SECONDS
        while len(labeler.acknowledged) < wanted:
            if time.monotonic() > until:
                raise RunError("The labels are not taken", f"{len(labeler.acknowledged)} of {wanted}")
            time.sleep(0.1)

    def _chosen(self) -> list[int]:
        return [entry.item for entry in selections.queue(self.project)]


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """Within it not a byte is free on the file system of that folder."""
    ballast = disk / "ballast"
    try:
        with open(ballast, "wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
        yield
    finally:
        ballast.unlink(missing_ok=True)
