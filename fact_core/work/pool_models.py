"""What makes the rows of a large pool: a backbone, or a trained model; and where rows of a project's images belong."""

from __future__ import annotations

from pathlib import Path

import torch

from fact_core.backbones import Backbone, load, pixels_for
from fact_core.classifier.model import Classifier, load_model
from fact_core.features.extract import features_key
from fact_core.pretrained.weights import locate
from fact_core.storage import project as projects
from fact_core.work.pool_features import load_here


def plain(name: str, device: str, view: str) -> Backbone:
    """The backbone of that name as it is for a device of that kind. WeightsError when its weights are not here."""
    locate(name)
    return load(name, pixels=pixels_for(name, device), view=view)


def trained(folder: Path) -> Classifier:
    """The model of a folder, exported or of a run. WeightsError when there is none."""
    return load_model(folder)[0]


def of_project(folder: Path, name: str, device: str) -> tuple[Backbone, Path]:
    """(the backbone as the project looks through it, the folder of its features, where the project finds them)."""
    found = projects.open_project(folder)
    backbone = load_here(found, name, torch.device(device))
    return backbone, found.features_folder(features_key(backbone))
