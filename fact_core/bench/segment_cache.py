"""Networks of finished phases of ``bench segment``, so that the same command goes on, and other options reuse them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from fact_core.files import write_file
from fact_core.finetune.phase_cache import prune
from fact_core.segment.network import HEADS, Segmenter
from fact_core.segment.settings import SegmentConfig

KEPT_NETWORKS = 2 * 2**30  # bytes of networks that stay
#: Options that say nothing to a network before phase 3, and the one that says nothing to any training.
LIGHT_OPTIONS = (
    *("lm_steps", "frofa", "strength", "views", "lm_start", "pixels", "pixel_views", "pixel_balance"),
    *("ff_alone_steps", "together"),
)


@dataclass
class Trained:
    """A network with what its phases took: phase -> {seconds, processor_seconds, parameters, loss}."""

    net: Segmenter
    spent: dict[str, dict[str, float]] = field(default_factory=dict)


def file_of(cache: Path, about: Sequence[Any], config: SegmentConfig, stage: str, head: str = "") -> Path:
    """Where the network of a stage lies, or a head of phase 3 on it: named by all that it depends on.

    about: plain values of the data, the weights, the frames, the seed and the device.
    """
    options = {name: value for name, value in asdict(config).items() if head or name not in LIGHT_OPTIONS}
    options["together"] = None
    options["alone"] = config.alone_steps if stage == "alone" else None
    text = json.dumps([*about, options], sort_keys=True)
    mark = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    return cache / "networks" / f"{mark}-{stage}{f'-{head}' if head else ''}.safetensors"


def keep(file: Path, found: Trained, head: str = "") -> None:
    """Write the network, or one head of it, whole or not at all; the oldest networks go where there are too many."""
    state = found.net.heads[head].state_dict() if head else found.net.state_dict()
    tensors = {name: each.detach().cpu().clone().contiguous() for name, each in state.items()}
    write_file(file, save(tensors, {"spent": json.dumps(found.spent)}), "keeping a network")
    prune(file.parent, KEPT_NETWORKS)


def fill(file: Path, found: Trained, head: str = "") -> bool:
    """Fill the network, or one head of it, from an earlier start; False where there is nothing that can be read."""
    if not file.is_file():
        return False
    try:
        with safe_open(file, "pt") as opened:
            tensors: dict[str, torch.Tensor] = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            spent = json.loads(opened.metadata()["spent"])
        if head:
            found.net.add(head, 0).load_state_dict(tensors)
        else:
            for name in HEADS:
                if any(each.startswith(f"heads.{name}.") for each in tensors):
                    found.net.add(name, 0)
            found.net.load_state_dict(tensors)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError):
        return False
    found.spent.update(spent)
    found.net.eval()
    return True
