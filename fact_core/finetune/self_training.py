"""Self-training: a network names images of the pool, and training begins anew from these and the labels.

A network that has learned from the labels (the teacher) gives pseudo-labels to unlabelled images, and one that starts
from the pretrained weights again (the student) learns from both, on augmented pictures (pseudo-labels: Lee 2013;
teacher and student, and students that teach: Xie et al. 2020, "Self-training with Noisy Student improves ImageNet
classification", algorithm 1). ``pool_names`` says what an image is called. The paper of FACT has no such phase: it is
what "fact+" and "l3fact+" have over "fact" and "l3fact".
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from fact_core.analysis import novelty
from fact_core.compute.device import reset_peak_memory
from fact_core.compute.image_batches import Preprocess
from fact_core.compute.training_images import ImageCache
from fact_core.errors import ImageError
from fact_core.events import Decision, Event, Log, PhaseDone, PhaseStarted, Point, Progress, Saved
from fact_core.finetune import pool_names, weight_mix
from fact_core.finetune.finetune import bound_to, first_head, learned, plan_of, train_on
from fact_core.finetune.live_check import live_check
from fact_core.finetune.loop import Pictures
from fact_core.finetune.loop_state import LoopPlan, Net
from fact_core.finetune.naming import NAMED, digest, named, strangers, teaching_share
from fact_core.finetune.training_run import TrainingInputs, TrainingState, answering_preprocess, ended
from fact_core.generators import map_events
from fact_core.types import Step

LABELLED = 0.5  # of a batch are labelled images, where these are fewer than those of the pool
KEPT = 1 << 28  # bytes of decoded pictures: the pool's come up about twice, which is no reason to keep them all
APART = "st.strangers"  # the decision: how many images of the pool belong to no class
SIDE = "st.pixels"  # the decision: the side of the pictures that the network answers from now on
NOBODY = "no image of the pool seems to belong to a class"
PROVED = "st.proved"  # the decision: how many of the check images that were as surely named were named rightly


@dataclass(frozen=True)
class Round:
    """One of the rounds of a phase: number from 0; the last one's network stays under the phase's own name.

    plan: of this round; before: steps of the rounds before it, of ``total`` in all.
    """

    phase: str
    number: int
    rounds: int
    plan: LoopPlan
    before: int
    total: int

    @property
    def part(self) -> str:
        """The checkpoint's part that holds this round's network."""
        return self.phase if self.number == self.rounds - 1 else f"{self.phase}.{self.number + 1}"

    @property
    def names(self) -> str:
        """The checkpoint's part that holds the names of this round."""
        return f"{NAMED}.{self.number + 1}" if self.number else NAMED


def run(inputs: TrainingInputs, state: TrainingState, phase: str) -> Step[PhaseDone]:
    """Train the student in place of phase 2's network, and measure it.

    Not where labels left out have spoken against phase 2, whose trouble would be the student's, or against the names
    of the pool. A network that names alone has to be shown to be good; the student itself is never mixed (flowers, 125
    labels: 67.6 % the mix, 69.6 its student).
    """
    taught = inputs.config.phases[inputs.config.phases.index(phase) - 1]
    reason = yield from _against(inputs, state.decisions)
    if reason:
        return (yield from _left_out(inputs, state, phase, taught, reason))
    config, n = inputs.config, len(inputs.y)
    teacher, plan = (
        plan_of(taught, config.ff, count, state.backbone, config.amp) for count in (n, n + len(inputs.unlabelled))
    )
    plan = replace(plan, steps=config.st.steps, warm_up=0)  # epochs of the labelled images say nothing here
    net = Net(state.backbone, copy.deepcopy((yield from first_head(inputs, state, taught, False))))
    sees = answering_preprocess(state.backbone, plan.pixels, plan.crop_min, state.backbone.preprocess)
    bound = bound_to(inputs, state.backbone, teacher)  # by what phase 2 depends on, and by what comes on top
    if bound is not None:
        own = {"unlabelled": digest(inputs.unlabelled), "rounds": config.st.rounds, "names": config.st.names}
        if config.st.names == "neighbours":
            own |= {
                "strangers": novelty.LEVEL,
                "steps": config.st.by_round(n, plan.batch),
                "share": teaching_share(inputs),
            }
        if inputs.other >= 0:
            own["other"] = inputs.other
        if sees != state.backbone.preprocess:
            own["answers"] = sees.pixels
        bound = {**bound, "phase": phase, "student": asdict(plan), **own}
    reset_peak_memory(inputs.device)
    training = partial(_train, inputs, state, phase, taught, net, plan, sees)
    done = yield from learned(inputs, state, phase, net, plan, bound, training, sees)
    del state.heads[taught]  # it read a network that is no more
    return done


def planned(phase: str, steps: Sequence[int], plan: LoopPlan) -> list[Round]:
    """The rounds of a phase that have so many steps each, else as ``plan``."""
    return [
        Round(phase, number, len(steps), replace(plan, steps=each), sum(steps[:number]), sum(steps))
        for number, each in enumerate(steps)
    ]


def often(labelled: int, named: int) -> Tensor:
    """How often each image comes in an epoch (labelled + named,): the labelled ones fill the share ``LABELLED``."""
    times = max(1, round(named * LABELLED / (1 - LABELLED) / max(1, labelled)))
    return torch.cat([torch.full((labelled,), times), torch.ones(named, dtype=torch.int64)])


def _against(inputs: TrainingInputs, decisions: Sequence[Decision]) -> Step[str]:
    """Why there is no self-training, if so. What labels left out say is asked on the pretrained features."""
    if not inputs.unlabelled:
        return "no image of the pool is left to learn from"
    if weight_mix.given_up(map(asdict, decisions)):
        return "phase 2's weights were given up: there is nothing to learn from"
    mixes = [each for each in decisions if each.name == weight_mix.PART]
    alone = inputs.config.st.names == "network"
    if alone and mixes and float(mixes[-1].value) < 1 and mixes[-1].scores is None:
        return "nothing has shown that phase 2's answers are good enough to learn from"
    if alone or not len(inputs.pool_x):
        return ""
    generator = inputs.generator("pool")
    return (yield from pool_names.spoken_against(inputs.x, inputs.y, inputs.pool_x, generator, inputs.groups))


def _left_out(inputs: TrainingInputs, state: TrainingState, phase: str, taught: str, reason: str) -> Step[PhaseDone]:
    """The phase without any step: phase 2's network stays."""
    yield inputs.started(phase, 0, 0.0, 0)
    yield _decided(state, 0, reason)
    state.heads[phase] = state.heads[taught]
    return (yield from ended(inputs, state, phase, inputs.checkpoint.seconds()))


def _train(
    inputs: TrainingInputs,
    state: TrainingState,
    phase: str,
    taught: str,
    net: Net,
    plan: LoopPlan,
    sees: Preprocess,
) -> Step[dict[str, Any]]:
    """Rounds of naming and learning, each from the pretrained weights. Returns values to keep.

    sees: how a student names; phase 2's network sees as before.
    """
    before, teacher, own = len(state.decisions), state.heads[taught], state.backbone.preprocess
    assert isinstance(teacher, nn.Linear)  # as after every phase 2
    start = copy.deepcopy(net.head.state_dict())
    rounds = _rounds(inputs, phase, plan)
    about: dict[str, Any] = {"parameters": 0, "steps": 0}
    asked, shown = Net(state.backbone, teacher), _Shown()
    apart = strangers(inputs)
    if apart.any():
        yield state.decided(pool_names.left_apart(APART, apart, inputs.other_class))
    for each in rounds[(yield from _first(inputs, rounds)) :]:
        names = yield from named(inputs, each.names, asked, apart, each.part == phase)
        if not len(names.rows):  # phase 2's network stays
            yield inputs.started(phase, 0, 0.0, 0)
            yield _decided(state, 0, NOBODY if apart.all() else "no image of the pool can be read any more")
            net.head.load_state_dict(asked.head.state_dict())
            break
        yield _decided(state, len(names.rows), _reason(inputs, each, names.sure))
        if names.proved is not None:
            yield state.decided(pool_names.proof(PROVED, names.proved, len(inputs.check.y) if inputs.check else 0))
        net.backbone.load_state_dict(inputs.pretrained)
        net.backbone.preprocess = sees
        net.head.load_state_dict(start)
        files = [*inputs.files, *(inputs.unlabelled[row] for row in names.rows.tolist())]
        y, times = torch.cat([inputs.y, names.y]), often(len(inputs.y), len(names.rows))
        pictures = Pictures(ImageCache(files, plan.pixels, KEPT, net.backbone.preprocess.ranges), y, times)
        parameters = yield from _learn(inputs, each, net, pictures, shown)
        about = {"parameters": parameters, "epoch": pictures.epoch, "steps": each.total}
        asked = net
    if about["steps"] and sees != own:
        yield state.decided(_smaller(sees, own, plan))
    for each in rounds:
        if each.part != phase:
            inputs.checkpoint.drop(each.part)
    return {**about, "decisions": [asdict(each) for each in state.decisions[before:]]}


def _smaller(sees: Preprocess, own: Preprocess, plan: LoopPlan) -> Decision:
    reason = (
        f"there things look as large as in the crops of {plan.pixels} pixels that the network has learned from; "
        f"the pretrained one sees {own.pixels}"
    )
    return Decision(SIDE, str(sees.pixels), reason)


def _rounds(inputs: TrainingInputs, phase: str, plan: LoopPlan) -> list[Round]:
    return planned(phase, inputs.config.st.by_round(len(inputs.y), plan.batch), plan)


def _reason(inputs: TrainingInputs, each: Round, sure: float) -> str:
    """Why these images teach. sure: how sure their names are on average, 0 to 1."""
    who = "phase 2" if each.number == 0 else "the network before"
    if inputs.config.st.names == "neighbours":
        who = f"{who} and the images' neighbours"
    turn = f"round {each.number + 1} of {each.rounds}: " if each.rounds > 1 else ""
    told = f", {100 * sure:.0f} % sure on average" if sure else ""
    share, images = teaching_share(inputs), len(inputs.unlabelled)
    named = f"the surest {100 * share:.0f} % of each class that {who} named among {images:,} images{told}; "
    return f"{turn}{named}a network that learns from them anew takes phase 2's place, unmixed"


def _first(inputs: TrainingInputs, rounds: Sequence[Round]) -> Step[int]:
    """The round that an earlier sitting came to: the last that has its names. 0 where the pool is another one now."""
    stored = [(each, inputs.checkpoint.finished(each.names)) for each in rounds]
    kept = [(each, part) for each, part in stored if part is not None]
    if not kept:
        return 0
    asked = digest(inputs.unlabelled)
    if any(part.values["unlabelled"] != asked for _, part in kept):
        yield Log("The pool has changed since the last sitting: self-training begins anew.", "warning")
        _forget(inputs, rounds)
        return 0
    return kept[-1][0].number


def _forget(inputs: TrainingInputs, rounds: Sequence[Round]) -> None:
    for each in rounds:
        inputs.checkpoint.drop(each.names)
        inputs.checkpoint.drop(each.part)


def _learn(inputs: TrainingInputs, each: Round, net: Net, pictures: Pictures, shown: _Shown) -> Step[int]:
    """Train on labels and pseudo-labels. Returns how many weights learned."""
    check = yield from live_check(inputs.check, net.backbone.preprocess, each.plan.pixels, inputs.config.ff.keep)
    training = train_on(inputs, each.part, net, pictures, each.plan, check, announce=each.phase)
    try:
        return (yield from map_events(training, partial(shown, each, pictures.epoch)))
    except ImageError:  # resumed, it would meet the same image again: it is named anew, without that one
        _forget(inputs, _rounds(inputs, each.phase, each.plan))
        raise


@dataclass
class _Shown:
    """The loop's events under the name of this phase, whose plan is that of phase 2, behind the rounds before."""

    began: bool = False
    per_step: float | None = None  # seconds

    def _left(self, point: Point, steps: int) -> float | None:
        """Seconds for so many steps: the loop's own estimate ends with its round."""
        if point.seconds_left is not None and point.steps > point.step:
            self.per_step = point.seconds_left / (point.steps - point.step)
        return None if self.per_step is None else self.per_step * steps

    def __call__(self, each: Round, epoch: int, event: Event) -> Event | None:
        before, total = each.before, each.total
        if isinstance(event, PhaseStarted):
            again, self.began = self.began, True
            return None if again else replace(event, steps=total, epochs=total * each.plan.batch / epoch)
        if isinstance(event, Point):
            epochs, step = before * each.plan.batch / epoch, before + event.step
            left = self._left(event, total - step)
            return replace(
                event, phase=each.phase, step=step, steps=total, epoch=epochs + event.epoch, seconds_left=left
            )
        if isinstance(event, Saved):
            return replace(event, phase=each.phase, step=before + event.step)
        if isinstance(event, Progress):
            return replace(event, step=each.phase, done=before + event.done, total=total)
        return event


def _decided(state: TrainingState, images: int, reason: str) -> Decision:
    return state.decided(Decision(NAMED, str(images), reason))
