"""What several pages read: the images to label in order, and one image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from fastapi import FastAPI

from app.routes.classes import classes_of
from app.routes.shapes import told
from app.shell.server import Server
from fact_core.errors import InputError
from fact_core.labeling import labels_now, notes, selections
from fact_core.labeling.history import LARGEST, State
from fact_core.storage import db, items
from fact_core.storage import project as projects
from fact_core.storage.copies import copies
from fact_core.storage.project import Project
from fact_core.storage.usable import unusable
from fact_core.types import Item


@dataclass(frozen=True)
class ImageFacts:
    """An image: ``w`` and ``h`` in pixels, ``note``: what a person wrote down about it; copies: files of its bytes."""

    id: int
    path: str
    w: int
    h: int
    note: str
    copies: list[str]


# "class" is a word of Python, so that these two are dicts.
#: What was said of an image, kind: label, skip, flag or "" for nothing; class: its id, of a label.
Answer = TypedDict("Answer", {"kind": str, "class": int | None})
#: The same in the queue, where the kind is the state and None for nothing.
Named = TypedDict("Named", {"state": str | None, "class": int | None})


def register(app: FastAPI, server: Server) -> None:
    """GET /x/K/queue, item."""

    @app.get("/x/{key}/queue")
    def queue(key: str) -> dict[str, Any]:
        return queue_of(server.project(key))

    @app.get("/x/{key}/item")
    def item(key: str, id: int) -> dict[str, Any]:
        return told(item_of(server.project(key), id))


def queue_of(project: Project) -> dict[str, Any]:
    """The images to label in order, those labeled without being chosen, and the classes."""
    with db.shared(project.db):
        version = projects.version(project)  # before the rest: what comes between is told twice, not never
        states = labels_now.states(project)
        listed = selections.queue(project)
        same = copies(project, [entry.item for entry in listed])
        by_id = {item.id: item for item in items.get_many(project, [entry.item for entry in listed])}
        said, classes, latest = notes.newest(project), classes_of(project), selections.latest(project)
        before, gone, out = set(selections.earlier(project)), unusable(project), selections.rejected_picks(project)
    entries = []
    for entry in listed:
        image = by_id.get(entry.item)
        if image is not None:
            facts = told(_facts(image, said, same))
            entries.append(
                {
                    **facts,
                    "role": entry.role,
                    "rank": entry.rank,
                    "source": entry.source,
                    **_named(states.get(entry.item)),
                }
            )
    apart = gone.union(entry["id"] for entry in entries)
    others = [{"id": item, **_named(state)} for item, state in states.items() if item not in apart]
    return {
        "project": project.id,
        "version": version,
        "selection": latest.id if latest else None,
        "next_best": len(latest.selection.next_best) if latest else 0,
        "rejected": [item for item in out if item not in apart and not answer_of(states.get(item))["kind"]],
        "entries": entries,
        "earlier": [entry["id"] for entry in entries if entry["id"] in before],
        "others": [other for other in others if other["state"]],
        "classes": classes,
    }


def item_of(project: Project, item_id: int) -> ImageFacts:
    """What is known of one image. InputError when there is none of that number."""
    image = items.get(project, item_id) if 0 < item_id < LARGEST else None
    if image is None:
        raise InputError("There is no such image", str(item_id), "Reload the page.")
    return _facts(image, notes.newest(project, [image.id]), copies(project, [image.id]))


def _facts(image: Item, said: Mapping[int, str], same: Mapping[int, list[str]]) -> ImageFacts:
    own = (said.get(image.id, ""), same.get(image.id, []))
    return ImageFacts(image.id, image.path, image.width, image.height, *own)


def answer_of(state: State | None) -> Answer:
    """One answer an image: label, skip, flag ("cannot tell"), or "" for none. A label outweighs the flag."""
    if state is None:
        return {"kind": "", "class": None}
    if state.kind == "none":
        return {"kind": "flag" if state.flagged else "", "class": None}
    return {"kind": state.kind, "class": state.class_id}


def _named(state: State | None) -> Named:
    found = answer_of(state)
    return {"state": found["kind"] or None, "class": found["class"]}
