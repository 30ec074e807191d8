"""Phase 1, linear probe: a linear classifier on the frozen, pretrained backbone."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from fact_core.backbones import adapters
from fact_core.choices import RECIPES
from fact_core.compute.less_memory import LessMemory
from fact_core.compute.training_images import ImageCache
from fact_core.events import Decision, Log, PhaseDone, Point
from fact_core.finetune.live_check import by_test, live_check, marked
from fact_core.finetune.loop import Pictures, loop
from fact_core.finetune.loop_state import LoopPlan, Net
from fact_core.finetune.training_run import TrainingInputs, TrainingState, linear
from fact_core.generators import logs_only
from fact_core.lightweight import logistic
from fact_core.lightweight.words_prior import choose_strength
from fact_core.types import Step

MAX_ITER = 500
WORDS = "lp.words"  # the decision how much the names of the classes count


def run(inputs: TrainingInputs, state: TrainingState, phase: str) -> Step[PhaseDone]:
    """Fit the probe as ``config.lp.mode`` says and measure it on the pretrained features."""
    if inputs.config.lp.mode == "lr":
        yield inputs.started(phase, MAX_ITER, 0.0, inputs.n_classes * (inputs.x.shape[1] + 1))
        probe, steps = yield from converged(inputs)
        epochs = float(steps)
    else:
        probe, steps, epochs = yield from by_sgd(inputs, state, phase)
    state.probe = probe
    loss, accuracy = _score(probe, inputs.x, inputs.y)
    check_loss, check_accuracy, check_n = None, None, 0
    if inputs.check is not None:
        x, y = torch.as_tensor(inputs.check.x), torch.as_tensor(inputs.check.y)
        check_loss, check_accuracy = _score(probe, x, y)
        check_n = len(y)
    seconds = inputs.checkpoint.seconds()
    yield Point(phase, steps, steps, epochs, loss, accuracy, check_loss, check_accuracy)
    return PhaseDone(phase, seconds, epochs, steps, loss, accuracy, check_loss, check_accuracy, check_n)


def by_logistic_regression(
    x: Tensor,
    y: Tensor,
    n_classes: int,
    C: float,
    balanced: bool = True,
    less: LessMemory | None = None,
    words: Tensor | None = None,
) -> Step[tuple[nn.Linear, int]]:
    """Converged logistic regression on x (n, D), class-balanced or not: a layer on the CPU, and its iterations.

    One scalar brings the features to unit norm on average, so that C means the same for every
    backbone; it folds into the weights (W' = W s). words (K, D): rows toward which the penalty pulls, in place of zero
    (``lightweight.words_prior``). A class without a label gets a zero row and
    the smallest bias - 2: it never wins.
    """
    scale = 1.0 / float(x.double().square().sum(1).mean().sqrt().clamp_min(1e-12))
    fitted = yield from logistic.fit(
        x * scale,
        y,
        n_classes,
        C=C,
        balanced=balanced,
        phase="lp",
        device=less.device if less is not None else None,
        max_iter=MAX_ITER,
        less=less,
        prior=None if words is None else words.double() / scale,
    )
    return linear(fitted.weight * scale, fitted.bias), len(fitted.losses)


def converged(inputs: TrainingInputs, rows: Tensor | None = None, C: float = 0.0) -> Step[tuple[nn.Linear, int]]:
    """``by_logistic_regression`` on the labelled images, or on some rows of them, as the run says. C: another one."""
    x, y = (inputs.x, inputs.y) if rows is None else (inputs.x[rows], inputs.y[rows])
    lp = inputs.config.lp
    fitting = by_logistic_regression(x, y, inputs.n_classes, C or lp.C, lp.balanced, inputs.less, inputs.words)
    return (yield from fitting)


def start_of(inputs: TrainingInputs, phase: str, probe: nn.Linear, rows: Tensor | None = None) -> Step[nn.Linear]:
    """What phase 2 starts from on all labelled images, or on some rows: the weak probe of ``ff.start_C``, or ``probe``.

    A converged probe is sure of the labelled images, and leaves the loss little to change in the network: the full
    finetune and LoRA move it further from a weaker one. Added parts that stay start from phase 1's own always.
    """
    C = inputs.config.ff.start_C
    if not C or adapters.planned(phase, inputs.config.ff) is not None:
        return probe
    # The charts' points of phase 1 belong to phase 1's own probe.
    weak, _ = yield from logs_only(converged(inputs, rows, C))
    return weak


def by_sgd(inputs: TrainingInputs, state: TrainingState, phase: str) -> Step[tuple[nn.Linear, int, float]]:
    """The paper's probe: 50 epochs of Nesterov SGD on augmented images (FACT, III-B), with its steps and epochs."""
    config, generator, n = inputs.config.lp, inputs.generator(phase), len(inputs.y)
    batch = min(512, n)
    plan = LoopPlan(  # not by plan_of: of phase 1's own options
        phase,
        steps=math.ceil(config.epochs * n / batch),
        batch=batch,
        pixels=state.backbone.preprocess.pixels,
        optimiser="sgd",
        backbone_lr=0.0,
        head_lr=config.lr,
        weight_decay=1e-4,
        label_smoothing=0.1,
        crop_min=0.08,
        clip=2.0,
        amp=inputs.config.amp,
    )
    head = linear(torch.zeros(inputs.n_classes, state.backbone.dim), torch.zeros(inputs.n_classes))
    nn.init.trunc_normal_(head.weight, std=0.02, generator=generator)
    if inputs.words is not None:  # it starts as the classifier that the names of the classes make
        head.load_state_dict({"weight": inputs.words, "bias": torch.zeros(inputs.n_classes)})
    silence(head, inputs.y)
    yield inputs.started(phase, plan.steps, float(config.epochs), sum(p.numel() for p in head.parameters()))
    if config.epochs < 10:
        yield Log(f"{config.epochs} epochs are few for a probe that starts from nothing.", "warning")
    labelled = Pictures(ImageCache(inputs.files, plan.pixels, ranges=state.backbone.preprocess.ranges), inputs.y)
    check = None
    if by_test(inputs.check, inputs.config.ff.keep):
        check = yield from live_check(inputs.check, state.backbone.preprocess, plan.pixels, inputs.config.ff.keep)
    done = yield from loop(
        Net(state.backbone, head),
        labelled,
        plan,
        device=inputs.device,
        generator=generator,
        checkpoint=inputs.checkpoint,
        part=phase,
        check=check,
        keep_best=check is not None,
        less=inputs.less,
    )
    if check is not None:
        yield state.decided(marked())
    head = head.cpu()
    silence(head, inputs.y)
    return head, done.steps, done.epochs


def with_words(inputs: TrainingInputs, state: TrainingState) -> Step[TrainingInputs]:
    """The inputs with their words at the strength that cross-validation chooses, none where it chooses none.

    One strength for the run: what is fitted later on some of the labels alone takes it as it takes C.
    """
    unused = inputs.config.lp.words == "none" or inputs.config.phases == ("lm",)
    if inputs.words is None or unused or RECIPES[inputs.config.recipe].random_head:
        return replace(inputs, words=None)
    lp = inputs.config.lp
    choosing = choose_strength(
        inputs.x,
        inputs.y,
        inputs.n_classes,
        inputs.words,
        C=lp.C,
        balanced=lp.balanced,
        generator=inputs.generator("lp.words"),
        groups=inputs.groups,
        less=inputs.less,
    )
    strength, scores = yield from choosing
    if all(each.name != WORDS for each in state.decisions):  # a run that goes on has told it
        few = f"{len(inputs.y)} labels are too few to compare: without the names of the classes"
        reason = "by cross-validated log-loss" if scores else few
        yield state.decided(Decision(WORDS, f"{strength:g}", reason, scores or None))
    return replace(inputs, words=strength * inputs.words if strength else None)


def silence(head: nn.Linear, y: Tensor) -> None:
    """Classes without a label: a zero row and the smallest bias - 2."""
    absent = torch.ones(head.out_features, dtype=torch.bool)
    absent[y] = False
    with torch.no_grad():
        head.weight[absent.to(head.weight.device)] = 0.0
        head.bias[absent.to(head.bias.device)] = float(head.bias[~absent.to(head.bias.device)].min()) - 2.0


def _score(probe: nn.Linear, x: Tensor, y: Tensor) -> tuple[float, float]:
    with torch.no_grad():
        logits = probe(x.float())
    return float(functional.cross_entropy(logits, y)), float((logits.argmax(1) == y).float().mean())
