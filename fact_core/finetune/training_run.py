"""What the phases of one training run share and hand on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from fact_core.backbones import Backbone, Tokens
from fact_core.compute.crew import Crew
from fact_core.compute.image_batches import Preprocess, upload
from fact_core.compute.lean_torch import bare_linear
from fact_core.compute.less_memory import LessMemory, in_pieces
from fact_core.config import TrainConfig
from fact_core.errors import ImageError
from fact_core.events import Decision, Log, PhaseDone, PhaseStarted
from fact_core.features.extract import token_steps
from fact_core.finetune.checkpoint import Checkpoint
from fact_core.lightweight.light import LightHead, LightPlan
from fact_core.phase_config import side_to_answer
from fact_core.types import FloatArray, IntArray, Source, Step


@dataclass(frozen=True)
class CheckSet:
    """Held-out labelled images. x (M, D): their pretrained features."""

    files: Sequence[Source]
    y: IntArray
    x: FloatArray


@dataclass(frozen=True)
class TrainingInputs:
    """What a training run was given: nothing here changes while it trains.

    x (n, D): PRETRAINED features of the labelled images ``files`` with classes ``y``. reuse: where finished
    phases 2 lie. unlabelled: images of the pool that may be learned from, with their PRETRAINED features pool_x (m, D).
    pretrained: the backbone's first weights, for self-training; empty where there is none. groups (n,): labelled images
    of one number belong together, and are left out together wherever some are; None: each stands alone. other: the
    class that holds what fits no other one, -1 for none. words (K, D): rows of logits that the names of the classes
    make, by the backbone's text side; None where it has none, or they are of no use here. others: further devices that
    work as well; crew: their processes, for training.
    """

    files: Sequence[Source]
    y: Tensor  # (n,) int64
    classes: tuple[str, ...]
    x: Tensor  # (n, D) float32
    check: CheckSet | None
    pool_files: Sequence[Source]
    config: TrainConfig
    device: torch.device
    checkpoint: Checkpoint
    reuse: Path | None = None
    unlabelled: Sequence[Source] = ()
    pool_x: Tensor = field(default_factory=lambda: torch.zeros(0, 0))
    pretrained: Mapping[str, Tensor] = field(default_factory=dict)
    groups: IntArray | None = None
    other: int = -1
    words: Tensor | None = None
    others: tuple[torch.device, ...] = ()
    crew: Crew | None = None
    less: LessMemory = field(init=False)  # what is known of the device's memory

    def __post_init__(self) -> None:
        object.__setattr__(self, "less", LessMemory(self.device))

    @property
    def n_classes(self) -> int:
        return len(self.classes)

    @property
    def other_class(self) -> str:
        """The name of the class that holds what fits no other one; "" for none."""
        return self.classes[self.other] if self.other >= 0 else ""

    def seed(self, name: str) -> int:
        """A seed for one named part of the run."""
        return int.from_bytes(hashlib.blake2b(f"{self.config.seed}:{name}".encode(), digest_size=4).digest(), "big")

    def generator(self, name: str) -> torch.Generator:
        """A generator of its own for one named part of the run."""
        return torch.Generator().manual_seed(self.seed(name))

    def started(self, phase: str, steps: int, epochs: float, parameters: int) -> PhaseStarted:
        """The event that begins a phase."""
        phases = self.config.phases
        return PhaseStarted(phase, phases.index(phase), phases, steps, epochs, parameters)


@dataclass
class TrainingState:
    """What a training run has so far: each phase adds to it.

    backbone: pretrained at first, finetuned after phase 2. probe: phase 1's result. heads: a finished head
    a phase, all reading the present backbone. done: the phases that have ended, in order.
    """

    backbone: Backbone
    probe: nn.Linear | None = None
    heads: dict[str, nn.Module] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    light_plan: LightPlan | None = None  # decided on the pretrained features, before phase 2
    light_seconds: float = 0.0  # that the decision took
    done: list[PhaseDone] = field(default_factory=list)
    seen: dict[str, Tokens] = field(default_factory=dict)  # what the present backbone says: see ``look``

    def decided(self, decision: Decision) -> Decision:
        """Remember a decision. It is returned, to be told of as an event."""
        self.decisions.append(decision)
        return decision


def answering_preprocess(backbone: Backbone, pixels: int, crop_min: float, own: Preprocess) -> Preprocess:
    """How a network that has learned from crops of ``pixels`` sees what it answers: never larger than ``own``.

    The side is that of ``phase_config.answered``. A network with learned positions stays at its own.
    """
    if any("pos_embed" in name for name, _ in backbone.network.named_parameters()):
        return own
    side = backbone.fit_pixels(round(side_to_answer(pixels, crop_min, own.crop_pct if own.view == "crop" else 1.0)))
    return own.at(side) if side < own.pixels else own


def look(inputs: TrainingInputs, state: TrainingState, which: str) -> Step[Tokens]:
    """The present backbone's tokens of the "labelled", "check" or "pool" images, on the CPU; computed once."""
    if which not in state.seen:
        check_files = inputs.check.files if inputs.check is not None else ()
        files = {"labelled": inputs.files, "check": check_files, "pool": inputs.pool_files}[which]
        may_lack = which == "pool"
        state.seen[which] = yield from tokens_of(state.backbone, files, inputs.less, f"{which} images", may_lack)
    return state.seen[which]


def ended(
    inputs: TrainingInputs,
    state: TrainingState,
    phase: str,
    seconds: float,
    epochs: float = 0.0,
    steps: int = 0,
    memory: float | None = None,
) -> Step[PhaseDone]:
    """The event that ends a phase: its head on the labelled and on the check images, without augmentation.

    memory: its peak, in MB.
    """
    head, check = state.heads[phase], inputs.check
    own = score(head, (yield from look(inputs, state, "labelled")), inputs.y)
    held: tuple[float | None, float | None] = (None, None)
    if check is not None:
        held = score(head, (yield from look(inputs, state, "check")), torch.as_tensor(check.y))
    return PhaseDone(phase, seconds, epochs, steps, *own, *held, len(check.y) if check is not None else 0, memory)


def tokens_of(backbone: Backbone, files: Sequence[Source], less: LessMemory, what: str, may_lack: bool) -> Step[Tokens]:
    """The tokens of some images, on the CPU. may_lack: one that cannot be read is left out; else ImageError."""
    bad: list[ImageError] = []
    note = (lambda row, error: bad.append(error)) if may_lack else None
    seen = Tokens(*(yield from token_steps(backbone, files, less, what=what, on_bad=note)))
    for error in bad:
        yield Log(f"An image of the pool cannot be read any more ({error}); going on without it.", "warning")
    return seen


def log_probabilities(head: nn.Module, seen: Tokens) -> Tensor:
    """Log-probabilities (N, K) of a linear or light head, on the CPU; tokens go through in pieces."""
    at = next(head.parameters(), torch.empty(0)).device

    def said(rows: slice) -> Tensor:
        answer: Tensor
        pooled = seen.pooled[rows].float().to(at)
        if isinstance(head, LightHead):
            answer = head(pooled, upload(seen.patches[rows], at).float())
            return answer.cpu()
        answer = head(pooled).log_softmax(-1)
        return answer.cpu()

    with torch.inference_mode():
        return torch.cat(in_pieces(len(seen.pooled), 256, said, at)[0])


def score(head: nn.Module, seen: Tokens, y: Tensor) -> tuple[float, float]:
    """Mean log-loss (nats) and accuracy."""
    answers = log_probabilities(head, seen)
    return float(functional.nll_loss(answers, y)), float((answers.argmax(1) == y).float().mean())


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A float32 ``nn.Linear`` with these weights (K, D) and biases (K,)."""
    layer = bare_linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer
