"""Handlers of the runs about a model: train, predict, export."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fact_core.analysis.evaluate import report
from fact_core.choices import PRESETS, RECIPES
from fact_core.classifier.export import write_model
from fact_core.classifier.model import Classifier, load_model, save_model
from fact_core.classifier.predict import Predictions
from fact_core.classifier.predict import predict as answer
from fact_core.compute.device import choose, describe
from fact_core.config import ExportConfig, PredictConfig, TrainConfig, to_dict
from fact_core.errors import InputError, RunError, storage_error
from fact_core.events import Log
from fact_core.exchange import export_labels, label_files
from fact_core.features.extract import features_key
from fact_core.files import write_text
from fact_core.finetune import phase_cache
from fact_core.finetune.checkpoint import clear
from fact_core.finetune.estimate import cross_validated
from fact_core.finetune.pipeline import train as run_phases
from fact_core.finetune.self_training import drawn
from fact_core.finetune.training_run import CheckSet
from fact_core.labeling import classes, labels_now, selections
from fact_core.storage import items as scanning
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.types import ClassReport, FloatArray, IntArray, Labels, Pool, Report, Step
from fact_core.work.kinds_pool import load_here, pool_features

POOL_TOKENS = 256  # images of the pool whose tokens give the PCA of the light model
KEPT_PHASES = 2 * 2**30  # bytes of finished phases 2 in the cache, each as large as the backbone
CHECKED = 16  # images on which an export is compared with the model


@dataclass(frozen=True)
class TrainingLabels:
    """The labels that a training run works with: fixed when it first starts, so that a resumed run has the same."""

    ids: IntArray  # (n,)
    y: IntArray  # (n,)
    classes: tuple[str, ...]
    check_ids: IntArray  # (m,)
    check_classes: tuple[str, ...]  # m names; may hold classes that the training labels lack
    class_ids: tuple[int, ...]  # of ``classes``: they stay when a class is renamed
    pool_ids: IntArray  # of images without a label, for self-training


def train(project: Project, run: run_queue.Run, config: TrainConfig) -> Step[dict[str, Any]]:
    """Run the recipe's phases on the labels so far, save the model, check it on the check images."""
    started = time.monotonic()
    device = choose(config.device)
    run_queue.note(project, run.id, device=describe(device))
    folder = project.run_folder(run.id)
    pool, x, _ = pool_features(project, config.backbone, config.device)
    known = _known(project, folder, config, pool)
    recipe, effort = RECIPES[config.recipe].title, PRESETS[config.preset].title
    yield Log(f"{recipe}, {effort}, seed {config.seed}, {describe(device)}")
    yield Log(f"{len(known.ids)} labels in {len(known.classes)} classes, {len(known.check_ids)} check images")
    known = _readable(known, pool)
    held = _held(known, pool, x)
    rows = pool.rows(known.ids)
    rng = np.random.default_rng(config.seed)
    some = rng.choice(len(pool), size=min(POOL_TOKENS, len(pool)), replace=False)
    trained = yield from run_phases(
        backbone=load_here(config.backbone, device),
        files=[pool.file(row) for row in rows],
        y=known.y,
        classes=known.classes,
        x=x[rows],
        check=held,
        pool_files=[pool.file(row) for row in np.sort(some)],
        config=config,
        device=device,
        folder=folder / "checkpoint",
        reuse=project.cache / "phase2",
        unlabelled=[pool.file(row) for row in pool.rows(known.pool_ids)],
    )
    phase_cache.prune(project.cache / "phase2", KEPT_PHASES)
    about = {"recipe": config.recipe, "config": to_dict(config), "labels": len(known.ids), "run": run.id}
    save_model(folder / "model", trained.classifier, about)
    checked = yield from _check(project, trained.classifier, known, config)
    checked = checked or _estimate(known, x[rows], config)
    clear(folder / "checkpoint")  # last: a run that is stopped before goes on from it
    return {
        "phases": [dataclasses.asdict(each) for each in trained.phases],
        "decisions": [dataclasses.asdict(each) for each in trained.decisions],
        "report": _plain(checked) if checked else None,
        "seconds": time.monotonic() - started,
        "model": str(folder / "model"),
        "labels": len(known.ids),
        "ids": [int(each) for each in known.ids],
        "pool_ids": [int(each) for each in known.pool_ids],
        "classes": list(known.classes),
        "class_ids": list(known.class_ids),
        "counts": np.bincount(known.y, minlength=len(known.classes)).tolist(),
        "device": describe(device),
    }


def predict(project: Project, run: run_queue.Run, config: PredictConfig) -> Step[dict[str, Any]]:
    """The model's answers for the whole pool, or its accuracy on a folder of other images."""
    started = time.monotonic()
    trained = run_queue.get(project, config.run)
    classifier, _meta = load_model(project.run_folder(trained.id) / "model")
    device = choose(config.device)
    run_queue.note(project, run.id, device=describe(device))
    if config.images:
        return (yield from _test(classifier, Path(config.images), device, config.batch))
    backbone = str(trained.config.get("backbone") or classifier.backbone.name)
    pool, x, key = pool_features(project, backbone, config.device)
    same = key == features_key(classifier.backbone)  # else phase 1's layer has never seen such features
    if classifier.probe is not None and not same:
        yield Log("The backbone has other weights now than when it was trained: no answers of phase 1.", "warning")
    found = yield from answer(
        classifier,
        [pool.file(row) for row in range(len(pool))],
        device=device,
        batch=config.batch,
        probe=classifier.probe if same else None,
        x=x if same else None,
    )
    file = project.predictions_file(trained.id)
    _save_answers(file, pool, found, classifier.final)
    return {
        "run": trained.id,
        "file": str(file),
        "images": len(pool),
        "bad": len(found.bad),
        "phases": list(found.answers),
        "seconds": time.monotonic() - started,
    }


def export(project: Project, run: run_queue.Run, config: ExportConfig) -> Step[dict[str, Any]]:
    """Write the model, the predictions and the labels into a new folder."""
    started = time.monotonic()
    trained = run_queue.get(project, config.run)
    target = Path(config.folder).expanduser().absolute()
    if not config.folder.strip():
        raise InputError("The export needs a folder", do="Give the path of a new folder.")
    if not config.items:
        raise InputError("Nothing is chosen for the export", do="Choose at least one item.")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError("The folder for the export is not empty", str(target), "Choose a new folder.")
    yield Log(f"writing {', '.join(config.items)} into {target}")
    files: list[str] = []
    if "model" in config.items:
        files += yield from _write_model(project, trained, target)
    target.mkdir(parents=True, exist_ok=True)
    if "predictions" in config.items:
        export_labels.write_predictions(project, trained.id, target / "predictions.csv")
        files.append("predictions.csv")
    if "labels" in config.items:
        export_labels.write_labels(project, target / "labels.csv")
        files.append("labels.csv")
    return {"folder": str(target), "files": files, "run": trained.id, "seconds": time.monotonic() - started}


def _known(project: Project, folder: Path, config: TrainConfig, pool: Pool) -> TrainingLabels:
    """The labels of this run, and the images of self-training: those stored at its first start, else those of now."""
    file = folder / "labels.json"
    if file.is_file():
        kept = json.loads(file.read_text("utf-8"))
        return TrainingLabels(
            np.array(kept["ids"], dtype=np.int64),
            np.array(kept["y"], dtype=np.int64),
            tuple(kept["classes"]),
            np.array(kept["check_ids"], dtype=np.int64),
            tuple(kept["check_classes"]),
            tuple(kept.get("class_ids", ())),  # a run begun by an older version has none
            np.array(kept.get("pool_ids", ()), dtype=np.int64),
        )
    only = config.selection or None
    picks = _used(labels_now.snapshot(project, "pick", only))
    if len(picks.ids) == 0:
        raise InputError("There are no labels to train on", do="Label some of the chosen images first.")
    audit = labels_now.snapshot(project, "audit", only)
    ids = {each.name: each.id for each in classes.classes(project)}
    known = TrainingLabels(
        picks.ids,
        picks.y,
        picks.classes,
        audit.ids,
        tuple(audit.classes[each] for each in audit.y),
        tuple(ids[name] for name in picks.classes) if set(picks.classes) <= set(ids) else (),
        _unlabelled(project, pool, config),
    )
    plain = {
        "ids": known.ids.tolist(),
        "y": known.y.tolist(),
        "classes": known.classes,
        "check_ids": known.check_ids.tolist(),
        "check_classes": known.check_classes,
        "class_ids": known.class_ids,
        "pool_ids": known.pool_ids.tolist(),
    }
    write_text(file, json.dumps(plain, ensure_ascii=False), "saving the labels of the run")
    return known


def _unlabelled(project: Project, pool: Pool, config: TrainConfig) -> IntArray:
    """Ids of the images that self-training may name, where the run has it."""
    if "st" not in config.phases:
        return np.array([], dtype=np.int64)
    taken = np.flatnonzero(np.isin(pool.ids, selections.spoken_for(project)))
    return pool.ids[drawn(len(pool), taken, config.st.images, config.seed)]


def _readable(known: TrainingLabels, pool: Pool) -> TrainingLabels:
    """Without images that have lost their features since the run first started: their files cannot be read."""
    keep, checks = np.isin(known.ids, pool.ids), np.isin(known.check_ids, pool.ids)
    return dataclasses.replace(
        known,
        ids=known.ids[keep],
        y=known.y[keep],
        check_ids=known.check_ids[checks],
        check_classes=tuple(name for name, there in zip(known.check_classes, checks, strict=True) if there),
        pool_ids=known.pool_ids[np.isin(known.pool_ids, pool.ids)],
    )


def _used(known: Labels) -> Labels:
    """Only the classes that have a label: nothing can be learned about the others."""
    used = np.unique(known.y)
    return Labels(known.ids, np.searchsorted(used, known.y), tuple(known.classes[each] for each in used))


def _held(known: TrainingLabels, pool: Pool, x: FloatArray) -> CheckSet | None:
    """The check images whose class the classifier can name; the others count in the report only."""
    place = {name: index for index, name in enumerate(known.classes)}
    keep = [i for i, name in enumerate(known.check_classes) if name in place]
    if not keep:
        return None
    rows = pool.rows(known.check_ids[keep])
    y = np.array([place[known.check_classes[i]] for i in keep], dtype=np.int64)
    return CheckSet([pool.file(row) for row in rows], y, x[rows])


def _check(project: Project, classifier: Classifier, known: TrainingLabels, config: TrainConfig) -> Step[Report | None]:
    """How good the last phase is on the check images, those of unknown classes included."""
    if not len(known.check_ids):
        return None
    pool = scanning.pool(project)
    files = [pool.file(row) for row in pool.rows(known.check_ids)]
    found = yield from answer(classifier, files, device=choose(config.device), batch=64)
    keep = [row for row in range(len(files)) if row not in found.bad]
    if not keep:
        return None
    wider = (*known.classes, *sorted(set(known.check_classes) - set(known.classes)))
    truth = np.array([wider.index(known.check_classes[row]) for row in keep], dtype=np.int64)
    wide = np.zeros((len(truth), len(wider)))
    wide[:, : len(known.classes)] = found.answers[classifier.final][keep]
    seen = ", on which the weights were chosen too: an honest figure would be lower"
    rests_on = f"{len(truth)} check images" + (seen if config.ff.keep == "best_test" else "")
    return report(truth, wide, wider, rests_on)


def _estimate(known: TrainingLabels, x: FloatArray, config: TrainConfig) -> Report | None:
    """Without check images: what cross-validation of a linear probe says."""
    answers = cross_validated(
        x, known.y, len(known.classes), c=config.lp.C, balanced=config.lp.balanced, seed=config.seed
    )
    if answers is None:
        return None
    return report(known.y, answers, known.classes, f"cross-validation of a linear probe on {len(known.ids)} labels")


def _test(classifier: Classifier, folder: Path, device: torch.device, batch: int) -> Step[dict[str, Any]]:
    """Accuracy on a folder with one sub-folder a class. Names must be those of the classifier's classes."""
    started = time.monotonic()
    files, names = label_files.read_class_folders(folder)
    found = yield from answer(classifier, files, device=device, batch=batch)
    rows = [row for row in range(len(files)) if row not in found.bad]
    named = found.answers[classifier.final].argmax(axis=1)
    right = sum(classifier.classes[named[row]] == names[row] for row in rows)
    if not rows:
        raise InputError("No image of the test folder can be read", str(folder))
    return {
        "accuracy": right / len(rows),
        "images": len(rows),
        "bad": len(found.bad),
        "seconds": time.monotonic() - started,
    }


def _save_answers(file: Path, pool: Pool, found: Predictions, final: str) -> None:
    """Answers of every phase as class numbers; probabilities of the final one."""
    keep = np.array([row for row in range(len(pool)) if row not in found.bad], dtype=np.int64)
    if not len(keep):
        raise RunError("No image of the pool could be read", str(pool.root), "Scan the folder again.")
    p = found.answers[final][keep]
    arrays: dict[str, Any] = {f"phase_{name}": each[keep].argmax(axis=1) for name, each in found.answers.items()}
    arrays |= {"ids": pool.ids[keep], "y": p.argmax(axis=1), "confidence": p.max(axis=1), "probabilities": p}
    staged = file.with_suffix(".new.npz")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(staged, allow_pickle=False, **arrays)
        os.replace(staged, file)
    except OSError as error:
        raise storage_error(error, "saving the predictions") from error


def _write_model(project: Project, trained: run_queue.Run, target: Path) -> Step[list[str]]:
    classifier, meta = load_model(project.run_folder(trained.id) / "model")
    pool = scanning.pool(project)
    some = np.random.default_rng(0).choice(len(pool), size=min(CHECKED, len(pool)), replace=False)
    yield from write_model(
        target,
        classifier,
        {**meta, "project": project.name},
        sample_files=[pool.file(row) for row in some],
        report=_report(trained.result.get("report")),
        figures=_figures(trained),
    )
    return sorted(each.name for each in target.iterdir())


def _figures(trained: run_queue.Run) -> dict[str, str | int | float]:
    """What the model card says about the training."""
    figures: dict[str, str | int | float] = {
        "labels": trained.result["labels"],
        "recipe": trained.config.get("recipe", ""),
        "preset": trained.config.get("preset", ""),
        "seed": trained.seed,
        "device": trained.device,
        "working time of the phases": _duration(sum(each["seconds"] for each in trained.result.get("phases") or ())),
    }
    if trained.started is not None and trained.ended is not None:  # what the page says of the run
        figures["time from start to end, loading, measuring and pauses included"] = _duration(
            trained.ended - trained.started
        )
    return figures


def _duration(seconds: float) -> str:
    """Like "45 s", "4 min 17 s", "2 h 5 min"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, of_hour = divmod(minutes, 60)
    if hours:
        return f"{hours} h {of_hour} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _plain(found: Report) -> dict[str, Any]:
    """The report as JSON; an unknown calibration is null."""
    plain = dataclasses.asdict(found)
    return {**plain, "ece": None if found.ece != found.ece else found.ece}


def _report(plain: Mapping[str, Any] | None) -> Report | None:
    if not plain:
        return None
    return Report(
        plain["basis"],
        plain["n"],
        plain["accuracy"],
        (plain["interval"][0], plain["interval"][1]),
        tuple(ClassReport(**each) for each in plain["per_class"]),
        tuple(tuple(row) for row in plain["confusion"]),
        float("nan") if plain["ece"] is None else plain["ece"],
    )
