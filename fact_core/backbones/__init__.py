"""Pretrained networks: ``load`` gives a network together with its preprocessing."""

from fact_core.backbones.loading import adopt, bare, fetch, load, pixels_for
from fact_core.backbones.network import Backbone, Tokens

__all__ = ["Backbone", "Tokens", "adopt", "bare", "fetch", "load", "pixels_for"]
