"""The training run whose model another run works with."""

from __future__ import annotations

from fact_core.errors import RunError
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.work.kind import Needed


def needs_model(project: Project, run_id: int) -> list[Needed]:
    """The training itself while it is open. RunError when it has no finished model and none is coming."""
    trained = run_queue.get(project, run_id)
    if trained.deleted:
        raise RunError(f"Run {run_id} was deleted", do="Choose another training.")
    if trained.kind != "train" or trained.status in ("failed", "stopped"):
        raise RunError(
            f"Run {run_id} has no finished model", f"{trained.kind}, {trained.status}", "Train or resume it first."
        )
    return [trained.id] if trained.open else []
