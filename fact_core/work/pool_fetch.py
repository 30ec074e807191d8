"""Bring the chosen images of a large pool into a folder, from which a project can be made."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fact_core.errors import FactError, storage_error
from fact_core.events import Log, Progress
from fact_core.images.source import digest_of
from fact_core.staging import staging, take_away_left
from fact_core.types import Step

ARCHIVE = ".tar/"  # between an archive and what lies in it, as ``work.ray_parts`` names its images


def fetch(chosen: Sequence[Mapping[str, str]], to: Path) -> Step[int]:
    """Copy images, {"image", "digest"} each, as NUMBER-NAME in the order given; how many. What is there already stays.

    What cannot be read, has other bytes than when its row was made, or whose name another image has there, as of
    earlier picks, is told and left out. What a killed one has left half copied is taken away.
    """
    take_away_left(to)
    names = {line["image"]: f"{place:06d}-{_last(line['image'])}" for place, line in enumerate(chosen, 1)}
    digests = {line["image"]: line["digest"] for line in chosen}
    there = [image for image in names if (to / names[image]).exists()]
    wanted = [image for image in names if not (to / names[image]).exists()]
    others = [image for image in there if digest_of((to / names[image]).read_bytes()) != digests[image]]
    for image in others:
        yield Log(f"{image}: {to / names[image]} is another image. Left out.", "warning")
    done = len(there) - len(others)
    with ExitStack() as opened:
        half: Path | None = None
        for image, content in _contents(wanted):
            if isinstance(content, str) or digest_of(content) != digests[image]:
                why = content if isinstance(content, str) else "it has changed since its row was made"
                yield Log(f"{image}: {why}. Left out.", "warning")
                continue
            half = half or opened.enter_context(_staging(to))
            _put(to / names[image], content, half)
            done += 1
            yield Progress("copies", done, len(names), "images")
    return done


@contextmanager
def _staging(to: Path) -> Iterator[Path]:
    """Where an image lies until it is whole."""
    try:
        with staging(to / "copy") as half:
            yield half
    except OSError as error:
        raise storage_error(error, "copying the chosen images") from error


def _put(file: Path, content: bytes, half: Path) -> None:
    """Write a file whole or not at all."""
    with open(half, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    os.replace(half, file)


def _contents(images: Sequence[str]) -> Iterator[tuple[str, bytes | str]]:
    """(image, its bytes or why there are none). An archive is read once."""
    archives: dict[str, list[str]] = {}
    for image in images:
        archive, found, _ = image.partition(ARCHIVE)
        if found:
            archives.setdefault(archive + ".tar", []).append(image)
        else:
            yield image, whole(image)
    for archive, inside in archives.items():
        yield from _members(archive, inside)


def whole(place: str) -> bytes | str:
    """The bytes at a path or an address, or in words why there are none."""
    try:
        with _opened(place) as file:
            content: bytes = file.read()
            return content
    except (OSError, ValueError, FactError) as error:
        return f"it cannot be read ({error})"


def _members(archive: str, images: Sequence[str]) -> Iterator[tuple[str, bytes | str]]:
    left = {image.removeprefix(f"{archive}/"): image for image in images}
    try:
        with _opened(archive) as file, tarfile.open(fileobj=file, mode="r|") as opened:
            for member in opened:
                if member.name in left and (inside := opened.extractfile(member)) is not None:
                    yield left.pop(member.name), inside.read()
                if not left:
                    return
    except (OSError, ValueError, tarfile.TarError) as error:
        yield from ((image, f"its archive cannot be read ({error})") for image in left.values())
        return
    yield from ((image, "its archive does not hold it") for image in left.values())


def _opened(place: str) -> Any:
    """The file at a path or an address, to be read from its beginning."""
    if len(urlsplit(place).scheme) > 1:
        from pyarrow import fs

        files, path = fs.FileSystem.from_uri(place)
        return files.open_input_stream(path)
    return open(place, "rb")


def _last(image: str) -> str:
    return image.replace("\\", "/").rsplit("/", 1)[-1]
