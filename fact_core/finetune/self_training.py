"""Self-training: phase 2 names images of the pool, and training begins anew from these and the labels.

A network that has learned from the labels (the teacher) gives pseudo-labels to unlabelled images, and one that starts
from the pretrained weights again (the student) learns from both, on augmented pictures (pseudo-labels: Lee 2013;
teacher and student: Xie et al. 2020, "Self-training with Noisy Student improves ImageNet classification", algorithm
1). The paper of FACT has no such phase: no effort but ``standard`` has it, for the backbones that it was measured on.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fact_core.compute.device import out_of_memory, reset_peak_memory
from fact_core.compute.image_batches import ImageCache, Picture, batches, normalise
from fact_core.errors import ImageError
from fact_core.events import Decision, Event, Log, PhaseDone, Point, Progress, Saved
from fact_core.finetune import weight_mix
from fact_core.finetune.finetune import bound_to, first_head, learned, plan_of, train_on
from fact_core.finetune.live_check import live_check
from fact_core.finetune.loop import Pictures
from fact_core.finetune.training import LoopPlan, Net
from fact_core.finetune.training_run import TrainingInputs, TrainingState, ended
from fact_core.generators import map_events
from fact_core.types import IntArray, Source, Step, path_of

SURE = 0.5  # of the images that are named as a class the surest so many teach
LABELLED = 0.5  # of a batch are labelled images, where these are fewer than those of the pool
LOOK = 32  # images at a time
KEPT = 1 << 28  # bytes of decoded pictures: the pool's come up about twice, which is no reason to keep them all
NAMED = "st.images"  # the progress of naming, the decision, and the checkpoint's part that holds the names


def run(inputs: TrainingInputs, state: TrainingState, phase: str) -> Step[PhaseDone]:
    """Train the student in place of phase 2's network, and measure it.

    Not where nothing says that phase 2's network is worth learning from: where the gate took the pretrained one, or
    mixed both without looking, for want of labels. A mix that labels left out asked for teaches as well as any; the
    student itself is never mixed (flowers, 125 labels: 67.6 % the mix, 69.6 its student).
    """
    taught = inputs.config.phases[inputs.config.phases.index(phase) - 1]
    reason = _against(inputs.unlabelled, state.decisions)
    if reason:
        return (yield from _left_out(inputs, state, phase, taught, reason))
    config, n = inputs.config, len(inputs.y)
    teacher, plan = (
        plan_of(taught, config.ff, count, state.backbone, config.amp) for count in (n, n + len(inputs.unlabelled))
    )
    plan = replace(plan, steps=config.st.steps, warm_up=0)  # epochs of the labelled images say nothing here
    net = Net(state.backbone, copy.deepcopy((yield from first_head(inputs, state, taught, False))))
    bound = bound_to(inputs, state.backbone, teacher)  # by what phase 2 depends on, and by what comes on top
    if bound is not None:
        bound = {**bound, "phase": phase, "student": asdict(plan), "unlabelled": _digest(inputs.unlabelled)}
    reset_peak_memory(inputs.device)
    training = partial(_train, inputs, state, phase, taught, net, plan)
    done = yield from learned(inputs, state, phase, net, plan, bound, training)
    del state.heads[taught]  # it read a network that is no more
    return done


def drawn(n: int, taken: IntArray, count: int, seed: int) -> IntArray:
    """Rows in 0..n-1, sorted, at most ``count`` of those that are not ``taken``: the same for the same seed."""
    free = np.setdiff1d(np.arange(n), taken)
    some = np.random.default_rng([seed, 1]).choice(free, size=min(count, len(free)), replace=False)
    return np.sort(some)


def surest(answers: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (k,) of the (m, K) log-probabilities whose names are used, in order, and their classes (k,).

    Of the images of each named class the surest share ``SURE``, at least one: the surest of all would leave out
    what is hard to tell apart.
    """
    sure, named = answers.max(dim=1)
    kept = []
    for each in torch.unique(named).tolist():
        rows = torch.nonzero(named == each)[:, 0]
        kept.append(rows[sure[rows].argsort(descending=True, stable=True)[: max(1, int(SURE * len(rows)))]])
    rows = torch.cat(kept).sort().values if kept else torch.empty(0, dtype=torch.int64)
    return rows, named[rows]


def often(labelled: int, named: int) -> Tensor:
    """How often each image comes in an epoch (labelled + named,): the labelled ones fill the share ``LABELLED``."""
    times = max(1, round(named * LABELLED / (1 - LABELLED) / max(1, labelled)))
    return torch.cat([torch.full((labelled,), times), torch.ones(named, dtype=torch.int64)])


def _against(unlabelled: Sequence[Source], decisions: Sequence[Decision]) -> str:
    """Why there is no self-training, if so."""
    if not unlabelled:
        return "no image of the pool is left to learn from"
    if weight_mix.given_up(map(asdict, decisions)):
        return "phase 2's weights were given up: there is nothing to learn from"
    mixes = [each for each in decisions if each.name == weight_mix.PART]
    if mixes and float(mixes[-1].value) < 1 and mixes[-1].scores is None:
        return "nothing has shown that phase 2's answers are good enough to learn from"
    return ""


def _left_out(inputs: TrainingInputs, state: TrainingState, phase: str, taught: str, reason: str) -> Step[PhaseDone]:
    """The phase without any step: phase 2's network stays."""
    yield inputs.started(phase, 0, 0.0, 0)
    yield _decided(state, 0, reason)
    state.heads[phase] = state.heads[taught]
    return (yield from ended(inputs, state, phase, inputs.checkpoint.seconds()))


def _train(
    inputs: TrainingInputs, state: TrainingState, phase: str, taught: str, net: Net, plan: LoopPlan
) -> Step[dict[str, Any]]:
    """Name images with phase 2's network, begin anew with the pretrained weights, train. Returns values to keep."""
    before, teacher = len(state.decisions), state.heads[taught]
    assert isinstance(teacher, nn.Linear)  # as after every phase 2
    rows, named = yield from _names(inputs, phase, Net(state.backbone, teacher))
    about: dict[str, Any] = {"parameters": 0, "steps": 0}
    if len(rows):
        reason = f"the surest {SURE:.0%} of each class that phase 2 named among {len(inputs.unlabelled)} images; "
        yield _decided(state, len(rows), reason + "a network that learns from them anew takes phase 2's place, unmixed")
        net.backbone.load_state_dict(inputs.pretrained)
        files = [*inputs.files, *(inputs.unlabelled[row] for row in rows.tolist())]
        y, times = torch.cat([inputs.y, named]), often(len(inputs.y), len(rows))
        pictures = Pictures(ImageCache(files, plan.pixels, KEPT, net.backbone.preprocess.ranges), y, times)
        about = {"parameters": (yield from _learn(inputs, phase, net, pictures, plan)), "epoch": pictures.epoch}
    else:  # phase 2's network stays
        yield inputs.started(phase, 0, 0.0, 0)
        yield _decided(state, 0, "no image of the pool can be read any more")
        net.head.load_state_dict(teacher.state_dict())
    return {**about, "decisions": [asdict(each) for each in state.decisions[before:]]}


def _learn(inputs: TrainingInputs, phase: str, net: Net, pictures: Pictures, plan: LoopPlan) -> Step[int]:
    """Train on labels and pseudo-labels. Returns how many weights learned."""
    check = yield from live_check(inputs.check, net.backbone.preprocess, plan.pixels, inputs.config.ff.keep)
    training = train_on(inputs, phase, net, pictures, plan, check, announce=phase)
    try:
        return (yield from map_events(training, lambda event: _of_phase(event, phase)))
    except ImageError:  # resumed, it would meet the same image again: it is named anew, without that one
        inputs.checkpoint.drop(NAMED)
        inputs.checkpoint.drop(phase)
        raise


def _names(inputs: TrainingInputs, phase: str, teacher: Net) -> Step[tuple[Tensor, Tensor]]:
    """Rows of the unlabelled images that teach (k,), and what the teacher calls them (k,).

    Those of an earlier sitting, as long as they are of the same images and all of these are there.
    """
    stored, asked = inputs.checkpoint.finished(NAMED), _digest(inputs.unlabelled)
    if stored is not None:
        if stored.values["unlabelled"] == asked:
            return stored.tensors["rows"], stored.tensors["named"]
        yield Log("The pool has changed since the last sitting: self-training begins anew.", "warning")
        inputs.checkpoint.drop(phase)
    teacher.to(inputs.device).eval()
    bad, done = list[str](), 0
    answers = torch.full((len(inputs.unlabelled), inputs.n_classes), -torch.inf)

    def gone(row: int, error: ImageError) -> None:
        bad.append(str(error))

    for found, pictures in batches(inputs.unlabelled, teacher.backbone.preprocess, LOOK, on_bad=gone):
        answers[torch.from_numpy(np.asarray(found))] = _said(teacher, pictures, inputs.device)
        done += len(found)
        yield Progress(NAMED, done + len(bad), len(inputs.unlabelled))
    if bad:
        yield Log(f"{len(bad)} images of the pool cannot be read any more, going on without: {bad[0]}", "warning")
    seen = torch.nonzero(answers.isfinite().all(dim=1))[:, 0]
    kept, named = surest(answers[seen])
    rows = seen[kept]
    inputs.checkpoint.save(NAMED, {"rows": rows, "named": named}, {"step": 0, "unlabelled": asked}, finished=True)
    return rows, named


def _said(net: Net, pictures: Picture, device: torch.device) -> Tensor:
    """Log-probabilities (b, K) of pictures [b,3,H,W], on the CPU; one by one where the memory is too small."""

    def said(some: Picture) -> Tensor:
        with torch.inference_mode():
            logits: Tensor = net(normalise(some, net.backbone.preprocess, device))
            return logits.float().log_softmax(1).cpu()

    try:
        return said(pictures)
    except RuntimeError as error:
        if not out_of_memory(error) or len(pictures) == 1:
            raise
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return torch.cat([said(pictures[row : row + 1]) for row in range(len(pictures))])


def _of_phase(event: Event, phase: str) -> Event:
    """The loop's events under the name of this phase: its plan is that of phase 2."""
    if isinstance(event, (Point, Saved)):
        return replace(event, phase=phase)
    return replace(event, step=phase) if isinstance(event, Progress) else event


def _decided(state: TrainingState, images: int, reason: str) -> Decision:
    return state.decided(Decision(NAMED, str(images), reason))


def _digest(files: Sequence[Source]) -> str:
    """Of what lies at these places: a kept network was taught by these images. Their bytes may be many gigabytes."""
    known: list[tuple[str, int, int]] = []
    for file in files:
        with suppress(OSError):
            about = path_of(file).stat()
            known.append((str(file), about.st_size, about.st_mtime_ns))
    return hashlib.blake2b(json.dumps(known).encode(), digest_size=16).hexdigest()
