"""What a linear probe on the labels so far believes about every image."""

from __future__ import annotations

import numpy as np
import torch

from fact_core.errors import ConfigError
from fact_core.generators import finish
from fact_core.lightweight import logistic
from fact_core.lightweight.logistic import Linear
from fact_core.select.picks import unit
from fact_core.types import FloatArray, IntArray

C = 10.0  # on unit rows, as in phase 1


def needed(labeled_y: IntArray | None, strategy: str) -> IntArray:
    """The classes of the labels. ConfigError while there are none of two classes."""
    if labeled_y is None or len(np.unique(labeled_y)) < 2:
        raise ConfigError(
            f"{strategy} learns from labels of at least two classes",
            "none" if labeled_y is None or not len(labeled_y) else "one class",
            "Choose the first images with another strategy.",
        )
    return labeled_y


def fitted(x: FloatArray, labeled_rows: IntArray, labeled_y: IntArray) -> Linear:
    """Logistic regression on the unit rows; class j is the j-th of the distinct classes in order."""
    _, y = np.unique(labeled_y, return_inverse=True)
    return finish(logistic.fit(torch.from_numpy(unit(x[labeled_rows])), torch.from_numpy(y), int(y.max()) + 1, C=C))


def probabilities(x: FloatArray, labeled_rows: IntArray, labeled_y: IntArray) -> FloatArray:
    """[N,K] of every row of x [N,D] for the K distinct classes in order."""
    line = fitted(x, labeled_rows, labeled_y)
    found: FloatArray = torch.softmax(line.logits(torch.from_numpy(unit(x))), dim=1).numpy()
    return found


def margins(x: FloatArray, labeled_rows: IntArray, labeled_y: IntArray) -> FloatArray:
    """(N,) probability of the likeliest class less that of the second."""
    two = np.sort(probabilities(x, labeled_rows, labeled_y), axis=1)[:, -2:]
    found: FloatArray = two[:, 1] - two[:, 0]
    return found


def entropies(x: FloatArray, labeled_rows: IntArray, labeled_y: IntArray) -> FloatArray:
    """(N,) entropy of the probabilities, in nats."""
    return entropy(probabilities(x, labeled_rows, labeled_y))


def entropy(p: FloatArray) -> FloatArray:
    """(N,) of probabilities p [N,K], in nats."""
    found: FloatArray = -(p * np.log(np.maximum(p, 1e-30))).sum(1)
    return found
