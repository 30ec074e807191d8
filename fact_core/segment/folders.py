"""Data sets of images and masks, in the folders that they come in: a name in ``FORMS``, and a function."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from fact_core.choices import Choice, named, resolve
from fact_core.errors import ImageError, InputError, storage_error
from fact_core.events import Progress
from fact_core.files import unseen
from fact_core.images import decode
from fact_core.images.folder import walk
from fact_core.segment import masks
from fact_core.segment.masks import Coding
from fact_core.types import Step

FORMS: dict[str, Choice] = {
    "camvid": Choice(
        "CamVid",
        "train, val, test and trainannot, valannot, testannot: 11 classes.",
        "fact_core.segment.folders:camvid",
    ),
    "voc": Choice(
        "PASCAL VOC", "JPEGImages, SegmentationClass, ImageSets/Segmentation.", "fact_core.segment.folders:voc"
    ),
    "ade20k": Choice(
        "ADE20K", "images/ and annotations/, training and validation: 150 classes.", "fact_core.segment.folders:ade20k"
    ),
    "own": Choice("Own", "images/ and masks/ with the same names, and classes.txt.", "fact_core.segment.folders:own"),
}

CAMVID = ["sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"]
VOC = [
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]
ADE_CLASSES = 150
PARTS = ("train", "validation", "test")
#: What the folders of one's own parts may be called.
FOLDERS = {"train": ("train",), "validation": ("validation", "val"), "test": ("test",)}
#: Of one's own images without folders that say which, the share that the test gets.
TEST_SHARE = 0.2
MOST_CLASSES = 254  # of one's own: a mask that is written has one byte a pixel
NAMED = 5  # faults that an error names


@dataclass(frozen=True)
class Part:
    """Images and their masks, in one order, relative to the data set's folder."""

    images: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Masked:
    """A data set of images with masks. parts: train, validation (may be empty) and test."""

    name: str
    root: Path
    coding: Coding
    parts: dict[str, Part]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the K classes."""
        return self.coding.classes


def open_masked(form: str, root: Path, unlabelled: int = 255) -> Masked:
    """The data set in ``root``; ``unlabelled`` is the value that one's own masks leave out.

    Every image must have its mask and every mask its image. ConfigError for an unknown form, InputError otherwise.
    """
    target = named(FORMS, form, "form of masks").target
    if not root.is_dir():
        raise InputError("There is no such data folder", str(root))
    found: Masked = resolve(target)(root, unlabelled)
    for part in ("train", "test"):
        if not found.parts[part].images:
            raise InputError(f"The data set has no images for the part {part}", str(root), FORMS[form].help)
    return found


def camvid(root: Path, unlabelled: int = 255) -> Masked:
    """CamVid as SegNet's authors give it: 0 to 10 are classes, 11 is left out."""
    short = {"train": "train", "validation": "val", "test": "test"}
    parts = {part: _paired(root, name, f"{name}annot") for part, name in short.items()}
    return Masked("camvid", root, Coding(tuple(CAMVID), (11,)), parts)


def voc(root: Path, unlabelled: int = 255) -> Masked:
    """PASCAL VOC's segmentation: the lists say what is trained on and what the test is; 255 is left out."""
    parts = {"validation": Part()}
    for part, name in (("train", "train"), ("test", "val")):
        lines = _lines(root / "ImageSets" / "Segmentation" / f"{name}.txt")
        _no_paths(lines, f"{name}.txt")
        images = tuple(f"JPEGImages/{line}.jpg" for line in lines)
        labels = tuple(f"SegmentationClass/{line}.png" for line in lines)
        gone = [each for each in (*images, *labels) if not (root / each).is_file()]
        _refuse([f"{each} is named in {name}.txt and not there" for each in gone], "Some files are missing")
        parts[part] = Part(images, labels)
    return Masked("voc", root, Coding(tuple(VOC)), parts)


def ade20k(root: Path, unlabelled: int = 255) -> Masked:
    """ADE20K's scene parsing files: value 0 is left out, 1 to 150 are classes, named by objectInfo150.txt."""
    parts = {"validation": Part()}
    for part, name in (("train", "training"), ("test", "validation")):
        parts[part] = _paired(root, f"images/{name}", f"annotations/{name}")
    file = root / "objectInfo150.txt"
    names = [line.split("\t")[-1].split(",")[0].strip() for line in _lines(file)[1:]] if file.is_file() else []
    if len(names) != ADE_CLASSES:
        names = [f"class {number}" for number in range(1, ADE_CLASSES + 1)]
    return Masked("ade20k", root, Coding(tuple(names), (0,), first=1), parts)


def own(root: Path, unlabelled: int = 255) -> Masked:
    """``images/`` and ``masks/``, both with train/, test/ (and val/), or both without; ``classes.txt``: a name a line.

    Without folders a fifth of the images, the same always, is the test.
    """
    classes = tuple(line for line in _lines(root / "classes.txt") if line)
    if len(classes) < 2 or len(set(classes)) < len(classes):
        found = f"{root / 'classes.txt'}: {len(classes)} names, {len(set(classes))} different"
        raise InputError("At least two classes of different names are needed", found, "Give one name a line.")
    if bad := next((name for name in classes if unseen(name)), None):
        raise InputError("The name of a class has a character that cannot be shown", repr(bad)[:80])
    if len(classes) > MOST_CLASSES:
        raise InputError("There are too many classes", f"{len(classes)}", f"At most {MOST_CLASSES}.")
    coding = Coding(classes, () if unlabelled < 0 else (unlabelled,))
    folders = {part: name for part, names in FOLDERS.items() for name in names if (root / "images" / name).is_dir()}
    if folders:
        parts = {part: _paired(root, f"images/{name}", f"masks/{name}") for part, name in folders.items()}
        return Masked("own", root, coding, {part: parts.get(part, Part()) for part in PARTS})
    every = _paired(root, "images", "masks")
    order = np.random.default_rng(0).permutation(len(every.images))
    held = round(TEST_SHARE * len(order))
    parts = {part: _rows(every, np.sort(rows)) for part, rows in (("test", order[:held]), ("train", order[held:]))}
    return Masked("own", root, coding, {**parts, "validation": Part()})


def checked(data: Masked) -> Step[Masked]:
    """The data set itself, after every mask was read: InputError names masks of another size or with unknown values.

    Nothing is trained before, so that no work is lost to the last file.
    """
    pairs = [pair for part in data.parts.values() for pair in zip(part.images, part.masks, strict=True)]
    faults = []
    for done, (image, mask) in enumerate(pairs):
        if done % 50 == 0:
            yield Progress("masks", done, len(pairs), "masks")
        try:
            width, height, _ = decode.probe(data.root / image)
            found = masks.read(data.root / mask, data.coding)
            if found.shape != (height, width):
                sizes = f"{found.shape[1]} x {found.shape[0]}, its image {width} x {height}"
                raise ImageError("The mask is not of its image's size", sizes)
        except ImageError as error:
            faults.append(f"{mask}: {str(error).rstrip('.')}")
    yield Progress("masks", len(pairs), len(pairs), "masks")
    _refuse(faults, "Some masks cannot be used")
    return data


def mark(data: Masked) -> Step[str]:
    """What tells this data set from another one: its classes and what its masks leave out, all files.

    StorageError where a file cannot be read.
    """
    every = [each for part in data.parts.values() for each in (*part.images, *part.masks)]
    shape = {name: [part.images, part.masks] for name, part in data.parts.items()}
    found = hashlib.blake2b(json.dumps([asdict(data.coding), shape]).encode(), digest_size=12)
    for done, name in enumerate(every):
        if done % 100 == 0:
            yield Progress("files", done, len(every), "files")
        try:
            found.update(hashlib.blake2b((data.root / name).read_bytes(), digest_size=16).digest())
        except OSError as error:
            raise storage_error(error, "reading the data set") from error
    return found.hexdigest()


def _paired(root: Path, images: str, labels: str) -> Part:
    """The images of a folder, each with the mask of the same name. InputError names those without the other one."""
    pictures, found = _named(root, images), _named(root, labels)
    alone = [f"{each} has no mask in {labels}" for name, each in pictures.items() if name not in found]
    alone += [f"{each} has no image in {images}" for name, each in found.items() if name not in pictures]
    _refuse(alone, "Images and masks do not pair")
    return Part(tuple(pictures.values()), tuple(found[name] for name in pictures))


def _named(root: Path, folder: str) -> dict[str, str]:
    """Name without its ending -> path relative to ``root``, of the pictures in a folder, by name."""
    if not (root / folder).is_dir():
        raise InputError("There is no such folder", str(root / folder), "It must hold the images or the masks.")
    found: dict[str, str] = {}
    for each in walk(root / folder, root / folder).files:
        path = f"{folder}/{each.path}"
        if each.reason:
            raise InputError("A file of the data set cannot be used", f"{path}: {each.reason}")
        name = str(PurePosixPath(each.path).with_suffix(""))
        if name in found:
            raise InputError("Two files of one name", f"{found[name]} and {path}", "Remove one of them.")
        found[name] = path
    return found


def _lines(file: Path) -> list[str]:
    """The lines of a text file without blanks around them; those at its end are none."""
    try:
        text = file.read_text("utf-8-sig")
    except FileNotFoundError:
        raise InputError("There is no such file", str(file)) from None
    except UnicodeDecodeError as error:
        raise InputError("The file is no text in UTF-8", str(file)) from error
    except OSError as error:
        raise storage_error(error, "reading the data set") from error
    return [line.strip() for line in text.strip().splitlines()]


def _no_paths(lines: Sequence[str], file: str) -> None:
    """InputError for a name in a list that would lead to another folder."""
    bad = [line for line in lines if not line or os.path.basename(line) != line or line in (".", "..") or "\\" in line]
    _refuse([f"{line!r} in {file}" for line in bad], "A list names what is no file name")


def _rows(part: Part, rows: Sequence[int] | np.ndarray) -> Part:  # type: ignore[type-arg]
    return Part(tuple(part.images[row] for row in rows), tuple(part.masks[row] for row in rows))


def _refuse(faults: Sequence[str], what: str) -> None:
    """InputError that names the first few faults, where there are any."""
    if faults:
        more = f" and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
        raise InputError(f"{what}: {len(faults)}", "; ".join(faults[:NAMED]) + more, "Nothing was begun.")
