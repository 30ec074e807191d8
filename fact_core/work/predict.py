"""The run that answers with a trained model."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fact_core.analysis import merged_classes
from fact_core.analysis.alike import like_any, near
from fact_core.analysis.calibration import scaled
from fact_core.analysis.novelty import strangers
from fact_core.backbones import Identity
from fact_core.classifier.model import Classifier, load_model
from fact_core.classifier.predict import Predictions
from fact_core.classifier.predict import predict as answer
from fact_core.config import PredictConfig
from fact_core.errors import InputError, RunError
from fact_core.events import Log
from fact_core.exchange import folders
from fact_core.features.extract import features_key
from fact_core.files import write_arrays
from fact_core.labeling import checked, labels_now, other_class, told_answers
from fact_core.storage import items, run_queue
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.storage.view import PROJECT
from fact_core.types import FloatArray, Pool, Step
from fact_core.work import test_images
from fact_core.work.kind import Kind, Needed
from fact_core.work.pool_features import needs_features, pool_features
from fact_core.work.trained_model import needs_model
from fact_core.work.training_labels import digests_of_run
from fact_core.work.where import Where, devices_of

TOLD = 20  # images that are left out, by name


def needs(project: Project, run: Run, config: PredictConfig) -> list[Needed]:
    """The training; the features of images that came into the pool after it, which have no answer without."""
    lacking = needs_model(project, config.run)
    if lacking or config.images:
        return lacking
    trained = run_queue.get(project, config.run)
    backbone, seen = trained.config.get("backbone"), str(trained.result.get("view") or PROJECT)
    return needs_features(project, str(backbone), config.device, seen) if backbone else []


def run(project: Project, run: Run, config: PredictConfig) -> Step[dict[str, Any]]:
    """The model's answers for the whole pool, or its accuracy on a folder of other images."""
    started = time.monotonic()
    trained = run_queue.get(project, config.run)
    classifier, _meta = load_model(project.run_folder(trained.id) / "model")
    where = yield from devices_of(project, run, config.device)
    if config.images:
        # its folders are compared with the classes as they are called now
        classifier.classes = checked.class_names(project, trained, classifier.classes)
        return (yield from _test(classifier, Path(config.images), _learned(project, trained), where, config.batch))
    backbone = str(trained.config.get("backbone") or classifier.backbone.name)
    view = classifier.backbone.preprocess.view  # the project may see them in another way by now
    pool, x, key = pool_features(project, backbone, config.device, view)
    same = key == _key_of(classifier, trained)  # else phase 1's layer has never seen such features
    if classifier.probe is not None and not same:
        yield Log(
            "The pool's features are others than in training (weights, deep pixels): no answers of phase 1.", "warning"
        )
    found = yield from answer(
        classifier,
        pool.sources(),
        device=where.device,
        others=where.others,
        batch=config.batch,
        probe=classifier.probe if same else None,
        x=x if same else None,
    )
    yield from _left_out(project, pool, found)
    file = project.predictions_file(trained.id)
    close, by = (
        like_any(x, _taught(project, trained, pool, x, key), near(x)),
        checked.temperature(trained.result.get("temperature")),
    )
    more = {"near": close, "strange": _strange(project, trained, pool, x)}
    _save_answers(file, pool, found, classifier.final, more, by)
    told_answers.tell(project, trained)
    return {
        "run": trained.id,
        "file": str(file),
        "images": len(pool),
        "bad": len(found.bad),
        "phases": list(found.answers),
        "seconds": time.monotonic() - started,
    }


def _taught(project: Project, trained: Run, pool: Pool, x: FloatArray, key: str) -> FloatArray:
    """Features (M, C) of the bytes that a run has learned: an image that is gone or left out since has taught it, too.

    x (N, C): of the pool; key: of these features. What has none any more is left out.
    """
    then = digests_of_run(project.run_folder(trained.id))
    if not then:  # an earlier version began it
        return x[np.isin(pool.ids, trained.result.get("ids") or [])]
    store = FeatureStore(project.features_folder(key))
    return store.gather(sorted(set(then.values()).difference(store.missing(list(then.values())))))


def _strange(project: Project, trained: Run, pool: Pool, x: FloatArray) -> npt.NDArray[np.bool_]:
    """Which images of the pool (N,) are unlike every class of those that were learned; none of these themselves."""
    known, taught = labels_now.snapshot(project), np.isin(pool.ids, trained.result.get("ids") or [])
    y = dict(zip(known.ids.tolist(), other_class.ordinary(project, known).tolist(), strict=True))
    rows = np.array([row for row in np.flatnonzero(taught) if int(pool.ids[row]) in y], dtype=np.int64)
    found = strangers(x[rows], np.array([y[int(i)] for i in pool.ids[rows]], dtype=np.int64), x)
    return found & ~taught


def _key_of(classifier: Classifier, trained: Run) -> str:
    """The key of the features that phase 1 has learned from: a student of self-training may answer at another side."""
    backbone = classifier.backbone
    own = backbone.preprocess.at(int(trained.result.get("pixels") or backbone.preprocess.pixels))
    return features_key(Identity(backbone.name, backbone.key, own))


def _left_out(project: Project, pool: Pool, found: Predictions) -> Step[None]:
    """Name the images without an answer; those that have changed are read again by the next scan."""
    for row, reason in list(found.bad.items())[:TOLD]:
        yield Log(f"{pool.paths[row]}: {reason}. Left out.", "warning")
    items.doubt(project, [pool.digests[row] for row in found.bad])


def _learned(project: Project, trained: Run) -> dict[str, str]:
    """Digest -> path of the labeled images that a training has learned, also where they have gone since.

    Who moves images from the pool into the test folder has moved what was learned.
    """
    ids = [int(each) for each in trained.result.get("ids") or ()]
    known, digests = items.digests(project)
    now = dict(zip(known.tolist(), (each.decode() for each in digests), strict=True))
    paths = {item: path for item, path, _ in items.known(project, ids)}
    then = digests_of_run(project.run_folder(trained.id))
    told = ((each.get(item), path) for each in (now, then) for item, path in paths.items())
    return {digest: path for digest, path in told if digest}


def _test(
    classifier: Classifier, folder: Path, learned: Mapping[str, str], where: Where, batch: int
) -> Step[dict[str, Any]]:
    """Accuracy on a folder with one sub-folder a class. Names must be those of the classifier's classes."""
    started = time.monotonic()
    given, truth = folders.read_class_folders(folder, known=classifier.classes)
    fair = test_images.honest(given, truth, learned)
    files, names = fair.files, fair.names
    for line in fair.left[:TOLD]:
        yield Log(f"{line}. Left out.", "warning")
    if len(fair.left) > TOLD:
        yield Log(f"{len(fair.left) - TOLD:,} more test images are left out likewise.", "warning")
    found = yield from answer(classifier, files, device=where.device, others=where.others, batch=batch)
    rows = [row for row in range(len(files)) if row not in found.bad]
    sums, once = merged_classes.added_up(found.answers[classifier.final], classifier.classes)
    named = sums.argmax(axis=1)
    right = sum(once[named[row]] == names[row] for row in rows)
    if not rows:
        raise InputError("No image of the test folder can be read", str(folder))
    return {
        "accuracy": right / len(rows),
        "images": len(rows),
        "left_out": len(fair.left),
        "bad": len(found.bad),
        "seconds": time.monotonic() - started,
    }


def _save_answers(
    file: Path, pool: Pool, found: Predictions, final: str, more: Mapping[str, Any], temperature: float
) -> None:
    """Answers of every phase as class numbers; probabilities of the final one. more: of each row of the pool.

    temperature: that of the confidences called "scaled"; NaN for none.
    """
    keep = np.array([row for row in range(len(pool)) if row not in found.bad], dtype=np.int64)
    if not len(keep):
        raise RunError("No image of the pool could be read", str(pool.root), "Scan the folder again.")
    p = found.answers[final][keep]
    arrays: dict[str, Any] = {f"phase_{name}": each[keep].argmax(axis=1) for name, each in found.answers.items()}
    arrays |= {name: each[keep] for name, each in more.items()}
    arrays |= {} if math.isnan(temperature) else {"scaled": scaled(p, temperature)}
    # An answer is about these bytes: ``checked.read_answers`` leaves out images that are others by now.
    arrays["digests"] = np.array([pool.digests[row] for row in keep], dtype=np.bytes_)
    arrays |= {"ids": pool.ids[keep], "y": p.argmax(axis=1), "confidence": p.max(axis=1), "probabilities": p}
    write_arrays(file, arrays, "saving the predictions")


KIND = Kind(run, needs)
