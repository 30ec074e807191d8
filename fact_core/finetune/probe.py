"""Phase 1, linear probe: a linear classifier on the frozen, pretrained backbone."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from fact_core.backbones import adapters
from fact_core.compute.image_batches import ImageCache
from fact_core.events import Log, PhaseDone, Point
from fact_core.finetune.live_check import by_test, live_check, marked
from fact_core.finetune.loop import Pictures, loop
from fact_core.finetune.training import LoopPlan, Net
from fact_core.finetune.training_run import Work, linear
from fact_core.generators import map_events
from fact_core.lightweight import logistic
from fact_core.types import Step

MAX_ITER = 500


def run(work: Work, phase: str) -> Step[PhaseDone]:
    """Fit the probe as ``config.lp.mode`` says and measure it on the pretrained features."""
    config = work.config.lp
    if config.mode == "lr":
        yield work.started(phase, MAX_ITER, 0.0, work.n_classes * (work.x.shape[1] + 1))
        work.probe, steps = yield from converged(work)
        epochs = float(steps)
    else:
        work.probe, steps, epochs = yield from by_sgd(work, phase)
    loss, accuracy = _score(work.probe, work.x, work.y)
    check_loss, check_accuracy, check_n = None, None, 0
    if work.check is not None:
        x, y = torch.as_tensor(work.check.x), torch.as_tensor(work.check.y)
        check_loss, check_accuracy = _score(work.probe, x, y)
        check_n = len(y)
    seconds = work.checkpoint.seconds()
    yield Point(phase, steps, steps, epochs, loss, accuracy, check_loss, check_accuracy)
    return PhaseDone(phase, seconds, epochs, steps, loss, accuracy, check_loss, check_accuracy, check_n)


def by_logistic_regression(
    x: Tensor, y: Tensor, n_classes: int, C: float, balanced: bool = True, device: torch.device | None = None
) -> Step[tuple[nn.Linear, int]]:
    """Converged logistic regression on x (n, D), class-balanced or not: a layer on the CPU, and its iterations.

    One scalar brings the features to unit norm on average, so that C means the same for every
    backbone; it folds into the weights (W' = W s). A class without a label gets a zero row and
    the smallest bias - 2: it never wins.
    """
    scale = 1.0 / float(x.double().square().sum(1).mean().sqrt().clamp_min(1e-12))
    fitted = yield from logistic.fit(
        x * scale, y, n_classes, C=C, balanced=balanced, phase="lp", device=device, max_iter=MAX_ITER
    )
    return linear(fitted.weight * scale, fitted.bias), len(fitted.losses)


def converged(work: Work, rows: Tensor | None = None, C: float = 0.0) -> Step[tuple[nn.Linear, int]]:
    """``by_logistic_regression`` on the labelled images, or on some rows of them, as the run says. C: another one."""
    x, y = (work.x, work.y) if rows is None else (work.x[rows], work.y[rows])
    lp = work.config.lp
    return (yield from by_logistic_regression(x, y, work.n_classes, C or lp.C, lp.balanced, work.device))


def start_of(work: Work, phase: str, probe: nn.Linear, rows: Tensor | None = None) -> Step[nn.Linear]:
    """What phase 2 starts from on all labelled images, or on some rows: the weak probe of ``ff.start_C``, or ``probe``.

    A converged probe is sure of the labelled images, and leaves the loss little to change in the network: the full
    finetune and LoRA move it further from a weaker one. Added parts that stay start from phase 1's own always.
    """
    C = work.config.ff.start_C
    if not C or adapters.planned(phase, work.config.ff) is not None:
        return probe
    # The charts' points of phase 1 belong to phase 1's own probe.
    weak, _ = yield from map_events(converged(work, rows, C), lambda event: None)
    return weak


def by_sgd(work: Work, phase: str) -> Step[tuple[nn.Linear, int, float]]:
    """The paper's probe: 50 epochs of Nesterov SGD on augmented images (method.md 4.1), with its steps and epochs."""
    config, generator, n = work.config.lp, work.generator(phase), len(work.y)
    batch = min(512, n)
    plan = LoopPlan(
        phase,
        steps=math.ceil(config.epochs * n / batch),
        batch=batch,
        pixels=work.backbone.preprocess.pixels,
        optimiser="sgd",
        backbone_lr=0.0,
        head_lr=config.lr,
        weight_decay=1e-4,
        label_smoothing=0.1,
        crop_min=0.08,
        clip=2.0,
        amp=work.config.amp,
    )
    head = linear(torch.zeros(work.n_classes, work.backbone.dim), torch.zeros(work.n_classes))
    nn.init.trunc_normal_(head.weight, std=0.02, generator=generator)
    silence(head, work.y)
    yield work.started(phase, plan.steps, float(config.epochs), sum(p.numel() for p in head.parameters()))
    if config.epochs < 10:
        yield Log(f"{config.epochs} epochs are few for a probe that starts from nothing.", "warning")
    labelled = Pictures(ImageCache(work.files, plan.pixels), work.y)
    check = (yield from live_check(work, plan)) if by_test(work) else None
    done = yield from loop(
        Net(work.backbone, head),
        labelled,
        plan,
        device=work.device,
        generator=generator,
        checkpoint=work.checkpoint,
        part=phase,
        check=check,
        keep_best=check is not None,
    )
    if check is not None:
        yield from marked(work)
    head = head.cpu()
    silence(head, work.y)
    return head, done.steps, done.epochs


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
