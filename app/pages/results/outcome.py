"""What the Results page says, worked out from answers and known labels. Pure: arrays in, plain JSON out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from app.pages.results import figures
from app.routes import binary
from fact_core.analysis import evaluate
from fact_core.analysis.intervals import interval
from fact_core.analysis.paired import mcnemar
from fact_core.choices import PHASES
from fact_core.labeling.checked import Answers as Answers
from fact_core.labeling.checked import read_answers as read_answers
from fact_core.types import About, FloatArray, IntArray

MOST_MISTAKES = 60
#: 95 % intervals have width ~ 1 / sqrt(n): half of it needs four times as many images.
TO_HALVE = 3


def measure(
    answers: Answers, known: Mapping[int, str], kind: str, counts: Mapping[str, int], more: figures.More | None = None
) -> dict[str, Any] | None:
    """Accuracy, per class, confusion and mistakes on the images whose class is known; None without any.

    known: image id -> class name, of images that the model was not trained on.
    kind: what the figures rest on (check, demo, folders). counts: labels trained on, per class. more: what else is
    known of the images.
    """
    rows = np.flatnonzero(np.isin(answers.ids, list(known)))
    if not len(rows):
        return None
    names = [known[item] for item in answers.ids[rows].tolist()]
    truth, classes = evaluate.numbered(names, answers.classes)
    said, sure = answers.y[rows], answers.confidence[rows]
    about = more(rows) if more else About()
    report = evaluate.report(truth, said, classes, kind, sure, about)
    right = said == truth
    return {
        "kind": kind,
        **share(right, about.groups),
        "halve": TO_HALVE * report.n,
        "more": figures.told(report),
        "phases": {
            phase: share(y[rows] == truth, about.groups) | against(y[rows] == truth, right)
            for phase, y in answers.phases.items()
        },
        "classes": [asdict(each) | {"labels": counts.get(each.name, 0)} for each in report.per_class],
        "confusion": [list(row) for row in report.confusion],
        **_mistakes(answers.ids[rows], truth, said, sure),
    }


def share(right: npt.NDArray[np.bool_], groups: IntArray | None = None) -> dict[str, Any]:
    """{"right", "n", "accuracy", "interval"}: which of n answers are right (n,), with the 95 % interval of their share.

    groups (n,): images of one number belong together.
    """
    hits, n = int(right.sum()), len(right)
    low, high = interval(right, groups)
    return {"right": hits, "n": n, "accuracy": hits / n, "interval": [float(low), float(high)]}


def against(phase: npt.NDArray[np.bool_], final: npt.NDArray[np.bool_]) -> dict[str, int]:
    """{"lost", "won"}: images that only the phase answers right, and those that only the final model does (n,)."""
    return {"lost": int((phase & ~final).sum()), "won": int((final & ~phase).sum())}


def _mistakes(ids: IntArray, truth: IntArray, said: IntArray, sure: FloatArray) -> dict[str, Any]:
    """The wrong answers, surest first."""
    wrong = np.flatnonzero(truth != said)
    order = wrong[np.argsort(-sure[wrong], kind="stable")]
    shown = [
        {"id": int(ids[i]), "true": int(truth[i]), "said": int(said[i]), "confidence": round(float(sure[i]), 4)}
        for i in order[:MOST_MISTAKES]
    ]
    return {"mistakes": shown, "mistakes_total": len(order)}


def phase_rows(
    phases: Sequence[Mapping[str, Any]], measured: Mapping[str, Any] | None, final: str
) -> list[dict[str, Any]]:
    """After each phase: seconds, training accuracy, and the accuracy on the images that ``measured`` rests on.

    phases: the PhaseDone of each phase as JSON. Without predictions their check accuracy is used.
    """
    rows = []
    for done in phases:
        name = str(done["phase"])
        row: dict[str, Any] = {
            "phase": name,
            "title": PHASES[name].title if name in PHASES else name,
            "seconds": done.get("seconds"),
            "train_accuracy": done.get("train_accuracy"),
        }
        by_phase = measured["phases"] if measured else {}
        if name in by_phase:
            row |= by_phase[name]
        elif measured and name == final:
            row |= {key: measured[key] for key in ("right", "n", "accuracy", "interval")}
        elif (
            done.get("check_n")
            and done.get("check_accuracy") is not None
            and (not by_phase or _same_images(done, measured))
        ):
            row |= share(np.arange(done["check_n"]) < round(done["check_accuracy"] * done["check_n"]))
        rows.append(row)
    return rows


def _same_images(done: Mapping[str, Any], measured: Mapping[str, Any] | None) -> bool:
    """Whether a figure of the training stands beside figures of the predictions that rest on as many images.

    Self-training trains phase 2's network away, so that it has no answers any more.
    """
    return measured is not None and measured["kind"] == "check" and measured["n"] == done["check_n"]


def verdict(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The last phase beside the best one before it, where that one was better, else beside the first; None with one.

    {"kind": "worse" | "better" | "same", "phase", "than": titles, "accuracy", "other", "n", "sure"}.
    """
    known = [row for row in rows if row.get("interval")]
    if len(known) < 2 or known[-1] is not rows[-1]:
        return None
    last, best = known[-1], max(known[:-1], key=lambda row: float(row["accuracy"]))
    other = best if best["accuracy"] > last["accuracy"] else known[0]
    more = last["accuracy"] - other["accuracy"]
    return {
        "kind": "worse" if more < 0 else "better" if more > 0 else "same",
        "phase": last["title"],
        "than": other["title"],
        "accuracy": last["accuracy"],
        "other": other["accuracy"],
        "n": last["n"],
        "sure": bool(more) and _beyond_chance(other, last),
    }


def _beyond_chance(row: Mapping[str, Any], last: Mapping[str, Any]) -> bool:
    """Whether the two differ by more than chance, 19 times of 20.

    Both answered the same images, so the images that only one of them has right decide (McNemar 1947, the exact form):
    it sees a difference that the two intervals, which know nothing of each other, cannot. Without both answers: the
    intervals do not share a value.
    """
    if "lost" not in row:
        return bool(row["interval"][0] > last["interval"][1] or last["interval"][0] > row["interval"][1])
    return mcnemar(row["won"], row["lost"]) < 0.05


def packed(answers: Answers) -> bytes:
    """Of the predictions for the map: header {n, classes}; columns: ids i32[n], class u16[n], confidence u8[n]."""
    columns = answers.ids.astype("<i4"), answers.y.astype("<u2"), binary.sure(answers.confidence)
    return binary.packed({"n": len(answers.ids), "classes": list(answers.classes)}, *columns)
