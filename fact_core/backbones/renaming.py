"""Whose names a file's tensors have: the network's own, under a prefix, transformers', or what timm's readers know."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from fact_core.backbones.transformers_names import from_transformers
from fact_core.backbones.transformers_newer import lost

PREFIXES = ("", "module.", "backbone.", "network.", "model.", "module.backbone.", "backbone.network.")
#: What the families of timm call the function that renames the tensors of earlier versions and of the makers' files.
FILTERS = ("checkpoint_filter_fn", "_filter_fn")


def unwrapped(tensors: Mapping[str, Any], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Strip the prefix under which most of the wanted names are found."""
    best = max(PREFIXES, key=lambda prefix: sum(prefix + name in tensors for name in wanted))
    return {name: tensors[best + name] for name in wanted if isinstance(tensors.get(best + name), Tensor)}


def fits(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> bool:
    """Whether all wanted tensors are there in their shapes; positions may be for pictures of another side."""
    return all(
        (name in found and (found[name].shape == each.shape or name.startswith("pos_embed")))
        or name.endswith("num_batches_tracked")
        for name, each in wanted.items()
    )


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
    if fits(theirs, wanted) and not lost(theirs, wanted):
        return theirs
    module = sys.modules[type(network).__module__]
    for name in FILTERS:
        read = getattr(module, name, None)
        if read is None:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = unwrapped(read(dict(tensors), network), wanted)
        except Exception:  # what it expects is not there: it fails in any way
            continue
        if fits(found, wanted):
            return found
    return {}
