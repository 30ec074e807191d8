"""What the Select and Label pages read and write: the map, the queue, labels, rejections.

A label is committed before the answer leaves. Operations carry (client, seq): sending them twice does nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from fastapi import Body, FastAPI, Response

from app.routes import binary, maps
from app.routes.classes import classes_of
from app.routes.shapes import told
from app.shell import computer
from app.shell.forms import TITLES
from app.shell.server import Server
from fact_core.config import RUN_CONFIGS, options
from fact_core.errors import ConfigError, InputError
from fact_core.labeling import labels_now, notes, operations, selections, undo
from fact_core.labeling.history import LARGEST, Op, State
from fact_core.storage import db, items
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.types import Item

MOST_OPS = 50_000
MOST_STEPS = 10_000
#: How a person can give a label: a key or a click, a suggestion accepted, many in the grid or on the map at once.
SOURCES = ("person", "suggestion", "grid", "map")


@dataclass(frozen=True)
class ImageFacts:
    """An image: ``w`` and ``h`` in pixels, ``note``: what a person wrote down about it."""

    id: int
    path: str
    w: int
    h: int
    note: str


# "class" is a word of Python, so that these two are dicts.
#: What was said of an image, kind: label, skip, flag or "" for nothing; class: its id, of a label.
Answer = TypedDict("Answer", {"kind": str, "class": int | None})
#: The same in the queue, where the kind is the state and None for nothing.
Named = TypedDict("Named", {"state": str | None, "class": int | None})


def register(app: FastAPI, server: Server) -> None:
    """GET /x/K/map, queue, item, changes, steps, /x/options/KIND; POST /x/K/ops, reject."""

    @app.get("/x/options/{kind}")
    def form(kind: str) -> dict[str, Any]:
        return {"fields": fields_of(kind)}

    @app.get("/x/{key}/map")
    def points(key: str) -> Response:
        return binary.answer(map_bytes(server, key))

    @app.get("/x/{key}/queue")
    def queue(key: str) -> dict[str, Any]:
        return queue_of(server.project(key))

    @app.get("/x/{key}/item")
    def item(key: str, id: int) -> dict[str, Any]:
        return told(item_of(server.project(key), id))

    @app.get("/x/{key}/changes")
    def changes(key: str, since: int) -> dict[str, Any]:
        return changes_of(server.project(key), since)

    @app.get("/x/{key}/steps")
    def steps(key: str, client: str, most: int = 100) -> dict[str, Any]:
        return steps_of(server.project(key), client, most)

    @app.post("/x/{key}/ops")
    def ops(
        key: str,
        client: str = Body(),
        ops: list[dict[str, Any]] = Body(),  # noqa: B008
        project: str = Body(""),
    ) -> dict[str, Any]:
        return apply_ops(server.project(key), client, ops, project)

    @app.post("/x/{key}/reject")
    def reject(key: str, item: int = Body(embed=True)) -> dict[str, Any]:
        return reject_one(server.project(key), item)


def fields_of(kind: str) -> list[dict[str, Any]]:
    """The options of a kind of run, for a form: name, title, help, type, default, limits, choices."""
    if kind not in RUN_CONFIGS:
        raise ConfigError(f"There is no run called {kind!r}", do=f"Known: {', '.join(RUN_CONFIGS)}.")
    fields = []
    for name, each in options(RUN_CONFIGS[kind]):
        meta = dict(each.metadata)
        titles = TITLES.get(name.rpartition(".")[2], {})
        listed = [_choice(each_name, titles.get(each_name)) for each_name in meta["choices"] or ()]
        shown = {key: meta[key] for key in ("title", "help", "low", "high", "expert")}
        plain = type(each.default).__name__
        fields.append({"name": name, "type": plain, "default": each.default, "choices": listed or None, **shown})
    return fields


def _choice(name: str, choice: Any) -> dict[str, Any]:
    """One value of a list: title, help, and what a strategy needs."""
    if choice is None:
        return {"value": name, "title": name, "help": ""}
    limits = {key: getattr(choice, key) for key in ("most", "needs_labels") if hasattr(choice, key)}
    return {"value": name, "title": choice.title, "help": choice.help, **limits}


def map_bytes(server: Server, key: str) -> bytes:
    """The newest picture, packed. It is kept until another one or another pool takes its place."""
    held = server.opened(key)
    picture = maps.current(held.project)
    if picture is None:
        raise InputError("There is no map yet", do="It appears when the features of the images are computed.")
    stamp = (picture, items.counts(held.project).pool)
    kept = held.cache.get("map")
    if kept is None or kept[0] != stamp:
        kept = (stamp, maps.packed(picture, *maps.points(held.project, picture)))
        held.cache["map"] = kept
    packed: bytes = kept[1]
    return packed


def queue_of(project: Project) -> dict[str, Any]:
    """The images to label in order, those labeled without being chosen, and the classes."""
    with db.shared(project.db):
        version = projects.version(project)  # before the rest: what comes between is told twice, not never
        states = labels_now.states(project)
        listed = selections.queue(project)
        by_id = {item.id: item for item in items.get_many(project, [entry.item for entry in listed])}
        said, classes, latest = notes.newest(project), classes_of(project), selections.latest(project)
    entries = []
    for entry in listed:
        image = by_id.get(entry.item)
        if image is not None:
            facts = told(_facts(image, said))
            entries.append({**facts, "role": entry.role, "rank": entry.rank, **_named(states.get(entry.item))})
    chosen = {entry["id"] for entry in entries}
    others = [{"id": item, **_named(state)} for item, state in states.items() if item not in chosen]
    return {
        "project": project.id,
        "version": version,
        "selection": latest.id if latest else None,
        "next_best": len(latest.selection.next_best) if latest else 0,
        "entries": entries,
        "others": [other for other in others if other["state"]],
        "classes": classes,
    }


def changes_of(project: Project, since: int) -> dict[str, Any]:
    """What others did since row ``since`` of the history: how those images stand now."""
    if not 0 <= since < LARGEST:
        raise InputError("There is no such row of the history", str(since)[:80], "Reload the page.")
    row, states = labels_now.changes(project, since)
    latest = selections.latest(project)
    return {
        "row": row,
        "selection": latest.id if latest else None,
        "states": {str(item): _view(state) for item, state in states.items()},
        "classes": classes_of(project),
    }


def steps_of(project: Project, client: str, most: int) -> dict[str, Any]:
    """What this browser can undo and do again, the next one first."""
    found = undo.steps(project, client, max(1, min(most, MOST_STEPS)))

    def changed(step: tuple[undo.Change, ...]) -> list[dict[str, Any]]:
        return [
            {"item": each.item, "before": _view(each.before), "after": _view(each.after), "rows": each.rows}
            for each in step
        ]

    return {
        "undo": [changed(each) for each in found.undo],
        "redo": [changed(each) for each in found.redo],
        "more": found.more,
    }


def item_of(project: Project, item_id: int) -> ImageFacts:
    """What is known of one image. InputError when there is none of that number."""
    image = items.get(project, item_id) if 0 < item_id < LARGEST else None
    if image is None:
        raise InputError("There is no such image", str(item_id), "Reload the page.")
    return _facts(image, notes.newest(project, [image.id]))


def _facts(image: Item, said: Mapping[int, str]) -> ImageFacts:
    return ImageFacts(image.id, image.path, image.width, image.height, said.get(image.id, ""))


def apply_ops(project: Project, client: str, ops: list[dict[str, Any]], identity: str = "") -> dict[str, Any]:
    """Commit the operations, all or none; then say what holds now.

    identity: the project that they are about, as the page knows it. ProjectChanged when this one is another.
    """
    project = replace(project, id=identity or project.id)
    if len(ops) > MOST_OPS:
        raise InputError("Too many labels at once", f"{len(ops):,}", f"At most {MOST_OPS:,}.")
    with db.shared(project.db):
        applied = operations.apply(project, client, [_op(each) for each in ops])
        classes = classes_of(project)
    states = {str(item): _view(state) for item, state in applied.states.items()}
    return {"last_seq": applied.last_seq, "states": states, "classes": classes}


def reject_one(project: Project, item: int) -> dict[str, Any]:
    """Reject a chosen image; the next best takes its place in the queue."""
    latest = selections.latest(project)
    if latest is None:
        raise InputError("Nothing is chosen yet", do="Choose images on the Select page first.")
    return {"replacement": selections.reject(project, latest.id, item), "queue": queue_of(project)}


def _view(state: State | None) -> Answer:
    """One answer an image: label, skip, flag ("cannot tell"), or "" for none. A label outweighs the flag."""
    if state is None:
        return {"kind": "", "class": None}
    if state.kind == "none":
        return {"kind": "flag" if state.flagged else "", "class": None}
    return {"kind": state.kind, "class": state.class_id}


def _named(state: State | None) -> Named:
    view = _view(state)
    return {"state": view["kind"] or None, "class": view["class"]}


def _op(values: dict[str, Any]) -> Op:
    """One operation of the page. What it means is checked where it is stored."""
    lead = values.get("lead_time")
    if lead is not None and (isinstance(lead, bool) or not isinstance(lead, int | float) or not math.isfinite(lead)):
        raise InputError("The time taken is not a number of seconds", repr(lead)[:80])
    kind = values.get("kind")
    if not isinstance(kind, str):
        raise InputError("There is no such operation", repr(kind)[:80])
    annotator = values.get("annotator", "")
    if not isinstance(annotator, str):
        raise InputError("The name of the person is not a text", repr(annotator)[:80])
    source = values.get("source", "person")
    if source not in SOURCES:
        raise InputError("There is no such source of a label", repr(source)[:80], f"Known: {', '.join(SOURCES)}.")
    return Op(
        seq=values.get("seq"),  # type: ignore[arg-type]
        kind=kind,  # type: ignore[arg-type]
        item=values.get("item"),
        class_id=values.get("class_id") if kind == "label" else None,
        lead_time=None if lead is None else float(lead),
        source=source,
        annotator=annotator or computer.person(),
        batch=values.get("batch"),
    )
