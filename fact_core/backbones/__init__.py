"""Pretrained networks: ``load`` gives a network together with its preprocessing."""

from fact_core.compute.lean_torch import without_compiler

with without_compiler():  # timm asks for the compiler while it is imported
    import timm.optim  # noqa: F401

from fact_core.backbones.loading import Identity, adopt, bare, fetch, identify, load, pixels_for
from fact_core.backbones.network import Backbone, Tokens

__all__ = ["Backbone", "Identity", "Tokens", "adopt", "bare", "fetch", "identify", "load", "pixels_for"]
