"""GET /x/K/state: all that the header and the pages show, computed again only after a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from fastapi import FastAPI

from app.routes import maps
from app.routes.classes import classes_of
from app.routes.learned import labels_since
from app.routes.run_briefs import run_brief
from app.routes.shapes import told
from app.shell import computer
from app.shell.server import Opened, Server, key_of
from app.shell.text import sentences
from app.shell.trainings import numbers
from fact_core.choices.devices import FREE
from fact_core.errors import DiskFull, ProjectChanged
from fact_core.folders import data_folder
from fact_core.labeling import finishing, labels_now, selections
from fact_core.storage import db, items, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.storage.usable import unusable

#: A run that is still to come to its end.
ACTIVE = ("queued", "running")


@dataclass(frozen=True)
class ProjectName:
    """Which project is open. ``key`` names its folder in addresses, ``id`` itself: another may lie there one day."""

    key: str
    name: str
    images: str
    folder: str
    id: str


@dataclass(frozen=True)
class SelectionBrief:
    """The newest selection: how many images of each role it has, and how it came about.

    changed: how many were rejected or added since it was judged; mark: what tells its picks from others.
    """

    id: int
    strategy: str
    budget: int
    picks: int
    checks: int
    seconds: float | None
    backbone: str | None
    config: dict[str, Any]
    run: int | None
    created: float
    mark: str
    changed: int


@dataclass(frozen=True)
class LabelCounts:
    """How many images of the queue, by their role, and how many of them have an answer.

    ``total``: all labels that can be used, those of the classes together. trained: whether the newest training has
    learned from just these labels, asked where nothing of the queue is open. pace: seconds that a person took for a
    label lately, None where nobody was timed.
    """

    picks: int
    checks: int
    picks_done: int
    checks_done: int
    skipped: int
    total: int
    trained: bool
    pace: float | None


@dataclass(frozen=True)
class Step:
    """One of the five steps of the header, with one fact. busy: its run waits or works, whatever page is shown."""

    key: str
    title: str
    fact: str
    state: Literal["done", "busy", "begun", "todo"]


def register(app: FastAPI, server: Server) -> None:
    """GET /x/K/state[?known=VERSION]."""
    text = sentences()

    @app.get("/x/{key}/state")
    def state(key: str, known: str = "") -> dict[str, Any]:
        full = tend(server, key)
        try:
            found = state_of(server.opened(key), known, text, server.gpu)
        except ProjectChanged:  # another file, where even its number is the same
            found = state_of(server.open_again(key), "", text, server.gpu)
        if "unchanged" not in found:
            found = {**found, "computer": computer.describe(data_folder(), server.gpu)}
        return {**found, "full": True} if full else found


def tend(server: Server, key: str) -> bool:
    """See that a child works on what waits. Whether the disk is full: then it is not, and all that is read goes on."""
    try:
        server.tend(key)
    except DiskFull:
        return True
    return not projects.has_room(server.project(key))


def state_of(held: Opened, known: str, text: dict[str, str], gpu: str) -> dict[str, Any]:
    """The state, or only its version where that is ``known``. ProjectChanged when it is another project's file."""
    with db.shared(held.project.db):
        version = projects.version(held.project)
        if version == known:
            return {"version": version, "unchanged": True}
        slow, _, _events = version.rpartition(".")
        base = held.cache.get("state")
        if base is None or base[0] != slow:
            base = held.cache["state"] = (slow, _base(held, text, gpu))
        return {**base[1], **_now(held, base[1], text), "version": version}


def _base(held: Opened, text: dict[str, str], gpu: str) -> dict[str, Any]:
    """What depends on items, labels, selections and runs, but not on their events."""
    project = held.project
    name = ProjectName(key_of(project.folder), project.name, str(project.images), str(project.folder), project.id)
    stored, queue = selections.latest(project), selections.queue(project)
    newest = run_queue.list_runs(project)
    known, listed = numbers(project), classes_of(project)
    return {
        "project": told(name),
        "counts": told(items.counts(project)),
        "classes": listed,
        "selection": told(_selection(stored, queue)) if stored else None,
        "labels": told(_labels(project, queue, sum(each["count"] for each in listed), newest)),
        "runs": [told(run_brief(held, run, known)) for run in newest[:200]],
        "map": maps.brief(project, newest),
        **_device(gpu, newest),
    }


def _device(gpu: str, newest: list[run_queue.Run]) -> dict[str, str]:
    """Where the work is done, by name. The newest run that was free to choose knows whether the GPU can be used."""
    free = (run.device for run in newest if run.device and run.config.get("device", "auto") in FREE)
    last = next(free, "")
    passed = bool(gpu) and last.startswith("CPU")
    return {"device": "CPU" if passed else gpu or "CPU", "device_note": last if passed else ""}


def _now(held: Opened, base: dict[str, Any], text: dict[str, str]) -> dict[str, Any]:
    """What moves with the events of the active run."""
    run = run_queue.active(held.project)
    brief = told(run_brief(held, run)) if run else None
    return {"run": brief, "steps": [told(step) for step in steps(base, text)]}


def _selection(stored: selections.Stored, queue: list[selections.QueueEntry]) -> SelectionBrief:
    roles = [entry.role for entry in queue]
    return SelectionBrief(
        id=stored.id,
        strategy=stored.selection.strategy,
        budget=roles.count("pick"),
        picks=roles.count("pick"),
        checks=roles.count("audit"),
        seconds=stored.seconds,
        backbone=stored.config.get("backbone"),
        config=stored.config,
        run=stored.run_id,
        created=stored.created,
        mark=stored.mark,
        changed=len(stored.rejected) + len(stored.by_hand),
    )


def _labels(project: Project, queue: list[selections.QueueEntry], total: int, runs: list[run_queue.Run]) -> LabelCounts:
    states = labels_now.states(project)
    done = {item for item, state in states.items() if state.kind == "label"} - unusable(project)
    skipped = {
        item for item, state in states.items() if state.kind == "skip" or (state.kind == "none" and state.flagged)
    }
    picks = {entry.item for entry in queue if entry.role == "pick"}
    checks = {entry.item for entry in queue if entry.role == "audit"}
    done_with = (picks | checks) <= done | skipped
    run = next((each for each in runs if each.kind == "train" and each.status == "done"), None) if done_with else None
    return LabelCounts(
        picks=len(picks),
        checks=len(checks),
        picks_done=len(picks & done),
        checks_done=len(checks & done),
        skipped=len((picks | checks) & skipped),
        total=total,
        trained=run is not None and labels_since(project, run) is None,
        pace=finishing.pace(project),
    )


def steps(base: dict[str, Any], text: dict[str, str]) -> list[Step]:
    """The five steps. The page knows which is current."""
    counts, selection, labeled = base["counts"], base["selection"], base["labels"]
    trained = next((each for each in base["runs"] if each["kind"] == "train" and each["status"] == "done"), None)
    active = [each["status"] for each in base["runs"] if each["kind"] == "train" and each["status"] in ACTIVE]
    took = duration(trained["seconds"]) if trained else ""
    all_labels = labeled["picks"] + labeled["checks"]
    passed = labeled["picks_done"] + labeled["checks_done"] + labeled["skipped"]
    ready = selection is not None and passed >= all_labels > 0
    chosen = _chosen(selection, text) if selection else ""
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
        ("train", text[f"run.{max(active)}"] if active else took, trained is not None, ready),
        ("results", percent(trained), False, trained is not None),
    )
    busy = "train" if active else ""
    return [
        Step(
            key,
            text[f"step.{key}"],
            fact,
            "busy" if key == busy else "done" if done else "begun" if begun else "todo",
        )
        for key, fact, done, begun in rows
    ]


def _chosen(selection: dict[str, Any], text: dict[str, str]) -> str:
    """Check images are told apart: nobody chose them, and no legend counts them as chosen."""
    key = "step.chosen_checks" if selection["checks"] else "step.chosen"
    return text[key].format(n=f"{selection['picks']:,}", checks=f"{selection['checks']:,}")


def duration(seconds: float | None) -> str:
    """A short time for the header."""
    if seconds is None:
        return ""
    return f"{round(seconds)} s" if seconds < 60 else f"{round(seconds / 60)} min"


def percent(trained: dict[str, Any] | None) -> str:
    """The accuracy of the newest finished training, where there were check images."""
    return f"{100 * trained['accuracy']:.1f} %" if trained and trained["accuracy"] is not None else ""
