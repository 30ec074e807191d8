"""Scanning: finds the images in the folder and keeps the project's list of images equal to what is there.

A second scan reads only files whose size or time has changed. A file that was moved keeps
its id, and so its labels. Nothing is forgotten: what is gone is marked as missing.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fact_core.config import ScanConfig
from fact_core.errors import FactError, ImageError, InputError
from fact_core.events import Log, Progress
from fact_core.images import decode
from fact_core.images.folder import READ_AGAIN, Found, Seen, in_words, walk
from fact_core.images.gate import Gate
from fact_core.images.links import grouped
from fact_core.images.source import content_of, digest_of
from fact_core.images.taken import taken
from fact_core.storage import deep, items, links, told
from fact_core.storage.feature_store import FeatureStore
from fact_core.storage.items import FileRow, KnownFile
from fact_core.storage.project import Project, image_folder
from fact_core.storage.run_queue import Run
from fact_core.storage.thumbs import Thumbs
from fact_core.storage.told import Settled
from fact_core.types import Step
from fact_core.work.file_groups import by_files
from fact_core.work.kind import Kind

BATCH = 500  # files stored in one transaction
NAMED = 10  # files that a note names

_WHAT_TO_DO = "Choose a folder with jpg, png, webp, bmp, gif or tif files."


_FOLLOW = (
    "Caches of Hugging Face, DVC and git-annex keep files so. Allow links to that folder: "
    "on the page Project, or with --follow-links."
)


@dataclass(frozen=True)
class ScanResult:
    """What a scan found, in files. ``total``: images in the pool (readable, without repeats).

    notes: what a person should know of them: how pixels of more than 8 bits are shown.
    """

    added: int
    changed: int
    removed: int
    moved: int
    unreadable: int
    duplicates: int
    total: int
    seconds: float
    notes: tuple[str, ...] = ()


def run(project: Project, run: Run, config: ScanConfig) -> Step[dict[str, Any]]:
    """Look for images in the folder."""
    result = yield from scan(project)
    yield from by_files(project)
    return dataclasses.asdict(result)


def scan(project: Project, workers: int = 0) -> Step[ScanResult]:
    """Bring the project up to date with its image folder. InputError when there are no images.

    workers: threads that read; 0 takes one a core. What was read is stored in batches, so a scan that
    was stopped goes on where it was.
    """
    started = time.monotonic()
    seen = walk(image_folder(project.images), project.folder, links.allowed(project))
    links.note_outside(project, grouped(seen.outside))
    if not any(not found.reason for found in seen.files):
        raise _nothing(project, seen)
    yield Progress("scan", 0, len(seen.files), "images")
    known = items.known_files(project)
    shallow = [found for found in seen.files if _is_shallow(project.images, known.get(found.path), found)]
    items.note_shallow(project, shallow)
    unread = {found.path for found in seen.files if not _same(known.get(found.path), found)}
    todo = [found for found in seen.files if found.path in unread.difference(each.path for each in shallow)]
    added, changed = told.untold(project)
    old = [found for found in seen.files if (row := known.get(found.path)) and row.ctime_ns == 0 and _same(row, found)]
    items.note_times(project, old)
    photos = [each for each in seen.files if (row := known.get(each.path)) and row.taken is None and _same(row, each)]
    for start in range(0, len(photos), BATCH):  # of an earlier version: each is read once more
        items.note_taken(project, _taken(project.images, photos[start : start + BATCH], workers))
        yield Progress("scan", min(start + BATCH, len(photos)), len(photos), "images")
    done, batch, stored = len(seen.files) - len(todo), list[FileRow](), time.monotonic()
    deeper, anew = list[str](), list[str]()  # were taken for pictures of 8 bits, or seen wrong, by an earlier version
    for each in _read_all(project.images, todo, workers):
        batch.append(each)
        row = known.get(each.found.path)
        if row is None or row.status == "missing":
            added.add(each.found.path)
        elif (row.digest, row.reason) != (each.digest, each.reason):
            changed.add(each.found.path)
        elif row.deep is None and each.deep:
            deeper.append(each.digest)
        elif each.anew and row.mtime_ns == READ_AGAIN:
            anew.append(each.digest)
        if len(batch) >= BATCH or time.monotonic() - stored > 1:
            _keep(project, batch, deeper, anew)
            done, batch, stored = done + len(batch), [], time.monotonic()
            yield _progress(started, done, len(seen.files), len(todo))
    _keep(project, batch, deeper, anew)
    present = {found.path for found in seen.files}
    settled = items.settle(project, present)
    yield _progress(started, len(seen.files), len(seen.files), len(todo))
    now, notes = items.counts(project), (*deep.in_words(project), *_told(settled), *_told_anew(anew))
    for note in notes:
        yield Log(note)
    followed, added, changed = settled.followed, added & present, (changed - added) & present
    return ScanResult(
        added=len(added - followed),
        changed=len(changed - followed),
        removed=max(0, settled.gone - len(added & followed)),  # of repeats that come and go at once it is not exact
        moved=len((added | changed) & followed),
        unreadable=now.unreadable,
        duplicates=now.duplicates,
        total=now.pool,
        seconds=time.monotonic() - started,
        notes=notes,
    )


def _told(settled: Settled) -> list[str]:
    """What a person should know of labeled and accepted images that are not what they were."""
    lines, edited, accepted = list[str](), settled.edited, settled.accepted
    if edited:
        many = f"{len(edited):,} files have" if len(edited) != 1 else "1 file has"
        kept = "which were kept. Check that they still hold"
        lines.append(f"{many} changed since labels were given for them, {kept}: {_named(edited)}")
    if replaced := settled.replaced:
        many = f"{len(replaced):,} files lie" if len(replaced) != 1 else "1 file lies"
        lines.append(
            f"{many} under the name of a labeled image that is gone, with other bytes. That is another image, without "
            f"a label. The label stays with the one that is gone, and comes back with it: {_named(replaced)}"
        )
    if accepted:
        many = f"{len(accepted):,} accepted images have" if len(accepted) != 1 else "1 accepted image has"
        lines.append(f"{many} changed. The answers were about other pictures and count no more: {_named(accepted)}")
    return lines


def _told_anew(digests: Sequence[str]) -> list[str]:
    """What a person should know of pictures that an earlier version has seen wrong."""
    if not digests:
        return []
    many = f"{len(digests):,} TIFFs were" if len(digests) != 1 else "1 TIFF was"
    return [
        f"{many} shown and learned from wrong by an earlier version: noise, or a negative. Thumbnails and features are "
        "made anew. Look at their labels, and train again"
    ]


def _named(paths: Sequence[str]) -> str:
    return ", ".join(paths[:NAMED]) + (", ..." if len(paths) > NAMED else "")


def _nothing(project: Project, seen: Seen) -> InputError:
    """That there are no images, and what lies there instead."""
    found = in_words(project.images, seen)
    if seen.outside:
        return InputError("There are no images in this folder: they are links that lead out of it", found, _FOLLOW)
    return InputError("There are no images in this folder", found, _WHAT_TO_DO)


def _same(row: KnownFile | None, found: Found) -> bool:
    """Whether a file needs no reading.

    What could not be read is tried again: its permissions may be other now. So is what an older version of the program
    has read, which did not look how deep the pixels are.
    """
    return row is not None and row.deep is not None and _unchanged(row, found)


def _unchanged(row: KnownFile, found: Found) -> bool:
    """Whether a file that could be read is still the same."""
    if row.status != "ok" or found.reason:
        return False
    # A rename leaves size and time of change as they are, and so do programs that copy files with their times.
    return (row.bytes, row.mtime_ns) == (found.bytes, found.mtime_ns) and row.ctime_ns in (0, found.ctime_ns)


def _is_shallow(root: Path, row: KnownFile | None, found: Found) -> bool:
    """Whether the head alone tells of a known file that its pixels are not deep; as of most PNGs of older projects."""
    return row is not None and row.deep is None and _unchanged(row, found) and decode.is_shallow_png(root / found.path)


def _keep(project: Project, batch: Sequence[FileRow], deeper: Sequence[str], anew: Sequence[str]) -> None:
    """Store files. What was made of them is forgotten first: a scan that is killed in between asks for it again."""
    _forget(project, deeper, anew)
    items.store(project, batch)


def _forget(project: Project, deeper: Sequence[str], anew: Sequence[str]) -> None:
    """Have the features made again of pictures that are seen in another way now; thumbnails know who is deeper."""
    Thumbs(project).forget(anew)
    if digests := [*deeper, *anew]:
        for store in map(FeatureStore, sorted(project.features_folder("x").parent.glob("*/"))):
            store.forget(digests)


def _read_all(root: Path, todo: Sequence[Found], workers: int) -> Iterator[FileRow]:
    """Read in threads (Pillow lets go of the interpreter while it decodes), in order, some files ahead."""
    threads = workers or min(16, os.cpu_count() or 2)
    gate = Gate()
    waiting: deque[Future[FileRow]] = deque()
    executor = ThreadPoolExecutor(threads, thread_name_prefix="scan")
    try:
        for found in todo:
            waiting.append(executor.submit(_read, root, found, gate))
            if len(waiting) >= 4 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _read(root: Path, found: Found, gate: Gate) -> FileRow:
    """Hash and decode the same bytes."""
    if found.reason:
        return FileRow(found, reason=found.reason)
    try:
        with content_of(root / found.path, gate) as content:
            seen, digest = decode.examine(content, gate), digest_of(content)
    except ImageError as error:
        return FileRow(found, reason=error.what)
    except OSError as error:
        return FileRow(found, reason=f"The file may not be read ({error.strerror or error})")
    facts = (
        seen.width,
        seen.height,
        seen.format,
        "",
        seen.deep,
        seen.low,
        seen.high,
        seen.taken,
        seen.camera,
        seen.anew,
    )
    return FileRow(found, digest, *facts)


def _taken(root: Path, photos: Sequence[Found], workers: int) -> list[tuple[str, float, str]]:
    """When known photos were taken, that an earlier version has not asked; what cannot be read says nothing."""

    def ask(found: Found) -> tuple[str, float, str]:
        try:
            with content_of(root / found.path, gate) as content, decode.header(content, gate) as image:
                return (found.path, *taken(image))
        except (FactError, OSError):
            return found.path, 0.0, ""

    gate = Gate()
    with ThreadPoolExecutor(workers or min(16, os.cpu_count() or 2)) as executor:
        return list(executor.map(ask, photos))


def _progress(started: float, done: int, total: int, todo: int) -> Progress:
    read = done - (total - todo)
    rate = read / max(time.monotonic() - started, 1e-6)
    return Progress("scan", done, total, "images", rate, (total - done) / rate if rate > 0 else None)


KIND = Kind(run)
