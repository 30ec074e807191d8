"""The run that holds the pool against words: the names of the classes, or what a person looks for.

No label is needed. What it gives are the logits of the backbone's own text side, kept in a file that the page reads.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fact_core.backbones.text_tower import CLASS_TEMPLATES, QUERY_TEMPLATES, TextTower, load_text, text_key
from fact_core.config import WordsConfig
from fact_core.errors import InputError
from fact_core.labeling import classes, other_class
from fact_core.pretrained.text_weights import locate_text
from fact_core.storage import word_scores
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run
from fact_core.types import FloatArray, Step
from fact_core.work.kind import Kind, Needed
from fact_core.work.pool_features import needs_features, pool_features

DEVICE = "auto"  # as for the map
CHUNK = 16_384  # images projected at a time


def needs(project: Project, run: Run, config: WordsConfig) -> list[Needed]:
    """The features of the pool."""
    return needs_features(project, config.backbone, DEVICE, config.view)


def run(project: Project, run: Run, config: WordsConfig) -> Step[dict[str, Any]]:
    """Hold each image of the pool against the query, or against each class that has a meaning.

    The result: the key of the file, that of the features, the texts in order, the ids of the classes (none for a
    query). Nothing is computed where that file is there already. WeightsError where the text side is not here.
    """
    locate_text(config.backbone)  # before features are read
    ids, texts = list[int](), [config.query.strip()]
    templates: tuple[str, ...] = QUERY_TEMPLATES
    if not texts[0]:
        other = other_class.name_of(project)
        named = [each for each in classes.classes(project) if each.name != other]
        ids, texts, templates = [each.id for each in named], [each.name for each in named], CLASS_TEMPLATES
        if not named:
            raise InputError("There are no classes yet", do="Add a class for each kind of image.")
    pool, x, features = pool_features(project, config.backbone, DEVICE, config.view)
    seen = [pool.ids.tolist(), pool.digests]  # the features of other bytes under a name are others
    about = json.dumps([features, text_key(config.backbone), texts, templates, *seen])
    key = hashlib.blake2b(about.encode(), digest_size=12).hexdigest()
    if word_scores.load(project, key) is None:
        tower = load_text(config.backbone)
        encoding = tower.class_features(texts) if ids else tower.query_features(texts)
        word_scores.save(project, key, pool.ids, pool.digests, _logits(tower, (yield from encoding), x))
    return {"key": key, "features": features, "texts": texts, "classes": ids, "n": len(pool)}


def _logits(tower: TextTower, text: Tensor, x: FloatArray) -> FloatArray:
    """(N, T) of images with pooled features x (N, D) and unit vectors text (T, dim)."""
    out = np.empty((len(x), len(text)), dtype=np.float32)
    for start in range(0, len(x), CHUNK):
        part = tower.project(torch.from_numpy(x[start : start + CHUNK]))
        out[start : start + CHUNK] = (tower.scale * part @ text.T).numpy()
    return out


KIND = Kind(run, needs)
