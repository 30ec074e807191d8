"""The features of the pool: whether they are stored, and as one array. No network is built to find them."""

from __future__ import annotations

from dataclasses import replace

import torch

from fact_core.backbones import Backbone, Identity, identify, load, pixels_for
from fact_core.choices import backbone_choice
from fact_core.compute.device import device_named
from fact_core.errors import InputError
from fact_core.features.extract import features_key
from fact_core.images.decode import Ranges
from fact_core.pretrained.weights import locate
from fact_core.storage import deep, items, run_queue
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.storage.view import PROJECT, seen_by
from fact_core.types import FloatArray, Pool
from fact_core.work.kind import Needed


def needs_pool(project: Project) -> list[Needed]:
    """A scan, where no image is known, one was cut short, or an older version has not looked how deep pixels are."""
    known = items.counts(project).pool and not deep.unknown(project) and not items.unsettled(project)
    return [] if known else [("scan", {})]


def needs_features(project: Project, backbone: str, device: str, view: str = PROJECT) -> list[Needed]:
    """A scan, or the features of the pool; nothing where they are stored."""
    lacking = needs_pool(project)
    if not lacking and not has_features(project, backbone, device, view):
        own = {"view": view} if seen_by(project, backbone, view) != seen_by(project, backbone) else {}
        return [("features", {"backbone": backbone, "device": device, **own})]
    return lacking


def has_features(project: Project, backbone: str, device: str, view: str = PROJECT) -> bool:
    """Whether the features of the whole pool are stored."""
    store = open_store(project, identify_here(project, backbone, device, view))
    # What could not be decoded when the features were made is no reason to try for ever.
    done = [run for run in run_queue.list_runs(project, "features") if run.status == "done" and _of(run, store)]
    missing, about = store.missing(sorted(set(items.pool(project).digests))), done[0].result if done else {}
    if "bad_digests" in about:
        return set(missing) <= set(about["bad_digests"])
    return len(missing) <= int(about.get("bad", 0))  # runs of early versions do not say which


def identify_here(
    project: Project, name: str, device: str, view: str = PROJECT, ranges: Ranges | None = None
) -> Identity:
    """What the features on that device depend on. WeightsError when the weights are not here."""
    found = identify(name, pixels=pixels_for(name, device_named(device)), view=seen_by(project, name, view))
    known = deep.ranges(project) if ranges is None else ranges
    return replace(found, preprocess=replace(found.preprocess, ranges=known))


def load_here(
    project: Project, name: str, device: torch.device, view: str = PROJECT, ranges: Ranges | None = None
) -> Backbone:
    """The backbone for that device, which sees of pictures what the project says, and deep pixels by its ranges.

    ranges: others than the project's of now.

    WeightsError when its weights are not here: only a person starts a download.
    """
    locate(name)
    backbone = load(name, pixels=pixels_for(name, device), view=seen_by(project, name, view))
    known = deep.ranges(project) if ranges is None else ranges
    backbone.preprocess = replace(backbone.preprocess, ranges=known)
    return backbone


def open_store(project: Project, backbone: Backbone | Identity) -> FeatureStore:
    """The file of this backbone's features."""
    folder = project.features_folder(features_key(backbone))
    return FeatureStore.open(folder, backbone_choice(backbone.name).dim, {"backbone": backbone.name})


def pool_features(
    project: Project, backbone: str, device: str, view: str = PROJECT, ranges: Ranges | None = None
) -> tuple[Pool, FloatArray, str]:
    """The pool, its features (N, D), and their key; images that have none are left out of the pool.

    ranges: how deep pixels are scaled in them; None: as the project does it now.
    """
    store = open_store(project, identify_here(project, backbone, device, view, ranges))
    pool = with_features(items.pool(project), store)
    if not len(pool):
        raise InputError("No image of the pool has features", str(project.images), "Scan the folder again.")
    return pool, store.gather(pool.digests), store.folder.name


def with_features(pool: Pool, store: FeatureStore) -> Pool:
    """The images of the pool that have features."""
    missing = set(store.missing(pool.digests))
    if not missing:
        return pool
    rows = [row for row in range(len(pool)) if pool.digests[row] not in missing]
    return Pool(
        pool.root, pool.ids[rows], tuple(pool.paths[row] for row in rows), tuple(pool.digests[row] for row in rows)
    )


def _of(run: run_queue.Run, store: FeatureStore) -> bool:
    """Whether the run has filled this store; those of early versions do not say which."""
    return bool(run.result.get("key", store.folder.name) == store.folder.name)
