"""The names of a project's classes and its pool in one space, for the strategies that read names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from fact_core.backbones.text_tower import TextTower, load_text
from fact_core.choices import STRATEGIES, named
from fact_core.config import SelectConfig
from fact_core.errors import FactError
from fact_core.labeling import labels_now, other_class
from fact_core.pretrained.text_weights import locate_text
from fact_core.select.words import Words
from fact_core.storage.project import Project
from fact_core.types import FloatArray, Step
from fact_core.work.strategy_request import StrategyRequest

CHUNK = 16_384  # images projected at a time


def can_read(config: SelectConfig) -> None:
    """ConfigError where the strategy reads names and the backbone has no text side, WeightsError where it is not here.

    Asked before anything is computed.
    """
    choice = named(STRATEGIES, config.strategy, "strategy")
    if not choice.words:
        return
    try:
        locate_text(config.backbone)
    except FactError as error:
        error.do = f"{error.do} Or choose {STRATEGIES['vecaf-lite'].title}, which reads no names."
        raise


def told(project: Project, config: SelectConfig, asked: StrategyRequest) -> Step[StrategyRequest]:
    """The request with the places of the names, where the strategy reads them and there is what it learns from."""
    if not STRATEGIES[config.strategy].words or asked.y is None or len(np.unique(asked.y[asked.y >= 0])) < 2:
        return asked
    tower = load_text(config.backbone)
    classes = labels_now.snapshot(project, "pick").classes
    names = (yield from tower.class_features(classes)).numpy()
    if (other := other_class.name_of(project)) in classes:
        names[classes.index(other)] = 0  # it says nothing
    # The images of the request come in the order of the rows that it may see; those of the pool are asked for here.
    images = np.zeros((len(asked.pool), names.shape[1]), dtype=np.float32)
    images[asked.seen] = _places(tower, asked.x)
    return replace(asked, words=Words(images, names, tower.scale))


def _places(tower: TextTower, x: FloatArray) -> FloatArray:
    """(n, dim) unit vectors of images with pooled features x (n, D)."""
    parts = [tower.project(torch.from_numpy(x[at : at + CHUNK])).numpy() for at in range(0, len(x), CHUNK)]
    return np.concatenate(parts)
