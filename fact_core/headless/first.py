"""What is wrong with a call of ``run`` is told before hours of work, and all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fact_core.config import parse_budget
from fact_core.errors import ConfigError, FactError, InputError
from fact_core.exchange import folders
from fact_core.storage import links, project

ANY_POOL = 10**12  # larger than all: what is wrong with a budget before the pool is known


def together(*parts: Callable[[], Any]) -> list[Any]:
    """What each part answers. ConfigError tells the faults of all of them; the only one is raised as it is."""
    answers, faults = list[Any](), list[FactError]()
    for part in parts:
        try:
            answers.append(part())
        except FactError as fault:
            faults.append(fault)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        told = " ".join(f"({number}) {fault}" for number, fault in enumerate(faults, start=1))
        raise ConfigError(f"{len(faults)} things are wrong", told)
    return answers


def places(
    images: Path, labels_from: str, test_images: Path | None, follow_links: Sequence[Path], budget: str
) -> tuple[Callable[[], object], ...]:
    """Checks of what a call names on the disk, and of its budget, for ``together``: InputError, ConfigError."""
    return (
        lambda: project.image_folder(images),
        lambda: _budget(budget),
        lambda: _labels(labels_from),
        lambda: test_images and folders.read_class_folders(test_images, known=None),
        lambda: links.checked(follow_links),
    )


def _budget(text: str) -> None:
    try:
        parse_budget(text, ANY_POOL)
    except ConfigError as error:
        raise ConfigError(
            error.what, error.found, "Give a number of images (50) or per cent of the pool (2%)."
        ) from error


def _labels(labels_from: str) -> None:
    if labels_from != "folders" and not Path(labels_from).is_file():
        raise InputError(
            "There is no such file with labels", labels_from, "Give the path of a file, or the word folders."
        )
