"""The training runs of a project: their numbers, and that only one is at work at a time."""

from __future__ import annotations

from app.shell.text import sentences
from fact_core.errors import RunError
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run


def numbers(project: Project) -> dict[int, int]:
    """Id of a run -> 1, 2, 3, ... among the trainings, the oldest first."""
    return run_queue.places(project, "train")


def number(project: Project, run: Run) -> int | None:
    """The same for one run, without reading the others; None for one that trains nothing."""
    return run_queue.place(project, run) if run.kind == "train" else None


def refuse_second(project: Project, run: int = 0) -> None:
    """RunError while another training than ``run`` works or waits: it names that one."""
    trainings = run_queue.list_runs(project, "train")
    busy = [each for each in trainings if each.open and each.id != run]
    if not busy:
        return
    other, text = min(busy, key=lambda each: (each.status == "queued", each.id)), sentences()
    recipe = str(other.config.get("recipe", ""))
    title = text.get(f"recipe.{recipe}", recipe)
    found = text[f"train.busy_{other.status}"].format(n=number(project, other), recipe=title)
    raise RunError(text["train.busy"], found, text["train.busy_do"])
