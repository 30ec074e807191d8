"""A backbone for pictures of one size: what ONNX export wants."""

from __future__ import annotations

import torch

from fact_core.backbones import adapters
from fact_core.backbones.loading import create
from fact_core.backbones.network import Backbone


def fixed(backbone: Backbone) -> Backbone:
    """A copy for pictures of ``preprocess.pixels`` only: positions are not interpolated while it runs."""
    network = create(backbone.name, backbone.preprocess.pixels, dynamic=False)
    copied = Backbone(backbone.name, network, backbone.preprocess, backbone.key, bool(backbone.only_side))
    carried = adapters.of(backbone)
    if carried is not None:
        adapters.add(copied, carried, torch.Generator())
    copied.network.load_state_dict(backbone.network.state_dict())
    reference = next(backbone.network.parameters())
    return copied.to(reference.device, reference.dtype).train(backbone.training)
