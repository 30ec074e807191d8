"""The names of a project's classes as rows of logits, by the text side of the backbone that a training uses."""

from __future__ import annotations

import torch
from torch import Tensor

from fact_core.backbones.text_tower import load_text
from fact_core.choices import TEXT_SIDES
from fact_core.config import TrainConfig
from fact_core.events import Log
from fact_core.pretrained.text_weights import text_status
from fact_core.types import FloatArray, Step
from fact_core.work.training_labels import TrainingLabels


def rows_of_names(config: TrainConfig, known: TrainingLabels, x: FloatArray) -> Step[Tensor | None]:
    """(K, D) rows that the names of the classes make on features like x (n, D): see ``TextTower.classifier``.

    None where the backbone has no text side, or it is not here, or the run wants none. The class of what fits no other
    one says nothing: its row is the mean of the others.
    """
    if config.lp.words == "none" or config.backbone not in TEXT_SIDES:
        return None
    if not (here := text_status(config.backbone)).ready:
        yield Log(f"The names of the classes cannot help: the text side of {config.backbone}. {here.detail}")
        return None
    tower = load_text(config.backbone)
    text = yield from tower.class_features(known.classes)
    rows = tower.classifier(text, torch.from_numpy(x))
    if known.other_place >= 0 and len(rows) > 1:
        others = torch.arange(len(rows)) != known.other_place
        rows[known.other_place] = rows[others].mean(dim=0)
    return rows
