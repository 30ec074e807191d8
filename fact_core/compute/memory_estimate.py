"""How much of a GPU's memory a network takes: an estimate by its own layers, no measurement."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

#: What libraries and the context of CUDA take, in bytes.
OVERHEAD = 600_000_000
#: Copies of the weights in training, 4 bytes each: the weights, their gradients, two moments of AdamW, the average.
COPIES = 5
#: Beside the layers' outputs autograd keeps what lies between them, and a backward pass as much as its widest part.
BETWEEN = 2.0
LOOK = 64  # images at a time where a network answers


def training_bytes(net: nn.Module, batch: int, pixels: int, mixed: bool) -> int:
    """Bytes that training takes with so many pictures of that side at a time. mixed: in 16 bits where that is done."""
    weights = sum(each.numel() for each in net.parameters())
    each = 2 if mixed else 4
    return int(OVERHEAD + 4 * COPIES * weights + batch * BETWEEN * each * _outputs(net, pixels)[0])


def answering_bytes(net: nn.Module, images: int = LOOK) -> int:
    """Bytes that answers take for so many pictures at a time, at the network's own side, in 32 bits."""
    weights = sum(each.numel() for each in net.parameters())
    pixels = int(net.preprocess.pixels)  # type: ignore[union-attr,arg-type]
    return int(OVERHEAD + 4 * weights + images * BETWEEN * 4 * _outputs(net, pixels)[1])


def _outputs(net: nn.Module, pixels: int) -> tuple[int, int]:
    """(numbers of all layers' outputs for one picture, of the largest of them). Nothing is computed."""
    sizes = [3 * pixels * pixels]
    shadow = copy.deepcopy(net).to("meta").eval()

    def seen(module: nn.Module, given: object, out: object) -> None:
        if isinstance(out, Tensor):
            sizes.append(out.numel())

    for module in shadow.modules():
        if not any(True for _ in module.children()):
            module.register_forward_hook(seen)
    with torch.no_grad():
        shadow(torch.empty(1, 3, pixels, pixels, device="meta"))
    return sum(sizes), max(sizes)
