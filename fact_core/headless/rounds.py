"""Rounds to a goal without a page: choose, label, train, predict, ask the check images; again until all is accepted.

The first round is that of ``launch.py run``, with the check images. Each further one adds what the model of the last
is unsure of ("Label next"). Each round asks the check images once, and pays for the look (``analysis.promise.level``).
All looks hold at once with the certainty that is promised, for they share its error. So what one of them lets through
is accepted, the one that lets most through, and the folder written with what is labeled, accepted and open.

The same command given again goes on: a round is known by its selection, whose options name the model before it
(``again.selection_like``); trainings, answers and looks that are there are taken as they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fact_core.analysis import promise
from fact_core.analysis.forecast import LabelGrowth
from fact_core.config import SelectConfig, TrainConfig
from fact_core.errors import ConfigError, InputError
from fact_core.headless import again, steps
from fact_core.headless.console import Console
from fact_core.headless.worker_client import WorkerClient
from fact_core.labeling import acceptances, checked, classes, finishing, labels_now, selections
from fact_core.labeling.acceptances import Look
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project
from fact_core.types import Evidence

#: Goals that can be asked for.
LOWEST, HIGHEST = 0.5, 0.999


@dataclass(frozen=True)
class Goal:
    """At least this share (0..1) of what is accepted shall be right; so many rounds at most.

    own: class by name -> a share of its own, no lower.
    """

    share: float
    rounds: int
    own: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """What the rounds came to. told: a row a round, for ``--json``; look: what the last one lets through.

    taken: the round whose look is accepted; 0 where none lets anything through.
    """

    chosen: selections.Stored
    trained: run_queue.Run
    told: list[dict[str, Any]]
    look: Look
    taken: int = 0


def parse_own(texts: Sequence[str], least: float) -> dict[str, float]:
    """The goals of "rose=99%", class -> share. ConfigError where one is none, is twice there, or is below ``least``."""
    found: dict[str, float] = {}
    for text in texts:
        name, sign, share = text.rpartition("=")
        if not sign or not name.strip() or name in found:
            raise ConfigError("--goal-of is a class and its share", f"You gave {text}.", "Such as --goal-of rose=99%.")
        found[name] = parse_goal(share, "--goal-of")
        if found[name] < least:
            raise ConfigError(
                "The goal of a class cannot be lower than the goal of all", f"{text}, and --goal {least:.1%}"
            )
    return found


def parse_goal(text: str, option: str = "--goal") -> float:
    """The share of "98%" or "0.98". ConfigError where it is none that can be asked for."""
    plain = text.strip().replace(" ", "")
    try:
        share = float(plain[:-1]) / 100 if plain.endswith("%") else float(plain)
    except ValueError:
        share = np.nan
    if not LOWEST <= share <= HIGHEST:
        raise ConfigError(
            f"{option} must be from 50% to 99.9%", f"You gave {text}.", "Give the share of what is accepted."
        )
    return round(share, 6)


def check_first(goal: Goal, config: SelectConfig) -> None:
    """ConfigError where no answer could be accepted whatever the check images say: before hours of work."""
    chance = promise.level(1) / (1 + len(goal.own))  # shared by the classes and the rest
    highest = max((goal.share, *goal.own.values()))
    least = promise.fewest(highest, chance)
    if config.check < least:
        raise ConfigError(
            f"A goal of {highest:.1%} takes more check images",
            f"--check {config.check}, and even without a mistake among them {least} are needed",
            f"Give --check {least} or more, or a lower goal.",
        )


def run(
    found: Project,
    worker: WorkerClient,
    console: Console,
    goal: Goal,
    select: SelectConfig,
    train: TrainConfig,
    truth: dict[int, str],
    source: str,
    fresh: bool = False,
) -> Ended:
    """Do the rounds, and accept what one of them lets through. fresh: choose anew what was chosen by an earlier start.

    FactError in words.
    """
    told: list[dict[str, Any]] = []
    if unknown := sorted(set(goal.own) - set(truth.values())):
        known = ", ".join(sorted(set(truth.values()))[:20])
        raise InputError(f"No label is called {unknown[0]!r}", "--goal-of names it", f"The labels are: {known}.")
    budget, ended, config = int(select.budget), None, select
    done: list[Ended] = []
    for number in range(1, goal.rounds + 1):
        kept = None if fresh else again.selection_like(found, config)
        if kept is None and ended and _latest(found) != ended.chosen.id:
            return run(found, worker, console, goal, select, train, truth, source, fresh=True)  # of another chain
        chosen = kept or steps.choose_anew(found, worker, config)
        before = len(_labeled(found, ended.chosen)) if ended else 0
        steps.buy(found, chosen, truth, source, console)
        if len(_labeled(found, chosen)) == before:
            console.say("None of the images of this round has a label: the labels are used up.")
            break
        ended = _round(found, worker, goal, train, chosen, told)
        done.append(ended)
        console.say(_in_words(told[-1], goal))
        left = told[-1]["open"] - _best(found, done, _later(found, chosen))[1] - told[-1]["strange"]
        if not left or number == goal.rounds:
            break
        more = dataclasses.replace(select, strategy="next", check=0, extend=True, restart=False)
        config = dataclasses.replace(more, model=ended.trained.id, budget=str(min(budget, left)))
        if not goal.own and again.selection_like(found, config) is None:
            console.say(_expected(found, ended, goal, min(budget, left)))
    assert ended is not None  # the first round buys labels, or is an error
    return dataclasses.replace(ended, taken=accept_best(found, done, console))


def _best(found: Project, done: Sequence[Ended], later: set[int]) -> tuple[int, int, Evidence | None]:
    """(round, images, evidence) of the look that lets most of what is open through, the newest of several.

    Round 0 and no evidence where none lets anything through. later: images whose labels do not count yet.
    """
    best: tuple[int, int, Evidence | None] = (0, 0, None)
    for number, each in reversed(list(enumerate(done, 1))):
        evidence = finishing.gather(found, each.trained, later)
        count = int(each.look.takes(evidence).sum())
        if count > best[1]:
            best = (number, count, evidence)
    return best


def accept_best(found: Project, done: Sequence[Ended], console: Console) -> int:
    """Accept what the look of one round lets through: the one that does so of most open images. Its number, or 0."""
    number, count, evidence = _best(found, done, set())
    if evidence is not None:
        acceptances.accept(found, done[number - 1].look, evidence)
        if number < len(done):
            console.say(f"Accepted is what round {number} lets through, {count:,} images: more than later rounds do.")
    return number


def _latest(found: Project) -> int:
    latest = selections.latest(found)
    return latest.id if latest else 0


def _labeled(found: Project, chosen: selections.Stored) -> list[int]:
    """Images of a selection with a label that teaches."""
    return [int(each) for each in labels_now.snapshot(found, "pick", chosen.id).ids]


def _round(
    found: Project,
    worker: WorkerClient,
    goal: Goal,
    train: TrainConfig,
    chosen: selections.Stored,
    told: list[dict[str, Any]],
) -> Ended:
    """Train, predict, ask the check images; what they say is added to ``told``."""
    trained = steps.train(found, worker, dataclasses.replace(train, selection=chosen.id))
    if not found.predictions_file(trained.id).is_file():
        worker.do("predict", {"run": trained.id, "device": train.device})
    evidence = finishing.gather(found, trained)
    ids = {each.name: each.id for each in classes.classes(found)}
    own = {ids[name]: share for name, share in goal.own.items() if ids.get(name) in evidence.class_ids}
    look = finishing.ask(found, trained, goal.share, evidence, own, any_class=True)
    left, strange = _open(found, trained, chosen)
    told.append(
        {
            "round": len(told) + 1,
            "labels": len(_labeled(found, chosen)),
            "checks": len(evidence.check_right),
            "wrong_checks": look.wrong,
            "open": left,
            "strange": strange,
            "accepted": look.accepted,
            "threshold": look.threshold,
            "chance": look.alpha,
            "run": trained.id,
            "classes": [_of_class(name, share, ids.get(name), look) for name, share in goal.own.items()],
        }
    )
    return Ended(chosen, trained, told, look)


def _open(found: Project, trained: run_queue.Run, chosen: selections.Stored) -> tuple[int, int]:
    """(images that were open when this round was asked, those of them that are unlike every class).

    Told without what later rounds have labeled, so that the same command finds what it found before.
    """
    answers = checked.answers(found, trained)
    assert answers is not None  # the round has predicted
    free = ~np.isin(answers.ids, list(set(labels_now.states(found)) - _later(found, chosen)))
    return int(free.sum()), 0 if answers.strange is None else int((free & answers.strange).sum())


def _later(found: Project, chosen: selections.Stored) -> set[int]:
    """The images that rounds after this one have chosen."""
    after = range(chosen.id + 1, _latest(found) + 1)
    own = set(chosen.selection.ids.tolist())
    return {int(i) for number in after for i in selections.get(found, number).selection.ids} - own


def _in_words(row: dict[str, Any], goal: Goal) -> str:
    pool = f"{row['accepted']:,} of {row['open']:,} open images can be accepted so that {goal.share:.1%} are right"
    none = [_nothing_of(each) for each in row["classes"] if each["threshold"] is None]
    return "\n  ".join([f"round {row['round']}: {row['labels']} labels, {row['checks']} check images; {pool}", *none])


def _expected(found: Project, ended: Ended, goal: Goal, more: int) -> str:
    """What the next round will probably let through, in words."""
    evidence, labels = finishing.gather(found, ended.trained), LabelGrowth(len(ended.trained.result["ids"]), 0, more)
    told = finishing.expected(found, ended.trained, goal.share, evidence, labels)
    of, ends = max(0, evidence.open - more), f"{told.low:,} to {told.high:,}"
    return f"  forecast: {more} more labels, probably {told.likely:,} of {of:,}; in eight of ten cases {ends}"


def _of_class(name: str, goal: float, number: int | None, look: Look) -> dict[str, Any]:
    """What the check images said of a class with a goal of its own; checks None where the model does not know it."""
    said = next((each for each in look.own if each.class_id == number), None)
    told: dict[str, Any] = {"checks": None, "wrong_checks": None, "threshold": None}
    if said is not None:
        told = {"checks": said.checks, "wrong_checks": said.wrong, "threshold": said.threshold}
    return {"class": name, "goal": goal, **told}


def _nothing_of(told: Mapping[str, Any]) -> str:
    reason = "the model does not know it yet"
    if told["checks"] is not None:
        reason = f"of {told['checks']} check images that the model takes for it {told['wrong_checks']} are wrong"
    return f"nothing is accepted as “{told['class']}” at {told['goal']:.1%}: {reason}"


def counts(found: Project) -> dict[str, int]:
    """Images of the pool: labeled by the person, accepted, and open."""
    pool = set(items.pool(found).ids.tolist())
    labeled = pool & set(labels_now.snapshot(found).ids.tolist())
    accepted = pool & set(acceptances.now(found))
    return {"person": len(labeled), "accepted": len(accepted), "open": len(pool) - len(labeled) - len(accepted)}
