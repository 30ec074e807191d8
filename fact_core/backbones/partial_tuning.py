"""A few of a network's own weights learn, all others stay: those of its layer norms, or its biases.

LayerNorm tuning: Basu, Hu, Massiceti, Feizi 2023, "Strong Baselines for Parameter-Efficient Few-Shot Fine-tuning"
(arXiv 2304.01917), LN-Tune. BitFit: Ben Zaken, Goldberg, Ravfogel 2022 (ACL, arXiv 2106.10199), all bias terms.
"""

from __future__ import annotations

from timm.layers.norm import RmsNorm
from torch import nn

from fact_core.backbones.network import Backbone
from fact_core.backbones.vil_layer import ResidualNorm
from fact_core.choices import norms_error

KINDS = ("ln", "bitfit")
BIASES = ("bias", "q_bias", "v_bias")  # the latter two of BEiT and EVA, whose keys have none
NORMS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, RmsNorm, ResidualNorm)


def norms(network: nn.Module) -> list[str]:
    """Names of the weights of norms over the channels of one token or picture: scales and shifts."""
    return [
        f"{place}.{name}" if place else name
        for place, module in network.named_modules()
        if isinstance(module, NORMS)
        for name, _ in module.named_parameters(recurse=False)
    ]


def biases(network: nn.Module) -> list[str]:
    """Names of what is added in a layer: of linear layers, convolutions and norms."""
    return [name for name, _ in network.named_parameters() if name.rpartition(".")[2] in BIASES]


def only(backbone: Backbone, kind: str) -> list[str]:
    """Let only these weights of the network learn; their names. ConfigError where it has no layer norms."""
    network = backbone.network
    if not norms(network):
        raise norms_error(kind, backbone.name)
    names = norms(network) if kind == "ln" else biases(network)
    network.requires_grad_(False)
    for name in names:
        network.get_parameter(name).requires_grad_(True)
    return names
