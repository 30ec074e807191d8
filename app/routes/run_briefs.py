"""What lists of runs say of each run."""

from __future__ import annotations

from typing import Any

from fact_core.labeling import labels_now
from fact_core.storage import run_events
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run


def run_brief(project: Project, run: Run) -> dict[str, Any]:
    """What the lists show of a run; ``progress`` only while it works."""
    report = run.result.get("report") if isinstance(run.result.get("report"), dict) else None
    return {
        "id": run.id,
        "kind": run.kind,
        "status": run.status,
        "reason": run.reason,
        "config": run.config,
        "recipe": run.config.get("recipe"),
        "preset": run.config.get("preset"),
        "backbone": run.config.get("backbone"),
        "created": run.created,
        "started": run.started,
        "ended": run.ended,
        "seconds": run.ended - run.started if run.ended and run.started else None,
        "device": run.device,
        "stopping": run.stop_requested,
        "parent": run.parent,
        "waits_for": list(run.waits_for),
        "progress": _progress(project, run),
        "accuracy": report["accuracy"] if report else None,
        "interval": report.get("interval") if report else None,
        "result": run.result if run.kind in ("scan", "features", "export", "map", "compare") else None,
    }


def _progress(project: Project, run: Run) -> dict[str, Any] | None:
    if run.status != "running":
        return None
    newest = run_events.last_event(project, run.id, "progress")
    return newest.body if newest and newest.at >= (run.started or 0) else None


def is_stale(project: Project, run: Run) -> bool:
    """Whether labels to train on were given or changed since the run started."""
    since = run.started or run.created
    states = labels_now.states(project)
    picks = {int(i) for i in labels_now.snapshot(project, "pick").ids}
    return any(state.at > since for item, state in states.items() if item in picks)
