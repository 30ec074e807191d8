"""LoRA (Hu et al. 2022) by peft: small added matrices learn, the pretrained weights stay."""

from __future__ import annotations

from typing import Any

import torch

from fact_core.backbones import Backbone
from fact_core.errors import ConfigError


def add(backbone: Backbone, rank: int, alpha: int, seed: int, *, stabilised: bool = False, dora: bool = False) -> Any:
    """Put LoRA matrices of ``rank`` into the backbone's own layers; only they can learn afterwards.

    The change starts at zero, scaled by alpha / rank. Returns what ``merge`` needs. stabilised: scaled by alpha / root
    of the rank (rsLoRA, Kalajdzievski 2023, arXiv 2312.03732, theorem 3.2); dora: the length of each row of a weight
    learns apart from its direction (DoRA, Liu et al. 2024, arXiv 2402.09353, equation 5).
    """
    from peft import LoraConfig, get_peft_model

    targets = backbone.lora_targets()
    if not targets:
        raise ConfigError("LoRA finds no layer to adapt in this backbone", backbone.name, "Choose the recipe fact.")
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=0.0,
        bias="none",
        target_modules=targets,
        use_rslora=stabilised,
        use_dora=dora,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # peft draws from torch's global generator
        return get_peft_model(backbone.network, config)  # type: ignore[arg-type]


def merge(backbone: Backbone, added: Any) -> None:
    """Fold the matrices into the weights: a plain network again, of the old shape."""
    backbone.network = added.merge_and_unload()
