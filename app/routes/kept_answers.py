"""What a run has answered, and the true classes to hold it against: read once, kept while both stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from app.shell.server import Opened
from fact_core.exchange.true_names import true_names
from fact_core.labeling import checked
from fact_core.labeling.checked import Answers
from fact_core.storage import items
from fact_core.storage import project as projects
from fact_core.storage.excluded import excluded
from fact_core.storage.run_queue import Run
from fact_core.types import IntArray

NEWEST = 30  # runs whose answers are kept in memory


@dataclass(frozen=True)
class Digests:
    """ids (n,) and the digests (n,) of the bytes of now (``items.digests``). stamp: differs where one of them does."""

    ids: IntArray
    digests: npt.NDArray[np.bytes_]
    stamp: str


def answers_of(held: Opened, run: Run) -> Answers | None:
    """The answers of a run that are about the files of now (``checked.answers``); None while there are none."""
    file = held.project.predictions_file(run.id)
    if not file.is_file():
        return None
    # A scan may find other bytes under a name. It counts as a change, as the end of a run does.
    changes = projects.version(held.project).partition(".")[0]
    stamp = (file.stat().st_mtime_ns, checked.class_names(held.project, run), changes)
    kept: dict[int, tuple[object, Answers | None]] = held.cache.setdefault("answers", {})
    if run.id not in kept or kept[run.id][0] != stamp:
        while len(kept) >= NEWEST:
            kept.pop(next(iter(kept)))
        kept[run.id] = (stamp, checked.answers(held.project, run))
    return kept[run.id][1]


def pool_ids_of(held: Opened) -> IntArray:
    """The ids (n,) of the pool, ascending; the same array each time, so that nobody may change it."""
    stamp = (projects.version(held.project).partition(".")[0], excluded(held.project))
    return held.once("pool", stamp, lambda: items.pool_ids(held.project))


def digests_of(held: Opened) -> Digests:
    """Whose bytes every image has now."""
    changes = projects.version(held.project).partition(".")[0]
    return held.once("digests", changes, lambda: _digests(items.digests(held.project)))


def _digests(known: tuple[IntArray, npt.NDArray[np.bytes_]]) -> Digests:
    return Digests(*known, blake2b(known[0].tobytes() + known[1].tobytes(), digest_size=8).hexdigest())


def true_names_of(held: Opened, run: Run, known: Answers) -> tuple[dict[int, str], str]:
    """See ``exchange.true_names``; the same dict each time, so that nobody may change it."""
    kept: dict[int, tuple[object, tuple[dict[int, str], str]]] = held.cache.setdefault("true names", {})
    changes = projects.version(held.project).partition(".")[0]
    stamp = (changes, excluded(held.project), known.classes)
    if run.id not in kept or kept[run.id][0] != stamp:
        while len(kept) >= NEWEST:
            kept.pop(next(iter(kept)))
        kept[run.id] = (stamp, true_names(held.project, run, known.classes))
    return kept[run.id][1]
