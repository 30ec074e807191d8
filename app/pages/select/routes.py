"""What the Select page asks: the options of its form, and another image in place of a chosen one."""

from __future__ import annotations

from typing import Any

from fastapi import Body, FastAPI

from app.pages.select import groups
from app.routes.queue import queue_of
from app.shell.forms import TITLES
from app.shell.server import Server
from fact_core.analysis.intervals import within
from fact_core.choices import backbone_choice, used_networks
from fact_core.config import RUN_CONFIGS, options
from fact_core.errors import ConfigError, InputError
from fact_core.labeling import by_hand, selections
from fact_core.storage.project import Project

#: Check images that the page suggests; of so many it says what they buy.
SUGGESTED, MOST_TOLD = 30, 400


def register(app: FastAPI, server: Server) -> None:
    """GET /x/options/KIND, /x/K/grouping; POST /x/K/reject, reject/undo, grouping."""

    @app.get("/x/options/{kind}")
    def form(kind: str) -> dict[str, Any]:
        return {"fields": fields_of(kind)}

    @app.post("/x/{key}/reject")
    def reject(key: str, item: int = Body(embed=True)) -> dict[str, Any]:
        return replace(server.project(key), item)

    @app.post("/x/{key}/reject/undo")
    def take_back(key: str, item: int = Body(embed=True)) -> dict[str, Any]:
        return back(server.project(key), item)

    @app.get("/x/{key}/grouping")
    def grouping(key: str) -> dict[str, Any]:
        return groups.grouping(server.opened(key))

    @app.post("/x/{key}/grouping")
    def group(key: str, way: str = Body(embed=True)) -> dict[str, Any]:
        return groups.choose(server.opened(key), way)


def fields_of(kind: str) -> list[dict[str, Any]]:
    """The options of a kind of run, for a form: name, title, help, type, default, limits, choices."""
    if kind not in RUN_CONFIGS:
        raise ConfigError(f"There is no run called {kind!r}", do=f"Known: {', '.join(RUN_CONFIGS)}.")
    fields = []
    for name, each in options(RUN_CONFIGS[kind]):
        meta = dict(each.metadata)
        if kind == "select" and meta["paper"] is True:
            continue
        titles = TITLES.get(name.rpartition(".")[2], {})
        listed = [_choice(each_name, titles.get(each_name)) for each_name in meta["choices"] or ()]
        if name == "backbone":
            listed += [_choice(other, backbone_choice(other)) for other in used_networks()]
        shown = {key: meta[key] for key in ("title", "help", "low", "high", "expert")}
        plain = type(each.default).__name__
        fields.append({"name": name, "type": plain, "default": each.default, "choices": listed or None, **shown})
        if (kind, name) == ("select", "check"):
            fields[-1] |= {"default": SUGGESTED, "within": [within(n) for n in range(1, MOST_TOLD + 1)]}
    return fields


def _choice(name: str, choice: Any) -> dict[str, Any]:
    """One value of a list: title, help, and what a strategy needs."""
    if choice is None:
        return {"value": name, "title": name, "help": ""}
    limits = {key: getattr(choice, key) for key in ("most", "needs_labels", "words") if hasattr(choice, key)}
    return {"value": name, "title": choice.title, "help": choice.help, **limits}


def replace(project: Project, item: int) -> dict[str, Any]:
    """Reject a chosen image; the next best takes its place in the queue."""
    latest = selections.latest(project)
    if latest is None:
        raise InputError("Nothing is chosen yet", do="Choose images on the Select page first.")
    return {"replacement": selections.reject(project, latest.id, item), "queue": queue_of(project)}


def back(project: Project, item: int) -> dict[str, Any]:
    """Choose a rejected image again: in its old place, or behind the others where an earlier round has rejected it."""
    latest = selections.latest(project)
    if latest is None:
        raise InputError("Nothing is chosen yet", do="Choose images on the Select page first.")
    if item in latest.rejected or item not in selections.rejected_picks(project):
        selections.take_back_rejection(project, latest.id, item)
    else:
        by_hand.add(project, [item])
    return {"queue": queue_of(project)}
