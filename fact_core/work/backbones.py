"""The run that compares backbones on a person's own labels."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch

from fact_core.analysis.standings import standings
from fact_core.choices import BACKBONES, backbone_choice, used_networks
from fact_core.compute.pace import seconds_a_picture
from fact_core.config import BackbonesConfig
from fact_core.errors import ConfigError, ImageError, InputError
from fact_core.events import Log
from fact_core.features.extract import extract
from fact_core.generators import logs_only
from fact_core.labeling import labels_now
from fact_core.lightweight.folds import together
from fact_core.lightweight.held_out import held_out, judged_rows
from fact_core.pretrained.weights import status
from fact_core.storage import groups, items
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import FloatArray, IntArray, Pool, Step
from fact_core.work.kind import Kind, Needed
from fact_core.work.pool_features import load_here, needs_pool, open_store
from fact_core.work.where import devices_of

FEWEST = 2  # backbones


def needs(project: Project, run: Run, config: BackbonesConfig) -> list[Needed]:
    """Images. What the networks see in the labeled ones is computed here."""
    return needs_pool(project)


def run(project: Project, run: Run, config: BackbonesConfig) -> Step[dict[str, Any]]:
    """How well each network's features tell the person's classes apart, by cross-validation on their labels.

    Check images are left out: nothing may be chosen by them. Features of labeled images are kept, so that a later run
    goes on with them. The result: a row a network, the best first (``analysis.standings.Standing``), and which is
    proposed. InputError where there are too few labels.
    """
    names = compared(config.names)
    device = (yield from devices_of(project, run, config.device)).device
    labels = labels_now.snapshot(project, "pick")
    if len(labels.ids) == 0:
        raise InputError("There are no labels to compare by", do="Label some of the chosen images first.")
    pool = items.pool(project)
    there = np.isin(labels.ids, pool.ids)
    ids, y = labels.ids[there], labels.y[there]
    found, seconds = dict[str, FloatArray](), dict[str, float]()
    for name in names:
        yield Log(f"What {backbone_choice(name).title} sees in {len(ids)} labeled images")
        found[name], seconds[name], seen = yield from _seen(project, name, pool, ids, device)
        ids, y = ids[seen], y[seen]
        found = {each: x if each == name else x[seen] for each, x in found.items()}
    belong = together(found[names[0]], y, groups.among(project, ids))
    rows = judged_rows(y, belong)
    right = {}
    for name in names:
        judging = held_out(found[name][rows], y[rows], torch.Generator().manual_seed(0), belong[rows])
        right[name] = (yield from logs_only(judging)).right
        share = 100 * right[name].mean()
        yield Log(f"{backbone_choice(name).title}: {share:.1f} %, {1000 * seconds[name]:.0f} ms an image")
    standing, proposed = standings(right, seconds, belong[rows])
    told = [{**dataclasses.asdict(each), "title": backbone_choice(each.name).title} for each in standing]
    classes = len(np.unique(y[rows]))
    return {"labels": len(rows), "left_out": len(y) - len(rows), "classes": classes, "rows": told, "proposed": proposed}


def compared(names: str) -> list[str]:
    """The backbones of a list with commas, or all whose weights are ready. ConfigError where one is not ready."""
    asked = list(dict.fromkeys(each.strip() for each in names.split(",") if each.strip()))
    found = asked or [name for name in (*BACKBONES, *used_networks()) if status(name).ready]
    for name in found:
        if not status(name).ready:
            raise ConfigError(f"The weights of {name} are not here", status(name).detail, "Fetch them first.")
    if len(found) < FEWEST:
        raise ConfigError(
            "There is nothing to compare",
            f"{len(found)} backbones are ready.",
            "Download another one on the Project page, or by launch.py weights NAME.",
        )
    return found


def _seen(
    project: Project, name: str, pool: Pool, ids: IntArray, device: torch.device
) -> Step[tuple[FloatArray, float, IntArray]]:
    """(features (n, D) of those images that can be read, seconds of one image, their rows (n,) in ``ids``)."""
    backbone = load_here(project, name, device)
    store, bad = open_store(project, backbone), dict[str, ImageError]()
    rows = pool.rows(ids)
    digests = [pool.digests[row] for row in rows.tolist()]
    yield from extract(backbone, digests, pool.sources(rows), store, device=device, on_bad=bad.__setitem__)
    missing = set(store.missing(digests))
    seen = np.array([row for row, digest in enumerate(digests) if digest not in missing], dtype=np.int64)
    x = store.gather([digests[row] for row in seen.tolist()])
    return x, seconds_a_picture(backbone.to(device), backbone.preprocess.pixels, device), seen


KIND = Kind(run, needs)
