"""Training of attention pooling on augmented frozen features (reading R2 of FACT's phase 3)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from fact_core.compute.lean_torch import plain
from fact_core.config import LmConfig
from fact_core.events import Point
from fact_core.lightweight.frofa import augment
from fact_core.lightweight.logistic import sample_weights
from fact_core.lightweight.map_head import MapHead
from fact_core.types import Step

WARM_UP = 20  # steps
AVERAGING = 0.99  # of the weights
BATCH = 64
EVERY = 10  # steps between points

#: Log-probabilities on held-out labels: what the charts show, nothing is chosen by it.
Check = Callable[[MapHead, nn.Linear], tuple[float, float]]


@dataclass
class Memory:
    """What a stopped fit needs to go on: flat tensors, to be read between two events of the fit.

    ``kept``: results of finished parts. ``live``: makes the state of the part that runs.
    """

    kept: dict[str, Tensor] = field(default_factory=dict)
    live: Callable[[], dict[str, Tensor]] | None = None

    def state(self) -> dict[str, Tensor]:
        """A copy of everything, for a checkpoint."""
        now = {**self.kept, **(self.live() if self.live else {})}
        return {name: tensor.detach().cpu().clone() for name, tensor in now.items()}


@dataclass(frozen=True)
class Reduce:
    """Raw tokens (.., C) -> (tokens - mean) @ basis, (.., W): PCA, or each channel's scale."""

    mean: Tensor  # (C,)
    basis: Tensor  # (C, W)

    def __call__(self, tokens: Tensor) -> Tensor:
        return (tokens.to(self.mean) - self.mean) @ self.basis


def reduction(pool: Tensor, width: int) -> Reduce:
    """Standardisation of tokens from the pool's tokens (m, C), and PCA to ``width`` where C is larger.

    PCA keeps the components' own variances (whitening them costs accuracy)
    and one scalar brings them to unit RMS.
    """
    x = pool.double()
    mean = x.mean(dim=0)
    spread = x - mean
    if x.shape[1] <= width:
        basis = torch.diag(1.0 / spread.square().mean(dim=0).sqrt().clamp_min(1e-6))
    else:
        _, vectors = torch.linalg.eigh(spread.T @ spread)
        basis = vectors.flip(1)[:, :width]
        # a vector's sign is arbitrary: make the largest entry positive, the same everywhere
        top = basis.abs().argmax(dim=0)
        basis = basis * basis[top, torch.arange(width, device=basis.device)].sign()
        basis = basis / (spread @ basis).square().mean().sqrt().clamp_min(1e-12)
    return Reduce(mean.float(), basis.float().contiguous())


@dataclass(frozen=True)
class MapTraining:
    """What MAP learns from. patches (n, h, w, C) or (n, N, C), y (n,); start: weight (K, W) and bias (K,) of a
    linear head on mean-pooled tokens."""

    patches: Tensor
    y: Tensor
    n_classes: int
    reduce: Reduce
    start: tuple[Tensor, Tensor]
    config: LmConfig
    steps: int
    seed: int


def train_map(training: MapTraining, name: str, memory: Memory, check: Check | None = None) -> Step[MapHead]:
    """Train MAP with a passing linear head, fresh FroFA at every step.

    Training goes on from logistic regression (``start``). Decay pulls MAP back to mean pooling
    (L2-SP). Returns averaged weights. name: of its tensors in ``memory``.
    """
    run, steps = _Run(training), training.steps
    if f"{name}.done" in memory.kept:
        return run.finished(memory.kept, name)
    run.load(memory.kept, name)
    memory.live = lambda: run.state(name)
    began, first = time.monotonic(), run.step
    while run.step < steps:
        loss, right = run.advance()
        if run.step % EVERY and run.step != steps:
            continue
        took = time.monotonic() - began
        left = took / (run.step - first) * (steps - run.step)
        rate = (run.step - first) * run.batch / max(took, 1e-9)
        held = check(run.head, run.line) if check else (None, None)
        epoch = run.step * run.batch / len(training.y)
        yield Point("lm", run.step, steps, epoch, loss, right, held[0], held[1], rate, left)
    memory.live = None
    memory.kept.update(run.result(name))
    return run.finished(memory.kept, name)


class _Run:
    """The state of one training: weights, their average, optimiser, generator, step."""

    def __init__(self, training: MapTraining) -> None:
        patches, y, reduce, config = training.patches, training.y, training.reduce, training.config
        n_classes, start = training.n_classes, training.start
        self.patches, self.y, self.reduce, self.config, self.steps = patches, y, reduce, config, training.steps
        self.generator = torch.Generator().manual_seed(training.seed)
        self.head = MapHead(reduce.basis.shape[1]).draw(self.generator).to(patches.device)
        self.line = nn.Linear(reduce.basis.shape[1], n_classes, device=patches.device)
        with torch.no_grad():
            self.line.weight.copy_(start[0])
            self.line.bias.copy_(start[1])
        self.weights = [*self.head.parameters(), *self.line.parameters()]
        self.origin = [each.detach().clone() for each in self.head.parameters()]
        self.average = [each.detach().clone() for each in self.head.parameters()]
        self.optimiser = plain(torch.optim.AdamW)(self.weights, lr=config.lr, weight_decay=0.0)
        self.batch = min(len(y), BATCH)
        self.class_weight = sample_weights(y, n_classes, None, config.balanced).float()
        self.step = 0

    def advance(self) -> tuple[float, float]:
        """One step. Loss (nats) and accuracy of its batch."""
        rate = self._rate()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        rows = torch.randperm(len(self.y), generator=self.generator)[: self.batch].to(self.y.device)
        config = self.config
        maps = augment(self.patches[rows].float(), config.frofa, config.strength, self.generator, form=config.form)
        logits = self.line(self.head(self.reduce(maps.flatten(1, -2))))
        each = functional.cross_entropy(logits, self.y[rows], reduction="none")
        loss = (each * self.class_weight[rows]).sum() / self.class_weight[rows].sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        with torch.no_grad():
            keep = min(AVERAGING, (self.step + 1) / (self.step + 10))
            for now, first, mean in zip(self.head.parameters(), self.origin, self.average, strict=True):
                now.lerp_(first, rate * self.config.weight_decay)
                mean.lerp_(now, 1.0 - keep)
        self.step += 1
        return float(loss.detach()), float((logits.argmax(dim=1) == self.y[rows]).float().mean())

    def state(self, name: str) -> dict[str, Tensor]:
        """Everything the next step depends on."""
        tensors = {f"{name}.step": torch.tensor(self.step), f"{name}.generator": self.generator.get_state()}
        for i, each in enumerate(self.weights):
            moments = self.optimiser.state.get(each, {})
            tensors[f"{name}.weight.{i}"] = each
            tensors.update({f"{name}.{key}.{i}": value for key, value in moments.items()})
        tensors.update({f"{name}.average.{i}": each for i, each in enumerate(self.average)})
        return tensors

    def load(self, kept: Mapping[str, Tensor], name: str) -> None:
        """Go on from ``state``; nothing happens where there is none."""
        if f"{name}.step" not in kept:
            return
        self.step = int(kept[f"{name}.step"])
        self.generator.set_state(kept[f"{name}.generator"].cpu())
        with torch.no_grad():
            for i, each in enumerate(self.weights):
                each.copy_(kept[f"{name}.weight.{i}"])
                for key in ("step", "exp_avg", "exp_avg_sq"):
                    if f"{name}.{key}.{i}" in kept:
                        value = kept[f"{name}.{key}.{i}"].clone()
                        self.optimiser.state[each][key] = value if key == "step" else value.to(each.device)
            for i, mean in enumerate(self.average):
                mean.copy_(kept[f"{name}.average.{i}"])

    def result(self, name: str) -> dict[str, Tensor]:
        """The averaged weights, marked as done."""
        done = {f"{name}.result.{i}": each for i, each in enumerate(self.average)}
        return {f"{name}.done": torch.tensor(1), **done}

    def finished(self, kept: Mapping[str, Tensor], name: str) -> MapHead:
        """A head with the averaged weights, frozen."""
        with torch.no_grad():
            for i, weight in enumerate(self.head.parameters()):
                weight.copy_(kept[f"{name}.result.{i}"])
        return self.head.eval().requires_grad_(False)

    def _rate(self) -> float:
        """Cosine to zero after a linear warm-up."""
        warm = min(WARM_UP, max(1, self.steps // 10))
        if self.step < warm:
            return self.config.lr * (self.step + 1) / warm
        return self.config.lr * 0.5 * (1 + math.cos(math.pi * (self.step - warm) / max(1, self.steps - warm)))
