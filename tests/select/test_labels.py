"""Strategies that learn from the labels so far, against loops from the formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fact_core.choices import STRATEGIES
from fact_core.errors import ConfigError
from fact_core.generators import finish
from fact_core.select import alfamix, probe, uncertainty, vecaf
from fact_core.select.picks import Picks, unit

LABELED, Y = np.array([0, 10, 20]), np.array([4, 7, 7])


def some(n: int = 40, dims: int = 6, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, dims)).astype(np.float32)


def pick(select: Any, x: Any, budget: int, labeled: Any = LABELED, y: Any = Y, **options: Any) -> Picks:
    return finish(select(x, budget, np.asarray(labeled, np.int64), y, np.random.default_rng(0), **options))


def probabilities(x: Any, labeled: Any = LABELED, y: Any = Y) -> Any:
    """Soft maximum of the probe's logits, row by row."""
    line = probe.fitted(x, labeled, y)
    out = []
    for row in unit(x).astype(np.float64):
        logits = [float(w @ row + b) for w, b in zip(line.weight.numpy(), line.bias.numpy(), strict=True)]
        e = np.exp(np.array(logits) - max(logits))
        out.append(e / e.sum())
    return np.array(out)


def test_the_probe_knows_only_the_labeled_classes() -> None:
    x = some()
    p = probe.probabilities(x, LABELED, Y)
    assert p.shape == (40, 2) and np.allclose(p, probabilities(x), atol=1e-6)
    assert p[0].argmax() == 0 and p[10].argmax() == p[20].argmax() == 1


def test_margin_is_the_formula() -> None:
    x = some()
    two = np.sort(probabilities(x), axis=1)
    order = [int(i) for i in np.argsort(two[:, -1] - two[:, -2], kind="stable") if i not in LABELED]
    found = pick(uncertainty.margin, x, 8)
    assert found.rows.tolist() == order[:8] and found.next_best.tolist() == order[8:28]


def test_entropy_is_the_formula() -> None:
    x, labeled, y = some(), np.array([0, 10, 20, 30]), np.array([0, 1, 2, 2])
    p = probabilities(x, labeled, y)
    value = [-sum(q * np.log(q) for q in row) for row in p]
    order = [int(i) for i in np.argsort(-np.array(value), kind="stable") if i not in labeled]
    assert pick(uncertainty.entropy, x, 8, labeled, y).rows.tolist() == order[:8]


def test_an_image_between_two_classes_comes_first() -> None:
    angle = np.deg2rad([0, 90, 5, 10, 85, 80, 45.5])
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    for select in (uncertainty.margin, uncertainty.entropy):
        assert pick(select, x, 1, [0, 1], np.array([0, 1])).rows.tolist() == [6]


def test_alfamix_flips_where_small_steps_say_so() -> None:
    """The authors' mixture, row by row and class by class, on a fine grid of shares."""
    x, labeled, y = some(30), np.array([0, 10, 20]), np.array([0, 1, 2])
    u = unit(x).astype(np.float64)
    line = probe.fitted(x, labeled, y)
    weight, bias = line.weight.numpy(), line.bias.numpy()
    limit = alfamix.flips_at(x, labeled, y)
    for i in range(30):
        z = u[i]
        logits = weight @ z + bias
        p = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        answer = int(p.argmax())
        gradient = weight.T @ (p - np.eye(3)[answer])  # of the loss at the probe's own answer

        def flips(share: float, z: Any = z, gradient: Any = gradient, answer: int = answer) -> bool:
            for each in range(3):
                anchor = u[labeled[y == each]].mean(0)
                apart = anchor - z
                if np.abs(apart).min() < 1e-9:  # the labeled image itself, alone in its class
                    continue
                mix = share * np.linalg.norm(apart) / np.linalg.norm(gradient) * gradient / apart
                mixed = (1 - mix) * z + mix * anchor
                if int((weight @ mixed + bias).argmax()) != answer:
                    return True
            return False

        if np.isfinite(limit[i]):
            assert flips(limit[i] * 1.001) and not flips(limit[i] * 0.999)
        else:
            assert not flips(50.0)


def test_alfamix_picks_among_those_that_flip() -> None:
    x = some(120, seed=2)
    labeled, y = np.array([0, 10, 20]), np.array([0, 1, 2])
    found = pick(alfamix.select, x, 6, labeled, y)
    limit = alfamix.flips_at(x, labeled, y)
    assert (limit[found.rows] <= found.info["share"]).all() and len(set(found.rows.tolist())) == 6
    assert found.info["flipped"] == (np.delete(limit, labeled) <= found.info["share"]).sum() >= 6
    everything = pick(alfamix.select, x, 117, labeled, y)
    assert len(set(everything.rows.tolist())) == 117


@pytest.mark.parametrize("select", [uncertainty.margin, uncertainty.entropy, alfamix.select, vecaf.select, vecaf.lite])
@pytest.mark.parametrize("y", [None, np.array([7, 7, 7])])
def test_two_classes_are_needed(select: Any, y: Any) -> None:
    with pytest.raises(ConfigError, match="two classes"):
        pick(select, some(), 3, LABELED, y)


@pytest.mark.parametrize("name", [name for name, each in STRATEGIES.items() if each.needs_labels])
def test_strategies_that_learn_say_so(name: str) -> None:
    assert "second round" in STRATEGIES[name].help or "approximation" in STRATEGIES[name].help
