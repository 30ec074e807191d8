"""Which network a person's file of weights is for, by its tensors: names, shapes and numbers.

Tensors tell the architecture, not whose weights they are: where several of timm's have the same, what lies beside the
file in its folder (timm's or transformers' JSON) may tell them apart, and else the person is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import get_pretrained_cfg, list_pretrained
from torch import Tensor, nn

from fact_core.backbones import convert, renaming
from fact_core.backbones.transformers_names import from_transformers
from fact_core.choices import TIMM, canonical
from fact_core.errors import WeightsError
from fact_core.pretrained.catalogue import sizes
from fact_core.pretrained.weights import weights_file

NEAR = 0.02  # by which the number of weights may differ: position tables, tokens that the other form keeps apart
MOST = 60  # architectures that are tried
#: Tensors of a network that reads, beside the one that sees.
TEXT = re.compile(r"^(text_model|transformer|text|token_embedding|positional_embedding|ln_final|text_projection)\b")


@dataclass(frozen=True)
class Recognised:
    """What a file is. architecture: as timm calls it; names: of the backbones that have such tensors."""

    file: Path
    architecture: str
    names: tuple[str, ...]


def recognise(path: Path) -> Recognised:
    """What the file, or the folder, has the weights of. WeightsError says why it cannot be told, or used.

    Only safetensors, or what torch reads with ``weights_only``: no file can run code.
    """
    file = weights_file(path)
    tensors = _tensors(file)
    if any("xlstm." in name or "rowwise_from_" in name for name in tensors):
        return Recognised(file, "vil2_small", ("vil2_small16", "vil2_small16_flat"))
    if not any(each.ndim == 4 and each.shape[1] == 3 for each in tensors.values()):
        raise WeightsError(
            "These are no weights of a network for pictures",
            f"{file.name}: none of {len(tensors)} tensors sees three colours.",
            "Give another file.",
        )
    found = _architectures(tensors)
    if not found:
        count = sum(each.numel() for each in tensors.values())
        raise WeightsError(
            "No network that is known here has such weights",
            f"{file.name}: {len(tensors)} tensors, {count / 1e6:.1f} million numbers, first {next(iter(tensors))}",
            "If you know its name in timm, say so: launch.py weights timm:NAME --file FILE.",
        )
    names = _narrowed([name for each in found for name in _names(each)], file.parent if path.is_dir() else None)
    return Recognised(file, found[0], tuple(dict.fromkeys(canonical(TIMM + name) for name in names)))


def only_name(found: Recognised) -> str:
    """The one backbone that it is. WeightsError lists them where several have such tensors."""
    if len(found.names) == 1:
        return found.names[0]
    shown = ", ".join(found.names[:12]) + (" and more" if len(found.names) > 12 else "")
    raise WeightsError(
        f"The file is a {found.architecture}, and {len(found.names)} backbones have such tensors",
        f"{found.file.name} may be {shown}.",
        "They see pictures in different colours and sizes, so say whose weights these are: "
        "launch.py weights NAME --file FILE.",
    )


def _tensors(file: Path) -> dict[str, Tensor]:
    try:
        found = convert.read_file(file)
    except Exception as error:  # damaged and hostile files make the readers raise anything
        raise convert.unreadable(file, error) from error
    return {name: each for name, each in found.items() if isinstance(each, Tensor)}


def _architectures(tensors: Mapping[str, Tensor]) -> list[str]:
    """The architectures of timm that these tensors fill; where some have their very positions, only those."""
    seen = from_transformers(tensors) or tensors
    body = sum(
        each.numel()
        for name, each in seen.items()
        if not (renaming.HEADS.search(name) and not name.startswith("attn_pool")) and not renaming.BUFFERS.search(name)
        and not TEXT.match(name)
    )  # fmt: skip
    near = sorted((abs(size - body), name) for name, size in sizes().items() if abs(size - body) <= NEAR * body)
    fitting, exact = list[str](), list[str]()
    for _, name in near[:MOST]:
        found = _filled(name, tensors)
        if found is None:
            continue
        fitting.append(name)
        network, ours = found
        wanted = network.state_dict()
        if all(ours[each].shape == wanted[each].shape for each in ours if each.startswith("pos_embed")):
            exact.append(name)
    return exact or fitting


def _filled(architecture: str, tensors: Mapping[str, Tensor]) -> tuple[nn.Module, dict[str, Tensor]] | None:
    """(the network without memory, its tensors in the file); None where they do not fill it."""
    try:
        with torch.device("meta"):
            network: nn.Module = timm.create_model(architecture, num_classes=0)
    except Exception:  # another version of timm has no such network
        return None
    wanted = network.state_dict()
    plain = renaming.unwrapped(tensors, wanted)
    whole = renaming.fits(plain, wanted) and not renaming.beyond(tensors, network)
    ours = plain if whole else renaming.renamed(tensors, network)
    return (network, ours) if ours else None


def _names(architecture: str) -> list[str]:
    """timm's weights of an architecture."""
    return [name for name in list_pretrained(f"{architecture}.*") if name.partition(".")[0] == architecture]


def _narrowed(names: list[str], folder: Path | None) -> list[str]:
    """Those of which the JSON beside the weights speaks; all where it says nothing."""
    if folder is None:
        return names
    config, seen = _json(folder / "config.json"), _json(folder / "preprocessor_config.json")
    own = config.get("pretrained_cfg")
    if isinstance(own, dict) and own.get("tag"):
        exact = [name for name in names if name == f"{config.get('architecture')}.{own['tag']}"]
        if exact:
            return exact
    if "image_mean" in seen and "image_std" in seen:
        return [name for name in names if _colours(name, seen)] or names
    return names


def _colours(name: str, seen: Mapping[str, Any]) -> bool:
    """Whether timm prepares the colours for these weights as the JSON says."""
    config: Any = get_pretrained_cfg(name)
    wanted = (*config.mean, *config.std)
    told = [*seen["image_mean"], *seen["image_std"]]
    return len(told) == len(wanted) and all(abs(a - float(b)) < 1e-3 for a, b in zip(wanted, told, strict=True))


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
