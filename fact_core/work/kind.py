"""The face that every kind of run has: ``run``, ``needs``, ``kept``, ``then``. The worker asks nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fact_core.choices import named, resolve
from fact_core.config import RUN_CONFIGS, from_dict
from fact_core.events import Event
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import Step
from fact_core.work.kinds import KINDS

#: A run to queue: its kind and its options.
Wanted = tuple[str, dict[str, Any]]
#: What goes before a run: the id of an open run, or a run to queue.
Needed = int | Wanted


def nothing(*_: Any) -> list[Any]:
    """Nothing is needed, kept or wanted."""
    return []


@dataclass(frozen=True)
class Kind:
    """The face of a kind of run; each stands as ``KIND`` at the end of its file.

    run:   (project, run, options) -> a generator that does it: it yields events and returns the result, a JSON object
    needs: (project, run, options) -> what must be done before; RunError where it can never be done
    kept:  (project, run) -> events of what a stopped run has saved at its very end, when it could no longer tell
    then:  (project, run) -> what the page wants next without being asked, once the run is done
    """

    run: Callable[[Project, Run, Any], Step[dict[str, Any]]]
    needs: Callable[[Project, Run, Any], list[Needed]] = nothing
    kept: Callable[[Project, Run], list[Event]] = nothing
    then: Callable[[Project, Run], list[Wanted]] = nothing


def kind_of(run: Run) -> Kind:
    """The face of a run's kind. ConfigError when there is no such kind."""
    found: Kind = resolve(named(KINDS, run.kind, "kind of run"))
    return found


def options_of(run: Run) -> Any:
    """The run's options as its kind's dataclass. ConfigError when one cannot be."""
    return from_dict(named(RUN_CONFIGS, run.kind, "kind of run"), run.config)


def step_of(project: Project, run: Run) -> Step[dict[str, Any]]:
    """What does the run; where it may use a GPU, in turn with the workers of other projects."""
    options = options_of(run)
    step, device = kind_of(run).run(project, run, options), getattr(options, "device", "cpu")
    if device == "cpu":
        return step
    from fact_core.work.gpu_turn import in_turn  # imports torch, which a scan need not wait for

    return in_turn(device, project.folder.name, step)
