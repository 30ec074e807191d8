"""GET /x/K/state: all that the header and the pages show, computed again only after a change."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from app.routes import maps
from app.routes.classes import classes_of
from app.routes.run_briefs import run_brief
from app.shell import computer
from app.shell.server import Opened, Server, key_of
from app.shell.text import sentences
from fact_core.labeling import labels_now, selections
from fact_core.storage import items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project


def register(app: FastAPI, server: Server) -> None:
    """GET /x/K/state[?known=VERSION]."""
    here = computer.describe(projects.home(), server.gpu)
    text = sentences()

    @app.get("/x/{key}/state")
    def state(key: str, known: str = "") -> dict[str, Any]:
        server.tend(key)
        held = server.opened(key)
        version = projects.version(held.project)
        if version == known:
            return {"version": version, "unchanged": True}
        slow, _, _events = version.rpartition(".")
        base = held.cache.get("state")
        if base is None or base[0] != slow:
            base = held.cache["state"] = (slow, _base(held, text))
        now = _now(held.project, base[1], text)
        return {**base[1], **now, "version": version, "device": here["gpu"] or "CPU", "computer": here}


def _base(held: Opened, text: dict[str, str]) -> dict[str, Any]:
    """What depends on items, labels, selections and runs, but not on their events."""
    project = held.project
    counts = items.counts(project)
    stored = selections.latest(project)
    newest = run_queue.list_runs(project)
    return {
        "project": {
            "key": key_of(project.folder),
            "name": project.name,
            "images": str(project.images),
            "folder": str(project.folder),
        },
        "counts": {
            "files": counts.files,
            "pool": counts.pool,
            "duplicates": counts.duplicates,
            "unreadable": counts.unreadable,
            "missing": counts.missing,
            "bytes": counts.bytes,
            "sizes": [list(size) for size in counts.sizes],
        },
        "classes": classes_of(project),
        "selection": _selection(stored),
        "labels": _labels(project),
        "runs": [run_brief(project, run) for run in newest[:200]],
        "map": maps.brief(project, newest),
    }


def _now(project: Project, base: dict[str, Any], text: dict[str, str]) -> dict[str, Any]:
    """What moves with the events of the active run."""
    run = run_queue.active(project)
    brief = run_brief(project, run) if run else None
    return {"run": brief, "steps": steps(base, brief, text)}


def _selection(stored: selections.Stored | None) -> dict[str, Any] | None:
    if stored is None:
        return None
    roles = stored.selection.roles
    return {
        "id": stored.id,
        "strategy": stored.selection.strategy,
        "budget": roles.count("pick"),
        "picks": roles.count("pick"),
        "checks": roles.count("audit"),
        "seconds": stored.seconds,
        "backbone": stored.config.get("backbone"),
        "config": stored.config,
        "run": stored.run_id,
        "created": stored.created,
    }


def _labels(project: Project) -> dict[str, int]:
    states = labels_now.states(project)
    done = {item for item, state in states.items() if state.kind == "label"}
    skipped = {
        item for item, state in states.items() if state.kind == "skip" or (state.kind == "none" and state.flagged)
    }
    queue = selections.queue(project)
    picks = {entry.item for entry in queue if entry.role == "pick"}
    checks = {entry.item for entry in queue if entry.role == "audit"}
    return {
        "picks": len(picks),
        "checks": len(checks),
        "picks_done": len(picks & done),
        "checks_done": len(checks & done),
        "skipped": len((picks | checks) & skipped),
        "total": len(done),
    }


def steps(base: dict[str, Any], run: dict[str, Any] | None, text: dict[str, str]) -> list[dict[str, str]]:
    """The five steps with one fact each. state: done, begun or todo; the page knows which is current."""
    counts, selection, labeled = base["counts"], base["selection"], base["labels"]
    trained = next((each for each in base["runs"] if each["kind"] == "train" and each["status"] == "done"), None)
    busy = run["kind"] if run else ""
    all_labels = labeled["picks"] + labeled["checks"]
    passed = labeled["picks_done"] + labeled["checks_done"] + labeled["skipped"]
    ready = selection is not None and passed >= all_labels > 0
    chosen = text["step.chosen"].format(n=f"{selection['picks']:,}") if selection else ""
    told = text["step.labeled"].format(done=labeled["picks_done"] + labeled["checks_done"], total=all_labels)
    rows = (
        (
            "project",
            text["step.images"].format(n=f"{counts['pool']:,}") if counts["pool"] else "",
            bool(counts["pool"]),
            True,
        ),
        ("select", chosen, selection is not None, bool(counts["pool"])),
        ("label", told if selection else "", ready, selection is not None),
        ("train", duration(trained["seconds"]) if trained else "", trained is not None, ready or busy == "train"),
        ("results", percent(trained), False, trained is not None),
    )
    return [
        {
            "key": key,
            "title": text[f"step.{key}"],
            "fact": fact,
            "state": "done" if done else "begun" if begun else "todo",
        }
        for key, fact, done, begun in rows
    ]


def duration(seconds: float | None) -> str:
    """A short time for the header."""
    if seconds is None:
        return ""
    return f"{round(seconds)} s" if seconds < 60 else f"{round(seconds / 60)} min"


def percent(trained: dict[str, Any] | None) -> str:
    """The accuracy of the newest finished training, where there were check images."""
    return f"{100 * trained['accuracy']:.1f} %" if trained and trained["accuracy"] is not None else ""
