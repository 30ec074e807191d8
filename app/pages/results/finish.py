"""Finishing a folder: what can be accepted for a goal, what a goal takes, what is accepted and what is left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from app.routes import binary, kept_answers
from app.shell import computer
from app.shell.server import Opened
from fact_core.analysis import promise
from fact_core.errors import InputError
from fact_core.labeling import acceptances, finishing, labels_now
from fact_core.labeling.acceptances import Acceptance, Look
from fact_core.storage import db, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import Evidence, IntArray

MORE = 100  # check images: what so many more would buy is told
GOALS = tuple(
    round(float(goal), 4) for goal in np.arange(promise.LOWEST, promise.HIGHEST + promise.STEP / 2, promise.STEP)
)


@dataclass(frozen=True)
class Before:
    """Another training whose look at the same goal lets more through of what is open now: run, its number, images.

    All looks hold at once, as they share the error: which of them is accepted is the person's choice.
    """

    run: int
    number: int
    able: int


@dataclass(frozen=True)
class Goal:
    """A goal that can be set. takes: so many check images among the accepted at the least, none of them wrong.

    asked: what the check images have said, where they were asked: how many images can be accepted (0: none), on how
    many check images that rests, mistakes among these. lacks: so many check images more could carry it, were none wrong
    (None: it can be carried, or no number could). needs: where nothing can be accepted, so many as sure as these would
    carry it at the same share of mistakes (None: no number does). then: the best goal for the same images with
    ``MORE`` more check images and the same share of mistakes, 0 for none. before: an earlier look that lets more
    through.
    """

    goal: float
    takes: int
    asked: int | None
    checks: int
    wrong: int
    lacks: int | None = None
    needs: int | None = None
    then: float = 0.0
    before: Before | None = None


@dataclass(frozen=True)
class Part:
    """What was said of a class that has a goal of its own. able: how many images can be accepted (0: none)."""

    class_id: int
    goal: float
    able: int
    checks: int
    wrong: int


@dataclass(frozen=True)
class Split:
    """What was said where classes have goals of their own: as ``Goal``; parts: of these classes, the rest of others.

    asked: images of all classes that can be accepted.
    """

    goal: float
    asked: int
    checks: int
    wrong: int
    parts: list[Part]


@dataclass(frozen=True)
class ClassChecks:
    """A class of the model. open, checks: open images and check images that the model takes for it."""

    id: int
    open: int
    checks: int


@dataclass(frozen=True)
class Step:
    """Images that were accepted in one step. run: the training's number; older: it is not the one that is shown.

    own: class -> its own goal. Of the step that stands those images that still are: a person may have labeled some.
    """

    id: int
    images: int
    goal: float
    run: int
    older: bool
    own: dict[int, float]


@dataclass(frozen=True)
class Finish:
    """How far the folder is. images: of the pool; person: labeled; aside: skipped, or nobody can tell; accepted; open.

    strange: open images unlike any class, -1 where the answers do not say. checks: check images that count; leaks,
    unlike, gone, imported: how many do not, being like training images, or unlike any class, or like images that a
    person took out, or named by an import and not drawn; refused: how many count as wrong, without a class; left_out:
    how many of those that were drawn are left out of the pool. look: the number of the next question, which has
    ``chance`` of error; best: the best goal that the check images could carry, 0 for none. seconds: a person's time for
    one image, as far as it is known.
    """

    run: int
    images: int
    person: int
    aside: int
    accepted: int
    open: int
    strange: int
    checks: int
    leaks: int
    unlike: int
    gone: int
    imported: int
    refused: int
    left_out: int
    look: int
    chance: float
    best: float
    goals: list[Goal]
    splits: list[Split]
    classes: list[ClassChecks]
    step: Step | None
    again: Step | None
    seconds: float | None


def finish_of(held: Opened, run: Run) -> Finish:
    """What the page shows of a run. RunError while the pool is not predicted. Kept until something changes."""
    return held.slowly("finish", stamp_of(held, run), lambda: _finish(held, run))


def _finish(held: Opened, run: Run) -> Finish:
    with db.shared(held.project.db):
        return _told(held, run)


def _told(held: Opened, run: Run) -> Finish:
    project = held.project
    (evidence, pool), looks = evidence_of(held, run), acceptances.looks(project)
    fair, look = promise.fair(evidence), len(looks) + 1
    alpha = promise.level(look)
    best = promise.carries(evidence, alpha)
    own = [each for each in looks if (each.run, each.basis) == (run.id, evidence.basis)]
    mine = {round(each.goal, 4): each for each in own if not each.own}
    person, aside = _said(project, pool)
    accepted = len(acceptances.ids_now(project))
    stands, again = acceptances.steps(project)
    stood = _step(project, run, stands)
    return Finish(
        run=run.id,
        images=len(pool),
        person=person,
        aside=aside,
        accepted=accepted,
        open=len(pool) - person - aside - accepted,
        strange=evidence.strange,
        checks=len(fair.check_right),
        leaks=evidence.leaks,
        unlike=evidence.unlike,
        gone=len(evidence.check_right) - len(fair.check_right),
        imported=evidence.imported,
        refused=evidence.refused,
        left_out=evidence.left_out,
        look=look,
        chance=alpha,
        best=best,
        goals=_with_earlier(
            project, run, [_goal(goal, alpha, best, mine.get(goal), evidence) for goal in GOALS], looks
        ),
        splits=[_split(each, evidence) for each in own if each.own],
        classes=_classes(evidence, fair),
        step=stood and replace(stood, images=accepted),
        again=_step(project, run, again),
        seconds=finishing.pace(project),
    )


def ask(held: Opened, run: Run, goal: float, own: Mapping[int, float]) -> Finish:
    """Put a goal, and those of some classes, to the check images; the same question again costs nothing."""
    for asked in (goal, *own.values()):
        if not any(abs(asked - each) < 1e-6 for each in GOALS):
            raise InputError("There is no such goal", f"{asked:g}"[:80], f"From {GOALS[0]:.0%} to {GOALS[-1]:.1%}.")
    project, (evidence, _pool) = held.project, evidence_of(held, run)
    if evidence.strange < 0:
        raise InputError("The answers are of an earlier version", do="Predict the pool again.")
    finishing.ask(project, run, goal, evidence, own)
    return finish_of(held, run)


def accept(held: Opened, run: Run, goal: float, own: Mapping[int, float], by: Run) -> Finish:
    """Accept what keeps the goals, as the check images have said of the answers of ``by``. How far the folder is then,
    for ``run``. InputError where they were not asked."""
    evidence = finishing.gather(held.project, by) if by.id != run.id else evidence_of(held, run)[0]
    look = acceptances.find_look(held.project, by.id, goal, evidence.basis, own)
    if look is None:
        raise InputError("The check images were not asked for this goal", f"{goal:g}"[:80], "Reload the page.")
    acceptances.accept(held.project, look, evidence, computer.person())
    return finish_of(held, run)


def rest_of(held: Opened, run: Run) -> bytes:
    """What is left for a person, the surest first: header {classes: [[class id, images], ...], strange}, then the ids
    i32, class by class, and behind them those unlike any class; then how sure u8, of the first ones."""
    (evidence, pool), taken = evidence_of(held, run), acceptances.ids_now(held.project)
    keep = ~np.isin(evidence.ids, taken)
    ids, numbers = evidence.ids[keep], np.array(evidence.class_ids, dtype=np.int64)[evidence.y[keep]]
    order = np.lexsort((-evidence.confidence[keep], numbers))
    found, counts = np.unique(numbers, return_counts=True)
    said = np.array(list(labels_now.states(held.project)), dtype=np.int64)
    strange = pool[~np.isin(pool, np.concatenate([evidence.ids, taken, said]))]
    head = {"classes": [[int(a), int(b)] for a, b in zip(found, counts, strict=True)], "strange": len(strange)}
    sure = binary.sure(evidence.confidence[keep][order])
    return binary.packed(head, np.concatenate([ids[order], strange]).astype("<i4"), sure)


def stamp_of(held: Opened, run: Run) -> object:
    """Differs once a label, the pool, what is accepted, or the run's answers are others."""
    file = held.project.predictions_file(run.id)
    answered = file.stat().st_mtime_ns if file.is_file() else 0
    return run.id, answered, projects.version(held.project).rpartition(".")[0]


def evidence_of(held: Opened, run: Run) -> tuple[Evidence, IntArray]:
    """(see ``finishing.gather``, the images of the pool), kept until something changes."""

    def gathered() -> tuple[Evidence, IntArray]:
        with db.moment(held.project.db):
            known = kept_answers.answers_of(held, run), kept_answers.pool_ids_of(held)
            return finishing.gather(held.project, run, known=known), known[1]

    return held.slowly("evidence", stamp_of(held, run), gathered)


def _said(project: Project, pool: IntArray) -> tuple[int, int]:
    """(images of the pool that a person has labeled, those put aside)."""
    labeled, said = labels_now.snapshot(project).ids, labels_now.states(project)
    return len(labeled), int(np.isin(pool, list(said)).sum()) - len(labeled)


def _goal(goal: float, alpha: float, best: float, look: Look | None, evidence: Evidence) -> Goal:
    takes = promise.fewest(goal, alpha)
    if look is None:
        lacks = None if goal <= best + 1e-6 else promise.lacking(evidence, goal, alpha)
        return Goal(goal, takes, None, 0, 0, lacks=lacks)
    able, (n, wrong) = int(look.takes(evidence).sum()), (look.checks, look.wrong)
    needs = None if able else promise.needed(n, wrong, goal, alpha)
    then = n + math.floor(MORE * n / max(1, len(evidence.check_right)))
    best = promise.carried(then, math.ceil(wrong * then / max(1, n) - 1e-9), alpha)
    return Goal(goal, takes, able, n, wrong, needs=needs, then=best)


def _with_earlier(project: Project, run: Run, goals: list[Goal], looks: list[Look]) -> list[Goal]:
    """The goals, each with an earlier look that lets more through, where there is one."""
    trained = {each.id: each for each in run_queue.list_runs(project, "train") if each.id != run.id}
    earlier = [each for each in reversed(looks) if each.run in trained and not each.own]
    gathered = cache(lambda number: finishing.gather(project, trained[number]))

    def before(goal: Goal) -> Before | None:
        found = None
        for look in earlier:
            least = found.able if found else goal.asked or 0
            if abs(look.goal - goal.goal) > 1e-6 or look.accepted <= least:
                continue  # labels that came since only take away from what it let through
            if not project.predictions_file(look.run).is_file():
                continue
            evidence = gathered(look.run)
            able = int(look.takes(evidence).sum()) if evidence.basis == look.basis else 0
            if able > least:
                found = Before(look.run, run_queue.place(project, trained[look.run]), able)
        return found

    return [goal if goal.asked is None else replace(goal, before=before(goal)) for goal in goals]


def _split(look: Look, evidence: Evidence) -> Split:
    taken, numbers = look.takes(evidence), np.array(evidence.class_ids, dtype=np.int64)[evidence.y]
    parts = [
        Part(each.class_id, each.goal, int(taken[numbers == each.class_id].sum()), each.checks, each.wrong)
        for each in look.own
    ]
    return Split(look.goal, int(taken.sum()), look.checks, look.wrong, parts)


def _classes(evidence: Evidence, fair: Evidence) -> list[ClassChecks]:
    counts = [np.bincount(y, minlength=len(evidence.classes)) for y in (evidence.y, fair.check_y) if y is not None]
    told = zip(evidence.class_ids, *(each.tolist() for each in counts), strict=True)
    return [ClassChecks(number, left, checks) for number, left, checks in told if number > 0]


def _step(project: Project, run: Run, found: Acceptance | None) -> Step | None:
    if found is None:
        return None
    of = run_queue.place(project, run_queue.get(project, found.look.run))
    return Step(found.id, found.images, found.look.goal, of, found.look.run != run.id, found.look.goals)
