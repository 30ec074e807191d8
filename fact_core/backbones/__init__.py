"""Pretrained networks: ``load`` gives a network together with its preprocessing."""

from fact_core.compute.lean_torch import without_compiler
from fact_core.imports import without

# timm asks for the compiler while it is imported, and for tensors that are spread over machines.
with without_compiler(), without("torch.distributed.tensor"):
    import timm.optim  # noqa: F401

from fact_core.backbones.loading import Identity, adopt, bare, fetch, identify, load, pixels_for
from fact_core.backbones.network import Backbone, Tokens

__all__ = ["Backbone", "Identity", "Tokens", "adopt", "bare", "fetch", "identify", "load", "pixels_for"]
