"""The demo's images: the 1,797 handwritten digits that come with scikit-learn, no download.

The files' names and order say nothing about their classes. What they truly show lies beside
the image folder and is used for one thing: to say at the end how good the result is.
"""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from fact_core.errors import storage_error

PIXELS = 64
_IMAGES, _TRUTH = "digits", "digits-truth.csv"


def make_demo(folder: Path) -> Path:
    """Write the demo's images below ``folder`` unless they are there. Returns the image folder.

    StorageError when the disk is full or the folder may not be written.
    """
    images, truth = folder / _IMAGES, folder / _TRUTH
    if images.is_dir() and truth.is_file():
        return images
    staged = folder / f".{_IMAGES}.{os.getpid()}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        rows = _write_digits(staged)
        staged_truth = staged.with_suffix(".csv")
        with open(staged_truth, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("file_name", "label"), *rows])
        os.replace(staged_truth, truth)
        if images.is_dir():  # an earlier start was cut short before it wrote the truth
            shutil.rmtree(images)
        os.replace(staged, images)
    except OSError as error:
        raise storage_error(error, "writing the demo's images") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return images


def demo_truth(images: Path) -> dict[str, str] | None:
    """File name -> true class of the demo's images; None for any other image folder."""
    truth = images.parent / _TRUTH
    if images.name != _IMAGES or not truth.is_file():
        return None
    with open(truth, encoding="utf-8", newline="") as file:
        return {row["file_name"]: row["label"] for row in csv.DictReader(file)}


def _write_digits(folder: Path) -> list[tuple[str, str]]:
    """Write the digits as PNG files in an order drawn by lot. Returns (file name, true class) rows."""
    from sklearn.datasets import load_digits  # half a second that nobody else needs to wait for

    digits = load_digits()
    rows = []
    for number, row in enumerate(np.random.default_rng(0).permutation(len(digits.target)), start=1):
        name = f"digit_{number:04d}.png"
        grey = Image.fromarray((digits.images[row] * (255 / 16)).astype(np.uint8))  # 8 x 8, values 0..16
        grey.resize((PIXELS, PIXELS), Image.Resampling.BICUBIC).save(folder / name, optimize=False)
        rows.append((name, str(digits.target[row])))
    return rows
