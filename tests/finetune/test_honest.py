"""The light model is as sure as it is right, by labels that were left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from app.shell.text import sentences
from fact_core.analysis.calibration import at_temperature
from fact_core.compute.less_memory import LessMemory
from fact_core.events import Decision, Progress
from fact_core.finetune import honest
from fact_core.finetune.training_run import log_probabilities, tokens_of
from fact_core.generators import finish
from tests.finetune_help import CPU, Coloured, coloured, drain, steps, tiny


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    return coloured(tmp_path_factory.mktemp("many"), [0, 1, 2] * 15)


def told(decisions: tuple[Decision, ...]) -> list[Decision]:
    return [each for each in decisions if each.name == honest.LIGHT]


@pytest.mark.parametrize("mode", ["auto", "lr", "map_lr"])
def test_a_light_model_on_a_frozen_network_has_one(many: Coloured, mode: str) -> None:
    events, trained = drain(steps(many, tiny("lm", **{"lm.mode": mode})))
    (decision,) = told(trained.decisions)
    assert decision in events and "45 labels left out" in decision.reason
    assert 0.05 <= float(decision.value) < 1  # the colours are told apart easily
    steps_told = {each.step for each in events if isinstance(each, Progress)}
    assert ("lm.temperature" in steps_told) == (mode != "lr") and "train.part.lm.temperature" in sentences()


def test_a_light_model_that_learns_from_the_pool_has_one(many: Coloured, tmp_path: Path) -> None:
    pool = coloured(tmp_path / "pool", [0, 1, 2] * 8, seed=3)
    for unlabelled, x in ((pool.files, pool.x), ((), None)):
        events, trained = drain(steps(many, tiny("lm+"), unlabelled=unlabelled, unlabelled_x=x))
        (decision,) = told(trained.decisions)
        assert decision in events and float(decision.value) < 1


@pytest.mark.parametrize("recipe", ["lm", "lm+", "fact"])
def test_few_labels_tell_of_none(tmp_path: Path, recipe: str) -> None:
    few = coloured(tmp_path, [0, 1, 2] * 3)
    assert not told(drain(steps(few, tiny(recipe)))[1].decisions)


def test_some_labels_tell_where_they_speak_beyond_chance(tmp_path: Path) -> None:
    """Eighteen colours that are told apart easily, by a model that is not sure of them: it is made surer, if not as
    sure as a temperature of their own would make it. Of a finetuned network so few were never tried."""
    some = coloured(tmp_path, [0, 1, 2] * 6)
    (decision,) = told(drain(steps(some, tiny("lm", **{"lm.mode": "lr", "lm.C": 0.01})))[1].decisions)
    assert 0.05 ** (18 / 38) <= float(decision.value) * 1.01 < 1
    assert not told(drain(steps(some, tiny("fact")))[1].decisions)


def test_a_tuned_network_is_no_less_sure_than_labels_left_out_tell(many: Coloured) -> None:
    """Four steps leave it unsure of colours that a probe names rightly."""
    _, trained = drain(steps(many, tiny("fact")))
    (decision,) = told(trained.decisions)
    assert float(decision.value) < 1 and "a linear probe named 100% rightly" in decision.reason
    seen = finish(tokens_of(trained.classifier.backbone, many.files[:4], LessMemory(CPU), "pool", False))
    p = log_probabilities(trained.classifier.heads["lm"], seen).exp().numpy()
    sure = at_temperature(p, float(decision.value)).max(axis=1).mean()
    assert sure == pytest.approx(1.0, abs=0.01) and p.max(axis=1).mean() < sure


def test_no_less_sure_is_the_temperature_of_that_mean_confidence() -> None:
    draws = np.random.default_rng(0)
    p = draws.dirichlet(np.ones(6), size=400).astype(np.float32)
    now = float(p.max(axis=1).mean())
    by = honest.no_less_sure(p, 0.7, 1.0)
    assert by is not None and by < 1 and at_temperature(p, by).max(axis=1).mean() == pytest.approx(0.7, abs=1e-4)
    assert honest.no_less_sure(p, now - 0.01, 1.0) is None
    lower = honest.no_less_sure(p, now - 0.01, 2.0)  # what was decided before would make them less sure than that
    assert lower is not None and 1 < lower < 2
    assert honest.no_less_sure(p, 1.0, 1.0) == pytest.approx(0.05)
    assert honest.no_less_sure(p[:0], 0.7, 1.0) is None


def test_answers_that_are_no_numbers_tell_of_none() -> None:
    y = np.array([0, 1, 1] * 20)
    good = torch.tensor([[0.7, 0.3], [0.4, 0.6], [0.0, 1.0]] * 20).log()
    found = honest.fitted(honest.TUNED, good, y)
    assert found is not None and found.name == "ff.temperature"
    assert honest.fitted(honest.TUNED, good * float("nan"), y) is None
