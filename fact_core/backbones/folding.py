"""Frozen batch norms computed as part of the convolutions before them: the same function, a quarter sooner on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, cast

import torch
from timm.layers.conv2d_same import Conv2dSame, conv2d_same
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn import functional

PROBE = 64  # pixels of the picture that shows which layers follow each other
CLOSE = 1e-3  # relative; the order of float32 sums differs


class Pair(NamedTuple):
    """``norm`` takes what ``conv`` gives. conv: a convolution, or peft's LoRA layer around one."""

    conv: nn.Module
    norm: nn.Module


@contextmanager
def folded_norms(network: nn.Module) -> Iterator[int]:
    """Inside, frozen batch norms act through the weights of their convolutions. Gives how many do.

    A norm in eval mode is a scale s and a shift b of each channel: norm(W x) = (s W) x + b. Two passes over the
    activations, and two on the way back, are saved; scale and shift of the norm learn as before. Parameters,
    buffers and hooks stay where they are. Networks for which the answers are not the same are left alone.
    """
    pairs = _pairs(network)
    if not pairs:
        yield 0
        return
    picture = _picture(network)
    with _eval(network), torch.no_grad():
        before = cast(Any, network).forward_features(picture)
    with ExitStack() as stack:
        for pair in pairs:
            _fold(pair)
            stack.callback(_unfold, pair)
        with _eval(network), torch.no_grad():
            after = cast(Any, network).forward_features(picture)
        if float((after - before).norm()) > CLOSE * float(before.norm()):
            stack.close()
            pairs = []
        yield len(pairs)


def _pairs(network: nn.Module) -> list[Pair]:
    """Frozen batch norms and the convolution whose answer each of them takes, seen in one pass."""
    norms = [each for each in network.modules() if type(each) in (nn.BatchNorm2d, BatchNormAct2d) and _is_frozen(each)]
    if not norms:
        return []
    given: list[tuple[Tensor, nn.Module]] = []  # holds the answers, so that none gets the place of another
    found: list[Pair] = []

    def gives(conv: nn.Module, _: Any, answer: Tensor) -> None:
        given.append((answer, conv))

    def takes(norm: nn.Module, taken: tuple[Tensor, ...]) -> None:
        conv = next((conv for answer, conv in given if answer is taken[0]), None)
        if conv is not None:
            found.append(Pair(conv, norm))

    with ExitStack() as stack:
        for module in network.modules():
            if _kind(module) is not None:
                stack.callback(module.register_forward_hook(gives).remove)
        for norm in norms:
            stack.callback(norm.register_forward_pre_hook(takes).remove)
        with _eval(network), torch.no_grad():
            cast(Any, network).forward_features(_picture(network))
    return found


def _is_frozen(norm: nn.Module) -> bool:
    return not norm.training and norm.running_mean is not None and norm.weight is not None


def _kind(module: nn.Module) -> Callable[[nn.Module], Tensor] | None:
    """How the weight of a convolution is read; None for what cannot be folded."""
    if type(module) in (nn.Conv2d, Conv2dSame) and getattr(module, "padding_mode", "") == "zeros":
        return lambda conv: cast(nn.Conv2d, conv).weight
    base = getattr(module, "base_layer", None)
    plain = getattr(module, "active_adapters", None) and not getattr(module, "lora_variant", None)
    if base is None or not plain or type(base) not in (nn.Conv2d, Conv2dSame) or getattr(module, "merged", True):
        return None
    drops = cast(Any, module).lora_dropout.values()
    return _adapted if all(isinstance(each, nn.Identity) for each in drops) else None


def _adapted(layer: nn.Module) -> Tensor:
    """Weight of a convolution with its LoRA matrices: one convolution instead of three."""
    adapted = cast(Any, layer)
    weight: Tensor = adapted.base_layer.weight
    for name in adapted.active_adapters:
        weight = weight + adapted.get_delta_weight(name)
    return weight


def _fold(pair: Pair) -> None:
    read, norm = _kind(pair.conv), cast(Any, pair.norm)
    assert read is not None
    conv = cast(Any, getattr(pair.conv, "base_layer", pair.conv))

    def convolve(x: Tensor) -> Tensor:
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        weight = read(pair.conv) * scale[:, None, None, None]
        mean = norm.running_mean if conv.bias is None else norm.running_mean - conv.bias
        shift = norm.bias - mean * scale
        apply = conv2d_same if isinstance(conv, Conv2dSame) else functional.conv2d
        return cast(Tensor, apply(x, weight, shift, conv.stride, conv.padding, conv.dilation, conv.groups))

    def activate(x: Tensor) -> Tensor:
        return cast(Tensor, norm.act(norm.drop(x))) if isinstance(norm, BatchNormAct2d) else x

    pair.conv.__dict__["forward"], pair.norm.__dict__["forward"] = convolve, activate  # before the classes' own


def _unfold(pair: Pair) -> None:
    """The classes' own ``forward`` again."""
    for module in pair:
        module.__dict__.pop("forward", None)


def _picture(network: nn.Module) -> Tensor:
    one = next(network.parameters())
    made = torch.randn((2, 3, PROBE, PROBE), generator=torch.Generator().manual_seed(0))
    return made.to(one.device, one.dtype).contiguous(memory_format=torch.channels_last)


@contextmanager
def _eval(network: nn.Module) -> Iterator[None]:
    """No layer is skipped at random; afterwards every module is in the mode it was in."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
