"""Labels in, labels and predictions out, as CSV that spreadsheets can open."""

from __future__ import annotations

import csv
import io
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile

import numpy as np

from fact_core import labels, runs, scan
from fact_core.errors import InputError, RunError, storage_error
from fact_core.project import Project, clean_name, write_text
from fact_core.types import IntArray, Pool

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

#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

MAX_CSV_BYTES = 1 << 30


def read_labels(file: Path, pool: Pool, aliases: Mapping[str, int | None] | None = None) -> dict[int, str]:
    """Image id -> class name from a CSV with ``file_name`` or ``file_path``, and ``label``.

    A file is found by its path in the image folder, else by its name where only one image has it.
    aliases: paths outside the pool (``scan.aliases``): repeats stand for their image, and files that
    cannot be read are passed over. Rows without a label are passed over.
    InputError, which names the row, for a wrong encoding, missing columns, unknown or ambiguous
    files, unusable class names, and two different labels of one image.
    """
    find = _Finder(pool, aliases or {})
    found: dict[int, str] = {}
    spelled: dict[str, str] = {}  # names that differ only in case are one class
    cleaned_names: dict[str, str] = {}
    for number, name, label in _label_rows(file):
        try:
            item = find(name)
            if item is None or not label.strip():
                continue
            if label not in cleaned_names:
                cleaned = clean_name(label, "label")
                cleaned_names[label] = spelled.setdefault(cleaned.casefold(), cleaned)
        except InputError as error:
            raise InputError(f"Row {number} of the CSV: {error.what}", error.found, error.do) from None
        cleaned = cleaned_names[label]
        if found.setdefault(item, cleaned) != cleaned:
            raise InputError(
                f"Row {number} of the CSV gives an image another label than a row before",
                f"{name}: {found[item]} and {cleaned}",
                "Keep one of them.",
            )
    if not found:
        raise InputError("The CSV has no labels", str(file), _CSV_HELP)
    return found


def folder_labels(pool: Pool) -> dict[int, str]:
    """Image id -> class name: the name of the image's folder. InputError for images directly in the root."""
    spelled: dict[str, str] = {}
    found: dict[int, str] = {}
    for item, path in zip(pool.ids, pool.paths, strict=True):
        parent = PurePosixPath(path).parent.name
        if not parent:
            raise InputError(
                "Images directly in the image folder have no class", path, "Put them into sub-folders, one a class."
            )
        name = clean_name(parent, "folder name")
        found[int(item)] = spelled.setdefault(name.casefold(), name)
    return found


def read_class_folders(folder: Path) -> tuple[list[Path], list[str]]:
    """(files, class names) of a folder with one sub-folder a class, e.g. test images. InputError in words."""
    root = Path(folder).expanduser().resolve()
    if not root.is_dir():
        raise InputError("There is no such folder of images", str(root), "Check the path.")
    files, names = list[Path](), list[str]()
    for file in sorted(scan.find_images(root)):
        if file.parent == root:
            raise InputError("Images directly in the folder have no class", str(file), "Put them into sub-folders.")
        files.append(file)
        names.append(clean_name(file.parent.name, "folder name"))
    if not files:
        raise InputError(
            "There are no images in this folder", str(root), "Choose a folder with one sub-folder a class."
        )
    return files, names


def write_labels(project: Project, file: Path) -> int:
    """Write the labels as CSV, by image id; images without a label are left out. Returns the number of rows."""
    splits = _splits(project)
    names = {each.id: each.name for each in labels.classes(project)}
    newest = {row.item: row for row in labels.history(project) if row.item is not None}
    rows = []
    for item in scan.items(project, sorted(newest)):
        row = newest[item.id]
        if row.kind == "label" and row.class_id in names:
            lead = "" if row.lead_time is None else f"{row.lead_time:.3f}"
            split = splits.get(item.id, "train")
            name = names[row.class_id]
            rows.append((item.id, item.path, name, "", split, row.source, row.annotator, lead, _iso(row.at)))
    write_text(Path(file), csv_text(FIELDS, rows), "writing the labels")
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
    for repeat, first in scan.duplicates(project).items():
        if first in answer:
            answer[repeat] = answer[first]
    rows = []
    for item in scan.items(project, sorted(answer)):
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
    return "'" + text if text.startswith(_FORMULA) else text


_CSV_HELP = "The CSV needs the columns file_name or file_path, and label."


def _label_rows(file: Path) -> Iterator[tuple[int, str, str]]:
    """(row number as an editor counts, file, label) of a CSV. The whole file is read and checked as text first."""
    try:
        if file.stat().st_size > MAX_CSV_BYTES:
            raise InputError("The CSV is larger than 1 GB", str(file))
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and os.path.exists(file) and not os.path.isdir(file):
            raise storage_error(error, "reading the CSV") from error
        raise InputError("There is no such CSV file", str(file), "Check the path.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"Row {row} of the CSV is not UTF-8", str(file), "Save the file as UTF-8.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    number = 1
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        path = next((header.index(name) for name in ("file_path", "file_name") if name in header), None)
        label = header.index("label") if "label" in header else None
        if path is None or label is None:
            shown = ", ".join(header)[:200] or "nothing"
            raise InputError("The CSV has no columns for the file and its label", shown, _CSV_HELP)
        for cells in reader:
            number, before = reader.line_num, number
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) <= max(path, label):
                raise InputError(f"Row {before + 1} of the CSV has too few columns", str(len(cells)), _CSV_HELP)
            yield before + 1, _unescaped(cells[path]), _unescaped(cells[label])
    except csv.Error as error:
        raise InputError(f"Row {number + 1} of the CSV cannot be read", str(error), "Check its quotes.") from None


def _unescaped(cell: str) -> str:
    """What ``escaped`` did is undone, so that our own files can be read again."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


class _Finder:
    """Finds the image that a CSV means by a path or a name."""

    def __init__(self, pool: Pool, aliases: Mapping[str, int | None]) -> None:
        self.root = pool.root
        ids = (int(item) for item in pool.ids)
        self.by_path: dict[str, int | None] = {_nfc(path): item for path, item in aliases.items()}
        self.by_path |= {_nfc(path): item for path, item in zip(pool.paths, ids, strict=True)}
        self.by_name: dict[str, set[int | None]] = {}
        for path, item in self.by_path.items():
            self.by_name.setdefault(PurePosixPath(path).name, set()).add(item)

    def __call__(self, given: str) -> int | None:
        """The id, or None for a file that is there but not in the pool. InputError otherwise."""
        text = _nfc(given.strip())
        if text in self.by_path:
            return self.by_path[text]
        for path in (text, text.replace("\\", "/")):
            inside = self._inside(path)
            if inside in self.by_path:
                return self.by_path[inside]
        name = PurePosixPath(text.replace("\\", "/")).name
        matches = self.by_name.get(name, set())
        if len(matches) == 1:
            return next(iter(matches))
        if matches:
            raise InputError("several images have this name", given[:200], "Give the path within the image folder.")
        raise InputError("there is no such image", given[:200], "Give names of files in the image folder.")

    def _inside(self, path: str) -> str:
        """The path relative to the image folder, as text alone: the disk is not asked."""
        root = _nfc(self.root.as_posix()) + "/"
        if path.startswith(root):
            path = path[len(root) :]
        return str(PurePosixPath(path))


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _splits(project: Project) -> dict[int, str]:
    """Labeled images: train, or check for check images."""
    picks, audits = labels.snapshot(project, "pick"), labels.snapshot(project, "audit")
    return {int(i): "train" for i in picks.ids} | {int(i): "check" for i in audits.ids}


def _predictions(project: Project, run_id: int) -> tuple[tuple[IntArray, IntArray, IntArray], runs.Run, float]:
    """((ids, y, confidence), the training run, when it was predicted)."""
    run = runs.get(project, run_id)
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
    return arrays, runs.get(project, source), file.stat().st_mtime


def _class_names(project: Project, trained: runs.Run) -> tuple[str, ...]:
    names = trained.result.get("classes")
    if not isinstance(names, list) or not names:
        raise RunError("The run does not say its classes", f"run {trained.id}", "Train again.")
    return labels.names_now(project, trained.result.get("class_ids") or (), names)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
