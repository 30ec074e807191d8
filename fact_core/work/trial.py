"""The child process that answers photos which are no part of the project: ``python -m fact_core.work.trial PROJECT``.

A photo is tried at once, also while the worker trains for hours: so it has a process of its own, and a pipe in place
of the queue of runs. On stdin comes a line of JSON {"run", "bytes"} and then so many bytes, the photo's; or {"run",
"file"}, the path of one, whose answer also has a small picture of it; or {"run", "item"}, an image of the pool: where
the model looked. On stdout goes a line of JSON for each, an answer or {"error": {what, found, do}}. Photos are decoded
like every other image, bounded in their pixels and their work, and nothing of them is written anywhere. The process
ends when its stdin does: with the program that started it, whatever happens to that.
"""

from __future__ import annotations

import base64
import io
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image

from fact_core.analysis import merged_classes
from fact_core.analysis.neighbors import nearest
from fact_core.analysis.novelty import strangers
from fact_core.analysis.rows import finite_unit
from fact_core.backbones import Backbone
from fact_core.classifier.model import Classifier, load_model
from fact_core.classifier.saliency import saliency
from fact_core.compute.device import answering, device_named
from fact_core.compute.image_batches import Preprocess, load_eval, normalise
from fact_core.errors import FactError, InputError
from fact_core.generators import finish
from fact_core.images.decode import Ranges, decoding, probe
from fact_core.labeling import checked, labels_now, other_class
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project, open_project
from fact_core.types import FloatArray, IntArray
from fact_core.work.pool_features import load_here, open_store
from fact_core.work.trained_model import needs_model

TOP, NEAREST = 5, 6
THUMB = 512  # px, of the longer side of a picture that is shown
MOST_BYTES = 40_000_000  # of a photo
DEVICE = torch.device("cpu")  # a GPU may be full with a training; one photo takes a moment here too
Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """top: (class, probability), the likeliest first; near: {id, name, alike} of labeled images, the nearest first.

    unlike: it is less like every class than nearly all labeled images are like their own (``analysis.novelty``); None
    where there are too few labels, or no features, to tell. w, h: pixels; loaded: the model had to be loaded first.
    thumb: a JPEG of it in base64, where it was named by its path.
    """

    top: list[tuple[str, float]]
    near: list[Json]
    unlike: bool | None
    w: int
    h: int
    seconds: float
    loaded: bool
    thumb: str = ""


@dataclass(frozen=True)
class Where:
    """Where the model looked in an image of the pool (``classifier.saliency``).

    name: the class it is asked about, the likeliest one; cells: rows of 0 to 255; box: left, top, right, bottom of what
    the model sees of the image, as shares of its sides.
    """

    name: str
    method: str
    cells: list[list[int]]
    box: tuple[float, float, float, float]


class Trial:
    """The model of the run that was asked for last, and the pretrained network beside it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.run = 0
        self.classifier: Classifier | None = None
        self.backbone: Backbone | None = None

    def answer(self, run_id: int, content: bytes) -> Answer:
        """What the run's model says of a photo. RunError, WeightsError; ImageError where it is none."""
        began = time.monotonic()
        width, height, _ = probe(content)
        classifier, loaded = self._model(run_id)
        pre, backbone = classifier.backbone.preprocess, self.backbone
        wanted = max(pre.resize, backbone.preprocess.resize if backbone else 0)
        with decoding(content, 0, 2 * wanted, pre.ranges) as picture, answering(DEVICE):
            p = classifier(_input(picture, pre))[0].numpy()
            pooled = backbone(_input(picture, backbone.preprocess)).pooled.numpy() if backbone else None
        p, names = merged_classes.added_up(p, checked.class_names(self.project, run_queue.get(self.project, run_id)))
        best = np.argsort(-p, kind="stable")[:TOP]
        near, unlike = self._beside(pooled)
        top = [(names[row], round(float(p[row]), 4)) for row in best.tolist()]
        return Answer(top, near, unlike, width, height, round(time.monotonic() - began, 3), loaded)

    def answer_file(self, run_id: int, file: Path) -> Answer:
        """The same of a file, with a small picture of it: a browser shows no files."""
        try:
            with open(file, "rb") as opened:
                content = opened.read(MOST_BYTES + 1)
        except OSError as error:
            raise InputError("This file cannot be read", f"{file.name}: {error.strerror or error}") from error
        if len(content) > MOST_BYTES:
            raise InputError("The photo is too large", f"{file.name}", f"At most {MOST_BYTES:,} bytes.")
        found = self.answer(run_id, content)
        with decoding(content, 0, THUMB, self._ranges()) as picture:
            small, out = picture.copy(), io.BytesIO()
        small.thumbnail((THUMB, THUMB))
        small.save(out, "JPEG", quality=85)
        return replace(found, thumb=base64.b64encode(out.getvalue()).decode())

    def where(self, run_id: int, item_id: int) -> Where:
        """Where the run's model looked in an image of the pool. InputError, RunError, WeightsError, ImageError."""
        classifier, _ = self._model(run_id)
        item, pre = items.get(self.project, item_id), classifier.backbone.preprocess
        if item is None:
            raise InputError("There is no such image", str(item_id), "Reload the page.")
        with decoding(items.source_of(self.project, item), 0, 2 * pre.resize, pre.ranges) as picture:
            image, size = _input(picture, pre), picture.size
        names = checked.class_names(self.project, run_queue.get(self.project, run_id))
        with answering(DEVICE):
            p = classifier(image)[0].numpy()
        sums, once = merged_classes.added_up(p, names)
        best = once[int(sums.argmax())]  # of classes that were made one, the output that says it most
        k = max((at for at, name in enumerate(names) if name == best), key=lambda at: float(p[at]))
        found, box = saliency(classifier, image, k), pre.cut(size).box
        left, top, right, bottom = (round(side / size[axis % 2], 4) for axis, side in enumerate(box))
        cells = np.rint(255 * found.cells).astype(int).tolist()
        return Where(names[k], found.method, cells, (left, top, right, bottom))

    def _model(self, run_id: int) -> tuple[Classifier, bool]:
        """(the run's model, whether it had to be loaded)."""
        loaded = self.run != run_id or self.classifier is None
        if loaded:
            self._load(run_id)
        assert self.classifier is not None
        return self.classifier, loaded

    def _ranges(self) -> Ranges:
        return self.classifier.backbone.preprocess.ranges if self.classifier else ()

    def _load(self, run_id: int) -> None:
        self.classifier = self.backbone = None
        if needs_model(self.project, run_id):
            raise InputError("This training is not done yet", f"run {run_id}", "Wait until it is.")
        trained = run_queue.get(self.project, run_id)
        classifier, _meta = load_model(self.project.run_folder(run_id) / "model")
        name = str(trained.config.get("backbone") or classifier.backbone.name)
        self.classifier, self.run = classifier.to(DEVICE).eval(), run_id
        try:
            # at the size of the features that are stored: those of a GPU may be larger
            view = classifier.backbone.preprocess.view
            self.backbone = load_here(self.project, name, device_named("auto"), view).to(DEVICE).eval()
        except FactError:
            self.backbone = None  # weights that are gone: the model answers all the same

    def _beside(self, one: FloatArray | None) -> tuple[list[Json], bool | None]:
        """(labeled images that are most like a photo of features one (1, D), whether it is unlike every class)."""
        known = self._labeled()
        if known is None or one is None:
            return [], None
        ids, y, ordinary, names, x = known
        rows, gaps = finish(nearest(finite_unit(one), NEAREST, finite_unit(x)))
        near = [
            {"id": int(ids[row]), "name": names[int(y[row])], "alike": round(1 - float(gap) ** 2 / 2, 4)}
            for row, gap in zip(rows[0], gaps[0], strict=True)
        ]
        return near, bool(strangers(x, ordinary, one)[0])

    def _labeled(self) -> tuple[IntArray, IntArray, IntArray, tuple[str, ...], FloatArray] | None:
        """Of the labeled images that have features (ids (n,), classes (n,), these with -1 for what fits no other class,
        names, features (n, D)); None without any."""
        if self.backbone is None:
            return None
        labels = labels_now.snapshot(self.project)
        store = open_store(self.project, self.backbone)
        digests = {item.id: item.digest for item in items.get_many(self.project, labels.ids.tolist())}
        missing = set(store.missing(list(digests.values())))
        keep = [row for row, item in enumerate(labels.ids.tolist()) if digests.get(item, "") not in missing | {""}]
        if not keep:
            return None
        ids, ordinary = labels.ids[keep], other_class.ordinary(self.project, labels)[keep]
        x = store.gather([digests[int(item)] for item in ids])
        return ids, labels.y[keep], ordinary, labels.classes, x


def _input(picture: Image.Image, pre: Preprocess) -> torch.Tensor:
    """The picture [1,3,H,W] as a network sees it."""
    return normalise(load_eval(picture, pre)[None], pre, DEVICE)


def serve(trial: Trial, asked: BinaryIO, told: BinaryIO) -> None:
    """Answer until nothing comes any more."""
    while line := asked.readline():
        head = json.loads(line)
        content = asked.read(int(head.get("bytes", 0)))
        told.write((json.dumps(_answered(trial, head, content), ensure_ascii=False) + "\n").encode())
        told.flush()


def _answered(trial: Trial, head: Mapping[str, Any], content: bytes) -> Json:
    try:
        run = int(head["run"])
        if "item" in head:
            return asdict(trial.where(run, int(head["item"])))
        return asdict(trial.answer_file(run, Path(head["file"])) if "file" in head else trial.answer(run, content))
    except FactError as error:
        return {"error": {"what": error.what, "found": error.found, "do": error.do}}
    except (RuntimeError, MemoryError, OSError) as error:
        return {"error": {"what": "The photo could not be answered", "found": str(error)[:300], "do": "Try again."}}


def main(argv: list[str] | None = None) -> int:
    """Serve one project. Whatever else is printed goes to stderr: stdout is the pipe."""
    arguments = sys.argv[1:] if argv is None else argv
    torch.set_num_threads(max(1, min(4, torch.get_num_threads())))
    with os.fdopen(os.dup(1), "wb") as told:
        os.dup2(2, 1)
        serve(Trial(open_project(Path(arguments[0]))), sys.stdin.buffer, told)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
