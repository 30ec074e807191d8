"""What the Label page knows by words: suggestions by the names of the classes, and images that fit what is typed.

The text side works in the child process (``fact_core.work.words``); here its answers are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.routes.kept_answers import digests_of, pool_ids_of
from app.routes.vectors import features_of, newest_features
from app.shell.server import Opened
from fact_core.analysis.suggest import Suggestions
from fact_core.analysis.words import by_words
from fact_core.choices import TEXT_SIDES, backbone_choice
from fact_core.errors import FactError, InputError
from fact_core.labeling import checked, classes, other_class
from fact_core.pretrained.text_weights import text_status
from fact_core.storage import run_queue, word_scores
from fact_core.storage.project import Project
from fact_core.types import FloatArray, IntArray

MOST_FOUND, SHARE, LEAST = 100, 10, 12  # images that fit best: a tenth of the pool, within these limits
LONGEST = 200  # letters of what is looked for


@dataclass(frozen=True)
class Ready:
    """Whether words can be used. why: "" or what is missing: "features", "none" (the backbone knows none), "missing".

    backbone: its name, as a download asks for it; detail: where its text side would come from; bytes: about how much.
    busy: it is being downloaded; failed: why the last download was in vain.
    """

    why: str
    backbone: str = ""
    title: str = ""
    detail: str = ""
    bytes: int = 0
    busy: bool = False
    failed: str = ""


@dataclass(frozen=True)
class Found:
    """What is known of an answer. state: ask (nobody has asked yet), waits, done, failed (reason).

    ids: the images that fit best, the best first; n: of how many images.
    """

    state: str
    reason: str = ""
    ids: tuple[int, ...] = ()
    n: int = 0


@dataclass(frozen=True)
class ByNames:
    """ids (N,) ascending; found: a place in ``classes``, the ids of those with a meaning, for each."""

    ids: IntArray
    found: Suggestions
    classes: tuple[int, ...]


def ready(project: Project) -> Ready:
    """See ``Ready``: by the backbone whose features the page shows."""
    run = newest_features(project)
    if run is None:
        return Ready("features")
    name = str(run.config.get("backbone", ""))
    try:
        title = backbone_choice(name).title
    except FactError:  # another version of timm has no such network
        title = name
    if name not in TEXT_SIDES:
        return Ready("none", name, title)
    here = text_status(name)
    detail = here.detail.removeprefix("Not here. ")
    return Ready("" if here.ready else "missing", name, title, detail, here.download_bytes)


def wanted(project: Project, query: str) -> dict[str, Any]:
    """The options of the run that answers; query "": the names of the classes. InputError where nobody can."""
    text = query.strip()
    if len(text) > LONGEST:
        raise InputError("This is too long to look for", text[:80], f"At most {LONGEST} letters.")
    run, here = newest_features(project), ready(project)
    if here.why or run is None:
        raise InputError("Words cannot be used here", here.detail or here.title or "no features yet")
    return {"backbone": here.backbone, "view": run.config.get("view", "project"), "query": text}


def pending(project: Project, query: str) -> bool:
    """Whether a run for it waits or works."""
    run = _newest(project, query.strip())
    return run is not None and run.status in ("queued", "running")


def found(held: Opened, query: str) -> Found:
    """The images of the pool that fit a query best, as far as they are known."""
    state, reason, answer = _answer(held, query.strip())
    if answer is None:
        return Found(state, reason)
    ids, logits = answer
    known = features_of(held)
    if known is not None and not np.isin(known[0], ids).all():
        return Found("ask")  # images came since, or are others now
    there = np.isin(ids, pool_ids_of(held))
    order = np.argsort(-logits[there, 0], kind="stable")
    n = int(there.sum())
    best = ids[there][order[: min(MOST_FOUND, max(LEAST, n // SHARE))]]
    return Found("done", "", tuple(best.tolist()), n)


def of_classes(held: Opened) -> tuple[str, ByNames | None]:
    """(state as ``Found`` says, "few" below two classes; what the names say of the images, once it is known)."""
    project = held.project
    other = other_class.name_of(project)
    named = {each.id: each.name for each in classes.classes(project) if each.name != other}
    if len(named) < 2:
        return "few", None
    run = _newest(project, "")
    now = (tuple(named.items()), _features(project), digests_of(held).stamp)
    stamp = (run.id if run else 0, run.status if run else "", *now)
    return held.once("words", stamp, lambda: _by_names(held, named))


def _by_names(held: Opened, named: dict[int, str]) -> tuple[str, ByNames | None]:
    state, _, answer = _answer(held, "", named)
    return state, None if answer is None else ByNames(answer[0], by_words(answer[1]), tuple(named))


def _answer(
    held: Opened, text: str, named: dict[int, str] | None = None
) -> tuple[str, str, tuple[IntArray, FloatArray] | None]:
    """(state, reason, (ids, logits)) of the newest run for that text; one about other classes or features is none.

    What it says is about the bytes of then: images that hold others now are left out.
    """
    project, run = held.project, _newest(held.project, text)
    if run is None:
        return "ask", "", None
    if run.status in ("queued", "running"):
        return "waits", "", None
    fits = run.result.get("features") == _features(project)
    if named is not None:
        told = dict(zip(run.result.get("classes", []), run.result.get("texts", []), strict=False))
        fits = fits and told == named
    if run.status != "done":
        # Not asked for again and again: what it failed of may be the same. Other classes, or a new window, ask anew.
        return "failed", run.reason, None
    kept = word_scores.load(project, str(run.result.get("key"))) if fits else None
    if kept is None:
        return "ask", "", None
    now = digests_of(held)
    same = checked.current(kept.ids, kept.digests, (now.ids, now.digests))
    return "done", "", (kept.ids[same], kept.logits[same])


def _newest(project: Project, text: str) -> run_queue.Run | None:
    runs = run_queue.list_runs(project, "words")
    return next((each for each in runs if each.config.get("query", "") == text), None)


def _features(project: Project) -> str:
    run = newest_features(project)
    return "" if run is None else str(run.result["key"])
