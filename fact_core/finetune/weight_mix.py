"""Never worse: mix phase 2's weights with the pretrained ones (WiSE-FT, Wortsman et al. 2022)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn
from torch.nn import functional

from fact_core.backbones import adapters
from fact_core.compute.image_batches import Picture, batches
from fact_core.compute.less_memory import LessMemory
from fact_core.events import Decision, Event, Log, Point, Progress, Saved
from fact_core.finetune import honest
from fact_core.finetune.loop_state import LoopPlan, Net, answers_of
from fact_core.finetune.probe import converged, start_of
from fact_core.finetune.training_run import TrainingInputs, TrainingState
from fact_core.generators import map_events
from fact_core.lightweight import logistic
from fact_core.lightweight.folds import folds, of_several_classes, together
from fact_core.phase_config import GATE_LABELS
from fact_core.types import Source, Step

SHARES = (0.0, 0.5, 1.0)  # of phase 2's weights
FOLDS = 2
ERRORS = 2.0  # standard errors that speak against a share: 19 of 20 times not by chance
LOOK = 32  # images at a time
PART = "ff.interpolation"  # what the progress and the decision are about

TrainPart = Callable[[TrainingInputs, str, Net, Tensor, LoopPlan], Step[Any]]
States = Mapping[str, Mapping[str, Tensor]]


def choose(
    inputs: TrainingInputs,
    state: TrainingState,
    phase: str,
    plan: LoopPlan,
    pretrained: Mapping[str, Tensor],
    train_part: TrainPart,
) -> Step[float]:
    """Phase 2's share of the weights, 0 to 1, decided by labels that were left out.

    For each of two folds phase 2 runs on the other half of the labels, at half the steps. Each share is then scored
    on the images that were left out, at its own best temperature (``calibrated_losses``, ``largest``). A fold starts
    from the pretrained weights and from a probe of its half: the weak one of ``ff.start_C``, else the converged one,
    whatever the mode of phase 1. What phase 2's weights are mixed with is always the converged probe.

    Without a look the share is 0.5: where ``ff.gate`` says half, or where labels are few. Prompts and prefixes have no
    pretrained values to be mixed with: their share is 0 or 1, and 1 without a look.
    """
    added = adapters.of(state.backbone)
    shares: tuple[float, ...] = SHARES
    unseen, stays = 0.5, "half and half is safe"
    if added is not None:
        shares, unseen, stays = (0.0, 1.0), 1.0, f"each {added.kind} stays, there is nothing to mix it with"
    if inputs.config.ff.gate == "half":
        reason = "fixed by the effort" + (f": {stays}" if added is not None else "")
        return (yield from _decide(state, unseen, reason, None))
    counts = torch.bincount(inputs.y)
    counts = counts[counts > 0]
    groups = torch.from_numpy(together(inputs.x.numpy(), inputs.y.numpy(), inputs.groups))
    images, parts = len(torch.unique(groups)), halves(inputs.y, inputs.generator(f"{phase}.halves"), groups)
    if images < GATE_LABELS * len(counts) or not sum(map(len, parts)):
        what = "images" if inputs.groups is None else "groups"
        reason = f"labels of {images} {what} of {len(counts)} classes are too few to compare"
        return (yield from _decide(state, unseen, f"{reason}: {stays}", None))
    asked = yield from _left_out(inputs, state, phase, plan, pretrained, train_part, shares, parts)
    share, reason, scores = _compared(asked.network, asked.y)
    yield from _decide(state, share, reason, scores)
    for name, answers in ((honest.TUNED, asked.network), (honest.LIGHT, asked.light)):
        found = honest.fitted(name, answers[share].log_softmax(1), asked.y.numpy()) if answers else None
        # What was left out is answered by networks that learned from half of the labels in half of the steps. Where
        # they are too sure, so is the whole; that they are not sure enough says nothing of it. Calibration error of
        # fact with 100 labels, effort quick, 96 px: flowers 6.1 -> 1.8 % at 1.27, CIFAR-10 9.8 -> 13.9 % at 0.87.
        if found is not None and float(found.value) > 1:
            yield state.decided(found)
    return share


@dataclass(frozen=True)
class LeftOut:
    """Answers to labels that were left out, by what did not learn from them: share -> logits (m, C). y (m,).

    network: phase 2's head; light: a logistic regression on the network's features, empty where none comes after.
    """

    network: dict[float, Tensor]
    light: dict[float, Tensor]
    y: Tensor


def _left_out(
    inputs: TrainingInputs,
    state: TrainingState,
    phase: str,
    plan: LoopPlan,
    pretrained: Mapping[str, Tensor],
    train_part: TrainPart,
    shares: Sequence[float],
    parts: Sequence[Tensor],
) -> Step[LeftOut]:
    """The rows in ``parts``, by phases 2 that did not learn from them."""
    said: dict[float, list[Tensor]] = {share: [] for share in shares}
    light: dict[float, list[Tensor]] = {share: [] for share in shares if "lm" in inputs.config.phases}
    truth: list[Tensor] = []
    for fold, held in enumerate(parts):
        rest = torch.tensor(sorted(set(range(len(inputs.y))) - set(held.tolist())))
        backbone = copy.deepcopy(state.backbone.cpu())  # a GPU holds one of them at a time
        adapters.remove(backbone)
        backbone.load_state_dict(pretrained)
        probe, _ = yield from map_events(converged(inputs, rest), _folds_began)
        start = yield from start_of(inputs, phase, probe, rest)
        net = Net(backbone, copy.deepcopy(start))
        steps, warm_up = max(1, plan.steps // 2), plan.warm_up // 2
        half = replace(plan, steps=steps, batch=min(plan.batch, len(rest)), warm_up=warm_up)
        part = f"{phase}.fold{fold}"
        yield from map_events(train_part(inputs, part, net, rest, half), _as_progress(fold, half.steps))
        tuned = {"backbone": _copy(net.backbone), "head": _copy(net.head)}
        for share in reversed(shares):  # the smallest last: prompts and prefixes are gone then
            for name, values in tuned.items():
                getattr(net, name).load_state_dict(values)
            mix(net, {"backbone": pretrained, "head": probe.state_dict()}, share)
            rows = torch.cat((held, rest)) if light else held
            logits, pooled = yield from _answers(net, [inputs.files[int(row)] for row in rows], inputs.less)
            said[share].append(logits[: len(held)])
            if light:
                light[share].append((yield from _light(inputs, state, pooled, rest, logits[: len(held)])))
        truth.append(inputs.y[held])
    for fold in range(FOLDS):
        inputs.checkpoint.drop(f"{phase}.fold{fold}")
    return LeftOut(_joined(said), _joined(light), torch.cat(truth))


def _joined(said: Mapping[float, Sequence[Tensor]]) -> dict[float, Tensor]:
    return {share: torch.cat(tuple(logits)) for share, logits in said.items()}


def _light(inputs: TrainingInputs, state: TrainingState, pooled: Tensor, rest: Tensor, logits: Tensor) -> Step[Tensor]:
    """Log-probabilities (m, C) of held-out images by the light model's logistic regression on features of this network.

    pooled: features of the held-out images, then of the ``rest``; logits (m, C): phase 2's own, which count as much
    where its head answers with the light model.
    """
    config, unit = inputs.config.lm, functional.normalize(pooled, dim=1).double()
    held = len(pooled) - len(rest)
    c = config.C if state.light_plan is None else state.light_plan.c_pooled
    strength = logistic.scaled(c, unit)
    step = logistic.fit(unit[held:], inputs.y[rest], inputs.n_classes, C=strength, balanced=config.balanced)
    line = yield from map_events(step, lambda event: None)
    answers = line.logits(unit[:held]).float().log_softmax(1)
    return (answers + logits.log_softmax(1)) / 2 if config.with_head else answers


def _compared(answers: Mapping[float, Tensor], y: Tensor) -> tuple[float, str, dict[str, float]]:
    """The share to take, why, and the mean losses. answers: share -> logits (n, C) of images that were left out."""
    losses = {share: calibrated_losses(logits, y) for share, logits in answers.items()}
    right = {share: int((logits.argmax(1) == y).sum()) for share, logits in answers.items()}
    reason = (
        f"on {len(y)} labels left out in turn, the largest share whose log-loss is not surely above the smallest, "
        f"or that is right as often: {', '.join(f'{share:g} {count} times' for share, count in right.items())}"
    )
    named = {f"{share:g}": round(float(each.mean()), 4) for share, each in losses.items()}
    return largest(losses, right), reason, named


def mix(net: Net, pretrained: States, share: float) -> None:
    """Weights in place: share * now + (1 - share) * pretrained. With prompts or prefixes 1 or 0, where they go."""
    if share == 1:
        return
    if share == 0:
        adapters.remove(net.backbone)
    for name, start in pretrained.items():
        state = getattr(net, name).state_dict()
        with torch.no_grad():
            for key, now in state.items():
                if now.is_floating_point():
                    before = start[key].to(now.device)
                    now.copy_(before * (1 - share) + now * share if share else before)  # now: numbers or not


def given_up(decisions: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of these decisions, as plain values, took the pretrained network in place of phase 2's."""
    return any(each["name"] == PART and float(each["value"]) == 0 for each in decisions)


def halves(y: Tensor, generator: torch.Generator, groups: Tensor | None = None) -> list[Tensor]:
    """Rows of each fold, every class spread over both. A class of one image is never left out.

    groups (n,): rows of one number are copies of one image, or belong together, and stay together.
    """
    own = torch.arange(len(y)) if groups is None else groups
    if of_several_classes(y.numpy(), own.numpy()):
        return [_known_rest(y, own, torch.from_numpy(part)) for part in folds(y.numpy(), FOLDS, generator, own.numpy())]
    parts: list[list[int]] = [[] for _ in range(FOLDS)]
    for each in torch.unique(y).tolist():
        images = torch.unique(own[y == each])
        if len(images) < FOLDS:
            continue
        images = images[torch.randperm(len(images), generator=generator)]
        for i, image in enumerate(images.tolist()):
            parts[(i + each) % FOLDS] += torch.nonzero((own == image) & (y == each))[:, 0].tolist()
    return [torch.tensor(sorted(part), dtype=torch.int64) for part in parts]


def _known_rest(y: Tensor, groups: Tensor, held: Tensor) -> Tensor:
    """The held-out rows without groups whose classes would be missing from the rest."""
    rest = torch.ones(len(y), dtype=torch.bool)
    rest[held] = False
    lost = held[~torch.isin(y[held], y[rest])]
    return held[~torch.isin(groups[held], groups[lost])]


def _decide(state: TrainingState, share: float, reason: str, scores: dict[str, float] | None) -> Step[float]:
    yield state.decided(Decision(PART, f"{share:g}", reason, scores))
    return share


def largest(losses: Mapping[float, Tensor], right: Mapping[float, int]) -> float:
    """The largest share that nothing speaks against, beside the one of smallest mean loss.

    losses: share -> loss of each of n images (n,); right: share -> how many answers are right. Against a share speaks
    a mean loss more than two standard errors (of the difference, image by image) above the smallest, with fewer
    answers right. The folds learn from half of the labels at half the steps, which makes phase 2 look worse than it
    will be, and log-loss favours the mean of two networks even where fewer of its answers are right. So phase 2's
    weights stay unless there is evidence against them (as the one-standard-error rule: Breiman et al. 1984, 3.4.3).
    """
    smallest = min(losses, key=lambda share: (float(losses[share].mean()), share))
    good = {share for share in losses if _within_error(losses[share] - losses[smallest])}
    as_right = {share for share in losses if right[share] >= right[smallest] and torch.isfinite(losses[share]).all()}
    return max({smallest} | good | as_right)


def _within_error(more: Tensor) -> bool:
    """Whether differences of losses (n,) have a mean that may as well be 0. Not where they are no numbers."""
    error = float(more.std()) / math.sqrt(len(more)) if len(more) > 1 else 0.0
    return float(more.mean()) <= ERRORS * error  # False for NaN


def calibrated_losses(logits: Tensor, y: Tensor) -> Tensor:
    """Log-loss (n,) of (n, C) logits divided by the one temperature, 0.05 to 20, that makes its mean smallest.

    How sure a network is says little about how often it is right: finetuned to the end it is far too sure, and
    the mean of both networks must not win for its caution alone (temperature scaling: Guo et al. 2017, section 4.2).
    Infinite for logits that are not numbers.
    """
    if not torch.isfinite(logits).all():
        return torch.full((len(y),), math.inf, dtype=torch.float64)

    def at(exponent: float) -> Tensor:
        return functional.cross_entropy(logits.double() / math.exp(exponent), y, reduction="none")

    bounds = (math.log(0.05), math.log(20.0))
    found = minimize_scalar(lambda each: float(at(each).mean()), bounds=bounds, method="bounded")
    return at(float(found.x))


def _answers(net: Net, files: Sequence[Source], less: LessMemory) -> Step[tuple[Tensor, Tensor]]:
    """(logits (n, K), features (n, D)) of labelled images, at the backbone's own size. ImageError where one cannot be
    read any more."""
    pre, classes = net.backbone.preprocess, net.head.out_features
    out, done = torch.empty(len(files), classes + net.head.in_features), 0
    for found, pictures in batches(files, pre, LOOK, pinned=less.device.type == "cuda"):

        def said(rows: slice, where: torch.device, pictures: Picture = pictures) -> Tensor:
            return torch.cat(answers_of(net, pictures[rows], where), dim=1).cpu()

        parts = yield from less.pieces("gate", len(found), len(found), said)
        out[torch.from_numpy(np.asarray(found))] = torch.cat(parts)
        done += len(found)  # the rows of whole pictures come by shape
        yield Progress(PART, done, len(files))
    return out[:, :classes], out[:, classes:]


def _folds_began(event: Event) -> Event | None:
    return Progress(PART, 0, FOLDS, "folds")


def _as_progress(fold: int, steps: int) -> Callable[[Event], Event | None]:
    """Points as progress: the charts belong to the run on all labels."""

    def change(event: Event) -> Event | None:
        if isinstance(event, Point):
            return Progress(PART, fold * steps + event.step, FOLDS * steps, "steps", event.images_per_s)
        return event if isinstance(event, (Saved, Log)) else None

    return change


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: each.detach().clone() for name, each in module.state_dict().items()}
