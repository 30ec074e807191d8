"""Training of attention pooling on augmented frozen features (reading R2 of FACT's phase 3)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from fact_core.compute.image_batches import upload
from fact_core.compute.lean_torch import plain
from fact_core.compute.less_memory import CPU, LessMemory, out_of_memory, release
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
FEWEST = 8  # images at a time that are worth a GPU

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

    def to(self, device: torch.device) -> Reduce:
        """The same on another device."""
        return Reduce(self.mean.to(device), self.basis.to(device))


def taken(patches: Tensor, rows: Tensor | slice, device: torch.device) -> Tensor:
    """Tokens of some images in float32 on the device; ``patches`` may lie on the CPU, in float16."""
    some = patches[rows if isinstance(rows, slice) else upload(rows, patches.device)]
    return upload(some, device).float()


def reduction(pool: Tensor, width: int) -> Reduce:
    """Standardisation of tokens from the pool's tokens (m, C), and PCA to ``width`` where C is larger.

    PCA keeps the components' own variances (whitening them costs accuracy)
    and one scalar brings them to unit RMS. m tokens have no more than m components.
    """
    x = pool.double()
    mean = x.mean(dim=0)
    spread = x - mean
    if x.shape[1] <= width:
        basis = torch.diag(1.0 / spread.square().mean(dim=0).sqrt().clamp_min(1e-6))
    else:
        basis = _components(spread)[:, :width]
        # a vector's sign is arbitrary: make the largest entry positive, the same everywhere
        top = basis.abs().argmax(dim=0)
        basis = basis * basis[top, torch.arange(basis.shape[1], device=basis.device)].sign()
        basis = basis / (spread @ basis).square().mean().sqrt().clamp_min(1e-12)
    return Reduce(mean.float(), basis.float().contiguous())


def _components(spread: Tensor) -> Tensor:
    """(C, at most C) principal directions of centred rows (m, C), the strongest first, by the cheaper of two ways."""
    if 2 * len(spread) < spread.shape[1]:
        across: Tensor = torch.linalg.svd(spread, full_matrices=False)[2]
        return across.T
    vectors: Tensor = torch.linalg.eigh(spread.T @ spread)[1]  # the weakest first
    return vectors.flip(1)


@dataclass(frozen=True)
class MapTraining:
    """What MAP learns from. patches (n, h, w, C) or (n, N, C), y (n,); start: weight (K, W) and bias (K,) of a
    linear head on mean-pooled tokens. It works where ``reduce`` lies; the patches may lie on the CPU."""

    patches: Tensor
    y: Tensor
    n_classes: int
    reduce: Reduce
    start: tuple[Tensor, Tensor]
    config: LmConfig
    steps: int
    seed: int


def train_map(
    training: MapTraining, name: str, memory: Memory, check: Check | None = None, less: LessMemory | None = None
) -> Step[MapHead]:
    """Train MAP with a passing linear head, fresh FroFA at every step.

    Training goes on from logistic regression (``start``). Decay pulls MAP back to mean pooling
    (L2-SP). Returns averaged weights. name: of its tensors in ``memory``. less: what is known of the device's memory;
    where that is full with few images, the CPU goes on from the last step.
    """
    device = training.reduce.mean.device
    less = less or LessMemory(device)
    run, steps = _Run(training), training.steps
    if f"{name}.done" in memory.kept:
        return run.finished(memory.kept, name)
    run.load(memory.kept, name)
    memory.live = lambda: run.state(name)
    began, first = time.monotonic(), run.step
    while run.step < steps:
        before = run.piece
        advanced = _advanced(run)
        if advanced is None:
            release(device)
            run = run.on_cpu(name)
            yield from less.tell_cpu()
            continue
        if run.piece < before:
            yield from less.tell(run.piece)
        if run.step % EVERY and run.step != steps:
            continue
        took = time.monotonic() - began
        left = took / (run.step - first) * (steps - run.step)
        rate = (run.step - first) * run.batch / max(took, 1e-9)
        held = check(run.head, run.line) if check else (None, None)
        epoch = run.step * run.batch / len(training.y)
        loss, right = (float(each) for each in advanced)  # only now: to read is to wait for the device
        yield Point("lm", run.step, steps, epoch, loss, right, held[0], held[1], rate, left)
    memory.live = None
    memory.kept.update(run.result(name))
    return run.finished(memory.kept, name).to(device)


def _advanced(run: _Run) -> tuple[Tensor, Tensor] | None:
    """One step; None where the memory of the GPU is full with few images. Then nothing has changed."""
    try:
        return run.advance()
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error) or run.device.type == "cpu":
            raise
        return None


class _Run:
    """The state of one training: weights, their average, optimiser, generator, step."""

    def __init__(self, training: MapTraining) -> None:
        patches, reduce, config = training.patches, training.reduce, training.config
        n_classes, start = training.n_classes, training.start
        self.device = device = reduce.mean.device
        self.training, self.patches, self.y = training, patches, training.y.to(device)
        self.reduce, self.config, self.steps = reduce, config, training.steps
        self.generator = torch.Generator().manual_seed(training.seed)
        self.head = MapHead(reduce.basis.shape[1]).draw(self.generator).to(device)
        self.line = nn.Linear(reduce.basis.shape[1], n_classes, device=device)
        with torch.no_grad():
            self.line.weight.copy_(start[0])
            self.line.bias.copy_(start[1])
        self.weights = [*self.head.parameters(), *self.line.parameters()]
        self.origin = [each.detach().clone() for each in self.head.parameters()]
        self.average = [each.detach().clone() for each in self.head.parameters()]
        self.fused = device.type == "cuda"
        self.optimiser = plain(torch.optim.AdamW)(
            self.weights, lr=config.lr, weight_decay=0.0, fused=self.fused or None
        )
        self.batch = self.piece = min(len(self.y), BATCH)
        self.class_weight = sample_weights(self.y, n_classes, None, config.balanced).float()
        self.step = 0

    def advance(self) -> tuple[Tensor, Tensor]:
        """One step. Loss (nats) and accuracy of its batch, on the device.

        Where memory is full the batch goes through in smaller pieces; the error once ``FEWEST`` do not fit.
        """
        rate = self._rate()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        drawn = self.generator.get_state()
        try:
            loss, right = self._gradient()
        except (RuntimeError, MemoryError):
            self.generator.set_state(drawn)
            raise
        self.optimiser.step()
        with torch.no_grad():
            keep = min(AVERAGING, (self.step + 1) / (self.step + 10))
            now = [each.detach() for each in self.head.parameters()]
            torch._foreach_lerp_(now, self.origin, rate * self.config.weight_decay)
            torch._foreach_lerp_(self.average, now, 1.0 - keep)
        self.step += 1
        return loss, right

    def _gradient(self) -> tuple[Tensor, Tensor]:
        """Forward and backward of a batch that is drawn now."""
        config = self.config
        rows = upload(torch.randperm(len(self.y), generator=self.generator)[: self.batch], self.device)
        seen = taken(self.patches, rows, self.device)
        maps = augment(seen, config.frofa, config.strength, self.generator, form=config.form)
        y, weight = self.y[rows], self.class_weight[rows]
        while True:
            self.optimiser.zero_grad(set_to_none=True)
            try:
                parts = [
                    self._learn(maps[start : start + self.piece], y[start : start + self.piece], weight, start)
                    for start in range(0, len(rows), self.piece)
                ]
                break
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error) or self.piece <= FEWEST:
                    raise
            release(self.device)
            self.piece = math.ceil(self.piece / 2)
        loss, hits = (torch.stack(each).sum() for each in zip(*parts, strict=True))
        return loss, hits.float() / len(rows)

    def _learn(self, maps: Tensor, y: Tensor, weight: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """A piece of the batch from row ``start`` on. weight: of the whole batch."""
        logits = self.line(self.head(self.reduce(maps.flatten(1, -2))))
        each = functional.cross_entropy(logits, y, reduction="none")
        loss = (each * weight[start : start + len(y)]).sum() / weight.sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach(), (logits.detach().argmax(dim=1) == y).sum()

    def on_cpu(self, name: str) -> _Run:
        """The same training, from here on by the CPU."""
        kept = {key: each.detach().cpu().clone() for key, each in self.state(name).items()}
        reduce, start = self.reduce.to(CPU), (self.training.start[0].cpu(), self.training.start[1].cpu())
        there = replace(self.training, patches=self.patches.cpu(), y=self.y.cpu(), reduce=reduce, start=start)
        run = _Run(there)
        run.load(kept, name)
        return run

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
                        stays = key == "step" and not self.fused
                        self.optimiser.state[each][key] = value if stays else value.to(each.device)
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
