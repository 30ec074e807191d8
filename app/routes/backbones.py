"""The backbones and their weights: what is ready, a download, a file of the person's own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, FastAPI, Query

from app.routes.shapes import told
from app.shell import computer
from app.shell.jobs import Fetch
from app.shell.server import Server
from fact_core import processor
from fact_core.choices import (
    BACKBONES,
    DEFAULT_BACKBONE,
    TEXT_SIDES,
    backbone_choice,
    canonical,
    plain_name,
    unfit_recipes,
    used_networks,
)
from fact_core.choices.any_timm import forget_network
from fact_core.errors import InputError
from fact_core.folders import data_folder
from fact_core.paths import typed
from fact_core.pretrained import catalogue, weights
from fact_core.pretrained.proposal import Offer, propose
from fact_core.pretrained.text_weights import text_side, text_status

Pool = Annotated[int, Query(ge=0, le=10**12)]  # how many images the network has to look at; 0: not known yet
TEXT = ".text"  # behind the name of a backbone: its text side is fetched
UNNAMED = ""  # a file is given without the backbone that it is for
PAPERS_BACKBONE = "vit_small_patch16_224.dino"


@dataclass(frozen=True)
class Words:
    """The text side of a backbone. bytes: of its download; failed: why the last one was in vain."""

    ready: bool
    detail: str
    bytes: int
    busy: bool
    failed: str


@dataclass(frozen=True)
class BackboneRow:
    """A backbone and its weights. ``bytes``: of the download; ``own``: from the person's file; ``failed``: why.

    ``published``: how good its makers found it; ``conditions``: what to know before it is fetched; ``unfit``:
    recipes that cannot train it; ``listed``: it is no other network of timm's, which can be taken off the table;
    ``words``: of its text side, where it has one.
    """

    name: str
    title: str
    help: str
    parameters: int
    licence: str
    published: str
    conditions: str
    unfit: list[str]
    listed: bool
    seconds_per_image: float
    ready: bool
    detail: str
    bytes: int
    own: bool
    busy: bool
    percent: int | None
    file: str
    failed: str
    words: Words | None


@dataclass(frozen=True)
class Backbones:
    """All of them. ``busy``: weights are being fetched; ``recommended``: a name.
    ``reason``: "paper", "strong" or "here".


    ``proposed``: the name of one that is stronger with few labels and whose weights are not here yet; "" for none.
    ``finding``: it is being found out which network a file is for; ``not_found``: why that could not be told.
    """

    backbones: list[BackboneRow]
    busy: bool
    recommended: str
    reason: str
    proposed: str
    finding: bool
    not_found: str


def register(app: FastAPI, server: Server) -> None:
    """GET /x/backbones, /x/networks; POST /x/weights, /x/weights/forget, /x/networks, /x/networks/forget."""

    @app.get("/x/backbones")
    def backbones(images: Pool = 0) -> dict[str, Any]:
        return told(all_backbones(server, images))

    @app.post("/x/weights")
    def fetch(name: str = Body(), file: str = Body(""), text: bool = Body(False), images: Pool = 0) -> dict[str, Any]:
        path = str(typed(file)) if file.strip() else ""
        if name or not path:
            backbone_choice(name)
        if text:
            text_side(name)
        if path:
            weights.weights_file(Path(path))
        if path and _busy(server.downloads):
            raise InputError("Other weights are being fetched", do="Wait until they are there, and try again.")
        if not _busy(server.downloads):
            server.downloads[name + TEXT * text] = Fetch(_start(name, path, text), path)
        return told(all_backbones(server, images))

    @app.post("/x/weights/forget")
    def forget(name: str = Body(embed=True), images: Pool = 0) -> dict[str, Any]:
        weights.forget(name)
        return told(all_backbones(server, images))

    @app.get("/x/networks")
    def networks(words: str = "") -> dict[str, Any]:
        found, total = catalogue.search(words)
        return {"networks": [told(each) for each in found], "total": total}

    @app.post("/x/networks")
    def add(name: str = Body(embed=True), images: Pool = 0) -> dict[str, Any]:
        backbone_choice(canonical(name.strip()))  # asked of timm, and noted from now on
        return told(all_backbones(server, images))

    @app.post("/x/networks/forget")
    def take_off(name: str = Body(embed=True), images: Pool = 0) -> dict[str, Any]:
        forget_network(name)
        return told(all_backbones(server, images))


def all_backbones(server: Server, images: int) -> Backbones:
    """The backbones table for a pool of so many images. Recommended: the strongest that is ready and fits."""
    downloads, gpu = server.downloads, bool(server.gpu)
    rows = [backbone(name, downloads, gpu) for name in (*BACKBONES, *used_networks())]
    named = downloads.get(UNNAMED)
    ended = named.process.poll() if named else None
    asked = (named is not None and ended is None, _last_words(UNNAMED) if ended else "")
    found = propose([_offer(row) for row in rows], images, gpu)
    reason = "here" if not found.ready else "paper" if found.ready == PAPERS_BACKBONE else "strong"
    return Backbones(rows, _busy(downloads), found.ready or DEFAULT_BACKBONE, reason, found.other, *asked)


def _offer(row: BackboneRow) -> Offer:
    linear = backbone_choice(row.name).linear
    return Offer(row.name, linear, row.parameters, row.seconds_per_image, not row.conditions, row.ready)


def backbone(name: str, downloads: dict[str, Fetch], has_gpu: bool) -> BackboneRow:
    """One row of the backbones table."""
    choice = backbone_choice(name)
    here = weights.status(name)
    fetch = downloads.get(name)
    ended = fetch.process.poll() if fetch else None
    busy = fetch is not None and ended is None
    file = fetch.file if fetch else ""
    return BackboneRow(
        name=name,
        title=choice.title,
        help=choice.help,
        parameters=choice.parameters,
        licence=choice.licence,
        published=choice.published,
        conditions=choice.conditions,
        unfit=unfit_recipes(name),
        listed=name in BACKBONES,
        seconds_per_image=computer.seconds_per_image(choice, processor.cores(), has_gpu),
        ready=here.ready,
        detail=here.detail,
        bytes=here.download_bytes,
        own=here.source == "file",
        busy=busy,
        percent=_percent(name) if busy and not file else None,
        file=file,
        failed=_last_words(name) if ended and (file or not here.ready) else "",
        words=_words(name, downloads),
    )


def _words(name: str, downloads: dict[str, Fetch]) -> Words | None:
    if name not in TEXT_SIDES:
        return None
    here = text_status(name)
    busy, failed = text_download(name, downloads)
    return Words(here.ready, here.detail, here.download_bytes, busy, "" if here.ready else failed)


def text_download(name: str, downloads: dict[str, Fetch]) -> tuple[bool, str]:
    """(whether the text side of a backbone is being fetched, why the last time was in vain)."""
    fetch = downloads.get(name + TEXT)
    ended = fetch.process.poll() if fetch else None
    return fetch is not None and ended is None, _last_words(name + TEXT) if ended else ""


def _busy(downloads: dict[str, Fetch]) -> bool:
    return any(fetch.process.poll() is None for fetch in downloads.values())


def _percent(name: str) -> int | None:
    """How much of a download is there; None where nothing can be seen of it."""
    source = backbone_choice(name).sources[0]
    done = weights.hub_bytes(source) if source.kind == "hub" and source.bytes else 0
    return min(99, 100 * done // source.bytes) if done else None


def _log_file(name: str) -> Path:
    return data_folder() / f"weights-{plain_name(name)}.log"


def _start(name: str, path: str, text: bool = False) -> subprocess.Popen[bytes]:
    """The command that a person would type: it uses that file or, without one, the network (a click on Download)."""
    file = _log_file(name + TEXT * text)
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "wb") as out:
        words = [name] * bool(name) + [f"--file={path}"] * bool(path) + ["--text"] * text
        command = [sys.executable, "-m", "fact_core.cli", "weights", *words]
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)


def _last_words(name: str) -> str:
    try:
        lines = [line.strip() for line in _log_file(name).read_text("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        lines = []
    return lines[-1].removeprefix("error: ")[:500] if lines else "The download failed."
