"""What is left of a folder once a model has answered it: which answers may be accepted, and what the check images say.

Gathers arrays for ``analysis.promise``; ``acceptances`` stores what is decided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from fact_core.analysis import merged_classes, promise
from fact_core.analysis.forecast import Forecast, LabelGrowth, forecast
from fact_core.errors import InputError, RunError
from fact_core.labeling import acceptances, checked, classes, kept_apart, labels_now
from fact_core.labeling.acceptances import Look
from fact_core.labeling.checked import Answers
from fact_core.labeling.history import State
from fact_core.labeling.selections import BY_HAND
from fact_core.storage import db, items, told
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import Evidence, IntArray

RECENT = 200  # labels whose time is looked at
LONGEST = 60.0  # s: nobody looks longer at one image
NO_CLASS = ""  # what a person has said of a check image without giving it a class: no answer is that
Bools = npt.NDArray[np.bool_]


def gather(
    project: Project, run: Run, unsaid: Collection[int] = (), known: tuple[Answers | None, IntArray] | None = None
) -> Evidence:
    """What a promise about a training run's answers rests on. RunError while the pool is not predicted.

    Check images that belong together with a training image, or look nearly the same, are left out; so are those that
    are unlike every class, which are never accepted, and those that nobody has drawn (``kept_apart``). Those that the
    person was shown and has given no class, skipped, marked "cannot tell" or rejected, count as wrong: without them the
    rest would be the easy ones, and among what is open there are as hard ones. unsaid: images of which what a person
    said is passed over, to gather what was there before it was said. known: the run's answers and the images of the
    pool, where they were read already.
    """
    with db.moment(project.db):
        found, pool = known or (checked.answers(project, run), items.pool_ids(project))
        return _gathered(project, run, unsaid, found, pool)


def _gathered(project: Project, run: Run, unsaid: Collection[int], found: Answers | None, pool: IntArray) -> Evidence:
    if found is None:
        raise RunError("This run has no predictions yet", do="Predict the pool first.")
    numbers = _class_ids(project, run, found)
    if len(found.y) and int(found.y.max()) >= len(numbers):
        raise RunError("The predictions do not fit the classes of the run", f"run {run.id}", "Predict again.")
    able = np.array(numbers, dtype=np.int64)[found.y] > 0
    able &= ~found.strange if found.strange is not None else True
    said = {item: state for item, state in labels_now.states(project).items() if item not in unsaid}
    there = np.isin(found.ids, pool)
    with db.connect(project.db) as con:
        given, checks, rejected = kept_apart.not_drawn(con), *kept_apart.drawn(con)
    names, taught = checked.check_names(project, run), checked.trained_on(project, run)
    labels, excluded = labels_now.snapshot(project), {item for item, state in said.items() if state.kind == "exclude"}
    named = {int(item): labels.classes[y] for item, y in zip(labels.ids, labels.y, strict=True)}
    shown = rejected | {item for item in checks & said.keys() if item not in named}
    refused = shown - taught - given - names.keys()
    names |= {item: named.get(item, NO_CLASS) for item in refused}
    free = there & ~np.isin(found.ids, [*said, *refused])
    keep, here = free & able, there & ~np.isin(found.ids, list(given))
    right, groups, rows, leaks = _checks(project, run, found, names, able & here)
    return Evidence(
        ids=found.ids[keep],
        y=found.y[keep],
        confidence=found.confidence[keep],
        classes=found.classes,
        class_ids=numbers,
        check_confidence=found.confidence[rows],
        check_right=right,
        check_groups=groups,
        strange=-1 if found.strange is None else int((free & ~able).sum()),
        leaks=leaks,
        unlike=int((np.isin(found.ids, list(names)) & here & ~able).sum()),
        imported=len(given & names.keys()),
        gone=found.confidence[np.isin(found.ids, _taken_out(project, said)) & able],
        basis=_basis(found.ids[rows], right) + merges(project, run),
        check_y=found.y[rows],
        left_out=len(excluded & (checks | rejected) - given),
        refused=sum(names[item] == NO_CLASS for item in found.ids[rows].tolist()),
    )


def uncounted(project: Project, run: Run) -> int:
    """How many check images the person was shown and has given no class, or has left out since they were drawn.

    An accuracy on the others is that of images which are perhaps easier than the pool.
    """
    with db.connect(project.db) as con:
        given, checks, rejected = kept_apart.not_drawn(con), *kept_apart.drawn(con)
        said = labels_now.states_in(con) if checks or rejected else {}
    without = {item for item, state in said.items() if state.kind != "label"}
    labeled = said.keys() - without
    return len(((checks & without) | (rejected - labeled)) - checked.trained_on(project, run) - given)


def ask(
    project: Project,
    run: Run,
    goal: float,
    evidence: Evidence,
    own: Mapping[int, float] | None = None,
    any_class: bool = False,
) -> Look:
    """Put a goal to the check images and keep what they say; the same question again costs nothing.

    own: class number -> a goal of its own, no lower than ``goal``. InputError, which spends nothing, where a class has
    too few check images for its goal whatever they say, and during a scan; any_class: it is asked all the same, and
    nothing of that class is accepted.
    """
    own = dict(own or {})
    known = acceptances.find_look(project, run.id, goal, evidence.basis, own)
    if known is not None:
        return known
    if told.any_in_doubt(project):  # check images among them: what is asked now would be asked, and paid for, again
        do = "Ask when it has ended. If it was stopped, scan the folder again. Nothing was asked."
        raise InputError("A scan has yet to find where renamed images lie now", do=do)
    alpha = promise.level(len(acceptances.looks(project)) + 1)
    if not own:
        found = promise.kept(evidence, goal, alpha)
        return acceptances.note_look(project, run.id, goal, alpha, evidence.basis, **vars(found))
    places = _places(own, goal, evidence, alpha, any_class)
    kept = promise.kept_by_class(evidence, goal, places, alpha)
    others = kept.pop(promise.OTHERS)
    parts = [
        acceptances.OwnGoal(evidence.class_ids[place], places[place], each.threshold, each.checks, each.wrong)
        for place, each in kept.items()
    ]
    total = others.accepted + sum(each.accepted for each in kept.values())
    values = {**vars(others), "accepted": total, "own": parts}
    return acceptances.note_look(project, run.id, goal, alpha, evidence.basis, **values)


def _places(
    own: Mapping[int, float], goal: float, evidence: Evidence, alpha: float, any_class: bool
) -> dict[int, float]:
    """Place of each class with a goal of its own -> this goal. InputError for those that cannot be asked."""
    fair, share, found = promise.fair(evidence), alpha / (1 + len(own)), {}
    for number, its in own.items():
        if number not in evidence.class_ids or number <= 0:
            raise InputError("The model does not know this class", str(number)[:80], "Train again, or leave it out.")
        place = evidence.class_ids.index(number)
        name = evidence.classes[place]
        if its < goal:
            raise InputError("The goal of a class cannot be lower than the goal of all", f"{name}: {its:.1%}")
        mine = promise.part(fair, [place])
        if any_class or promise.carries_goal(mine, its, share):
            found[place] = its
            continue
        takes = max(promise.fewest(its, share), len(mine.check_right) + 1)  # in a small folder or in groups it is more
        raise InputError(
            f"{its:.1%} cannot be promised of “{name}”",
            f"it takes at least {takes} check images among the accepted that the model takes for it, none of them "
            f"wrong; there are {len(mine.check_right)}",
            "Label more check images, choose a lower goal for it, or leave its goal out. Nothing was asked.",
        )
    return found


def expected(project: Project, run: Run, goal: float, evidence: Evidence, labels: LabelGrowth) -> Forecast:
    """What the next model will probably let through when it is asked; nothing is asked now."""
    alpha = promise.level(len(acceptances.looks(project)) + 1)
    return forecast(evidence, goal, alpha, labels, np.random.default_rng(run.id))


def pace(project: Project) -> float | None:
    """Seconds that a person took for a label lately: the median; None where nobody was timed."""
    with db.connect(project.db) as con:
        rows = con.execute(
            "SELECT lead_time FROM label WHERE op = 'label' AND lead_time IS NOT NULL ORDER BY id DESC LIMIT ?",
            (RECENT,),
        )
        taken = [min(float(row["lead_time"]), LONGEST) for row in rows]
    return float(np.median(taken)) if taken else None


def _checks(
    project: Project, run: Run, found: Answers, names: Mapping[int, str], able: Bools
) -> tuple[Bools, IntArray | None, IntArray, int]:
    """Of the check images that count: whether right (n,), groups (n,), rows in the answers (n,); how many leak.

    names: image -> class of the check images that have a label.
    """
    rows = np.flatnonzero(np.isin(found.ids, list(names)) & able)
    about = checked.about(project, run, found, rows)
    fair = np.ones(len(rows), dtype=np.bool_) if about.leaks is None else ~about.leaks
    groups = None if about.groups is None else about.groups[fair]
    rows, leaks = rows[fair], int((~fair).sum())
    said = [found.classes[y] for y in found.y[rows].tolist()]
    right = np.array([name == names[i] for name, i in zip(said, found.ids[rows].tolist(), strict=True)], dtype=np.bool_)
    return right, groups, rows, leaks


def _class_ids(project: Project, run: Run, found: Answers) -> tuple[int, ...]:
    """The number of each class that is answered, 0 for one that is gone: they have the names of now."""
    listed = {each.name: each.id for each in classes.classes(project)}
    if told := run.result.get("class_ids"):  # another class may have the name of one that is gone
        now = labels_now.became(project)
        own = {now[each][0] for each in told if each in now}
        listed = {name: number for name, number in listed.items() if number in own}
    return tuple(listed.get(name, 0) for name in found.classes)


def _taken_out(project: Project, said: dict[int, State]) -> list[int]:
    """Images of which a person said something since the first check image was drawn, although no strategy chose them.

    What was picked to be labeled is not among them: picks are what the model is unsure of, or anything. What the person
    added to the choice by hand is: it may be what is easy. So is what a file of labels named.
    """
    with db.connect(project.db) as con:
        row = con.execute(
            "SELECT selection.created AS at, json_extract(selection.config, '$.rows') AS rows FROM selection "
            "WHERE id = (SELECT min(selection) FROM pick WHERE role = 'audit' AND state = 'chosen' AND source = '')"
        ).fetchone()
        chosen = {each["item"] for each in con.execute("SELECT DISTINCT item FROM pick WHERE state = 'chosen'")}
        own = con.execute(
            "SELECT DISTINCT item FROM pick WHERE state = 'chosen' AND source IN (?, ?)", (BY_HAND, kept_apart.IMPORT)
        )
        chosen -= {each["item"] for each in own}
        if row is None:
            return []
        # By the order of the rows, for a clock can be set; an earlier version did not keep it with the selection.
        if row["rows"] is None:
            since = {item for item, state in said.items() if state.at >= row["at"]}
        else:
            after = con.execute("SELECT DISTINCT item FROM label WHERE id > ?", (row["rows"],))
            since = {each["item"] for each in after}
    return [item for item in said if item in since and item not in chosen]


def merges(project: Project, run: Run) -> str:
    """The last part of the basis of what rests on a run's answers now: "" while no two of its classes were made one.

    Where they are, their probabilities add up. More images are as sure as a threshold then than the check images were
    asked about: it takes another question, and a promise of before holds for no model that answers so.
    """
    names, place = merged_classes.joined(checked.class_names(project, run))
    return "" if len(names) == len(place) else f"+{hashlib.blake2b(place.tobytes(), digest_size=4).hexdigest()}"


def _basis(ids: IntArray, right: Bools) -> str:
    order = np.argsort(ids)
    return hashlib.blake2b(ids[order].tobytes() + right[order].tobytes(), digest_size=8).hexdigest()
