"""Images and the names of classes in one space, and images moved to the names that they seem to have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fact_core.types import FloatArray, IntArray

CHUNK = 16_384  # images at a time
#: What a network calls impossible may still be right.
LEAST = 1e-6


@dataclass(frozen=True)
class Words:
    """Unit rows: images (N, C), names (K, C) of the K classes in order; scale: of their cosines as logits.

    A class without a meaning of its own (what fits no other one) has a row of zeros.
    """

    images: FloatArray
    names: FloatArray
    scale: float

    def rows(self, at: IntArray) -> Words:
        """These images alone."""
        return Words(self.images[at], self.names, self.scale)


def drawn_to_names(words: Words, answers: FloatArray, pull: float) -> FloatArray:
    """(N, C) unit rows e - pull a (e - t) of the images e: VeCAF's cross-attentive embedding augmentation.

    answers (N, K): a network's probabilities. An image asks the names, and the answer weighs what it hears: its
    attention to name k is the softmax of scale cos(e, name k) + log answer k. t is the mean of the names by that
    attention and a its largest value: an image that could be many things stays where it is. A class without a name
    pulls nothing. Zhang et al. 2024 (arXiv 2401.07853): e_aug = e - eta alpha (e - t), eta = 1.2, where t is a caption
    with the true class's name, and alpha is 1 in the authors' code (a softmax over one number).
    """
    out = np.empty_like(words.images)
    named = np.linalg.norm(words.names, axis=1) > 0
    for start, attention in _attention(words, answers):
        e, meant = words.images[start : start + CHUNK], attention[:, named]
        share = meant.sum(axis=1, keepdims=True)
        toward = meant @ words.names[named] / np.maximum(share, LEAST)
        moved = e - pull * meant.max(axis=1, keepdims=True, initial=0) * (e - toward)
        out[start : start + CHUNK] = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
    return out


def _attention(words: Words, answers: FloatArray) -> Iterator[tuple[int, FloatArray]]:
    """(the first row, attention [n,K] of the next rows), piece by piece."""
    for start in range(0, len(words.images), CHUNK):
        said = np.log(np.maximum(answers[start : start + CHUNK], LEAST))
        logits = words.scale * words.images[start : start + CHUNK] @ words.names.T + said
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        yield start, (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
