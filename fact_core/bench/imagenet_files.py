"""ImageNet in its own form: training images in folders, validation images side by side, their truth in a file.

Nothing is written. A class is its WNID, which is the name of its training folder.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fact_core.bench.dataset_files import BROKEN, missing, rows_of, text_of
from fact_core.bench.datasets import Dataset, flat_images, folders, listed, subfolders
from fact_core.errors import InputError
from fact_core.events import Progress
from fact_core.types import Step

#: where train/ and val/ may lie: in the given folder, or as Kaggle packs them
PLACES = ("", "ILSVRC/Data/CLS-LOC", "Data/CLS-LOC", "CLS-LOC")
DEVKIT = "ILSVRC2012_devkit_t12/data"
TRUTH = "ILSVRC2012_validation_ground_truth.txt"
TABLE = "LOC_val_solution.csv"
AGAIN = "Unpack ILSVRC2012_devkit_t12.tar.gz again."


def imagenet(data: Path, cache: Path) -> Step[Dataset]:
    """train/<wnid>/* with val/*.JPEG, and the truth in the devkit or in Kaggle's LOC_val_solution.csv.

    The truth is looked for beside val and in the folders above, up to ``data``. InputError in words where it is
    missing, damaged, of another length than val, or names a class without a training folder.
    """
    yield Progress("data set", 0, 1)
    places = (data / each for each in PLACES)
    root = next((each for each in places if (each / "train").is_dir() and (each / "val").is_dir()), None)
    if root is None:
        raise missing(data, "ImageNet", f"train/<wnid>/* and val/*.JPEG, with {DEVKIT}/ or {TABLE}")
    by_class = folders("imagenet", root)
    if by_class is not None:  # at Kaggle's place, and somebody has sorted the validation images
        return by_class
    classes, names = subfolders(root / "train"), flat_images(root / "val")
    if not names:
        raise InputError("There are no images", str(root / "val"))
    source, wnids = _truth(data, root, [Path(name).stem for name in names])
    place = {each: index for index, each in enumerate(classes)}
    if strange := sorted(set(wnids) - set(place)):
        raise InputError(
            "The truth names classes that have no training folder",
            f"{source}: {len(strange)}, such as {strange[0]!r}; {len(classes)} folders in {root / 'train'}",
            "Give all training folders, each under its WNID (such as n01440764).",
        )
    train, train_y = listed(root, "train", classes)  # last: it looks at more than a million files
    if not train:
        raise InputError("There are no images", str(root / "train"))
    test_y = np.array([place[each] for each in wnids], dtype=np.int64)
    test = tuple(f"val/{name}" for name in names)
    return Dataset("imagenet", tuple(classes), root, train, train_y, {"test": (test, test_y)})


def _truth(data: Path, root: Path, stems: Sequence[str]) -> tuple[Path, list[str]]:
    """The file with the truth and the WNID of each image; the nearest one, the devkit before the table."""
    for folder in (each for each in (root, *root.parents) if each.is_relative_to(data)):
        if (folder / DEVKIT / TRUTH).is_file():
            return folder / DEVKIT / TRUTH, _from_devkit(folder / DEVKIT, stems)
        if (folder / TABLE).is_file():
            return folder / TABLE, _from_table(folder / TABLE, stems)
    raise InputError(
        "The images in val are not sorted into classes, and the file with their classes is missing",
        f"{len(stems):,} images in {root / 'val'}; neither {DEVKIT}/{TRUTH} nor {TABLE} in {data}",
        f"Give a folder that holds the unpacked devkit or {TABLE} too, or sort the images: val/<wnid>/*.",
    )


def _from_devkit(folder: Path, stems: Sequence[str]) -> list[str]:
    """Line i of the truth is the ILSVRC2012_ID of image i in order of name."""
    wnids, file = _low_level(folder / "meta.mat"), folder / TRUTH
    lines = [line.strip() for line in text_of(file, "ImageNet").rstrip().splitlines()]
    if len(lines) != len(stems):
        raise _other_length(file, len(lines), len(stems))
    for i, (stem, line) in enumerate(zip(stems, lines, strict=True), 1):
        due = f"ILSVRC2012_val_{i:08}"
        if stem != due:  # with one missing and another too many, every class between them would shift
            raise InputError(
                f"{TRUTH} has the order of the validation images, and one of them is missing or renamed",
                f"{stem} in the place of {due}",
                "Unpack ILSVRC2012_img_val.tar again and leave the names as they are.",
            )
        if line not in wnids:
            raise InputError("A line of the truth is no class of the devkit", f"{file}: {line[:40]!r}, line {i}", AGAIN)
    return [wnids[line] for line in lines]


def _low_level(file: Path) -> dict[str, str]:
    """ILSVRC2012_ID -> WNID of the classes without children; the others are groups of them."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        synsets = np.atleast_1d(loadmat(file, squeeze_me=True)["synsets"])
        rows = [row for row in synsets if int(row["num_children"]) == 0]
        wnids = {str(int(row["ILSVRC2012_ID"])): str(row["WNID"]) for row in rows}
        if not rows or len(set(wnids.values())) != len(rows):
            raise ValueError(f"{len(rows)} classes have {len(wnids)} numbers and {len(set(wnids.values()))} WNIDs")
    except (*BROKEN, MatReadError, zlib.error) as error:
        raise InputError("The devkit of ImageNet cannot be read", f"{file}: {error}", AGAIN) from error
    return wnids


def _from_table(file: Path, stems: Sequence[str]) -> list[str]:
    """ImageId is the name of an image, PredictionString begins with its WNID; the order is any."""
    rows = rows_of(file, ("ImageId", "PredictionString"))
    if len(rows) != len(stems):
        raise _other_length(file, len(rows), len(stems))
    wnids = {name: said.split()[0] for name, said in rows}
    if without := [stem for stem in stems if stem not in wnids]:
        found = f"{len(without):,}, such as {without[0]}"
        raise InputError(f"{TABLE} lacks images that are in val", found, f"Give the whole {TABLE} of the same images.")
    return [wnids[stem] for stem in stems]


def _other_length(file: Path, lines: int, images: int) -> InputError:
    return InputError(
        "The truth has another length than val has images",
        f"{lines:,} lines in {file}, {images:,} images",
        "Give all validation images, and nothing else in val.",
    )
