"""A training run that is given rows of logits by the names of its classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from fact_core.config import TrainConfig
from fact_core.events import Decision
from fact_core.finetune import phase_cache, probe
from fact_core.finetune.checkpoint import Checkpoint
from fact_core.finetune.training_run import TrainingInputs, TrainingState
from fact_core.generators import finish
from tests.finetune_help import CPU, NAMES, Coloured, backbone, coloured, drain, steps, tiny

Y = [0, 1, 2] * 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    return coloured(tmp_path_factory.mktemp("images"), Y)


@pytest.fixture(scope="module")
def words(data: Coloured) -> Tensor:
    """Rows that know the classes: their means."""
    means = torch.tensor(np.stack([data.x[data.y == each].mean(axis=0) for each in range(3)]))
    means = means - means.mean(dim=0)
    return 8 * means / means.norm(dim=1).square().mean()


def inputs(data: Coloured, config: TrainConfig, words: Tensor | None) -> TrainingInputs:
    y, x = torch.tensor(data.y), torch.tensor(data.x)
    return TrainingInputs(data.files, y, NAMES, x, None, (), config, CPU, Checkpoint(None, "", 30.0), words=words)


def told(events: list[Any]) -> list[Decision]:
    return [each for each in events if isinstance(each, Decision) and each.name == probe.WORDS]


def test_a_run_chooses_how_much_they_count_and_says_so(data: Coloured, words: Tensor) -> None:
    events, trained = drain(steps(data, tiny("lp"), words=words))
    (decision,) = told(events)
    assert decision.scores and decision.scores[decision.value] < decision.scores["0"]
    assert decision in trained.decisions
    wanted = float(decision.value) * words
    assert trained.words is not None and torch.equal(trained.words, wanted) and float(decision.value) > 0
    _, plain = drain(steps(data, tiny("lp")))
    assert plain.words is None and not torch.allclose(plain.probe.weight, trained.probe.weight)


def test_none_is_none_and_a_run_without_a_probe_asks_nothing(data: Coloured, words: Tensor) -> None:
    _, plain = drain(steps(data, tiny("lp")))
    events, off = drain(steps(data, tiny("lp", **{"lp.words": "none"}), words=words))
    assert not told(events) and torch.equal(off.probe.weight, plain.probe.weight)
    config = tiny("lm")
    state = TrainingState(backbone())
    assert finish(probe.with_words(inputs(data, config, words), state)).words is None and not state.decisions


def test_too_few_labels_go_without_and_say_why(data: Coloured, words: Tensor) -> None:
    few = Coloured(data.files[:6], data.y[:6], data.x[:6])
    state = TrainingState(backbone())
    assert finish(probe.with_words(inputs(few, tiny("lp"), words), state)).words is None
    assert state.decisions[0].value == "0" and "too few" in state.decisions[0].reason


def test_the_probe_by_sgd_starts_as_the_classifier_of_the_names(data: Coloured, words: Tensor) -> None:
    config = tiny("lp", **{"lp.mode": "sgd", "lp.epochs": 1, "lp.lr": 1e-6})
    _, trained = drain(steps(data, config, words=words))
    assert trained.words is not None
    assert float(torch.cosine_similarity(trained.probe.weight, trained.words).min()) > 0.999


def test_a_checkpoint_and_a_kept_network_are_bound_to_them(
    data: Coloured, words: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = []
    monkeypatch.setattr(
        "fact_core.finetune.pipeline.Checkpoint",
        lambda folder, mark, every: marks.append(mark) or Checkpoint(folder, mark, every),
    )
    for each in ({}, {"words": words}, {"words": 2 * words}):
        next(steps(data, tiny("lp"), tmp_path, **each))
    assert len(set(marks)) == 3
    bound = [phase_cache._probe(inputs(data, tiny(), each)) for each in (None, words, 2 * words)]
    assert "words" not in bound[0] and bound[1]["words"] != bound[2]["words"]
