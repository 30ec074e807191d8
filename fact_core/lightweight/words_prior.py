"""The names of classes as a prior of the linear probe: how much they count is chosen by cross-validation.

A text side gives each class a row t of logits before anything is labelled (``backbones.text_tower``). The probe's rows
are W = a T + V, and the ridge of the regression is on V alone:

    (1/S) sum_i w_i CE_i(x (aT + V)' + b) + (1/(2 C S)) |V|^2

So the penalty pulls W toward a T, not toward zero. W = a T + V is the blend of LP++ (Huang et al. 2024, arXiv
2404.02285, which learns ``a`` class by class from the same labels; here it is one number, of held-out ones); the
quadratic penalty of the distance to the rows of the text is that of CLAP (Silva-Rodriguez et al. 2024, arXiv
2312.12730, section 4, there on unit-norm rows and with a weight for each class).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fact_core.compute.less_memory import LessMemory
from fact_core.events import Progress
from fact_core.generators import logs_only
from fact_core.lightweight import logistic
from fact_core.lightweight.folds import able_rows, folds, smallest_class, together
from fact_core.types import IntArray, Step

#: Shares of the logits that the text side itself would give. 0: the probe without words.
STRENGTHS = (0.0, 0.1, 0.3, 1.0)
FEWEST = 10  # labels that can be held out, below which nothing is compared
FOLDS = 5


def choose_strength(
    x: Tensor,
    y: Tensor,
    n_classes: int,
    words: Tensor,
    *,
    C: float,
    balanced: bool = True,
    generator: torch.Generator,
    groups: IntArray | None = None,
    less: LessMemory | None = None,
) -> Step[tuple[float, dict[str, float]]]:
    """The strength of the lowest cross-validated log-loss (nats), and all scores; of equal ones (to 0.1 %) the smaller.

    0 where it gains no more over 0 than one standard error of the gain, image by image (the rule of Hastie et al. 2009,
    section 7.10): wrong names at a small strength may look a little better, too, as they make a probe less sure.

    x (n, D), y (n,), words (K, D): the rows of logits of the text. C: on features of unit norm. An image, or a group
    (n,), that is the only one of its class is learned from in every fold. 0 and no scores where fewer than ``FEWEST``
    labels can be held out.
    """
    target = y.cpu().numpy()
    belong = together(x.cpu().numpy(), target, groups)
    able = able_rows(target, belong)
    if len(able) < FEWEST or len(np.unique(target[able])) < 2:
        return 0.0, {}
    scale = 1.0 / float(x.double().square().sum(1).mean().sqrt().clamp_min(1e-12))
    wide, rows = x.double() * scale, words.double() / scale
    k = min(FOLDS, smallest_class(target[able], belong[able]))
    losses = {strength: torch.zeros(len(y), dtype=torch.float64) for strength in STRENGTHS}
    for done, part in enumerate(folds(target[able], k, generator, belong[able])):
        out = torch.zeros(len(y), dtype=torch.bool)
        out[torch.from_numpy(able[part])] = True
        for strength in STRENGTHS:
            fitting = logistic.fit(
                wide[~out],
                y[~out],
                n_classes,
                C=C,
                balanced=balanced,
                tol=logistic.CV_TOL,
                less=less,
                prior=strength * rows if strength else None,
            )
            line = yield from logs_only(fitting)
            losses[strength][out] = functional.cross_entropy(line.logits(wide[out]), y[out], reduction="none")
        yield Progress("lp.words", done + 1, k, "folds")
    scores = {strength: float(loss[able].mean()) for strength, loss in losses.items()}
    lowest = min(scores.values())
    best = min(strength for strength, score in scores.items() if score <= lowest * 1.001)
    gain = (losses[0.0] - losses[best])[able]
    if float(gain.mean()) <= float(gain.std()) / len(able) ** 0.5:
        best = 0.0
    return best, {f"{strength:g}": round(score, 4) for strength, score in scores.items()}
