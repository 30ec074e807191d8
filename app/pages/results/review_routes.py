"""What the grid of Results asks: the answers as columns, and what is known of one image."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import FastAPI, Query, Response

from app.pages.results import ahead, compare, findings, review, suspects
from app.routes import binary, kept_answers
from app.routes.queue import item_of
from app.routes.runs import Number
from app.routes.shapes import told
from app.routes.vectors import features_of
from app.shell.server import Opened, Server
from fact_core.errors import RunError
from fact_core.storage import db
from fact_core.storage import project as projects
from fact_core.storage.run_queue import Run
from fact_core.types import FloatArray, IntArray

MOST = 1_000_000_000  # labels


def register(app: FastAPI, server: Server) -> None:
    """GET /x/K/review?run=, /x/K/look?run=&id=, /x/K/suspects, compare, gain?run=&more=, differ?a=&b=."""

    @app.get("/x/{key}/review")
    def answers(key: str, run: Number = 0) -> Response:
        """See ``review.packed``. Kept until a label, the pool or the answers change."""
        return binary.answer(packed_of(server.opened(key), run))

    @app.get("/x/{key}/look")
    def look(key: str, id: Number, run: Number = 0) -> dict[str, object]:
        return told(look_of(server.opened(key), run, id))

    @app.get("/x/{key}/suspects")
    def suspected(key: str) -> Response:
        """See ``suspects.packed``."""
        return binary.answer(suspects.packed(server.opened(key)))

    @app.get("/x/{key}/compare")
    def compared(key: str) -> dict[str, object]:
        return told(compare_of(server.opened(key)))

    @app.get("/x/{key}/gain")
    def gained(key: str, more: Annotated[int, Query(ge=1, le=MOST)], run: Number = 0) -> dict[str, object]:
        return told(ahead.ahead_of(compare_of(server.opened(key)).runs, run, more))

    @app.get("/x/{key}/differ")
    def differ(key: str, a: Number, b: Number) -> dict[str, object]:
        return told(compare.differing(server.project(key), a, b))


def packed_of(held: Opened, run_id: int) -> bytes:
    """The columns of a training run's answers. RunError while it has none."""
    with db.shared(held.project.db):
        run = findings.train_run(held.project, run_id)
        stamp = (run.id, _stamp(held, run), projects.version(held.project).rpartition(".")[0])
        kept = held.cache.get("review")
        if kept is None or kept[0] != stamp:
            known = kept_answers.answers_of(held, run)
            if known is None:
                raise RunError("This run has no predictions yet", do="Predict the pool first.")
            kept = held.cache["review"] = (stamp, review.packed(review.columns(held, run, known)))
    content: bytes = kept[1]
    return content


def look_of(held: Opened, run_id: int, item_id: int) -> review.Look:
    """One image at large. InputError when there is none of that number."""
    facts = item_of(held.project, item_id)
    run = findings.train_run(held.project, run_id)
    ids, p = _shares(held, run)
    row = np.flatnonzero(ids == item_id)
    top = review.top(p[row[0]], findings.class_names(held.project, run)) if len(row) else []
    near = review.alike(held.project, item_id, features_of(held))
    return review.Look(facts.id, facts.path, facts.w, facts.h, top, near, facts.copies)


def compare_of(held: Opened) -> compare.Comparison:
    """The runs side by side, kept until a label, the pool or a run changes."""

    def compared() -> compare.Comparison:
        with db.shared(held.project.db):
            return compare.comparison(held)

    return held.slowly("compare", projects.version(held.project).rpartition(".")[0], compared)


def _stamp(held: Opened, run: Run) -> int:
    file = held.project.predictions_file(run.id)
    return file.stat().st_mtime_ns if file.is_file() else 0


def _shares(held: Opened, run: Run) -> tuple[IntArray, FloatArray]:
    """(ids (N,), probabilities (N, K)) of a run's answers, kept while they stay; both empty without any."""
    stamp = (run.id, _stamp(held, run))
    kept = held.cache.get("shares")
    if kept is None or kept[0] != stamp:
        found = review.read_shares(held.project.predictions_file(run.id)) if stamp[1] else None
        kept = held.cache["shares"] = (stamp, found or (np.zeros(0, np.int64), np.zeros((0, 0), np.float32)))
    shares: tuple[IntArray, FloatArray] = kept[1]
    return shares
