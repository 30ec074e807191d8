"""Attention pooling, feature brightness, folds and the light model."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional

from fact_core.config import LmConfig
from fact_core.errors import ConfigError, InputError
from fact_core.events import Decision, Event, Point, Progress
from fact_core.lightweight.folds import folds, smallest_class
from fact_core.lightweight.frofa import FORMS, brightness
from fact_core.lightweight.light import LightHead, LightPlan, decide, fit
from fact_core.lightweight.map_head import MapHead, heads_for
from fact_core.lightweight.map_train import Memory, reduction
from tests.steps_help import heard


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def data(n: int = 40, k: int = 4, side: int = 3, channels: int = 16, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Pooled (n, C), patches (n, side, side, C) and y (n,): one corner patch tells the class."""
    patches = torch.rand(n, side, side, channels, generator=generator(seed))
    y = torch.arange(n) % k
    patches[torch.arange(n), 0, 0, y] += 3.0
    return patches.mean(dim=(1, 2)), patches, y


# ---------------------------------------------------------------- brightness


def test_brightness_moves_one_channel_by_hand() -> None:
    """Values 0, 1, 2 have a span of 2: a draw of d moves them by 2 d, clipped to 0..2."""
    tokens = torch.tensor([0.0, 1.0, 2.0]).reshape(1, 3, 1)
    draw = float(torch.rand(1, generator=generator(3)) * 2 - 1)
    moved = brightness(tokens, 1.0, generator(3))
    assert moved.flatten().tolist() == pytest.approx([min(2.0, max(0.0, v + 2 * draw)) for v in (0, 1, 2)])


@pytest.mark.parametrize("form", FORMS)
def test_brightness_equals_its_literal_form(form: str) -> None:
    """Scale to 0..1, add, clip, scale back, image by image."""
    patches = torch.randn(3, 2, 4, 5, generator=generator())
    tokens = patches.reshape(3, 8, 5)
    draw = torch.rand(3, 1, 1 if form == "default" else 5, generator=generator(7)) * 2 - 1
    wanted = torch.empty_like(tokens)
    for i in range(3):
        for c in range(5):
            over = tokens[i, :, c] if form == "channel-squared" else tokens[i]
            low, high = over.min(), over.max()
            unit = (tokens[i, :, c] - low) / (high - low)
            shift = draw[i, 0, 0 if form == "default" else c] * 0.5
            wanted[i, :, c] = (unit + shift).clamp(0, 1) * (high - low) + low
    torch.testing.assert_close(brightness(patches, 0.5, generator(7), form=form).reshape(3, 8, 5), wanted)


def test_brightness_leaves_constant_channels_and_strength_zero_alone() -> None:
    patches = torch.rand(2, 3, 3, 4, generator=generator())
    patches[..., 1] = 5.0
    bright = brightness(patches, 1.0, generator())
    assert torch.equal(bright[..., 1], patches[..., 1])
    assert not torch.equal(bright[..., 0], patches[..., 0])
    torch.testing.assert_close(brightness(patches, 0.0, generator()), patches)
    assert torch.equal(brightness(patches, 1.0, generator(1)), brightness(patches, 1.0, generator(1)))


def test_brightness_of_unknown_form_or_strength_is_refused() -> None:
    with pytest.raises(ConfigError, match="channel-squared"):
        brightness(torch.zeros(1, 1, 1), 0.5, generator(), form="nope")
    with pytest.raises(ConfigError):
        brightness(torch.zeros(1, 1, 1), 2.0, generator())


# ---------------------------------------------------------------- attention pooling


def test_a_new_map_head_is_mean_pooling() -> None:
    tokens = torch.randn(5, 9, 32, generator=generator())
    torch.testing.assert_close(MapHead(32, 4).draw(generator())(tokens), tokens.mean(dim=1))


def test_map_equals_multi_head_attention_with_one_query() -> None:
    """nn.MultiheadAttention, residual MLP, one query: the folded form computes the same."""
    head = MapHead(24, 3)
    for each in head.parameters():
        nn.init.normal_(each, std=0.3, generator=generator(1))
    oracle = nn.MultiheadAttention(24, 3, batch_first=True)
    with torch.no_grad():
        oracle.in_proj_weight.copy_(torch.cat((torch.eye(24), head.key, head.value.weight)))
        oracle.in_proj_bias.copy_(torch.cat((torch.zeros(24), torch.randn(24), head.value.bias)))
        oracle.out_proj.weight.copy_(head.out.weight)
        oracle.out_proj.bias.copy_(head.out.bias)
    tokens = torch.randn(4, 7, 24, generator=generator(2))
    y = oracle(head.query.expand(4, 1, 24), tokens, tokens, need_weights=False)[0][:, 0]
    wanted = y + head.down(head.act(head.up(head.norm(y))))
    torch.testing.assert_close(head(tokens), wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(head.attention(tokens).sum(-1), torch.ones(4, 3))


@pytest.mark.parametrize(("dim", "heads"), [(384, 6), (768, 12), (64, 1), (7, 1), (130, 2), (100, 2)])
def test_heads_divide_the_width(dim: int, heads: int) -> None:
    assert heads_for(dim) == heads


def test_reduction_keeps_the_largest_directions() -> None:
    pool = torch.randn(500, 6, generator=generator()) * torch.tensor([10.0, 5.0, 0.1, 0.1, 0.1, 0.1]) + 3.0
    reduce = reduction(pool, 2)
    out = reduce(pool)
    assert out.shape == (500, 2)
    torch.testing.assert_close(out.mean(dim=0), torch.zeros(2), atol=1e-4, rtol=0)
    assert float(out.square().mean()) == pytest.approx(1.0, abs=1e-3)
    assert float(out[:, 0].std() / out[:, 1].std()) == pytest.approx(2.0, abs=0.2)
    wide = reduction(pool, 6)(pool)
    torch.testing.assert_close(wide.std(dim=0), torch.ones(6), atol=1e-2, rtol=0)


@pytest.mark.parametrize("tokens", [20, 40, 60, 400])
def test_reduction_is_that_of_the_covariance_however_few_tokens_there_are(tokens: int) -> None:
    pool = torch.randn(tokens, 100, generator=torch.Generator().manual_seed(tokens)) * torch.linspace(3, 0.1, 100)
    _, vectors = np.linalg.eigh(np.cov(pool.double().numpy().T))
    reduce = reduction(pool, 8)
    cosines = np.abs((vectors[:, ::-1][:, :8] * (reduce.basis / reduce.basis.norm(dim=0)).numpy()).sum(axis=0))
    assert cosines == pytest.approx(np.ones(8), abs=1e-5)
    assert float(reduce(pool).square().mean()) == pytest.approx(1, abs=1e-4)


def test_few_tokens_have_no_more_directions_than_tokens() -> None:
    assert reduction(torch.randn(6, 100, generator=torch.Generator().manual_seed(0)), 32).basis.shape == (100, 6)


def test_reduction_of_constant_tokens_is_finite() -> None:
    for width in (2, 8):
        assert bool(torch.isfinite(reduction(torch.ones(10, 4), width)(torch.ones(3, 4))).all())


# ---------------------------------------------------------------- folds


def test_folds_share_every_class_out() -> None:
    y = np.array([0] * 6 + [1] * 3 + [2] * 3)
    parts = folds(y, 3, generator())
    assert sorted(np.concatenate(parts).tolist()) == list(range(12))
    for part in parts:
        assert np.bincount(y[part], minlength=3).tolist() == [2, 1, 1]
    assert smallest_class(y) == 3 and smallest_class(np.array([5, 5, 9])) == 1


# ---------------------------------------------------------------- the light model


@pytest.mark.parametrize("mode", ["auto", "map_lr", "lr", "both", "joint_lbfgs"])
def test_every_reading_learns_and_survives_saving(mode: str) -> None:
    pooled, patches, y = data()
    config = LmConfig(mode=mode, steps=30, width=8)
    (head, plan), events = heard(fit(pooled, patches, y, 4, config=config, generator=generator(), check=data(seed=1)))
    probabilities = head(pooled, patches).exp()
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(40))
    assert float((probabilities.argmax(dim=1) == y).float().mean()) >= 0.9
    points = [e for e in events if isinstance(e, Point)]
    parts = list(dict.fromkeys(each.part for each in points))  # the page draws each solver by itself
    assert parts[-1] == "whole" and set(parts) <= {"map", "joint", "lr_map", "lr_pooled", "whole"}
    assert points[-1].check_accuracy is not None and points[-1].accuracy is not None
    steps = [p.step for p in points]
    begins = (
        [1] if head.mode in ("lr", "joint_lbfgs") else [10, 20, 30, 31]
    )  # attention, then every iteration of the solvers
    assert steps[: len(begins)] == begins
    assert steps[len(begins) - 1 : -1] == list(range(begins[-1], steps[-1] + 1))  # no gap, nothing twice
    assert points[-1].step == points[-1].steps  # the whole head, measured: in place of the solver's last
    assert all(p.step <= p.steps for p in points)
    assert all(isinstance(each, Decision) and each in events for each in plan.decisions)
    copy = LightHead.from_config(head.config())
    copy.load_state_dict(load(save({k: v.contiguous() for k, v in head.state_dict().items()})))
    torch.testing.assert_close(copy(pooled, patches), head(pooled, patches))


@pytest.mark.parametrize("mode", ["lr", "both"])
def test_phase_2s_head_answers_with_the_light_model(mode: str) -> None:
    """The mean of both log-probabilities; without it the light model alone; kept by ``config`` and state."""
    pooled, patches, y = data(n=40)
    config = LmConfig(mode=mode, steps=10, width=8, choose="none")
    tuned = torch.nn.Linear(pooled.shape[1], 4)
    (alone, _), _ = heard(fit(pooled, patches, y, 4, config=config, generator=generator()))
    (head, _), events = heard(fit(pooled, patches, y, 4, config=config, generator=generator(), tuned=tuned))
    mean = (alone(pooled, patches) + tuned(pooled).log_softmax(-1)) / 2
    torch.testing.assert_close(head(pooled, patches), mean.log_softmax(-1))
    shown = [e for e in events if isinstance(e, Point)][-1]
    assert shown.accuracy == float((mean.argmax(1) == y).float().mean())
    again = LightHead.from_config(head.config())
    again.load_state_dict(head.state_dict())
    torch.testing.assert_close(again(pooled, patches), head(pooled, patches))
    old = {name: value for name, value in alone.config().items() if name != "tuned"}
    assert not LightHead.from_config(old).tuned  # models that were saved before there was a choice


def test_auto_is_the_mean_of_both_readings_with_few_labels() -> None:
    pooled, patches, y = data(n=8)
    (head, plan), _ = heard(fit(pooled, patches, y, 4, config=LmConfig(steps=10, width=8), generator=generator()))
    decisions = plan.decisions
    assert head.mode == "both"
    assert {d.name for d in decisions} == {"lm.mode", "lm.C"} and all("too few" in d.reason for d in decisions)


def test_auto_compares_the_readings_with_enough_labels() -> None:
    pooled, patches, y = data()
    config = LmConfig(steps=20, width=8)
    (head, plan), events = heard(fit(pooled, patches, y, 4, config=config, generator=generator()))
    found = {d.name: d for d in plan.decisions}
    scores = found["lm.mode"].scores
    assert scores is not None and set(scores) == {"lr", "map_lr", "both"}
    assert scores[head.mode] <= 1.0101 * min(scores.values())
    assert any(isinstance(e, Progress) and e.step == "lm.mode" for e in events)


def test_the_joint_readings_loss_falls_and_all_of_its_weights_learn() -> None:
    """From mean pooling with a converged layer on it, on originals and views."""
    pooled, patches, y = data()
    config = LmConfig(mode="joint_lbfgs", steps=40, width=8, strength=0.3, views=3, weight_decay=1e-4)
    (head, _), events = heard(fit(pooled, patches, y, 4, config=config, generator=generator()))
    losses = [e.loss for e in events if isinstance(e, Point) and e.loss is not None][:-1]
    assert losses[-1] < 0.7 * losses[0]
    fresh = MapHead(8)
    moved = [not torch.equal(a, b) for a, b in zip(head.map.parameters(), fresh.parameters(), strict=True)]
    assert all(moved)
    attention = head.map.attention((patches.flatten(1, 2) - head.mean) @ head.basis).mean(dim=(0, 1))
    assert float(attention[0]) > 1 / 9  # it looks at the corner that tells the class


def test_the_joint_reading_falls_below_its_start_and_the_two_stages_on_its_own_objective() -> None:
    """Cross-entropy, |W|^2 / (2 C n) and decay / 2 |MAP - MAP_0|^2, written out for the three, without FroFA."""
    pooled, patches, y = data()
    fitted: list[LightHead] = []
    for mode, steps in (("map_lr", 0), ("map_lr", 40), ("joint_lbfgs", 40)):
        config = LmConfig(mode=mode, choose="none", steps=steps, width=8, strength=0.0, weight_decay=1e-2)
        (head, _), _ = heard(fit(pooled, patches, y, 4, config=config, generator=generator()))
        fitted.append(head)
    start, stages, joint = fitted
    seen = ((patches.flatten(1, 2) - start.mean) @ start.basis).mean(dim=1)
    norms = (pooled * start.scales[0]).square().sum(dim=1) + (seen * start.scales[1]).square().sum(dim=1)

    def objective(head: LightHead) -> float:
        rows = head.map_line.weight.split((16, 8), dim=1)
        # the same line on features of the joint reading's scales: the penalty is a matter of scale
        square = sum((rows[i] * head.scales[i] / joint.scales[i]).square().sum() for i in (0, 1))
        drift = sum((a - b).square().sum() for a, b in zip(head.map.parameters(), start.map.parameters(), strict=True))
        loss = functional.nll_loss(head(pooled, patches), y)
        return float(loss + square / (2 * 10.0 / norms.mean() * 40) + 1e-2 / 2 * drift)

    assert objective(joint) < 0.8 * min(objective(start), objective(stages))


def test_what_is_decided_on_other_features_is_what_is_fitted() -> None:
    """Features that have seen their labels make the largest C look best; the plan comes from those that have not."""
    pooled, patches, y = data()
    config = LmConfig(steps=20, width=8)
    told = functional.one_hot(y, 16).float() * 5 + pooled  # as after a finetuning on these labels
    plan, events = heard(decide(pooled, patches, y, 4, config=config, generator=generator()))
    assert [e for e in events if isinstance(e, Decision)] == list(plan.decisions)
    assert LightPlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan
    (head, same), events = heard(fit(told, patches, y, 4, config=config, generator=generator(), plan=plan))
    assert head.mode == plan.mode and same is plan
    assert not any(isinstance(e, Decision) for e in events)
    own, _ = heard(decide(told, patches, y, 4, config=config, generator=generator()))
    assert own.c_pooled >= plan.c_pooled


def test_the_same_seed_gives_the_same_model_and_another_does_not() -> None:
    pooled, patches, y = data()
    config = LmConfig(mode="map_lr", choose="none", steps=20, width=8)

    def weight(seed: int) -> Tensor:
        (head, _), _ = heard(fit(pooled, patches, y, 4, config=config, generator=generator(seed)))
        return head.map_line.weight

    assert torch.equal(weight(1), weight(1))
    assert not torch.equal(weight(1), weight(2))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["auto", "map_lr", "joint_lbfgs"])
def test_a_fit_stopped_anywhere_goes_on_to_the_same_model(mode: str) -> None:
    pooled, patches, y = data()
    config = LmConfig(mode=mode, steps=60, width=8)

    def start(memory: Memory) -> Iterator[Event]:
        return fit(pooled, patches, y, 4, config=config, generator=generator(5), memory=memory)

    (whole, _), events = heard(start(Memory()))
    for stop_at in (1, 4, len(events) // 2, len(events) - 2):
        memory, step = Memory(), None
        step = start(memory)
        for _ in range(stop_at):
            next(step)
        kept = memory.state()
        step.close()  # type: ignore[attr-defined]
        (again, _), later = heard(start(Memory(load(save(kept)))))
        assert again.mode == whole.mode
        assert all(torch.equal(a, b) for a, b in zip(again.parameters(), whole.parameters(), strict=True))
        assert len(later) <= len(events)


def test_one_label_a_class_absent_classes_and_two_classes_work() -> None:
    pooled, patches, y = data(n=3, k=3)
    (head, _), _ = heard(fit(pooled, patches, y, 9, config=LmConfig(steps=5, width=8), generator=generator()))
    answers = head(torch.rand(50, 16), torch.rand(50, 3, 3, 16)).argmax(dim=1)
    assert head(pooled, patches).shape == (3, 9) and int(answers.max()) < 3
    pooled, patches, y = data(n=12, k=2)
    (head, _), _ = heard(fit(pooled, patches, y, 2, config=LmConfig(steps=5, width=8), generator=generator()))
    assert head(pooled, patches).shape == (12, 2)


def test_many_classes_work() -> None:
    pooled, patches, y = data(n=300, k=100, channels=128)
    config = LmConfig(steps=5, width=32, mode="both", views=1)
    (head, _), _ = heard(fit(pooled, patches, y, 100, config=config, generator=generator()))
    assert float((head(pooled, patches).argmax(dim=1) == y).float().mean()) > 0.9


def test_one_class_and_nan_are_errors_in_words() -> None:
    pooled, patches, y = data(n=6)
    with pytest.raises(InputError, match="All 6 labels are of one class"):
        heard(fit(pooled, patches, y * 0, 4, config=LmConfig(steps=2), generator=generator()))
    patches[0, 0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="not numbers"):
        heard(fit(pooled, patches, y, 4, config=LmConfig(steps=2), generator=generator()))


def test_identical_images_do_not_crash_it() -> None:
    ones = torch.ones(6, 2, 2, 8)
    (head, _), _ = heard(
        fit(ones[:, 0, 0], ones, torch.arange(6) % 2, 2, config=LmConfig(steps=3, width=4), generator=generator())
    )
    torch.testing.assert_close(head(ones[:, 0, 0], ones).exp(), torch.full((6, 2), 0.5), atol=1e-3, rtol=0)


def test_an_unknown_reading_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="map_lr"):
        LightHead(4, 4, 4, 2, "nope")


def test_the_head_can_be_traced_with_any_batch() -> None:
    head = LightHead(16, 16, 8, 4, "both").eval()
    pooled, patches, _ = data()
    dims = ({0: torch.export.Dim("batch")},) * 2
    traced = torch.export.export(head, (pooled[:2], patches[:2]), dynamic_shapes=dims).module()
    torch.testing.assert_close(traced(pooled, patches), head(pooled, patches))
    again = LightHead.from_config(head.config())
    again.load_state_dict(load(save(dict(head.state_dict()))))  # what an export writes is all there is
    torch.testing.assert_close(again.eval()(pooled, patches), head(pooled, patches))
