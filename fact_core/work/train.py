"""The run that trains. From the click to ``model.safetensors``, function by function:

1. assets/train/head.js presses the hidden button train-go of app/pages/train/page.py, whose handler calls form.js
   ``submit``: it sends the form's values by POST /x/KEY/run as kind "train".
2. app/routes/runs.py ``start`` -> app/shell/server.py ``Server.start``: the options are checked (``checked`` ->
   config.py ``train_config``: effort, then recipe, then what the person set), a second training is refused, the run
   becomes a row (storage/run_queue.py ``queue``), and ``Keeper.tend`` (storage/keeper.py) starts the child where none
   lives. The command line queues the same row.
3. The child, work/worker.py ``work``, takes the row (``run_queue.claim``) and asks its kind, the ``KIND`` below, what
   it lacks: ``needs`` -> pool_features.py ``needs_features``. What is lacking is queued and goes first; then the run
   is taken again.
4. ``execute`` calls ``run`` below and pulls its events (``_drive``), which it stores for the page
   (storage/run_events.py ``append_events``); a wish to stop closes the generator.
5. ``run`` reads the stored features (pool_features.py ``pool_features``), fixes in labels.json the labels of this run
   (training_labels.py ``labels_of_run``), in ranges.json how it sees deep pixels (training_ranges.py
   ``ranges_of_run``), loads the network once (``load_here`` -> backbones/loading.py ``load``),
6. and hands arrays and files to finetune/pipeline.py ``train``, which knows no project. It runs the phases that
   ``TrainConfig.phases`` names, each the ``run`` of its file (choices/training.py ``PHASES``): finetune/probe.py,
   finetune/finetune.py (with the one loop of finetune/loop.py), finetune/self_training.py, finetune/light.py. Behind
   each phase a checkpoint is written; a run that goes on skips what is in it.
7. The classifier that comes back is written by classifier/model.py ``save_model`` into
   PROJECT/runs/ID/model/model.safetensors.
8. reports.py ``check`` measures it on the check images, or ``estimate`` by cross-validation; the dict that ``run``
   returns becomes the row's result (``run_queue.finish``), which the pages Train and Results show.
9. Where the page started the child, ``then`` queues the predictions of the pool (predict.py).
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import torch

from fact_core.analysis.training_time import Amount, expected, in_words
from fact_core.choices import PRESETS, RECIPES
from fact_core.classifier.model import divide_logits, save_model
from fact_core.compute.device import repeatable
from fact_core.config import TrainConfig, to_dict
from fact_core.errors import ImageChanged
from fact_core.events import Event, Log, Saved
from fact_core.finetune import phase_cache
from fact_core.finetune.checkpoint import clear, last_saved
from fact_core.finetune.pipeline import Trained
from fact_core.finetune.pipeline import train as run_phases
from fact_core.finetune.pool_names import for_pca
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import Report, Step
from fact_core.work import reports, temperature
from fact_core.work.gpu_memory import memory_expected
from fact_core.work.grouping import group_numbers
from fact_core.work.kind import Kind, Needed, Wanted
from fact_core.work.pool_features import load_here, needs_features, pool_features
from fact_core.work.text_rows import rows_of_names
from fact_core.work.training_labels import TrainingLabels, check_set, labels_of_run, readable
from fact_core.work.training_ranges import complete, ranges_of_run
from fact_core.work.where import devices_of

KEPT_PHASES = 2 * 2**30  # bytes of finished phases 2 in the cache, each as large as the backbone


def needs(project: Project, run: Run, config: TrainConfig) -> list[Needed]:
    """The features of the pool."""
    return needs_features(project, config.backbone, config.device, config.view)


def run(project: Project, run: Run, config: TrainConfig) -> Step[dict[str, Any]]:
    """Run the recipe's phases on the labels so far, save the model, check it on the check images."""
    started = time.monotonic()
    where = yield from devices_of(project, run, config.device)
    device = where.device
    folder = project.run_folder(run.id)
    ranges = ranges_of_run(project, folder)
    yield from complete(project, config, device, ranges)
    pool, x, _ = pool_features(project, config.backbone, config.device, config.view, ranges)
    yield from group_numbers(project, pool, config.backbone, config.device, config.view)  # of images that came since
    known = labels_of_run(project, folder, config, pool)
    recipe, effort = RECIPES[config.recipe].title, PRESETS[config.preset].title
    yield Log(f"{recipe}, {effort}, seed {config.seed}, {where.told}")
    yield Log(f"{len(known.ids):,} labels in {len(known.classes):,} classes, {len(known.check_ids):,} check images")
    known = readable(known, pool)
    yield from _expectation(project, config, known, len(pool), device)
    held = yield from check_set(known, pool, x)
    rows, others = pool.rows(known.ids), pool.rows(known.pool_ids)
    backbone = load_here(project, config.backbone, device, config.view, ranges)
    own = backbone.preprocess.pixels  # that of the features; self-training may have the network answer at another
    words = yield from rows_of_names(config, known, x[rows])
    yield from memory_expected(backbone, config, device, len(known.ids))
    try:
        with repeatable(config.deterministic):
            trained = yield from run_phases(
                backbone=backbone,
                files=pool.sources(rows),
                y=known.y,
                classes=known.classes,
                x=x[rows],
                check=held,
                pool_files=pool.sources(for_pca(len(pool), config.seed)),
                config=config,
                device=device,
                others=where.others,
                folder=folder / "checkpoint",
                reuse=project.cache / "phase2",
                unlabelled=pool.sources(others),
                unlabelled_x=x[others],
                groups=known.groups,
                other=known.other_place,
                words=words,
            )
    except ImageChanged:
        items.doubt(project, pool.digests)  # the next scan reads all of them, whatever their times say
        raise
    phase_cache.prune(project.cache / "phase2", KEPT_PHASES)
    honest = temperature.fitted(trained, known, config, x[rows])
    if honest is not None:
        divide_logits(trained.classifier, honest["value"])
    unproved = "" if honest is not None else temperature.lacking(trained, known, config)
    about = {"recipe": config.recipe, "config": to_dict(config), "labels": len(known.ids), "run": run.id}
    save_model(folder / "model", trained.classifier, {**about, "temperature": honest, "unproved": unproved})
    checked = yield from reports.check(pool, x, trained.classifier, known, config)
    checked = checked or reports.estimate(known, temperature.cross_validated(known, x[rows], config, trained))
    clear(folder / "checkpoint")  # last: a run that is stopped before goes on from it
    told = _told(trained, known, checked)
    told["temperature"], told["unproved"] = honest and {**honest, "applied": True}, unproved
    told["view"], told["pixels"] = trained.classifier.backbone.preprocess.view, own
    return {**told, "seconds": time.monotonic() - started, "model": str(folder / "model"), "device": where.told}


def _expectation(
    project: Project, config: TrainConfig, known: TrainingLabels, pool: int, device: torch.device
) -> Step[None]:
    """Say how long it will take, where something is known of this computer's speed."""
    amount = Amount(len(known.ids), len(known.classes), pool, len(known.check_ids))
    phases = expected(config, amount, run_queue.list_runs(project), device.type == "cpu")
    if phases:
        yield Log(f"This takes about {in_words(sum(phases.values()))}.")


def kept(project: Project, run: Run) -> list[Event]:
    """The last step that is in the checkpoint."""
    found = last_saved(project.run_folder(run.id) / "checkpoint")
    return [Saved(found[0].partition(".")[0], found[1])] if found else []


def then(project: Project, run: Run) -> list[Wanted]:
    """The predictions of the pool."""
    return [("predict", {"run": run.id, "device": run.config.get("device", "auto")})]


def _told(trained: Trained, known: TrainingLabels, checked: Report | None) -> dict[str, Any]:
    """What the run's result says of the phases, of how good the model is, and of the labels behind it."""
    return {
        "phases": [dataclasses.asdict(each) for each in trained.phases],
        "decisions": [dataclasses.asdict(each) for each in trained.decisions],
        "report": reports.plain(checked) if checked else None,
        "labels": len(known.ids),
        "ids": [int(each) for each in known.ids],
        "pool_ids": [int(each) for each in known.pool_ids],
        "classes": list(known.classes),
        "class_ids": list(known.class_ids),
        "counts": np.bincount(known.y, minlength=len(known.classes)).tolist(),
    }


KIND = Kind(run, needs, kept, then)
