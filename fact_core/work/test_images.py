"""Images to measure a classifier with: what would make the figure wrong is left out, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fact_core.errors import ImageError, InputError
from fact_core.images.source import content_of, digest_of


@dataclass(frozen=True)
class TestImages:
    """Files with their class names, and of those that were left out one sentence each."""

    __test__ = False  # pytest takes every class called so for its own

    files: tuple[Path, ...]
    names: tuple[str, ...]
    left: tuple[str, ...] = ()


def honest(files: Sequence[Path], names: Sequence[str], learned: Mapping[str, str]) -> TestImages:
    """The images but for those that the classifier has learned, and those that lie in two classes at once.

    learned: digest -> path of what it was trained on. A file that cannot be read stays: whoever decodes it says why.
    InputError where nothing is left.
    """
    digests = [_digest(file) for file in files]
    classes: dict[str, dict[str, Path]] = {}
    for file, name, digest in zip(files, names, digests, strict=True):
        classes.setdefault(digest, {}).setdefault(name, file)
    why = [
        _why(file, name, learned.get(digest, ""), classes[digest] if digest else {})
        for file, name, digest in zip(files, names, digests, strict=True)
    ]
    rows = [row for row, reason in enumerate(why) if not reason]
    if not rows:
        raise InputError("None of the test images can be used", why[0], "Give images that are not in training.")
    return TestImages(tuple(files[row] for row in rows), tuple(names[row] for row in rows), tuple(filter(None, why)))


def _why(file: Path, name: str, learned: str, classes: Mapping[str, Path]) -> str:
    """Why a file is left out, "" where it is not. classes: of its bytes, with the first file of each."""
    if learned:
        return f"{file}: the same picture as {learned}, which was trained on"
    other = next((each for each in classes if each != name), None)
    return f"{file} ({name}): the same picture as {classes[other]} ({other})" if other else ""


def _digest(file: Path) -> str:
    try:
        with content_of(file) as content:
            return digest_of(content)
    except (OSError, ImageError):
        return ""
