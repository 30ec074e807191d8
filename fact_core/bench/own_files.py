"""A person's own labeled images as a data set of ``launch.py bench tables``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fact_core.bench.datasets import Dataset, listed, subfolders
from fact_core.errors import InputError
from fact_core.types import Step


def halved(data: Path, cache: Path) -> Step[Dataset]:
    """``<class>/*``: of every class a random half is for training, the other half for the test, always the same.

    InputError where there are fewer than two classes, or one of them has a single image.
    """
    yield from ()  # there is nothing to write: the images lie there as files
    classes = [each for each in subfolders(data) if listed(data, "", [each])[0]]
    if len(classes) < 2:
        found = f"{data}: {len(classes)} sub-folders with images"
        raise InputError("Give <class>/* or train/<class>/* and test/<class>/*", found, "At least two classes.")
    files, y = listed(data, "", classes)
    rng, train = np.random.default_rng(0), np.zeros(len(files), dtype=bool)
    for index, name in enumerate(classes):
        rows = np.flatnonzero(y == index)
        if len(rows) < 2:
            raise InputError("A class needs an image to train on and one to test", f"{data / name}: 1 image")
        train[rng.permutation(rows)[: (len(rows) + 1) // 2]] = True
    picked = tuple(files[row] for row in np.flatnonzero(train))
    held = tuple(files[row] for row in np.flatnonzero(~train))
    return Dataset("own", tuple(classes), data, picked, y[train], {"test": (held, y[~train])})
