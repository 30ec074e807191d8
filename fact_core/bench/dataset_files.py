"""Data sets in their own files. Arrays are written out once as image files, which the program reads like any others."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fact_core.bench.datasets import Dataset
from fact_core.errors import InputError, storage_error
from fact_core.events import Progress
from fact_core.files import write_text
from fact_core.types import Step

SIDE = 32  # pixels of a CIFAR image
BANNER = 20  # pixels of copyright below every aircraft
DONE = "written.json"
#: what scipy makes of damaged files
BROKEN = (LookupError, ValueError, TypeError, NameError, OSError, RuntimeError, ArithmeticError)
FOLDERS = "train/<class>/* and test/<class>/*"


def cifar10(data: Path, cache: Path) -> Step[Dataset]:
    """The binary version: cifar-10-batches-bin/*.bin, a label byte and 3,072 bytes an image."""
    folder = _within(data, "cifar-10-batches-bin", "data_batch_1.bin", "CIFAR-10", "cifar-10-batches-py/data_batch_1")
    train = [folder / f"data_batch_{i}.bin" for i in range(1, 6) if (folder / f"data_batch_{i}.bin").is_file()]
    parts = {"train": train, "test": [folder / "test_batch.bin"]}
    return (yield from _cifar("cifar10", folder / "batches.meta.txt", parts, 1, cache))


def cifar100(data: Path, cache: Path) -> Step[Dataset]:
    """The binary version: cifar-100-binary/*.bin, coarse and fine label bytes and 3,072 bytes an image."""
    folder = _within(data, "cifar-100-binary", "train.bin", "CIFAR-100", "cifar-100-python/train")
    parts = {"train": [folder / "train.bin"], "test": [folder / "test.bin"]}
    return (yield from _cifar("cifar100", folder / "fine_label_names.txt", parts, 2, cache))


def _cifar(name: str, names: Path, parts: dict[str, list[Path]], labels: int, cache: Path) -> Step[Dataset]:
    classes = [line.strip() for line in text_of(names).splitlines() if line.strip()]
    if strange := [each for each in classes if Path(each).name != each or each == ".."]:
        raise InputError("A class has a name that no folder can have", f"{names}: {strange[0]!r}", "Mend that file.")
    records = {part: np.concatenate([_records(file, labels) for file in files]) for part, files in parts.items()}
    root, listed = _place(cache, name, ["\n".join(classes).encode(), *(rows.data for rows in records.values())]), {}
    for part, rows in records.items():
        files = parts[part]
        y = rows[:, labels - 1].astype(np.int64)
        if y.max(initial=0) >= len(classes):
            raise InputError("A label is of an unknown class", f"{files[0]}: class {y.max()} of {len(classes)}")
        paths = tuple(f"{part}/{classes[each]}/{i:05}.png" for i, each in enumerate(y))

        def save(i: int, file: Path, rows: Any = rows) -> None:
            pixels = rows[i, labels:].reshape(3, SIDE, SIDE).transpose(1, 2, 0)
            Image.fromarray(np.ascontiguousarray(pixels)).save(file)

        yield from _write(root, part, paths, save)
        listed[part] = (paths, y)
    return Dataset(name, tuple(classes), root, *listed["train"], {"test": listed["test"]})


def _records(file: Path, labels: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    size = labels + 3 * SIDE * SIDE
    try:
        raw = np.fromfile(file, dtype=np.uint8)
    except OSError as error:
        raise InputError("A file of the data set cannot be read", f"{file}: {error.strerror or error}") from error
    if not len(raw) or len(raw) % size:
        raise InputError("A file of the data set is damaged", f"{file}: {len(raw)} bytes are not whole images")
    return raw.reshape(-1, size)


def cars(data: Path, cache: Path) -> Step[Dataset]:
    """StanfordCars: cars_train/, cars_test/ with the devkit's .mat files, or train.csv and test.csv."""
    yield Progress("data set", 0, 1)
    listed: dict[str, list[tuple[str, str]]] = {}
    data = data / "stanford_cars" if (data / "stanford_cars").is_dir() else data
    for part in ("train", "test"):
        table = data / f"{part}.csv"
        if table.is_file():
            found = rows_of(table, ("file_name", "label"))
        else:
            found = _mat(data, part)
        twice = Path(f"cars_{part}", f"cars_{part}")  # as some archives unpack
        folder = twice if (data / twice).is_dir() else twice.parent
        listed[part] = [((folder / file).as_posix(), label) for file, label in found]
    classes = sorted({name for rows in listed.values() for _, name in rows})
    return _named("cars", data, classes, listed)


def _mat(data: Path, part: str) -> list[tuple[str, str]]:
    """(file, class name) from the devkit: fields fname and class, counted from 1."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    names = _first(data, ("devkit/cars_meta.mat", "car_devkit/devkit/cars_meta.mat", "cars_meta.mat"))
    file = "cars_train_annos.mat" if part == "train" else "cars_test_annos_withlabels.mat"
    wanted = (f"devkit/{file}", f"car_devkit/devkit/{file}", file)
    if not any((data / each).is_file() for each in wanted):
        bare = "; cars_test_annos.mat does not say what the cars are" if part == "test" else ""
        raise InputError("A file of StanfordCars is missing", f"{data / file}{bare}", f"Put it there, or {part}.csv.")
    try:
        classes = [str(each) for each in loadmat(names, squeeze_me=True)["class_names"]]
        rows = np.atleast_1d(loadmat(_first(data, wanted), squeeze_me=True)["annotations"])
        numbers = [int(row["class"]) for row in rows]
        if min(numbers) < 1:
            raise ValueError(f"class {min(numbers)}")
        return [(str(row["fname"]), classes[each - 1]) for row, each in zip(rows, numbers, strict=True)]
    except (*BROKEN, MatReadError, zlib.error) as error:
        raise InputError("The devkit of StanfordCars cannot be read", f"{data}: {error}") from error


def aircraft(data: Path, cache: Path) -> Step[Dataset]:
    """FGVC-Aircraft: images_variant_trainval.txt and _test.txt; the banner below each photo is cut off."""
    folders = (data / "data", data / "fgvc-aircraft-2013b" / "data", data)
    folder = next((each for each in folders if (each / "images").is_dir()), None)
    if folder is None:
        raise missing(data, "FGVC-Aircraft", "data/images/*.jpg, data/images_variant_trainval.txt and _test.txt")
    photos = sorted((folder / "images").glob("*.jpg"))
    stamps = "".join(f"{each.name} {each.stat().st_size}\n" for each in photos)
    sources = {"train": folder / "images_variant_trainval.txt", "test": folder / "images_variant_test.txt"}
    texts = {part: text_of(source, "FGVC-Aircraft") for part, source in sources.items()}
    root = _place(cache, "aircraft", [each.encode() for each in (stamps, *texts.values())])
    listed: dict[str, list[tuple[str, str]]] = {}
    for part, text in texts.items():
        lines = [line.split(" ", 1) for line in text.splitlines() if " " in line]
        if strange := [name for name, _ in lines if Path(name).name != name]:
            raise InputError("A photo has a name that no file can have", f"{sources[part]}: {strange[0]!r}")
        listed[part] = [(f"{part}/{name}.jpg", variant.strip()) for name, variant in lines]

        def save(i: int, file: Path, names: Sequence[str] = [name for name, _ in lines]) -> None:
            photo = _without_banner(folder / "images" / f"{names[i]}.jpg")
            photo.save(file, quality=95, subsampling=0)  # as PNG the data set would take 10 GB

        yield from _write(root, part, [name for name, _ in listed[part]], save)
    classes = sorted({name for rows in listed.values() for _, name in rows})
    return _named("aircraft", root, classes, listed)


def _without_banner(source: Path) -> Image.Image:
    """The pixels as they are stored: turning a photo by its EXIF data would move the banner to a side."""
    try:
        with Image.open(source) as image:
            return image.convert("RGB").crop((0, 0, image.width, max(1, image.height - BANNER)))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError("A photo of FGVC-Aircraft cannot be read", f"{source}: {error}") from error


def rows_of(table: Path, columns: tuple[str, str]) -> list[tuple[str, str]]:
    """Two columns of a CSV with a heading, as they stand. InputError when it cannot be read or a place is empty."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("The CSV cannot be read", f"{table}: {error}") from error
    one, other = columns
    if not rows or any(not (row.get(each) or "").strip() for row in rows for each in columns):
        raise InputError(f"The CSV needs the columns {one} and {other}, filled in", str(table))
    return [(row[one], row[other]) for row in rows]


def text_of(file: Path, title: str = "CIFAR") -> str:
    """The text of a file in UTF-8. InputError in words where it is missing or no text."""
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise InputError(f"A file of {title} is missing", f"{file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"A file of {title} is no text", f"{file}: {error}") from error


def missing(data: Path, title: str, own: str) -> InputError:
    """To be raised: nothing of the data set lies in ``data``. own: the files in its own form."""
    return InputError(
        f"{title} was not found", str(data), f"Accepted are folders ({FOLDERS}) and its own files: {own}."
    )


def _named(name: str, root: Path, classes: Sequence[str], listed: dict[str, list[tuple[str, str]]]) -> Dataset:
    place = {each: index for index, each in enumerate(classes)}
    parts = {
        part: (tuple(file for file, _ in rows), np.array([place[each] for _, each in rows], dtype=np.int64))
        for part, rows in listed.items()
    }
    for rows in parts.values():
        missing = [file for file in rows[0] if not (root / file).is_file()]
        if missing:
            raise InputError("Images of the data set are missing", f"{len(missing)}, the first is {root / missing[0]}")
    return Dataset(name, tuple(classes), root, *parts["train"], {"test": parts["test"]})


def _write(root: Path, part: str, paths: Sequence[str], save: Callable[[int, Path], None]) -> Step[None]:
    """Write the images that are not there yet. A note says when all are, so that a later start looks no further."""
    note = root / f"{part}-{DONE}"
    try:
        if json.loads(note.read_text("utf-8")) == len(paths):
            return
    except (OSError, ValueError, RecursionError):  # none yet, or a damaged one: it is only a cache
        pass
    for i, path in enumerate(paths):
        file = root / path
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_name(f".{file.stem}.{os.getpid()}.part{file.suffix}")
            try:
                save(i, draft)
                draft.replace(file)
            except OSError as error:
                raise storage_error(error, "writing the images of the data set") from error
            finally:
                draft.unlink(missing_ok=True)
        if i % 500 == 0:
            yield Progress("data set", i, len(paths), "images")
    write_text(note, json.dumps(len(paths)), "writing the images of the data set")


def _place(cache: Path, name: str, contents: Iterable[bytes | memoryview]) -> Path:
    """Where written images lie: of its own for other contents, so that one data set never gets another's images."""
    digest = hashlib.blake2b(digest_size=8)
    for each in contents:
        digest.update(each)
    return cache / "images" / f"{name}-{digest.hexdigest()}"


def _within(data: Path, folder: str, file: str, title: str, pickled: str) -> Path:
    for each in (data / folder, data):
        if (each / file).is_file():
            return each
    if found := next((each for each in (data / pickled, data / Path(pickled).name) if each.is_file()), None):
        raise InputError(
            f"This is the pickled version of {title}, which could run code and is not read",
            str(found.parent),
            f"Give the binary version ({folder}), or folders: {FOLDERS}.",
        )
    raise missing(data, title, f"{folder}/*.bin")


def _first(data: Path, names: Sequence[str]) -> Path:
    for each in names:
        if (data / each).is_file():
            return data / each
    raise missing(data, "StanfordCars", "cars_train/, cars_test/ with devkit/*.mat, or with train.csv and test.csv")
