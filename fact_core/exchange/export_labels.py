"""Labels and predictions out, as CSV that spreadsheets can open. What comes in: ``label_files``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from fact_core.errors import RunError
from fact_core.exchange.cells import FORMULA
from fact_core.files import write_text
from fact_core.labeling import classes, labels_now, notes
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project
from fact_core.types import IntArray

FIELDS = (
    "sample_id",
    "file_path",
    "label",
    "confidence",
    "split",
    "source",
    "annotator",
    "lead_time",
    "created_at",
)
LABEL_FIELDS = (*FIELDS, "note")


def write_labels(project: Project, file: Path) -> int:
    """Write the labels as CSV with the notes, by image id; images without a label are left out. Returns how many."""
    splits = _splits(project)
    names = {each.id: each.name for each in classes.classes(project)}
    said = notes.newest(project)
    newest = {row.item: row for row in labels_now.history(project) if row.item is not None}
    rows = []
    for item in items.get_many(project, sorted(newest)):
        row = newest[item.id]
        if row.kind == "label" and row.class_id in names:
            lead = "" if row.lead_time is None else f"{row.lead_time:.3f}"
            split = splits.get(item.id, "train")
            name = names[row.class_id]
            who = (row.source, row.annotator, lead, _iso(row.at))
            rows.append((item.id, item.path, name, "", split, *who, said.get(item.id, "")))
    write_text(Path(file), csv_text(LABEL_FIELDS, rows), "writing the labels")
    return len(rows)


def write_predictions(project: Project, run_id: int, file: Path) -> int:
    """Write the answers of a training run (or of the run that predicted with it) as CSV, one row an image.

    Repeats get the answer of the image they repeat. split: train and check for labeled images, pool for
    the others. Returns the number of rows. RunError when the run has no predictions.
    """
    stored, trained, ended = _predictions(project, run_id)
    ids, y, confidence = stored
    names = _class_names(project, trained)
    if len(y) and int(y.max()) >= len(names):
        raise RunError("The predictions do not fit the classes of the run", f"run {run_id}", "Predict again.")
    splits = _splits(project)
    answer = {int(i): (names[int(k)], float(c)) for i, k, c in zip(ids, y, confidence, strict=True)}
    for repeat, first in items.duplicates(project).items():
        if first in answer:
            answer[repeat] = answer[first]
    rows = []
    for item in items.get_many(project, sorted(answer)):
        name, sure = answer[item.id]
        split = splits.get(item.id, "pool")
        rows.append((item.id, item.path, name, f"{sure:.6f}", split, "model", "", "", _iso(ended)))
    write_text(Path(file), csv_text(FIELDS, rows), "writing the predictions")
    return len(rows)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV text. A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([escaped(cell) if isinstance(cell, str) else cell for cell in row])
    return out.getvalue()


def escaped(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would run it."""
    return "'" + text if text.startswith(FORMULA) else text


def _splits(project: Project) -> dict[int, str]:
    """Labeled images: train, or check for check images."""
    picks, audits = labels_now.snapshot(project, "pick"), labels_now.snapshot(project, "audit")
    return {int(i): "train" for i in picks.ids} | {int(i): "check" for i in audits.ids}


def _predictions(project: Project, run_id: int) -> tuple[tuple[IntArray, IntArray, IntArray], run_queue.Run, float]:
    """((ids, y, confidence), the training run, when it was predicted)."""
    run = run_queue.get(project, run_id)
    source = int(run.config.get("run") or run.parent or run.id) if run.kind == "predict" else run.id
    for folder in (run.id, source):
        file = project.predictions_file(folder)
        if file.is_file():
            break
    else:
        raise RunError("This run has no predictions", f"run {run_id}", "Predict the pool first.")
    try:
        with open(file, "rb") as content, np.load(content, allow_pickle=False) as kept:
            arrays = (kept["ids"], kept["y"], kept["confidence"])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise RunError("The predictions of this run are damaged", str(file), "Predict the pool again.") from error
    return arrays, run_queue.get(project, source), file.stat().st_mtime


def _class_names(project: Project, trained: run_queue.Run) -> tuple[str, ...]:
    names = trained.result.get("classes")
    if not isinstance(names, list) or not names:
        raise RunError("The run does not say its classes", f"run {trained.id}", "Train again.")
    return labels_now.names_now(project, trained.result.get("class_ids") or (), names)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
