"""The data sets of the paper's tables, as image files on this disk. Nothing is downloaded.

Each is read from folders (``train/<class>/*`` and ``test/<class>/*``) or from its own files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fact_core.bench.longtail import long_tailed
from fact_core.choices import Choice, named, resolve
from fact_core.errors import InputError
from fact_core.events import Log
from fact_core.images.decode import EXTENSIONS
from fact_core.types import IntArray, Step


@dataclass(frozen=True)
class Dataset:
    """Images by name, relative to ``root``. tests: "test", and "balanced" beside a long-tailed one."""

    name: str
    classes: tuple[str, ...]
    root: Path
    train: tuple[str, ...]
    train_y: IntArray  # (N,)
    tests: dict[str, tuple[tuple[str, ...], IntArray]]


OWN = "own"  # any folder of labeled images
DATASETS: dict[str, Choice] = {
    "cifar10": Choice("CIFAR-10", "50,000 small photos of 10 kinds.", "fact_core.bench.dataset_files:cifar10"),
    "cifar10-lt": Choice("CIFAR10-LT", "12,406 of them, unevenly many.", "fact_core.bench.dataset_files:cifar10"),
    "cifar100": Choice("CIFAR-100", "50,000 small photos of 100 kinds.", "fact_core.bench.dataset_files:cifar100"),
    "cifar100-lt": Choice("CIFAR100-LT", "10,847 of them, unevenly many.", "fact_core.bench.dataset_files:cifar100"),
    "cars": Choice("StanfordCars", "8,144 photos of 196 cars.", "fact_core.bench.dataset_files:cars"),
    "aircraft": Choice("FGVC-Aircraft", "6,667 photos of 100 variants.", "fact_core.bench.dataset_files:aircraft"),
    "imagenet": Choice("ImageNet-1k", "1,281,167 photos of 1,000 kinds.", "fact_core.bench.imagenet_files:imagenet"),
    OWN: Choice(
        "Your own",
        "<class>/* (one half is the test), or train/<class>/* and test/<class>/*.",
        "fact_core.bench.own_files:halved",
    ),
}

#: per cent of the training images (of images of one's own as CIFAR-10's larger ones)
PAPER_BUDGETS: dict[str, tuple[float, ...]] = {
    "cifar10": (0.1, 0.2, 0.5, 1.0, 2.0),
    "cifar10-lt": (0.5, 1.0, 2.0),
    "cifar100": (1.0, 2.0, 5.0, 10.0),
    "cifar100-lt": (5.0, 10.0, 20.0, 30.0),
    "cars": (5.0, 10.0, 20.0, 30.0),
    "aircraft": (5.0, 10.0, 20.0, 30.0),
    "imagenet": (0.5, 1.0, 2.0),
    OWN: (1.0, 2.0, 5.0),
}


#: classes, training and test images of the whole data set, before a long tail is cut
SIZES: dict[str, tuple[int, int, int]] = {
    "cifar10": (10, 50_000, 10_000),
    "cifar10-lt": (10, 50_000, 10_000),
    "cifar100": (100, 50_000, 10_000),
    "cifar100-lt": (100, 50_000, 10_000),
    "cars": (196, 8_144, 8_041),
    "aircraft": (100, 6_667, 3_333),
    "imagenet": (1_000, 1_281_167, 50_000),
}


def open_dataset(name: str, data: Path, cache: Path) -> Step[Dataset]:
    """The data set of that name in the folder ``data``; what is no image file yet is written into ``cache`` once.

    A part of it is taken with a warning. Errors: ConfigError for an unknown name, InputError in words where the
    folder holds nothing of the kind.
    """
    choice = named(DATASETS, name, "data set")
    found = folders(name, data)
    if found is None:
        found = yield from resolve(choice.target)(data, cache)
    assert found is not None
    if name == OWN:
        return replace(found, name=f"{data.resolve().name} (own)")
    sizes = (len(found.classes), len(found.train), len(found.tests["test"][0]))
    if sizes != SIZES[name]:
        said = ", ".join(f"{a:,} {what}" for a, what in zip(sizes, ("classes", "training", "test images"), strict=True))
        whole = ", ".join(f"{each:,}" for each in SIZES[name])
        yield Log(f"This is not the whole of {choice.title}: {said} instead of {whole}.", "warning")
    return _tailed(replace(found, name=name)) if name.endswith("-lt") else replace(found, name=name)


def folders(name: str, data: Path) -> Dataset | None:
    """``train/<class>/*`` with ``test`` or ``val`` beside it; None where there are no such folders.

    None too where the images of the test lie side by side: their classes then stand in a file of the data set's own.
    InputError where the folders cannot be used.
    """
    tests = [each for each in ("test", "val") if (data / each).is_dir()]
    if not (data / "train").is_dir() or not tests:
        return None
    classes = subfolders(data / "train")
    if len(classes) < 2:
        raise InputError("The training folder needs a sub-folder for each class", f"{data / 'train'}: {len(classes)}")
    tests.sort(key=lambda each: not subfolders(data / each))  # ImageNet's own test has no classes, its val has
    inner = subfolders(data / tests[0])
    if not inner and any(flat_images(data / each) for each in tests):
        return None
    strange = sorted(set(inner) - set(classes))
    if strange:
        raise InputError("The test folder has classes that the training folder lacks", ", ".join(strange[:5]))
    train, train_y = listed(data, "train", classes)
    test, test_y = listed(data, tests[0], classes)
    for part, files in (("train", train), (tests[0], test)):
        if not files:
            raise InputError("There are no images", str(data / part))
    return Dataset(name, tuple(classes), data, train, train_y, {"test": (test, test_y)})


def fixed_test(files: Sequence[str], y: IntArray, count: int, seed: int = 0) -> IntArray:
    """Rows of ``count`` test images in order, spread over the classes as the whole test is; 0: all of them.

    The same draw for every method, budget and seed of a table.
    """
    if count <= 0 or count >= len(files):
        return np.arange(len(files), dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(files))
    by_class = order[np.argsort(np.asarray(y)[order], kind="stable")]
    # evenly spaced places in a list that is sorted by class: every class gets its share, rounded
    places = np.floor((np.arange(count) + 0.5) * len(files) / count).astype(np.int64)
    return np.sort(by_class[places])


def _tailed(data: Dataset) -> Dataset:
    """The long-tailed training images, the paper's long-tailed test and the balanced one."""
    k = len(data.classes)
    for y in (data.train_y, data.tests["test"][1]):
        if len(set(found := np.bincount(y, minlength=k).tolist())) > 1:
            counted = f"from {min(found)} to {max(found)} a class"
            raise InputError("A long tail is cut from as many images of every class", counted, "Give all images.")
    kept = long_tailed(data.train_y, k)
    test, test_y = data.tests["test"]
    rows = long_tailed(test_y, k)
    tests = {"test": (tuple(test[row] for row in rows), test_y[rows]), "balanced": (test, test_y)}
    return replace(data, train=tuple(data.train[row] for row in kept), train_y=data.train_y[kept], tests=tests)


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in ``folder``, in order, without hidden ones."""
    return sorted(each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))


def flat_images(folder: Path) -> list[str]:
    """Names of the image files right in ``folder``, in order, without hidden ones."""
    inside = (each for each in folder.iterdir() if not each.name.startswith("."))
    return sorted(each.name for each in inside if each.suffix.lower() in EXTENSIONS and each.is_file())


def listed(data: Path, part: str, classes: Sequence[str]) -> tuple[tuple[str, ...], IntArray]:
    """Image files below ``part``, class after class and relative to ``data``, and their classes (N,)."""
    files: list[str] = []
    y: list[int] = []
    for index, name in enumerate(classes):
        if (data / part / name).is_dir():
            found = sorted(each.relative_to(data).as_posix() for each in _images(data / part / name))
            files += found
            y += [index] * len(found)
    return tuple(files), np.array(y, dtype=np.int64)


def _images(folder: Path) -> Iterator[Path]:
    return (each for each in folder.rglob("*") if each.suffix.lower() in EXTENSIONS and each.is_file())
