"""Pretrained networks: ``load`` gives a network together with its preprocessing."""

from fact_core.backbones.loading import Identity, adopt, bare, fetch, identify, load, pixels_for
from fact_core.backbones.network import Backbone, Tokens

__all__ = ["Backbone", "Identity", "Tokens", "adopt", "bare", "fetch", "identify", "load", "pixels_for"]
