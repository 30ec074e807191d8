"""The mode of a network while it trains: what learns, what stays, what is skipped at random."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext

import torch
from timm.layers import DropPath  # type: ignore[attr-defined]
from torch import Tensor, nn

from fact_core.backbones.folding import folded_norms
from fact_core.compute.kept_memory import kept_memory
from fact_core.finetune.loop_state import LoopPlan, Net


@contextmanager
def training_mode(net: Net, plan: LoopPlan, device: torch.device) -> Iterator[None]:
    """Inside, drop path is on, batch norm keeps the pretrained statistics, and a part of rate 0 is frozen.

    Afterwards, also when stopped, ``net`` is in eval mode and what could learn before can learn again.
    """
    net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    norm = net.backbone.norm_frozen
    set_drop_path(net.backbone.network, plan.drop_path)
    net.backbone.freeze_norm()
    still = ExitStack()
    for part, share in ((net.backbone, plan.backbone_lr), (net.head, plan.head_lr)):
        if not share:
            still.enter_context(frozen(part))
    net.train(any(p.requires_grad for p in net.backbone.parameters()))
    # cuDNN's batch norm costs little, and mixed precision keeps it in float32: as it is on a GPU.
    fold = folded_norms(net.backbone.network) if device.type == "cpu" else nullcontext()
    try:
        with still, fold, kept_memory(device):
            yield
    finally:
        set_drop_path(net.backbone.network, 0.0)
        net.eval()
        net.backbone.freeze_norm(norm)


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Inside, no weight of the module can learn."""
    learning = [p for p in module.parameters() if p.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


def set_drop_path(network: nn.Module, share: float) -> None:
    """Let the residual branches be skipped at random, up to ``share`` in the last one; 0 takes it away.

    timm leaves an Identity or a DropPath under a name that starts with "drop_path" in every block.
    """
    places = [
        (parent, name)
        for parent in network.modules()
        for name, child in parent.named_children()
        if name.startswith("drop_path") and isinstance(child, (nn.Identity, DropPath))
    ]
    for i, (parent, name) in enumerate(places):
        chance = share * (i + 1) / len(places)
        setattr(parent, name, PartOfDropPath(chance) if chance else nn.Identity())


class PartOfDropPath(DropPath):  # type: ignore[misc]
    """timm's, which of several devices each can use for its part of a batch: it draws for the whole one.

    part: (the first image, images of the whole batch); None: the images are the whole.
    """

    part: tuple[int, int] | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.part is None or not self.training:
            whole: Tensor = super().forward(x)
            return whole
        start, n = self.part
        keep = 1 - self.drop_prob
        drawn = (
            x.new_empty((n,) + (1,) * (x.ndim - 1)).bernoulli_(keep).div_(keep or 1.0)
        )  # as timm draws and scales it
        return x * drawn[start : start + len(x)]
