"""VeCAF without the pool's true labels, and an approximation for networks that know no words.

VeCAF (Zhang et al. 2024, arXiv 2401.07853) chooses in rounds: the loss of the network so far weighs each image in
ActiveFT's objective (objective-aware data selection), and each image is moved to the caption that describes it
(cross-attentive embedding augmentation). Its published figures take both from the true labels of the whole pool: the
loss, and captions that must contain the class's name. What a person has are the labels so far, the network's own
answers, and the names of the classes. The ensemble of several choices, which the ImageNet code leaves out, is left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fact_core.select import activeft
from fact_core.select.picks import Picks, candidates
from fact_core.select.probe import entropies, entropy, needed, probabilities
from fact_core.select.words import Words, drawn_to_names
from fact_core.types import FloatArray, IntArray, Step

#: An image that the network is sure about counts this much of an average one.
LEAST = 0.05


def select(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    *,
    answers: FloatArray | None = None,
    words: Words | None = None,
    pull: float = 0.5,
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows by ActiveFT's objective with weights v_i: exp(s_i) becomes v_i exp(s_i).

    answers [N,K]: the trained model's probabilities, column j for the class labeled_y == j; rows of NaN where it has
    not answered. A probe on the labels and x [N,D] answers these, or all where there is no model. v_i is the loss that
    the network expects of its own answer: their entropy, by its mean. words: the same N images in one space with the
    names of the K classes; ActiveFT then looks at these images, moved by ``pull`` to the names that they seem to have
    (``words.drawn_to_names``), a labelled one to its own. None: at x as it is. The authors' pull is 1.2, with a caption
    for each image; names are the same for all images of a class, which would make them one. Other options: those of
    ``activeft.select``. ConfigError without labels of two classes.
    """
    y = needed(labeled_y, "VeCAF")
    candidates(x, budget, labeled_rows)
    said = _answers(x, labeled_rows, y, answers, 0 if words is None else len(words.names))
    weights = _log_weights(entropy(said))
    if words is not None:
        said[labeled_rows] = np.eye(said.shape[1], dtype=np.float32)[y]
        x = drawn_to_names(words, said, pull)
    step = activeft.select(x, budget, labeled_rows, labeled_y, rng, **{**options, "log_weights": weights})
    return (yield from step)


def lite(
    x: FloatArray,
    budget: int,
    labeled_rows: IntArray,
    labeled_y: IntArray | None,
    rng: np.random.Generator,
    **options: Any,
) -> Step[Picks]:
    """Pick ``budget`` rows of x [N,D] as ``select`` does without words and without a model: a probe answers.

    Options: those of ``activeft.select``. ConfigError without labels of two classes.
    """
    y = needed(labeled_y, "VeCAF-lite")
    candidates(x, budget, labeled_rows)
    weights = _log_weights(entropies(x, labeled_rows, y))
    step = activeft.select(x, budget, labeled_rows, labeled_y, rng, **{**options, "log_weights": weights})
    return (yield from step)


def _answers(x: FloatArray, labeled_rows: IntArray, y: IntArray, model: FloatArray | None, classes: int) -> FloatArray:
    """[N,K] the model's answers, and those of a probe where it has none; the probe knows the labeled classes alone."""
    known = np.unique(y)
    width = max(classes, int(known.max()) + 1, 0 if model is None else model.shape[1])
    found = np.zeros((len(x), width), dtype=np.float32)
    silent = np.arange(len(x)) if model is None else np.flatnonzero(np.isnan(model).any(axis=1))
    if model is not None:
        found[:, : model.shape[1]] = model
    if len(silent):
        found[silent] = 0
        found[np.ix_(silent, known)] = probabilities(x, labeled_rows, y)[silent]
    return found


def _log_weights(v: FloatArray) -> FloatArray:
    """(N,) logarithms of how much images count, v (N,), by their mean."""
    found: FloatArray = np.log(np.maximum(v / max(float(v.mean()), 1e-12), LEAST)).astype(np.float32)
    return found
