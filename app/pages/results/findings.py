"""What the project knows about a finished training run: reads storage, hands ``outcome`` plain arrays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.pages.results import figures, outcome
from app.routes import kept_answers
from app.routes.learned import Since, labels_since
from app.routes.run_briefs import TrainingBrief, training_briefs
from app.shell.decision_text import decision_words
from app.shell.server import Opened
from fact_core.choices import EXPORTS
from fact_core.errors import RunError
from fact_core.exchange.true_names import true_names
from fact_core.labeling import checked, finishing, labels_now
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run


@dataclass(frozen=True)
class Predicted:
    """How the predictions for the pool stand. ready: there are some, if perhaps of an earlier run.

    lacking: images that came into the folder since, which have no answer.
    """

    id: int
    status: str
    reason: str
    ready: bool
    lacking: int


@dataclass(frozen=True)
class Exported:
    """An export: of which training, where it was written to, and what."""

    id: int
    run: int
    status: str
    reason: str
    folder: str
    files: list[str]
    items: list[str]


@dataclass(frozen=True)
class Results:
    """Everything that the Results page shows of one training run.

    measured: on the best known truth, also: on another one (see ``outcome.measure``); self_taught: images of these
    that self-training has looked at; checks: check images with a label; uncounted: those that were drawn and have none
    after the person has seen them (``finishing.uncounted``); items: what can be exported.
    """

    run: TrainingBrief
    runs: list[TrainingBrief]
    measured: dict[str, Any] | None
    also: dict[str, Any] | None
    self_taught: int
    phases: list[dict[str, Any]]
    verdict: dict[str, Any] | None
    decisions: list[dict[str, Any]]
    checks: int
    uncounted: int
    classes: list[dict[str, Any]]
    on_training: dict[str, int] | None
    honest: dict[str, Any] | None  # the temperature in the model's weights, and on how many labels it was fitted
    unproved: str  # why there is none (``work.temperature.lacking``); "" too where an earlier version has trained
    predicted: Predicted | None
    items: list[dict[str, str]]
    exports: list[Exported]
    export_into: str
    since: Since | None


#: Decisions that say what the pool's images without a label were good for.
OF_POOL = frozenset(f"{phase}.{what}" for phase in ("st", "lm") for what in ("images", "strangers", "proved"))


def train_run(project: Project, run_id: int) -> Run:
    """The training run of that id (0: the newest finished, else the newest). RunError when there is none."""
    trained = run_queue.list_runs(project, "train")
    if run_id:
        trained = [run for run in trained if run.id == run_id]
    if not trained:
        raise RunError("There is no such training run", str(run_id) if run_id else "none yet", "Train first.")
    return next((run for run in trained if run.status == "done"), trained[0])


def predict_run(project: Project, train_id: int) -> Run | None:
    """The newest run that predicts the pool with this training run's model."""
    of_pool = (
        run
        for run in run_queue.list_runs(project, "predict")
        if run.config.get("run") == train_id and not run.config.get("images")
    )
    return next(of_pool, None)


def answers_of(project: Project, run: Run) -> outcome.Answers | None:
    """The predictions for the pool of a training run, or None while there are none."""
    return checked.answers(project, run)


def class_names(project: Project, run: Run) -> tuple[str, ...]:
    """The classes of a run in the model's order; one that was renamed since under its new name."""
    return checked.class_names(project, run)


def known_classes(
    project: Project, run: Run, answers: outcome.Answers, true: tuple[dict[int, str], str] | None = None
) -> tuple[dict[int, str], dict[int, str], str]:
    """(check labels, other truth, its kind): image id -> class name, never of an image that the run was trained on.

    true: the true classes (``true_names``), where they were read already.

    The other truth is of images that nobody labeled: those with a label, of any role, are told apart from it.
    The demo's true classes and the names of class folders are read here and nowhere else: after training.
    """
    truth, kind = true or true_names(project, run, answers.classes)
    labeled = set(labels_now.snapshot(project).ids.tolist())
    return checked.check_names(project, run), {i: name for i, name in truth.items() if i not in labeled}, kind


def results(held: Opened, run: Run) -> Results:
    """Everything the Results page shows of one training run."""
    project = held.project
    answers, briefs = kept_answers.answers_of(held, run), training_briefs(project)
    counts = _label_counts(project, run)
    measured, second, looked_at = None, None, 0
    if answers is not None:
        true = kept_answers.true_names_of(held, run, answers)
        check, truth, kind = known_classes(project, run, answers, true)
        more = figures.more(project, run, answers)
        by_check = outcome.measure(answers, check, "check", counts, more)
        by_truth = outcome.measure(answers, truth, kind, counts, more)
        looked_at = len(set(run.result.get("pool_ids") or ()) & ({*check, *truth})) if run.self_taught else 0
        measured = by_check or by_truth
        second = by_truth if by_check else None
    measured = measured or _stored_report(run, counts)
    final = (run.result.get("phases") or [{}])[-1].get("phase", "")
    done = run.result.get("phases") or []
    rows = outcome.phase_rows(done, measured, final)
    return Results(
        run=briefs[run.id],
        runs=list(briefs.values()),
        measured=measured,
        also=_also(second, done, final) if second else None,
        self_taught=looked_at,
        phases=rows,
        verdict=outcome.verdict(rows),
        decisions=[_decision(each) for each in run.result.get("decisions") or ()],
        checks=len(labels_now.snapshot(project, "audit").ids),
        uncounted=finishing.uncounted(project, run),
        classes=[{"name": name, "labels": counts.get(name, 0)} for name in dict.fromkeys(class_names(project, run))],
        on_training=_on_training(project, run, answers),
        honest=_honest(run),
        unproved=str(run.result.get("unproved") or ""),
        predicted=_predicted(held, run, answers),
        items=[{"name": name, "title": each.title, "help": each.help} for name, each in EXPORTS.items()],
        exports=_exports(project),
        export_into=str(new_folder(project, briefs[run.id].number)),
        since=labels_since(project, run),
    )


def _decision(decision: Mapping[str, Any]) -> dict[str, Any]:
    title, value = decision_words(decision["name"], decision["value"])
    return {**decision, "words": f"{title}: {value}", "pool": decision["name"] in OF_POOL}


def _also(second: Mapping[str, Any], done: Sequence[Mapping[str, Any]], final: str) -> dict[str, Any]:
    """The accuracy on the other truth, and what it says of the phases."""
    figures = {key: second[key] for key in ("kind", "n", "accuracy", "interval")}
    return figures | {"verdict": outcome.verdict(outcome.phase_rows(done, second, final))}


def _stored_report(run: Run, counts: Mapping[str, int]) -> dict[str, Any] | None:
    """The report that the training run itself made: shown until the pool is predicted, or cross-validated."""
    report = run.result.get("report")
    if not report or not report.get("n"):
        return None
    return {
        "kind": "cv" if str(report.get("basis", "")).startswith("cross") else "run",
        "right": round(report["accuracy"] * report["n"]),
        "n": report["n"],
        "accuracy": report["accuracy"],
        "interval": list(report["interval"]),
        "halve": outcome.TO_HALVE * report["n"],
        "more": figures.stored(report),
        "phases": {},
        "classes": [
            {"recall": [0, 1], "precision": [0, 1], **each, "labels": counts.get(each["name"], 0)}
            for each in report["per_class"]
        ],
        "confusion": [list(row) for row in report["confusion"]],
        "mistakes": [],
        "mistakes_total": None,
    }


def _label_counts(project: Project, run: Run) -> Counter[str]:
    stored = run.result.get("counts")
    if stored:
        counts = Counter[str]()
        for name, n in zip(class_names(project, run), stored, strict=True):
            counts[name] += n  # two that were made one since
        return counts
    now = labels_now.snapshot(project, "pick")
    return Counter(now.classes[int(y)] for y in now.y)


def _honest(run: Run) -> dict[str, Any] | None:
    told = run.result.get("temperature")
    return {"by": told["value"], "labels": told["labels"]} if told and told.get("applied") else None


def _on_training(project: Project, run: Run, answers: outcome.Answers | None) -> dict[str, int] | None:
    """How many of its own labels the model answers right: said only where nothing better is known."""
    if answers is None:
        return None
    picks = labels_now.snapshot(project, "pick")
    known = {int(i): picks.classes[int(y)] for i, y in zip(picks.ids, picks.y, strict=True)}
    own = outcome.measure(answers, known, "train", {})
    return {"right": own["right"], "n": own["n"]} if own else None


def _predicted(held: Opened, run: Run, answers: outcome.Answers | None) -> Predicted | None:
    """How the predictions for the pool stand: the newest predict run of this model."""
    newest = predict_run(held.project, run.id)
    if newest is None:
        return None
    lacking = 0
    if answers is not None and newest.status == "done":
        without = int((~np.isin(kept_answers.pool_ids_of(held), answers.ids)).sum())  # came later, or was replaced
        lacking = max(0, without - int(newest.result.get("bad", 0)))  # what could not be read stays without
    return Predicted(newest.id, newest.status, newest.reason, answers is not None, lacking)


def _exports(project: Project) -> list[Exported]:
    """All export runs, newest first."""
    return [
        Exported(
            id=each.id,
            run=int(each.config.get("run", 0)),
            status=each.status,
            reason=each.reason,
            folder=each.result.get("folder") or each.config.get("folder", ""),
            files=[str(file) for file in each.result.get("files") or ()],
            items=[EXPORTS[name].title for name in each.config.get("items", ()) if name in EXPORTS],
        )
        for each in run_queue.list_runs(project, "export")
    ]


def new_folder(project: Project, number: int) -> Path:
    """A folder beside the project that does not exist yet."""
    name = re.sub(r"[^\w-]+", "-", project.name).strip("-").lower() or "classifier"
    first = project.folder.parent / f"{name}-classifier-run{number}"
    folder, extra = first, 2
    while folder.exists():
        folder, extra = first.with_name(f"{first.name}-{extra}"), extra + 1
    return folder
