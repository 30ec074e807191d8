"""A small folder of pictures for the bench of the GPU."""

from __future__ import annotations

from pathlib import Path

from fact_core.bench.gpu import pictures
from fact_core.generators import finish
from tests.conftest import MakeImages

CLASSES = ("red", "green", "blue")


def pictures_in(folder: Path, make_images: MakeImages) -> Path:
    """30 labeled pictures of three classes, half of them for the test, and the large ones."""
    data = make_images(folder / "data", CLASSES, each=20)
    finish(pictures.make(folder / "pictures", data))
    return folder / "pictures"
