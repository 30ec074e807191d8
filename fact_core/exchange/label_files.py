"""Which label a file says an image has: CSV, names of folders, an export of Label Studio. Nothing is written here.

Files are named in many ways; ``Finder`` says which image is meant, and never guesses between two.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from fact_core.errors import InputError, storage_error
from fact_core.files import clean_name
from fact_core.images.folder import find_images
from fact_core.types import Pool

#: A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
MAX_CSV_BYTES = 1 << 30

#: What the columns of a CSV may be called, the surest first: ours, then what other tools write.
PATH_COLUMNS = ("file_path", "file_name", "path", "file", "filename", "image")
LABEL_COLUMNS = ("label", "class", "category")
_CSV_HELP = "The CSV needs the columns file_name or file_path, and label."
_STUDIO_HELP = "In Label Studio choose Export, then JSON."

Outcome = Literal["found", "unreadable", "unknown", "several"]


@dataclass(frozen=True)
class Entry:
    """What one row or task says. ``where`` names it for errors; ``files``: names to try, the surest first.

    labels: the classes that it gives: none, one, or several that contradict each other.
    """

    where: str
    files: tuple[str, ...]
    labels: tuple[str, ...]


def csv_entries(text: str) -> Iterator[Entry]:
    """The rows of a CSV with a column of ``PATH_COLUMNS`` and one of ``LABEL_COLUMNS``. InputError names the row."""
    for number, name, label in _label_rows(text):
        yield Entry(f"Row {number} of the CSV", (name,), (label,) if label.strip() else ())


def studio_entries(text: str) -> Iterator[Entry]:
    """The tasks of a Label Studio export (JSON) with ``choices``. InputError when it is none.

    Cancelled annotations are passed over. Several choices, or annotations that differ, are all told.
    """
    try:
        tasks = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise InputError(f"Row {error.lineno} of the JSON cannot be read", error.msg, _STUDIO_HELP) from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets without end
        raise InputError("The JSON cannot be read", str(error)[:200], _STUDIO_HELP) from None
    if not isinstance(tasks, list):
        raise InputError("This is no export of Label Studio", "no list of tasks", _STUDIO_HELP)
    for number, task in enumerate(tasks, start=1):
        data = task.get("data") if isinstance(task, dict) else None
        if not isinstance(data, dict):
            raise InputError(f"Task {number} of the JSON has no data", repr(task)[:80], _STUDIO_HELP)
        yield Entry(f"Task {number} of the JSON", _studio_files(task, data), _studio_choices(task))


def folder_entries(pool: Pool) -> Iterator[Entry]:
    """The name of each image's folder; images directly in the image folder have none."""
    for path in pool.paths:
        name = PurePosixPath(path).parent.name
        yield Entry(f"The folder of {path}", (path,), (name,) if name else ())


class Finder:
    """Finds the image that is meant by a path or a name.

    By its path in the image folder; by a longer path that ends so; by its name where only one image has it.
    aliases: paths outside the pool (``items.aliases``): repeats stand for their image, None for files that
    cannot be read.
    """

    def __init__(self, pool: Pool, aliases: Mapping[str, int | None]) -> None:
        self.root = pool.root
        ids = (int(item) for item in pool.ids)
        self.by_path: dict[str, int | None] = {_nfc(path): item for path, item in aliases.items()}
        self.by_path |= {_nfc(path): item for path, item in zip(pool.paths, ids, strict=True)}
        self.by_name: dict[str, set[int | None]] = {}
        for path, item in self.by_path.items():
            self.by_name.setdefault(PurePosixPath(path).name, set()).add(item)

    def look(self, given: str) -> tuple[Outcome, int]:
        """What a path or name stands for, and the id of the image where it is found (else 0)."""
        text = _nfc(given.strip())
        if text in self.by_path:
            return _outcome(self.by_path[text])
        for path in (text, text.replace("\\", "/")):
            inside = self._inside(path)
            if inside in self.by_path:
                return _outcome(self.by_path[inside])
        parts = PurePosixPath(text.replace("\\", "/")).parts
        for start in range(1, len(parts) - 1):  # the same folder at another place: its last parts are ours
            if (tail := "/".join(parts[start:])) in self.by_path:
                return _outcome(self.by_path[tail])
        matches = self.by_name.get(parts[-1], set()) if parts else set()
        if len(matches) > 1:
            return "several", 0
        return _outcome(next(iter(matches))) if matches else ("unknown", 0)

    def __call__(self, given: str) -> int | None:
        """The id, or None for a file that is there but not in the pool. InputError otherwise."""
        outcome, item = self.look(given)
        if outcome == "several":
            raise InputError("several images have this name", given[:200], "Give the path within the image folder.")
        if outcome == "unknown":
            raise InputError("there is no such image", given[:200], "Give names of files in the image folder.")
        return item if outcome == "found" else None

    def _inside(self, path: str) -> str:
        """The path relative to the image folder, as text alone: the disk is not asked."""
        root = _nfc(self.root.as_posix()) + "/"
        if path.startswith(root):
            path = path[len(root) :]
        return str(PurePosixPath(path))


def read_labels(file: Path, pool: Pool, aliases: Mapping[str, int | None] | None = None) -> dict[int, str]:
    """Image id -> class name from a CSV with ``file_name`` or ``file_path``, and ``label``.

    A file is found by its path in the image folder, else by its name where only one image has it.
    aliases: paths outside the pool (``items.aliases``): repeats stand for their image, and files that
    cannot be read are passed over. Rows without a label are passed over.
    InputError, which names the row, for a wrong encoding, missing columns, unknown or ambiguous
    files, unusable class names, and two different labels of one image.
    """
    find = Finder(pool, aliases or {})
    found: dict[int, str] = {}
    spelled: dict[str, str] = {}  # names that differ only in case are one class
    cleaned_names: dict[str, str] = {}
    for number, name, label in _label_rows(_text_of(file)):
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
    for file in sorted(find_images(root)):
        if file.parent == root:
            raise InputError("Images directly in the folder have no class", str(file), "Put them into sub-folders.")
        files.append(file)
        names.append(clean_name(file.parent.name, "folder name"))
    if not files:
        raise InputError(
            "There are no images in this folder", str(root), "Choose a folder with one sub-folder a class."
        )
    return files, names


def _text_of(file: Path) -> str:
    """The whole file, checked as text first."""
    try:
        if file.stat().st_size > MAX_CSV_BYTES:
            raise InputError("The CSV is larger than 1 GB", str(file))
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and os.path.exists(file) and not os.path.isdir(file):
            raise storage_error(error, "reading the CSV") from error
        raise InputError("There is no such CSV file", str(file), "Check the path.") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"Row {row} of the CSV is not UTF-8", str(file), "Save the file as UTF-8.") from None


def _label_rows(text: str) -> Iterator[tuple[int, str, str]]:
    """(row number as an editor counts, file, label) of a CSV."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    number = 1
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        path = next((header.index(name) for name in PATH_COLUMNS if name in header), None)
        label = next((header.index(name) for name in LABEL_COLUMNS if name in header), None)
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
    """What ``exchange.escaped`` did is undone, so that our own files can be read again."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


_UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")  # what Label Studio puts in front of the name of an uploaded file
_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def _studio_files(task: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[str, ...]:
    """The paths that a task may mean its image by, the surest first."""
    texts = [value for value in data.values() if isinstance(value, str)]
    image = data.get("image")
    if not isinstance(image, str):
        image = next((each for each in texts if _studio_path(each).lower().endswith(_IMAGES)), "")
    upload = task.get("file_upload")
    found: dict[str, None] = {}
    for each in (image, upload if isinstance(upload, str) else ""):
        if each:
            path = _studio_path(each)
            folder, _, name = path.rpartition("/")
            stripped = _UPLOADED.sub("", name)
            found |= dict.fromkeys((each, path, f"{folder}/{stripped}" if folder else stripped))
    return tuple(found)


def _studio_path(address: str) -> str:
    """The path in an address: the part after ``?d=`` of a local file, the path of a URL, or what is given."""
    try:
        parts = urlsplit(address)
        if local := parse_qs(parts.query).get("d"):
            return local[0]
        if parts.scheme or address.startswith("/data/"):
            return unquote(parts.path)
    except ValueError:  # e.g. half a bracket where a host should be
        pass
    return address


def _studio_choices(task: Mapping[str, Any]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for annotation in _dicts(task.get("annotations") or task.get("completions")):
        if annotation.get("was_cancelled"):
            continue
        for result in _dicts(annotation.get("result")):
            value = result.get("value")
            choices = value.get("choices") if isinstance(value, dict) else None
            listed = choices if isinstance(choices, list) else [choices]
            found |= dict.fromkeys(each for each in listed if isinstance(each, str) and each.strip())
    return tuple(found)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _outcome(item: int | None) -> tuple[Outcome, int]:
    return ("unreadable", 0) if item is None else ("found", item)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
