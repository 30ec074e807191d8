"""The list of projects, and making, opening and deleting one; backbones and their weights; this computer."""

from __future__ import annotations

import subprocess
import sys
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


def register(app: FastAPI, server: Server) -> None:
    """GET /x/app, /x/backbones, /x/K/found; POST /x/projects/open|new|delete, /x/weights."""
    downloads: dict[str, subprocess.Popen[bytes]] = {}

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
    def download(name: str = Body(embed=True)) -> dict[str, Any]:
        pick(BACKBONES, name, "backbone")
        if not _busy(downloads):
            downloads[name] = _download(name)
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


def all_backbones(downloads: dict[str, subprocess.Popen[bytes]], has_gpu: bool) -> dict[str, Any]:
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


def backbone(name: str, downloads: dict[str, subprocess.Popen[bytes]], has_gpu: bool) -> dict[str, Any]:
    """One row of the backbones table."""
    choice = BACKBONES[name]
    here = weights.status(name)
    process = downloads.get(name)
    ended = process.poll() if process else None
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
        "busy": process is not None and ended is None,
        "failed": _last_words(name) if ended and not here.ready else "",
    }


def _busy(downloads: dict[str, subprocess.Popen[bytes]]) -> bool:
    return any(process.poll() is None for process in downloads.values())


def _log_file(name: str) -> Path:
    return projects.home() / f"weights-{name}.log"


def _download(name: str) -> subprocess.Popen[bytes]:
    """The command that a person would type; only a click on Download comes here."""
    file = _log_file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "wb") as out:
        command = [sys.executable, "-m", "fact_core.cli", "weights", name]
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)


def _last_words(name: str) -> str:
    try:
        lines = [line.strip() for line in _log_file(name).read_text("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    return lines[-1].removeprefix("error: ")[:500] if lines else "The download failed."
