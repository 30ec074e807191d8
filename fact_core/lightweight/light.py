"""The light model: logistic regression on attention-pooled and on pooled features (FACT, III-D3).

Three readings of the paper's phase 3, and the mean of two:

    R1  joint_lbfgs  MAP and linear layer together by L-BFGS, on originals and fixed views
    R2  map_lr  MAP trained with FroFA, then logistic regression on [pooled, MAP], originals and views
    R3  lr      logistic regression on the pooled features of unit norm
        both    mean of the two log-probabilities

Phase 2's own head may answer as well: the mean of its and the light model's log-probabilities. The light model is
fitted to features that have seen its labels, which can make it the worse of the two; their mean is near the better one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from fact_core.compute.image_batches import upload
from fact_core.compute.less_memory import CPU, LessMemory, in_pieces
from fact_core.config import LmConfig
from fact_core.errors import ConfigError
from fact_core.events import Event, Point, Progress
from fact_core.generators import map_events
from fact_core.lightweight import logistic
from fact_core.lightweight.decide import LightPlan, decide, decide_on, labelled, reduction_of, seed_of, solved_on
from fact_core.lightweight.joint import train_joint
from fact_core.lightweight.map_head import MapHead
from fact_core.lightweight.map_train import Check, Memory, Reduce, taken
from fact_core.lightweight.readings import CHUNK, Labelled, MapLines, map_line, pooled_line, train_reading
from fact_core.types import IntArray, Step, T

__all__ = ["LightHead", "LightPlan", "decide", "fit"]

SHOWN = 1 << 28  # bytes of the held-out images' reduced tokens that are kept on the device
MODES = ("map_lr", "lr", "both", "joint_lbfgs")


class LightHead(nn.Module):
    """Log-probabilities (B, K) from pooled features (B, D) and patches (B, h, w, C) or (B, N, C).

    tuned: phase 2's head, a linear layer on the pooled features, answers with it.
    """

    mean: Tensor
    basis: Tensor
    scales: Tensor

    def __init__(
        self, pooled_dim: int, token_dim: int, width: int, n_classes: int, mode: str, tuned: bool = False
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise ConfigError(f"There is no reading called {mode!r}", do=f"Known: {', '.join(MODES)}.")
        self.pooled_dim, self.token_dim, self.width = pooled_dim, token_dim, width
        self.n_classes, self.mode, self.tuned = n_classes, mode, tuned
        self.maps, self.pools = mode != "lr", mode in ("lr", "both")  # which of the two parts it has
        if self.maps:
            self.register_buffer("mean", torch.zeros(token_dim))
            self.register_buffer("basis", torch.zeros(token_dim, width))
            self.register_buffer("scales", torch.ones(2))  # of the pooled and of the MAP feature
            self.map = MapHead(width)
            self.map_line = nn.Linear(pooled_dim + width, n_classes)
        if self.pools:
            self.pooled_line = nn.Linear(pooled_dim, n_classes)
        if tuned:
            self.tuned_line = nn.Linear(pooled_dim, n_classes)

    def forward(self, pooled: Tensor, patches: Tensor) -> Tensor:
        answers: list[Tensor] = []
        if self.pools:
            answers.append(self.pooled_line(functional.normalize(pooled, dim=1)).log_softmax(-1))
        if self.maps:
            tokens = patches.reshape(patches.shape[0], -1, self.token_dim).to(pooled.dtype)
            seen = self.map((tokens - self.mean) @ self.basis)
            both = torch.cat((pooled * self.scales[0], seen * self.scales[1]), dim=1)
            answers.append(self.map_line(both).log_softmax(-1))
        light = _mean(answers)
        return _mean([light, self.tuned_line(pooled).log_softmax(-1)]) if self.tuned else light

    def lines(self) -> list[nn.Linear]:
        """The layers that give logits."""
        return [line for name in ("pooled_line", "map_line", "tuned_line") if (line := getattr(self, name, None))]

    def config(self) -> dict[str, Any]:
        """What ``from_config`` needs to build an empty head of this shape."""
        names = ("pooled_dim", "token_dim", "width", "n_classes", "mode", "tuned")
        return {name: getattr(self, name) for name in names}

    @staticmethod
    def from_config(config: dict[str, Any]) -> LightHead:
        """An empty head, to be filled by ``load_state_dict``."""
        return LightHead(**config)


def fit(
    pooled: Tensor,
    patches: Tensor,
    y: Tensor,
    n_classes: int,
    *,
    pool_patches: Tensor | None = None,
    config: LmConfig,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
    check: tuple[Tensor, Tensor, Tensor] | None = None,
    memory: Memory | None = None,
    plan: LightPlan | None = None,
    tuned: nn.Linear | None = None,
    groups: IntArray | None = None,
    less: LessMemory | None = None,
) -> Step[tuple[LightHead, LightPlan]]:
    """Fit the light model on pooled (n, D), patches (n, h, w, C) or (n, N, C), y (n,).

    pool_patches (m, C): tokens of the pool, for the PCA and the standardisation; else the labelled ones.
    check: (pooled, patches, y) of held-out labels, only shown in the Points. memory: goes on from it, and
    holds at every event what a later call needs to go on. plan: what ``decide`` decided; else it is decided
    on these features. groups (n,): images of one number are left out together. tuned: phase 2's head on the pooled
    features, where it is to answer as well. Yields Decisions, Points of the attention steps and then of the L-BFGS
    iterations, and Progress of the
    cross-validation. A Point's ``part``: map (attention steps), joint, lr_map or lr_pooled (L-BFGS of both
    together, of the linear layer behind attention, of that on pooled features), whole (the finished head).
    Returns the head and the plan that it was fitted by. less: what is known of the device's memory.
    Errors: InputError for one class only, or tokens that are not finite.
    """
    memory = Memory() if memory is None else memory
    device = solved_on(device)
    data = labelled(pooled, patches, y, device, groups, less)
    seed = seed_of(memory, generator)
    reduce = (yield from reduction_of(data, pool_patches, config)) if config.mode != "lr" else None
    decided = plan
    if decided is None:
        decided = yield from decide_on(data, n_classes, reduce, config, seed, memory)
    axis = _Axis()
    width = reduce.basis.shape[1] if reduce else min(config.width, data.patches.shape[-1])
    head = LightHead(data.pooled.shape[1], data.patches.shape[-1], width, n_classes, decided.mode, tuned is not None)
    head = head.to(device)
    if head.maps and reduce is not None:
        yield from _fit_map(head, data, reduce, config, decided.c_map, seed, memory, check, axis)
    if head.pools:
        lines = yield from axis.behind(pooled_line(data, n_classes, config, (decided.c_pooled,)), "lr_pooled")
        _copy(head.pooled_line, lines[0])
    if tuned is not None:
        head.tuned_line.load_state_dict(tuned.state_dict())
    head.to(device).eval().requires_grad_(False)  # where memory was full, a part of it has stayed on the CPU
    yield _last_point(head, data, check, axis.done)
    return head, decided


def _fit_map(
    head: LightHead,
    data: Labelled,
    reduce: Reduce,
    config: LmConfig,
    c: float,
    seed: int,
    memory: Memory,
    check: tuple[Tensor, Tensor, Tensor] | None,
    axis: _Axis,
) -> Step[None]:
    """Attention pooling and the linear layer behind it, by the head's reading."""
    head.mean.copy_(reduce.mean)
    head.basis.copy_(reduce.basis)
    if head.mode == "joint_lbfgs":
        less = data.less or LessMemory(data.device)
        joint = less.whole("joint", lambda at: train_joint(data.to(at), head.n_classes, reduce.to(at), config, c, seed))
        head.map, head.map_line, scales = yield from axis.behind(joint, "joint")
        head.scales.copy_(scales)
        return
    shown = _check(check, reduce, data.device) if check else None
    steps = train_reading(data, head.n_classes, reduce, config, config.steps, seed, "map", memory, shown)
    head.map = yield from map_events(steps, lambda each: replace(each, part="map") if isinstance(each, Point) else each)
    axis.done = config.steps
    less = data.less or LessMemory(data.device)

    def line(at: torch.device) -> Step[MapLines]:
        return map_line(data.to(at), head.n_classes, head.map.to(at), reduce.to(at), config, seed, (c,))

    fitted = yield from axis.behind(less.whole("lr_map", line), "lr_map")
    _copy(head.map_line, fitted.lines[0])
    head.scales.copy_(fitted.scales)


@dataclass
class _Axis:
    """The steps of the phase: those of attention, if any, then the iterations of one solver after the other."""

    done: int = 0

    def behind(self, run: Step[T], part: str) -> Step[T]:
        """The same Points, behind what is done. Nobody knows how many iterations come: the axis grows with them."""
        first = self.done

        def change(event: Event) -> Event | None:
            if not isinstance(event, Point):
                return None if isinstance(event, Progress) else event
            self.done = first + event.step
            return replace(event, step=self.done, steps=self.done if first else event.steps, part=part)

        return (yield from map_events(run, change))


def _check(check: tuple[Tensor, Tensor, Tensor], reduce: Reduce, device: torch.device) -> Check:
    """Loss and accuracy of the passing linear head on held-out labels.

    Their reduced tokens are kept in float32 on the device up to ``SHOWN`` bytes, else in float16 on the CPU.
    """
    _, patches, y = check
    n, width = len(patches), reduce.basis.shape[1]
    many = n * patches[0].numel() // patches.shape[-1] * width * 4 > SHOWN if n else False
    kept = torch.float16 if many else torch.float32

    def reduced(rows: slice) -> Tensor:
        seen = reduce(taken(patches, rows, device).flatten(1, -2))
        return seen.to(CPU if many else device, kept)

    tokens = torch.cat(in_pieces(n, CHUNK, reduced, device)[0]) if n else torch.zeros(0, 1, width, device=device)

    @torch.no_grad()
    def measure(head: MapHead, line: nn.Linear) -> tuple[float, float]:
        at = line.weight.device

        def said(rows: slice) -> Tensor:
            logits, truth = line(head(taken(tokens, rows, at))), upload(y[rows].long(), at)
            loss = functional.cross_entropy(logits, truth, reduction="sum")
            return torch.stack([loss, (logits.argmax(1) == truth).sum().to(loss)])

        loss, hits = torch.stack(in_pieces(n, CHUNK, said, at)[0]).sum(dim=0).tolist()
        return loss / n, hits / n

    return measure


def _last_point(
    head: LightHead,
    data: Labelled,
    check: tuple[Tensor, Tensor, Tensor] | None,
    last: int,
) -> Point:
    """The finished head on the labelled and on the held-out images."""
    loss, accuracy = _measure(head, data.pooled, data.patches, data.y)
    held: tuple[float | None, float | None] = (None, None)
    if check:
        held = _measure(head, check[0], check[1], check[2].long())
    return Point("lm", last, last, float(last), loss, accuracy, held[0], held[1], part="whole")


@torch.no_grad()
def _measure(head: LightHead, pooled: Tensor, patches: Tensor, y: Tensor) -> tuple[float, float]:
    """Loss and accuracy; images go through in pieces, wherever they lie."""
    device = next(head.parameters()).device

    def said(rows: slice) -> Tensor:
        return head(upload(pooled[rows], device).float(), taken(patches, rows, device))  # type: ignore[no-any-return]

    logp, truth = torch.cat(in_pieces(len(y), CHUNK, said, device)[0]), upload(y, device)
    return float(functional.nll_loss(logp, truth)), float((logp.argmax(dim=1) == truth).float().mean())


def _mean(answers: Sequence[Tensor]) -> Tensor:
    """The mean of log-probabilities (B, K), again as log-probabilities."""
    return answers[0] if len(answers) == 1 else torch.stack(tuple(answers)).mean(dim=0).log_softmax(-1)


def _copy(layer: nn.Linear, line: logistic.Linear) -> None:
    with torch.no_grad():
        layer.weight.copy_(line.weight)
        layer.bias.copy_(line.bias)
