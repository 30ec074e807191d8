"""Labels and predictions out, as CSV that spreadsheets can open. What comes in: ``label_files``."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from fact_core.analysis import merged_classes
from fact_core.errors import RunError
from fact_core.exchange.cells import FORMULA
from fact_core.files import write_text
from fact_core.labeling import checked, classes, finished, labels_now, notes
from fact_core.storage import db, items, run_queue
from fact_core.storage.excluded import excluded
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray

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
#: kind: label, skipped, left out, cannot tell, or open. file: missing or unreadable, where it is not as it was
LABEL_FIELDS = (*FIELDS, "note", "kind", "file")
FINISHED_FIELDS = ("file_path", "label", "source", "confidence", "kind")
_UNLABELED = {"skip": "skipped", "exclude": "left out"}
_MARK = "\ufeff"  # without it Excel takes UTF-8 for another encoding; pandas and datasets pass over it
#: A number or a lone sign, which no spreadsheet runs.
_HARMLESS = re.compile(r"[+-]?(\d+([.,]\d+)*)?([eE][+-]?\d+)?%?")


def write_labels(project: Project, file: Path) -> int:
    """Write as CSV what was said of each image, by image id, with the notes. Returns how many rows.

    Images that are skipped, left out or marked "cannot tell" have no label, and their kind says why; so have those of
    which there is a note alone. Images whose file is missing or unreadable now keep their row, which says so, and are
    in no split: a label counts again when its file is back.
    """
    with db.moment(project.db):
        splits = _splits(project)
        names = {each.id: each.name for each in classes.classes(project)}
        said, states = notes.newest(project), labels_now.states(project)
        givers, known = labels_now.givers(project), items.known(project, states.keys() | said.keys())
    rows: list[tuple[object, ...]] = []
    for item, path, file_now in known:
        if item not in states:  # nothing but a note
            rows.append((item, path, *[""] * (len(FIELDS) - 2), said[item], "open", file_now))
            continue
        row, state = givers[item], states[item]
        labeled = state.kind == "label" and state.class_id in names
        kind = "label" if labeled else _UNLABELED.get(state.kind, "cannot tell")
        lead = "" if row.lead_time is None else f"{row.lead_time:.3f}"
        name = names[state.class_id or 0] if labeled else ""
        split = splits.get(item, "train") if labeled and not file_now else ""
        who = (row.source, row.annotator, lead, _iso(row.at))
        rows.append((item, path, name, "", split, *who, said.get(item, ""), kind, file_now))
    write_text(Path(file), _MARK + csv_text(LABEL_FIELDS, rows), "writing the labels")
    return len(rows)


def write_finished(project: Project, file: Path) -> int:
    """Write every image with its label as CSV, as the view ``finished`` has them. Returns how many rows."""
    rows = [
        (each.path, each.label, each.source, "" if each.confidence is None else f"{each.confidence:.6f}", each.kind)
        for each in finished.rows(project)
    ]
    write_text(Path(file), _MARK + csv_text(FINISHED_FIELDS, rows), "writing the finished labels")
    return len(rows)


def write_predictions(project: Project, run_id: int, file: Path, *, each_class: bool = False) -> int:
    """Write the answers of a training run (or of the run that predicted with it) as CSV, one row an image.

    Repeats get the answer of the image they repeat. split: train and check for labeled images, left out for those that
    a person has left out since, pool for the others. each_class: with a column "p_NAME" for the probability of each
    class. Returns the number of rows.
    RunError when the run has no predictions.
    """
    with db.moment(project.db):
        return _write_predictions(project, run_id, file, each_class)


def _write_predictions(project: Project, run_id: int, file: Path, each_class: bool) -> int:
    stored, trained, ended = _predictions(project, run_id)
    ids, y, confidence, p = stored
    names = _class_names(project, trained)
    if len(y) and (int(y.max()) >= len(names) or (each_class and p.shape != (len(y), len(names)))):
        raise RunError("The predictions do not fit the classes of the run", f"run {run_id}", "Predict again.")
    y, confidence = merged_classes.answers(p, y, confidence, names)
    p, columns = merged_classes.added_up(p, names) if each_class else (p, ())
    names = merged_classes.joined(names)[0]
    splits = _splits(project)
    place = {int(item): row for row, item in enumerate(ids)}
    for repeat, first in items.duplicates(project).items():
        if first in place:
            place[repeat] = place[first]
    rows: list[tuple[object, ...]] = []
    for item in items.get_many(project, sorted(place)):
        at = place[item.id]
        shares = tuple(f"{share:.6f}" for share in p[at]) if each_class else ()
        answer = (names[int(y[at])], f"{float(confidence[at]):.6f}", splits.get(item.id, "pool"))
        rows.append((item.id, item.path, *answer, "model", "", "", _iso(ended), *shares))
    header = (*FIELDS, *(f"p_{name}" for name in columns))
    write_text(Path(file), _MARK + csv_text(header, rows), "writing the predictions")
    return len(rows)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV text. A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    out = _Lines()
    # The library quotes what holds a sign of its line end: a name of a file may hold a carriage return, too.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([escaped(cell) if isinstance(cell, str) else cell for cell in row])
    return "".join(out)


class _Lines(list[str]):
    """The rows of a CSV, each ended by a line feed alone."""

    def write(self, row: str) -> None:
        self.append(f"{row.removesuffix(chr(13) + chr(10))}\n")


def escaped(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would run it. Numbers and a lone sign stay.

    One that looks escaped already gets another apostrophe: "=a" and "'=a" stay two names.
    """
    return "'" + text if text.lstrip("'").startswith(FORMULA) and not _HARMLESS.fullmatch(text) else text


def changed_names(project: Project) -> tuple[str, ...]:
    """The classes that do not stand in a CSV as they are called."""
    return tuple(each.name for each in classes.classes(project) if escaped(each.name) != each.name)


def _splits(project: Project) -> dict[int, str]:
    """Labeled images: train, or check for check images; those that are left out say so."""
    picks, audits = labels_now.snapshot(project, "pick"), labels_now.snapshot(project, "audit")
    said = {int(i): "train" for i in picks.ids} | {int(i): "check" for i in audits.ids}
    return said | dict.fromkeys(excluded(project), "left out")


def _predictions(
    project: Project, run_id: int
) -> tuple[tuple[IntArray, IntArray, FloatArray, FloatArray], run_queue.Run, float]:
    """((ids, y, confidence, probabilities (N, K)), the training run, when it was predicted)."""
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
            arrays = tuple(kept[name] for name in ("ids", "y", "confidence", "probabilities"))
            digests = kept["digests"] if "digests" in kept.files else None
            # Of an image whose bytes are others by now it says nothing, also where a scan was cut short.
            same = checked.current(arrays[0], digests, items.digests(project))
            ids, y, confidence, p = (each[same] for each in arrays)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise RunError("The predictions of this run are damaged", str(file), "Predict the pool again.") from error
    return (ids, y, confidence, p), run_queue.get(project, source), file.stat().st_mtime


def _class_names(project: Project, trained: run_queue.Run) -> tuple[str, ...]:
    names = trained.result.get("classes")
    if not isinstance(names, list) or not names:
        raise RunError("The run does not say its classes", f"run {trained.id}", "Train again.")
    return checked.class_names(project, trained, names)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
