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
from fact_core.compute.less_memory import CPU, LessMemory, in_pieces, out_of_memory, release
from fact_core.config import LmConfig
from fact_core.events import Point
from fact_core.generators import logs_only
from fact_core.lightweight.frofa import augment
from fact_core.lightweight.logistic import sample_weights, scaled
from fact_core.lightweight.map_head import MapHead
from fact_core.lightweight.map_train import FEWEST, Reduce, taken
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
    start = yield from logs_only(map_line(data, n_classes, head, reduce, config, seed, (c,)))
    line = nn.Linear(start.lines[0].weight.shape[1], n_classes, device=data.pooled.device)
    with torch.no_grad():
        line.weight.copy_(start.lines[0].weight)
        line.bias.copy_(start.lines[0].bias)
    views = _views(data, reduce, config, generator)
    problem = _Problem(data, views, head, line, start.scales, n_classes, config, c)
    yield from _minimise(problem, min(MAX_ITER, max(1, config.steps)), data.less or LessMemory(data.device))
    return head.eval().requires_grad_(False), line.requires_grad_(False), start.scales


def _views(data: Labelled, reduce: Reduce, config: LmConfig, generator: torch.Generator) -> list[Tensor]:
    """Reduced tokens (n, N, W) of the originals and of as many views as memory allows."""
    room = MOST_FLOATS // max(
        1, len(data.y) * data.patches[0].numel() // data.patches.shape[-1] * reduce.basis.shape[1]
    )
    kept = CPU if room < 1 else data.device  # the originals alone are too many: a chunk at a time is uploaded

    def reduced(view: bool) -> Tensor:
        def some(rows: slice) -> Tensor:
            maps = taken(data.patches, rows, data.device)
            if view:
                maps = augment(maps, config.frofa, config.strength, generator, form=config.form)
            return reduce(maps.flatten(1, -2)).to(kept)

        # The views are drawn for all images at once, as they always were: smaller pieces might draw otherwise.
        return torch.cat(in_pieces(len(data.y), len(data.y) if view else CHUNK, some, data.device)[0])

    more = min(config.views, max(0, room - 1)) if augments(config) else 0
    return [reduced(False), *(reduced(True) for _ in range(more))]


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
        self.chunk = CHUNK  # images at a time

    def __call__(self) -> float:
        """The objective; gradients are left in the weights. Where memory is full, in smaller chunks."""
        while True:
            try:
                return self._evaluated()
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error) or self.chunk <= FEWEST:
                    raise
            release(self.data.device)
            self.chunk = (min(self.chunk, len(self.data.y)) + 1) // 2

    def _evaluated(self) -> float:
        for each in self.weights:
            each.grad = None
        drift = sum((a - b).square().sum() for a, b in zip(self.head.parameters(), self.origin, strict=True))
        total = 0.5 * self.penalty * self.line.weight.square().sum() + 0.5 * self.decay * drift
        total.backward()  # type: ignore[no-untyped-call]
        sums = [total.detach().double()]
        told: list[Tensor] = []
        for view in self.views:
            for start in range(0, len(view), self.chunk):
                part = slice(start, start + self.chunk)
                seen = self.head(taken(view, part, self.data.device))
                logits = self.line(torch.cat((self.data.pooled[part] * self.scales[0], seen * self.scales[1]), dim=1))
                losses = functional.cross_entropy(logits, self.data.y[part], reduction="none")
                loss = (losses * self.weight[part]).sum()
                loss.backward()  # type: ignore[no-untyped-call]
                sums.append(loss.detach().double())
                hits = (logits.detach().argmax(1) == self.data.y[part]).sum()
                told.append(torch.stack([losses.detach().sum().double(), hits.double()]))
        # One copy from the device for all of them.
        numbers = torch.cat([torch.stack(sums), torch.stack(told).flatten()]).tolist()
        each_loss, each_hit = numbers[len(sums) :: 2], numbers[len(sums) + 1 :: 2]
        n, views = len(self.data.y), len(self.views)
        self.loss = sum(loss / n / views for loss in each_loss)
        self.accuracy = sum(hits / n / views for hits in each_hit)
        return float(sum(numbers[: len(sums)]))


def _minimise(problem: _Problem, iterations: int, less: LessMemory) -> Step[None]:
    """L-BFGS with a strong Wolfe line search, an iteration at a time."""
    solver = plain(torch.optim.LBFGS)(
        problem.weights, max_iter=1, history_size=10, line_search_fn="strong_wolfe", tolerance_grad=1e-6
    )
    began, before = time.monotonic(), float("inf")
    for iteration in range(1, iterations + 1):
        value = float(solver.step(problem))  # type: ignore[no-untyped-call]
        if problem.chunk < CHUNK:
            yield from less.tell(problem.chunk)
        left = (time.monotonic() - began) / iteration * (iterations - iteration)
        epoch = float(iteration)
        yield Point("lm", iteration, iterations, epoch, problem.loss, problem.accuracy, seconds_left=left)
        if before - value < 1e-7 * max(abs(value), 1e-3):
            break
        before = value
