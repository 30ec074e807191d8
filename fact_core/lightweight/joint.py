"""Reading R1: attention pooling and the linear layer together, by L-BFGS on the full batch (FACT, Fig. 2).

The literal reading of "MAP and a linear layer, with L-BFGS". The augmented views are drawn once: fresh ones at every
evaluation would break the line search.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn
from torch.nn import functional

from fact_core.compute.lean_torch import plain
from fact_core.config import LmConfig
from fact_core.events import Point
from fact_core.generators import finish
from fact_core.lightweight.frofa import augment
from fact_core.lightweight.logistic import sample_weights, scaled
from fact_core.lightweight.map_head import MapHead
from fact_core.lightweight.map_train import Reduce
from fact_core.lightweight.readings import CHUNK, Labelled, augments, map_line
from fact_core.types import Step

MAX_ITER = 100  # of L-BFGS; at most lm.steps
MOST_FLOATS = 1 << 28  # of reduced tokens of originals and views: 1 GB


def train_joint(
    data: Labelled, n_classes: int, reduce: Reduce, config: LmConfig, c: float, seed: int
) -> Step[tuple[MapHead, nn.Linear, Tensor]]:
    """MAP, a linear layer on [pooled, MAP] x scales, and the scales (2,), minimising

        (1/S) sum_i w_i CE_i + |W|^2 / (2 C S) + decay / 2 |MAP - MAP_0|^2

    over originals and views, from mean pooling and the converged layer on it. One iteration of L-BFGS an event.
    """
    generator = torch.Generator().manual_seed(seed)
    head = MapHead(reduce.basis.shape[1]).draw(generator).to(data.pooled.device)
    start = finish(map_line(data, n_classes, head, reduce, config, seed, (c,)))
    line = nn.Linear(start.lines[0].weight.shape[1], n_classes, device=data.pooled.device)
    with torch.no_grad():
        line.weight.copy_(start.lines[0].weight)
        line.bias.copy_(start.lines[0].bias)
    views = _views(data, reduce, config, generator)
    problem = _Problem(data, views, head, line, start.scales, n_classes, config, c)
    yield from _minimise(problem, min(MAX_ITER, max(1, config.steps)))
    return head.eval().requires_grad_(False), line.requires_grad_(False), start.scales


def _views(data: Labelled, reduce: Reduce, config: LmConfig, generator: torch.Generator) -> list[Tensor]:
    """Reduced tokens (n, N, W) of the originals and of as many views as memory allows."""
    views = [reduce(data.patches.float().flatten(1, -2))]
    room = MOST_FLOATS // max(1, views[0].numel()) - 1
    for _ in range(min(config.views, max(0, room)) if augments(config) else 0):
        maps = augment(data.patches.float(), config.frofa, config.strength, generator, form=config.form)
        views.append(reduce(maps.flatten(1, -2)))
    return views


class _Problem:
    """The objective with its gradient, summed over views and chunks."""

    def __init__(
        self,
        data: Labelled,
        views: list[Tensor],
        head: MapHead,
        line: nn.Linear,
        scales: Tensor,
        n_classes: int,
        config: LmConfig,
        c: float,
    ) -> None:
        self.data, self.views, self.head, self.line, self.scales = data, views, head, line, scales
        weight = sample_weights(data.y, n_classes, None, config.balanced).float()
        self.weight = weight / weight.sum() / len(views)
        with torch.no_grad():
            wide = torch.cat((data.pooled * scales[0], head(views[0]) * scales[1]), dim=1)
        # As ``logistic.fit``, so that the converged layer is where it starts: with two classes scikit-learn's C means
        # one row w, and two rows +-w/2 have half its squared norm.
        strength = c / 2 if len(torch.unique(data.y)) == 2 else c
        self.penalty = 1.0 / (scaled(strength, wide) * len(data.y))
        self.decay = config.weight_decay
        self.origin = [each.detach().clone() for each in head.parameters()]
        self.weights = [*head.parameters(), *line.parameters()]
        self.loss = self.accuracy = 0.0

    def __call__(self) -> float:
        """The objective; gradients are left in the weights."""
        for each in self.weights:
            each.grad = None
        drift = sum((a - b).square().sum() for a, b in zip(self.head.parameters(), self.origin, strict=True))
        total = 0.5 * self.penalty * self.line.weight.square().sum() + 0.5 * self.decay * drift
        total.backward()  # type: ignore[no-untyped-call]
        value, self.loss, right = float(total.detach()), 0.0, 0.0
        for view in self.views:
            for part in torch.arange(len(view), device=view.device).split(CHUNK):
                both = (self.data.pooled[part] * self.scales[0], self.head(view[part]) * self.scales[1])
                logits = self.line(torch.cat(both, dim=1))
                losses = functional.cross_entropy(logits, self.data.y[part], reduction="none")
                loss = (losses * self.weight[part]).sum()
                loss.backward()  # type: ignore[no-untyped-call]
                value += float(loss.detach())
                self.loss += float(losses.detach().sum()) / len(view) / len(self.views)
                right += float((logits.argmax(1) == self.data.y[part]).sum()) / len(view) / len(self.views)
        self.accuracy = right
        return value


def _minimise(problem: _Problem, iterations: int) -> Step[None]:
    """L-BFGS with a strong Wolfe line search, an iteration at a time."""
    solver = plain(torch.optim.LBFGS)(
        problem.weights, max_iter=1, history_size=10, line_search_fn="strong_wolfe", tolerance_grad=1e-6
    )
    began, before = time.monotonic(), float("inf")
    for iteration in range(1, iterations + 1):
        value = float(solver.step(problem))  # type: ignore[no-untyped-call]
        left = (time.monotonic() - began) / iteration * (iterations - iteration)
        epoch = float(iteration)
        yield Point("lm", iteration, iterations, epoch, problem.loss, problem.accuracy, seconds_left=left)
        if before - value < 1e-7 * max(abs(value), 1e-3):
            break
        before = value
