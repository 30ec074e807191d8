"""The list of projects, and making, opening and deleting one; backbones and their weights; this computer."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import Body, FastAPI

from app import computer
from app.server import Server, key_of
from fact_core import labels, scan, weights
from fact_core import project as projects
from fact_core.choices import BACKBONES, DEFAULT_BACKBONE, pick
from fact_core.errors import FactError, InputError

PAPERS_BACKBONE = "vit_small_patch16_224.dino"
PREVIEW = 35
SHOWN_PROBLEMS = 200


@dataclass(frozen=True)
class Fetch:
    """A child that downloads a backbone's weights, or takes them from a person's ``file``."""

    process: subprocess.Popen[bytes]
    file: str


def register(app: FastAPI, server: Server) -> None:
    """GET /x/app, /x/backbones, /x/K/found; POST /x/projects/open|new|delete, /x/weights, /x/weights/forget."""
    downloads: dict[str, Fetch] = {}

    @app.get("/x/app")
    def state() -> dict[str, Any]:
        here = computer.describe(projects.home(), server.gpu)
        return {
            "version": "",
            "project": None,
            "run": None,
            "runs": [],
            "classes": [],
            "counts": None,
            "selection": None,
            "labels": None,
            "steps": [],
            "device": here["gpu"] or "CPU",
            "projects": [brief(each) for each in projects.recent()],
            "computer": here,
            "home": str(projects.home()),
        }

    @app.get("/x/backbones")
    def backbones() -> dict[str, Any]:
        return all_backbones(downloads, bool(server.gpu))

    @app.post("/x/weights")
    def fetch(name: str = Body(), file: str = Body("")) -> dict[str, Any]:
        pick(BACKBONES, name, "backbone")
        path = os.path.abspath(os.path.expanduser(file.strip())) if file.strip() else ""
        if path:
            weights.locate(name, Path(path))
        if path and _busy(downloads):
            raise InputError("Other weights are being fetched", do="Wait until they are there, and try again.")
        if not _busy(downloads):
            downloads[name] = Fetch(_start(name, path), path)
        return all_backbones(downloads, bool(server.gpu))

    @app.post("/x/weights/forget")
    def forget(name: str = Body(embed=True)) -> dict[str, Any]:
        weights.forget(name)
        return all_backbones(downloads, bool(server.gpu))

    @app.get("/x/{key}/found")
    def found(key: str) -> dict[str, Any]:
        project = server.project(key)
        bad = scan.problems(project)
        ids = scan.pool(project).ids
        drawn = np.sort(np.random.default_rng(0).permutation(ids)[:PREVIEW])
        rows = [{"path": path, "reason": reason} for path, reason in bad[:SHOWN_PROBLEMS]]
        return {"problems": rows, "total": len(bad), "preview": [int(each) for each in drawn]}

    @app.post("/x/projects/open")
    def open_one(folder: str = Body(embed=True)) -> dict[str, str]:
        if not folder.strip():
            raise InputError("The project folder is empty", do="Give the folder of the project.")
        return {"key": server.open(Path(folder.strip()))}

    @app.post("/x/projects/new")
    def new(images: str = Body(), name: str = Body(""), folder: str = Body("")) -> dict[str, str]:
        key = server.create(images, name, folder)
        server.start(key, "scan", {})
        return {"key": key}

    @app.post("/x/projects/delete")
    def delete(key: str = Body(embed=True)) -> dict[str, bool]:
        server.delete(key)
        return {"deleted": True}


def all_backbones(downloads: dict[str, Fetch], has_gpu: bool) -> dict[str, Any]:
    """The backbones table. Recommended: the paper's, where its weights are ready."""
    rows = [backbone(name, downloads, has_gpu) for name in BACKBONES]
    ready = {row["name"] for row in rows if row["ready"]}
    recommended = PAPERS_BACKBONE if PAPERS_BACKBONE in ready else DEFAULT_BACKBONE
    return {"backbones": rows, "busy": _busy(downloads), "recommended": recommended}


def brief(recent: projects.Recent) -> dict[str, Any]:
    """One row of the projects list. A project that cannot be read stands there with its reason."""
    row: dict[str, Any] = {
        "key": key_of(Path(recent.folder)),
        "name": recent.name,
        "folder": recent.folder,
        "images": recent.images,
        "opened": recent.opened,
        "pool": None,
        "labeled": 0,
        "problem": "",
    }
    try:
        project = projects.open_project(Path(recent.folder))
        row["pool"] = scan.counts(project).pool
        row["labeled"] = sum(1 for state in labels.states(project).values() if state.kind == "label")
    except FactError as error:
        row["problem"] = error.what
    return row


def backbone(name: str, downloads: dict[str, Fetch], has_gpu: bool) -> dict[str, Any]:
    """One row of the backbones table."""
    choice = BACKBONES[name]
    here = weights.status(name)
    fetch = downloads.get(name)
    ended = fetch.process.poll() if fetch else None
    busy = fetch is not None and ended is None
    file = fetch.file if fetch else ""
    return {
        "name": name,
        "title": choice.title,
        "help": choice.help,
        "parameters": choice.parameters,
        "licence": choice.licence,
        "seconds_per_image": computer.seconds_per_image(choice, computer.cores(), has_gpu),
        "ready": here.ready,
        "detail": here.detail,
        "bytes": here.download_bytes,
        "own": here.source == "file",
        "busy": busy,
        "percent": _percent(name) if busy and not file else None,
        "file": file,
        "failed": _last_words(name) if ended and (file or not here.ready) else "",
    }


def _busy(downloads: dict[str, Fetch]) -> bool:
    return any(fetch.process.poll() is None for fetch in downloads.values())


def _percent(name: str) -> int | None:
    """How much of a download is there; None where nothing can be seen of it."""
    source = BACKBONES[name].sources[0]
    done = weights.hub_bytes(source) if source.kind == "hub" and source.bytes else 0
    return min(99, 100 * done // source.bytes) if done else None


def _log_file(name: str) -> Path:
    return projects.home() / f"weights-{name}.log"


def _start(name: str, path: str) -> subprocess.Popen[bytes]:
    """The command that a person would type: it uses that file or, without one, the network (a click on Download)."""
    file = _log_file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "wb") as out:
        command = [sys.executable, "-m", "fact_core.cli", "weights", name, *([f"--file={path}"] if path else [])]
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)


def _last_words(name: str) -> str:
    try:
        lines = [line.strip() for line in _log_file(name).read_text("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    return lines[-1].removeprefix("error: ")[:500] if lines else "The download failed."
