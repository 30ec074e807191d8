"""Whose names a file's tensors have: the network's own, under a prefix, transformers', or what timm's readers know."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from fact_core.backbones.transformers_names import from_transformers

PREFIXES = ("", "module.", "backbone.", "network.", "model.", "module.backbone.", "backbone.network.")
#: What the families of timm call the function that renames the tensors of earlier versions and of the makers' files.
FILTERS = ("checkpoint_filter_fn", "_filter_fn")
#: What answers classes or serves the training alone, and tensors that are made anew from others.
HEADS = re.compile(
    r"(^|\.)(heads?|fc|classif|classifier|last_linear|pooler|logit_scale|visual_projection|mask_token)(\.|$|_)"
)
BUFFERS = re.compile(
    r"(running_mean|running_var|num_batches_tracked|relative_position_index|relative_coords_table|attn_mask|bias_mask|"
    r"periods|freqs\w*|inv_freq|bands)$"
)
#: Tokens that a network has beside those of its patches: without them it gives other features.
TOKENS = re.compile(r"(^|\.)(reg|dist|register|storage)_tokens?$")


def unwrapped(tensors: Mapping[str, Any], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Strip the prefix under which most of the wanted names are found."""
    best = _prefix(tensors, wanted)
    return {name: tensors[best + name] for name in wanted if isinstance(tensors.get(best + name), Tensor)}


def fits(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> bool:
    """Whether all wanted tensors are there in their shapes; positions may be for pictures of another side."""
    return all(
        (name in found and (found[name].shape == each.shape or name.startswith("pos_embed")))
        or name.endswith("num_batches_tracked")
        for name, each in wanted.items()
    )


def beyond(tensors: Mapping[str, Any], network: nn.Module) -> list[str]:
    """Names of the file's tensors for parts that the network has smaller: blocks after its last one, registers, biases.

    Taken without them it would be another network, which nothing would say. Heads, buffers, biases of zero, and what a
    part of a network leaves out on purpose (``left_out``, the front of the names) may go.
    """
    wanted: dict[str, Tensor] = network.state_dict()
    parts = {name for name, _ in network.named_children()}
    prefix, left_out = _prefix(tensors, wanted), str(getattr(network, "left_out", ""))
    bare = {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}
    return [
        name
        for name, each in bare.items()
        if name not in wanted
        and isinstance(each, Tensor)
        and (TOKENS.search(name) or (name.partition(".")[0] in parts and not HEADS.search(name)))
        and not BUFFERS.search(name)
        and not (left_out and name.startswith(left_out))
        and not (name.endswith("bias") and not bool(each.any()))
    ]


def _prefix(tensors: Mapping[str, Any], wanted: Mapping[str, Tensor]) -> str:
    return max(PREFIXES, key=lambda prefix: sum(prefix + name in tensors for name in wanted))


def renamed(tensors: Mapping[str, Any], network: nn.Module) -> dict[str, Tensor]:
    """The file's tensors under the network's names: from transformers' names, or by timm's own reader of its family.

    Empty where they do not fit.

    Readers make the first layer fit where it is of another shape: that would take one network for another, so a file
    that does not have that very shape is refused.
    """
    wanted: dict[str, Tensor] = network.state_dict()
    stem = next((tuple(each.shape) for each in wanted.values() if each.ndim == 4 and each.shape[1] == 3), None)
    shapes = {tuple(each.shape) for each in tensors.values() if isinstance(each, Tensor)}
    if stem is not None and stem not in shapes:
        return {}
    plain = {name: each for name, each in tensors.items() if isinstance(each, Tensor)}
    theirs = from_transformers(plain)
    if fits(theirs, wanted) and not beyond(theirs, network):
        return theirs
    module = sys.modules[type(network).__module__]
    for name in FILTERS:
        read = getattr(module, name, None)
        if read is None:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read_anew = read(dict(tensors), network)
                found = unwrapped(read_anew, wanted)
        except Exception:  # what it expects is not there: it fails in any way
            continue
        if fits(found, wanted) and not beyond(read_anew, network):
            return found
    return {}
