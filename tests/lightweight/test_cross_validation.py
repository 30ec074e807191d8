"""Labels that the light model has not learned from, answered by one like it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fact_core.config import LmConfig
from fact_core.generators import finish
from fact_core.lightweight.cross_validation import answers_left_out
from fact_core.lightweight.decide import LightPlan
from fact_core.lightweight.folds import able_rows, folds
from fact_core.lightweight.light import fit
from fact_core.lightweight.map_train import Memory, Reduce
from fact_core.lightweight.readings import Labelled, pooled_line

WIDE = 6
CONFIG = LmConfig(steps=30, width=WIDE, frofa="none")
REDUCE = Reduce(torch.zeros(WIDE), torch.eye(WIDE))


def images(counts: tuple[int, ...] = (7, 6, 5), seed: int = 0) -> Labelled:
    """One channel of each token leans to the class."""
    draws = torch.Generator().manual_seed(seed)
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    patches = torch.randn(len(y), 2, 2, WIDE, generator=draws)
    patches[torch.arange(len(y)), :, :, y] += 1.5
    return Labelled(patches.mean(dim=(1, 2)) + 0.1 * torch.randn(len(y), WIDE, generator=draws), patches, y)


def asked(data: Labelled, mode: str, classes: int = 3) -> tuple[np.ndarray, Tensor]:
    found = finish(answers_left_out(data, classes, REDUCE, CONFIG, (mode, 30.0, 3.0), 5, Memory()))
    assert found is not None
    return found


@pytest.mark.parametrize("mode", ["lr", "map_lr", "both"])
def test_an_answer_does_not_know_its_label(mode: str) -> None:
    """Features that say nothing are named by chance: one that had learned from the labels would name most rightly."""
    data = images()
    rows, log_p = asked(data, mode)
    assert rows.tolist() == list(range(18)) and log_p.shape == (18, 3)
    torch.testing.assert_close(log_p.exp().sum(dim=1), torch.ones(18, dtype=torch.float64))
    noise = Labelled(torch.randn(90, WIDE), torch.randn(90, 2, 2, WIDE), torch.arange(90) % 3)
    _, said = asked(noise, mode)
    assert (said.argmax(1) == noise.y).float().mean() < 0.55


def test_both_is_the_mean_of_the_two_readings_in_the_same_folds() -> None:
    data = images()
    attention, both = asked(data, "map_lr")[1], asked(data, "both")[1]
    line = torch.zeros_like(both)
    for held in folds(data.y.numpy(), 3, torch.Generator().manual_seed(5)):
        rest = torch.ones(18, dtype=torch.bool)
        rest[torch.from_numpy(held)] = False
        fitted = finish(pooled_line(data.rows(rest), 3, CONFIG, (30.0,)))[0]
        line[~rest] = fitted.logits(functional.normalize(data.pooled[~rest], dim=1)).log_softmax(-1)
    torch.testing.assert_close(both, ((line + attention) / 2).log_softmax(-1))


def test_it_is_as_sure_as_the_light_model_that_is_fitted() -> None:
    """A light model of the same reading and C is about as sure of images that it has not seen."""
    data, far = images((20, 20, 20)), images((200, 200, 200), seed=3)
    plan = LightPlan("both", 30.0, 3.0)
    head, same = finish(
        fit(data.pooled, data.patches, data.y, 3, config=CONFIG, generator=torch.Generator().manual_seed(1), plan=plan)
    )
    assert same is plan
    _, log_p = asked(data, "both")
    sure, own = head(far.pooled, far.patches).exp().amax(1).mean(), log_p.exp().amax(1).mean()
    assert abs(float(sure - own)) < 0.08, (sure, own)
    loss, own_loss = functional.nll_loss(head(far.pooled, far.patches), far.y), functional.nll_loss(log_p, data.y)
    assert abs(float(loss - own_loss)) < 0.25


def test_the_only_image_of_its_class_is_learned_from_in_every_fold() -> None:
    data = images((6, 6, 1))
    rows, log_p = asked(data, "both")
    assert rows.tolist() == list(range(12)) and (log_p[:, 2].exp() > 1e-4).all()


def test_joint_training_is_not_repeated_and_too_few_say_nothing() -> None:
    data = images()
    assert finish(answers_left_out(data, 3, REDUCE, CONFIG, ("joint_lbfgs", 1.0, 1.0), 0, Memory())) is None
    assert finish(answers_left_out(data, 3, REDUCE, CONFIG, ("lr", 1.0, 1.0), 0, Memory(), fewest=19)) is None
    alone = images((1, 1, 1))
    assert finish(answers_left_out(alone, 3, REDUCE, CONFIG, ("lr", 1.0, 1.0), 0, Memory())) is None


def test_a_stopped_fold_goes_on() -> None:
    """What a memory holds of finished folds is not trained again, and the answers are the same."""
    data, memory = images(), Memory()
    whole = asked(data, "map_lr")[1]
    step = answers_left_out(data, 3, REDUCE, CONFIG, ("map_lr", 30.0, 3.0), 5, memory)
    for _ in range(8):
        next(step)
    going_on = Memory(memory.state())
    found = finish(answers_left_out(data, 3, REDUCE, CONFIG, ("map_lr", 30.0, 3.0), 5, going_on))
    assert found is not None
    torch.testing.assert_close(found[1], whole)


def test_rows_that_can_be_left_out() -> None:
    y = np.array([0, 0, 1, 2, 2, 2])
    assert able_rows(y).tolist() == [0, 1, 3, 4, 5]
    assert able_rows(y, np.array([0, 0, 1, 2, 3, 3])).tolist() == [3, 4, 5]
    assert able_rows(np.zeros(0, dtype=np.int64)).tolist() == []
