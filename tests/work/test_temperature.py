"""Confidences that are as high as the answers are right, by labels that were left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from app.shell.text import sentences
from fact_core.analysis.calibration import at_temperature, calibration_error
from fact_core.classifier.model import divide_logits
from fact_core.classifier.model_card import UNPROVED
from fact_core.config import train_config
from fact_core.events import Decision
from fact_core.generators import finish
from fact_core.lightweight import logistic
from fact_core.lightweight.light import MODES, LightHead
from fact_core.work import temperature
from fact_core.work.training_labels import TrainingLabels

NOBODY = np.zeros(0, dtype=np.int64)


def known(y: Any) -> TrainingLabels:
    names = tuple(f"class {each}" for each in range(int(np.max(y)) + 1))
    return TrainingLabels(np.arange(len(y)), np.asarray(y), names, NOBODY, (), tuple(range(len(names))), NOBODY)


def trained(**decisions: str) -> Any:
    told = [Decision(name.replace("_", ".", 1), value, "") for name, value in decisions.items()]
    return SimpleNamespace(words=None, decisions=tuple(told))


def clouds(n: int, classes: int = 8, seed: int = 0) -> tuple[Any, Any]:
    """Classes that overlap, of unit norm like features that the light model reads."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(99).normal(size=(classes, 32))
    y = rng.permutation(np.arange(n) % classes)
    x = middles[y] + 1.6 * rng.normal(size=(n, 32))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), y


@pytest.mark.parametrize("c", [1.0, 10.0, 1e5])
def test_too_sure_or_too_unsure_the_confidences_become_honest(c: float) -> None:
    """The temperature is that of a regression as strong as the one that answers, whatever its strength."""
    x, y = clouds(160)
    found = temperature.fitted(trained(), known(y), train_config(recipe="lp", **{"lp.C": c}), x)
    assert found is not None and (found["labels"], found["by"]) == (160, "regression")
    wide = torch.from_numpy(x).double()
    line = finish(logistic.fit(wide, torch.from_numpy(y), 8, C=logistic.scaled(c, wide)))
    far, truth = clouds(4000, seed=1)
    p = line.logits(torch.from_numpy(far)).softmax(1).numpy()
    right = p.argmax(axis=1) == truth
    before = calibration_error(right, p.max(axis=1))
    after = calibration_error(right, at_temperature(p, found["value"]).max(axis=1))
    assert after < 0.06 and before > 2 * after, (before, after)


def test_it_is_what_the_phases_have_decided_of_the_last_one() -> None:
    x, y = clouds(80)
    told = trained(ff_temperature="1.6", lm_temperature="1.8", lm_C="10")
    fact, tuned = train_config(recipe="fact"), train_config(recipe="lp-ft")
    assert temperature.fitted(told, known(y), fact, x) == {"value": 1.8, "labels": 80, "by": "light"}
    assert temperature.fitted(told, known(y), tuned, x) == {"value": 1.6, "labels": 80, "by": "phase2"}
    twice = SimpleNamespace(words=None, decisions=(*told.decisions, Decision("lm.temperature", "0.7", "")))
    assert temperature.fitted(twice, known(y), fact, x) == {"value": 0.7, "labels": 80, "by": "light"}
    nothing_decided = trained(lm_C="10")
    for recipe in ("fact", "lp-ft", "lm", "lm+"):
        assert temperature.fitted(nothing_decided, known(y), train_config(recipe=recipe), x) is None


def test_of_a_frozen_network_only_labels_that_can_be_left_out_count() -> None:
    x, y = clouds(160)
    y[np.flatnonzero(y == 0)[1:]] = 1  # a class of one image, which nothing can be told of
    for recipe, told in (
        ("lm", trained(lm_temperature="0.8")),
        ("lm+", trained(lm_temperature="2")),
        ("lp", trained()),
    ):
        found = temperature.fitted(told, known(y), train_config(recipe=recipe), x)
        assert found is not None and found["labels"] == 159


def test_without_labels_enough_there_is_none() -> None:
    x, y = clouds(39)
    told = trained(ff_temperature="1.6", lm_temperature="1.8")
    for recipe in ("lp-ft", "fact"):
        assert temperature.fitted(told, known(y), train_config(recipe=recipe), x) is None
    x, y = clouds(9, classes=3)
    assert temperature.fitted(trained(), known(y), train_config(recipe="lp"), x) is None
    x, y = clouds(160)
    assert temperature.fitted(trained(), known(y), train_config(recipe="lp-paper"), x) is None  # by SGD


@pytest.mark.parametrize(
    ("recipe", "options", "labels", "why"),
    [
        ("lp", {}, 32, "few"),
        ("fact", {}, 32, "few"),
        ("lp-paper", {}, 32, "sgd"),
        ("lp-paper", {}, 160, "sgd"),
        ("lm", {"lm.mode": "joint_lbfgs"}, 160, "joint"),
        ("lm", {}, 160, "few"),  # so many there are, but of too few of them a class has another one
        ("fact", {}, 160, "tuned"),
        ("lp-ft", {}, 160, "tuned"),
    ],
)
def test_why_there_is_none_is_told(recipe: str, options: dict[str, Any], labels: int, why: str) -> None:
    _, y = clouds(labels)
    config = train_config(recipe=recipe, **options)
    half = Decision("ff.interpolation", "0.5", "fixed by the effort")
    told = SimpleNamespace(decisions=(half,))
    assert temperature.lacking(told, known(y), config) == why  # type: ignore[arg-type]
    assert why in UNPROVED and f"results.unproved_{why}" in sentences()


def test_a_network_that_was_held_against_labels_left_out_and_was_not_too_sure_is_told_apart() -> None:
    _, y = clouds(160)
    compared = Decision("ff.interpolation", "0.5", "on labels left out", {"0": 1.0, "0.5": 0.9, "1": 1.1})
    told = SimpleNamespace(decisions=(compared,))
    assert temperature.lacking(told, known(y), train_config(recipe="lp-ft")) == "kept"  # type: ignore[arg-type]
    assert "kept" in UNPROVED and "results.unproved_kept" in sentences()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tuned", [False, True])
def test_a_temperature_in_the_weights_divides_the_logits(mode: str, tuned: bool) -> None:
    torch.manual_seed(0)
    head = LightHead(6, 5, 4, 3, mode, tuned)
    for values in head.parameters():
        torch.nn.init.normal_(values)
    if head.maps:
        head.basis.normal_()
    pooled, patches = torch.randn(10, 6), torch.randn(10, 7, 5)
    before = head(pooled, patches)
    divide_logits(SimpleNamespace(heads={"lm": head}, final="lm"), 2.5)  # type: ignore[arg-type]
    after = head(pooled, patches)
    torch.testing.assert_close(after, (before / 2.5).log_softmax(-1), rtol=1e-4, atol=1e-5)
    assert torch.equal(after.argmax(1), before.argmax(1))


def test_a_linear_head_is_divided_too() -> None:
    head = torch.nn.Linear(6, 3)
    x = torch.randn(10, 6)
    before = head(x)
    divide_logits(SimpleNamespace(heads={"lp": head}, final="lp"), 0.5)  # type: ignore[arg-type]
    torch.testing.assert_close(head(x), before * 2)
