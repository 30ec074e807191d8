"""Each step of the light model against its literal form."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from fact_core.config import LmConfig
from fact_core.events import Decision, Point
from fact_core.generators import finish
from fact_core.lightweight import joint, map_train
from fact_core.lightweight.decide import LightPlan, decide, decide_on, labelled
from fact_core.lightweight.light import LightHead, fit
from fact_core.lightweight.map_head import MapHead
from fact_core.lightweight.map_train import MapTraining, Memory, Reduce, train_map
from fact_core.lightweight.readings import Labelled, MapLines, map_line, pooled_line
from tests.steps_help import heard

WIDE = 4  # channels of a token


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(counts: Sequence[int] = (5, 3, 2), seed: int = 0) -> Labelled:
    """So many images of each class, 2 x 3 tokens: one channel of the first token leans to the class."""
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    patches = torch.randn(len(y), 2, 3, WIDE, generator=generator(seed))
    patches[torch.arange(len(y)), 0, 0, y] += 2.0
    return Labelled(torch.randn(len(y), 3, generator=generator(seed + 1)) * 2.0 + 0.5, patches, y)


def reduce() -> Reduce:
    """Neither centred nor square to the tokens: leaving it out shows."""
    return Reduce(torch.full((WIDE,), 0.1), torch.eye(WIDE) + 0.2 * torch.randn(WIDE, WIDE, generator=generator(9)))


def random_(module: nn.Module, seed: int = 3) -> None:
    for each in module.parameters():
        nn.init.normal_(each, std=0.3, generator=generator(seed))
        seed += 1


# ---------------------------------------------------------------- the literal forms


def brighter(maps: Tensor, strength: float, draws: torch.Generator) -> Tensor:
    """c2FroFA: each channel of each image scaled to 0..1, moved by U(-strength, strength), clipped, scaled back."""
    tokens = maps.flatten(1, -2)
    low, high = tokens.amin(1, keepdim=True), tokens.amax(1, keepdim=True)
    delta = (2 * torch.rand(len(tokens), 1, tokens.shape[-1], generator=draws) - 1) * strength
    return ((tokens - low) / (high - low) + delta).clamp(0, 1) * (high - low) + low


def shares(y: Tensor, balanced: bool) -> Tensor:
    """Weight (n,) of each image: n / (classes present * images of its class), or 1."""
    counts = [int((y == each).sum()) for each in y]
    classes = len(set(y.tolist()))
    return torch.tensor([len(y) / (classes * count) if balanced else 1.0 for count in counts])


def by_hand(training: MapTraining, batch: int) -> tuple[list[Tensor], list[float]]:
    """Averaged weights of MAP and the loss of every step: AdamW without its decay, in plain arithmetic."""
    config, draws = training.config, generator(training.seed)
    head = MapHead(WIDE).draw(draws)
    weight, bias = (each.clone().requires_grad_() for each in training.start)
    weights = [*head.parameters(), weight, bias]
    begin = [each.detach().clone() for each in head.parameters()]
    mean = [each.clone() for each in begin]
    first = [torch.zeros_like(each) for each in weights]
    second = [torch.zeros_like(each) for each in weights]
    warm, losses = max(1, training.steps // 10), []
    for t in range(1, training.steps + 1):
        rate = config.lr * t / warm
        if t > warm:
            rate = config.lr * (1 + math.cos(math.pi * (t - 1 - warm) / (training.steps - warm))) / 2
        rows = torch.randperm(len(training.y), generator=draws)[:batch]
        tokens = brighter(training.patches[rows], config.strength, draws)
        logp = (head((tokens - training.reduce.mean) @ training.reduce.basis) @ weight.T + bias).log_softmax(1)
        share = shares(training.y, config.balanced)[rows]
        loss = -(share * logp[torch.arange(batch), training.y[rows]]).sum() / share.sum()
        losses.append(float(loss.detach()))
        slopes = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for each, slope, m, v in zip(weights, slopes, first, second, strict=True):
                m.copy_(0.9 * m + 0.1 * slope)
                v.copy_(0.999 * v + 0.001 * slope**2)
                each -= rate * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
            keep = min(0.99, t / (t + 9))
            for each, origin, average in zip(head.parameters(), begin, mean, strict=True):
                each -= rate * config.weight_decay * (each - origin)
                average.copy_(keep * average + (1 - keep) * each)
    return mean, losses


def stacked(data: Labelled, seen: list[Tensor], scales: Tensor) -> Tensor:
    """Rows [pooled, MAP] x scales of every view, one view after the other."""
    return torch.cat([torch.cat((data.pooled * scales[0], each * scales[1]), dim=1) for each in seen])


def joint_objective(
    data: Labelled,
    views: list[Tensor],
    head: MapHead,
    line: nn.Linear,
    scales: Tensor,
    config: LmConfig,
    c: float,
    origin: MapHead,
) -> Tensor:
    """R1, a loop over views and images; ``c`` is that of features of unit norm, the originals from mean pooling."""
    n, share = len(data.y), shares(data.y, config.balanced)
    total = torch.zeros((), dtype=torch.float64)
    for view in views:
        logp = line(stacked(data, [head(view)], scales)).log_softmax(1)
        for i in range(n):
            total = total - share[i] * logp[i, data.y[i]] / (len(views) * n)
    squares = [row.square().sum() for row in stacked(data, [origin(views[0]).detach()], scales)]
    inverse = c / (sum(squares) / n)
    drift = sum((a - b).square().sum() for a, b in zip(head.parameters(), origin.parameters(), strict=True))
    return total + line.weight.square().sum() / (2 * inverse * n) + config.weight_decay / 2 * drift


# ---------------------------------------------------------------- training of MAP


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("steps", [1, 25])
def test_training_of_map_is_its_literal_form(steps: int, balanced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """FroFA of the batch, class weights, rate, pull to mean pooling and averaging, each at its place."""
    monkeypatch.setattr(map_train, "BATCH", 6)
    monkeypatch.setattr(map_train, "EVERY", 1)
    data = images()
    start = (torch.randn(3, WIDE, generator=generator(5)), torch.tensor([0.3, 0.0, -0.3]))
    config = LmConfig(lr=0.02, weight_decay=0.9, strength=0.7, balanced=balanced)
    training = MapTraining(data.patches, data.y, 3, reduce(), start, config, steps, seed=4)
    weights, losses = by_hand(training, batch=6)
    head, events = heard(train_map(training, "map", Memory()))
    assert [e.loss for e in events if isinstance(e, Point)] == pytest.approx(losses, rel=1e-4)
    for found, wanted in zip(head.parameters(), weights, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-5)


def test_without_a_step_map_is_mean_pooling() -> None:
    data = images()
    config = LmConfig(mode="map_lr", choose="none", steps=0, views=0)
    head, _ = finish(fit(data.pooled, data.patches, data.y, 3, config=config, generator=generator()))
    tokens = (data.patches.flatten(1, 2) - head.mean) @ head.basis
    torch.testing.assert_close(head.map(tokens), tokens.mean(dim=1))


# ---------------------------------------------------------------- logistic regression on views


def lines(data: Labelled, *, views: int, strength: float = 0.6, balanced: bool = True) -> tuple[MapLines, MapHead]:
    """``map_line`` at C = 1, with seed 6, behind a MAP that looks somewhere."""
    head = MapHead(WIDE)
    random_(head)
    config = LmConfig(views=views, strength=strength, balanced=balanced)
    return finish(map_line(data, 3, head, reduce(), config, 6, (1.0,))), head


@pytest.mark.parametrize("balanced", [True, False])
def test_originals_and_views_weigh_one_image_as_in_scikit_learn(balanced: bool) -> None:
    data = images()
    found, head = lines(data, views=3, balanced=balanced)
    draws, project = generator(6 + 1), reduce()
    maps = [data.patches.flatten(1, 2), *(brighter(data.patches, 0.6, draws) for _ in range(3))]
    with torch.no_grad():
        seen = [head((each - project.mean) @ project.basis) for each in maps]
    scales = torch.stack([1 / each.square().mean().sqrt() for each in (data.pooled, seen[0])])
    torch.testing.assert_close(found.scales, scales)
    x = stacked(data, seen, scales).double().numpy()
    oracle = LogisticRegression(C=1.0 / np.square(x).sum(axis=1).mean(), tol=1e-9, max_iter=10_000)
    oracle.fit(x, data.y.repeat(4).numpy(), sample_weight=shares(data.y, balanced).repeat(4).numpy() / 4)
    np.testing.assert_allclose(found.lines[0].weight.numpy(), oracle.coef_, atol=1e-4)


def test_views_that_change_nothing_are_one_image_and_others_are_not() -> None:
    """Where all tokens of an image are alike FroFA leaves them alone, and its copies share the weight of the image."""
    data = images()
    flat = Labelled(data.pooled, data.patches[:, :1, :1].expand(-1, 2, 3, -1).contiguous(), data.y)
    for many in (1, 4):
        copies, alone = lines(flat, views=many)[0], lines(flat, views=0)[0]
        torch.testing.assert_close(copies.lines[0].weight, alone.lines[0].weight, atol=1e-4, rtol=0)
    with_views, without = lines(data, views=4)[0], lines(data, views=0)[0]
    assert float((with_views.lines[0].weight - without.lines[0].weight).abs().max()) > 0.01
    still = lines(data, views=4, strength=0.0)[0]
    assert torch.equal(still.lines[0].weight, without.lines[0].weight)


def test_the_pooled_reading_is_scikit_learn_on_unit_norm_features() -> None:
    data = images()
    found = finish(pooled_line(data, 3, LmConfig(), (5.0,)))[0]
    x = np.stack([row / np.sqrt((row**2).sum()) for row in data.pooled.double().numpy()])
    oracle = LogisticRegression(C=5.0, class_weight="balanced", tol=1e-9, max_iter=10_000).fit(x, data.y.numpy())
    np.testing.assert_allclose(found.weight.numpy(), oracle.coef_, atol=1e-3)


# ---------------------------------------------------------------- the decision


def decided(counts: Sequence[int], n_classes: int = 3, mode: str = "auto") -> dict[str, Decision]:
    data = images(counts)
    config = LmConfig(mode=mode, steps=1, views=0)
    plan = finish(decide(data.pooled, data.patches, data.y, n_classes, config=config, generator=generator()))
    return {each.name: each for each in plan.decisions}


@pytest.mark.parametrize("mode", ["auto", "lr"])
@pytest.mark.parametrize("counts", [(4, 4, 4), (5, 5, 4), (13, 1, 1)])
def test_below_five_labels_a_class_or_with_a_single_one_nothing_is_compared(counts: Sequence[int], mode: str) -> None:
    found = decided(counts, mode=mode)
    assert all("too few" in each.reason and each.scores is None for each in found.values())
    assert found["lm.C"].value == "10"
    assert mode == "lr" or found["lm.mode"].value == "both"


@pytest.mark.parametrize(("mode", "name"), [("auto", "lm.mode"), ("lr", "lm.C")])
@pytest.mark.parametrize("n_classes", [3, 8])
def test_from_five_labels_a_class_that_has_any_they_are_compared(mode: str, name: str, n_classes: int) -> None:
    found = decided((5, 8, 2), n_classes, mode)
    assert found[name].scores and "too few" not in found[name].reason


def pool() -> Tensor:
    """Tokens (m, C) unlike those of the labelled images."""
    return torch.randn(60, WIDE, generator=generator(8)) * torch.tensor([1.0, 5.0, 0.2, 2.0]) + 3.0


def test_the_decision_is_made_on_tokens_standardised_by_the_pool() -> None:
    data, config = images((6, 5, 5)), LmConfig(steps=3, views=1)
    seed = {"seed": torch.tensor(7)}

    def made(tokens: Tensor | None) -> LightPlan:
        memory = Memory(dict(seed))
        step = decide(
            data.pooled,
            data.patches,
            data.y,
            3,
            pool_patches=tokens,
            config=config,
            generator=generator(),
            memory=memory,
        )
        return finish(step)

    tokens = pool().double()
    mean = tokens.sum(dim=0) / len(tokens)
    spread = ((tokens - mean) ** 2).sum(dim=0) / len(tokens)
    literal = Reduce(mean.float(), torch.diag(1 / spread.sqrt()).float())
    own = labelled(data.pooled, data.patches, data.y, "cpu")
    wanted = finish(decide_on(own, 3, literal, config, 7, Memory(dict(seed))))
    scores, blind = made(pool()).decisions[0].scores, made(None).decisions[0].scores
    assert scores == pytest.approx(wanted.decisions[0].scores, abs=2e-4)
    assert blind != pytest.approx(wanted.decisions[0].scores, abs=2e-3)


@pytest.mark.parametrize("mode", ["map_lr", "joint_lbfgs"])
def test_the_fit_standardises_tokens_by_the_pool(mode: str) -> None:
    data, config = images(), LmConfig(mode=mode, choose="none", steps=1, views=0)
    args = (data.pooled, data.patches, data.y, 3)
    head, _ = finish(fit(*args, pool_patches=pool(), config=config, generator=generator()))
    torch.testing.assert_close(head.mean, pool().mean(dim=0))
    torch.testing.assert_close(head.basis, torch.diag(1 / pool().std(dim=0, correction=0)))


# ---------------------------------------------------------------- the answer


@pytest.mark.parametrize("tuned", [False, True])
@pytest.mark.parametrize("mode", ["lr", "map_lr", "both"])
def test_the_head_answers_as_computed_by_hand(mode: str, tuned: bool) -> None:
    """Unit norm before R3's line, unit RMS before R2's, phase 2's head as it is; the mean of log-probabilities."""
    data = images()
    head = LightHead(3, WIDE, WIDE, 3, mode, tuned)
    random_(head)
    if head.maps:
        head.mean.copy_(reduce().mean)
        head.basis.copy_(reduce().basis)
        head.scales.copy_(torch.tensor([0.4, 1.7]))
    answers = torch.empty(len(data.y), 3)
    with torch.no_grad():
        for i, (pooled, patches) in enumerate(zip(data.pooled, data.patches, strict=True)):
            parts = []
            if mode in ("lr", "both"):
                unit = pooled / pooled.square().sum().sqrt()
                parts.append(head.pooled_line.weight @ unit + head.pooled_line.bias)
            if mode in ("map_lr", "both"):
                seen = head.map((patches.reshape(1, 6, WIDE) - reduce().mean) @ reduce().basis)[0]
                both = torch.cat((pooled * 0.4, seen * 1.7))
                parts.append(head.map_line.weight @ both + head.map_line.bias)
            light = sum(part.log_softmax(0) / len(parts) for part in parts).log_softmax(0)
            answers[i] = ((light + head.tuned_line(pooled).log_softmax(0)) / 2).log_softmax(0) if tuned else light
        torch.testing.assert_close(head(data.pooled, data.patches), answers)
        if mode == "lr" and not tuned:
            torch.testing.assert_close(head(data.pooled * 50, data.patches), answers)


# ---------------------------------------------------------------- attention pooling and line together


@pytest.mark.parametrize("balanced", [True, False])
def test_the_joint_objective_and_its_gradient_are_their_literal_form(
    balanced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cross-entropy of class-weighted views, |W|^2 / (2 C S), and the squared way that MAP has come."""
    monkeypatch.setattr(joint, "CHUNK", 4)  # three chunks
    data, scales = images(), torch.tensor([0.5, 1.4])
    config = LmConfig(weight_decay=0.3, balanced=balanced)
    views = [torch.randn(10, 6, WIDE, generator=generator(seed)) for seed in (11, 12)]
    head, line = MapHead(WIDE).draw(generator()), nn.Linear(3 + WIDE, 3)
    random_(line)
    problem = joint._Problem(
        data=data, views=views, head=head, line=line, scales=scales, n_classes=3, config=config, c=2.0
    )
    origin = copy.deepcopy(head).double()
    random_(head)
    value = problem()
    exact = Labelled(data.pooled.double(), data.patches.double(), data.y)
    twin, twin_line = copy.deepcopy(head).double(), copy.deepcopy(line).double()
    doubles = [each.double() for each in views]
    wanted = joint_objective(exact, doubles, twin, twin_line, scales.double(), config, 2.0, origin)
    assert value == pytest.approx(float(wanted.detach()), rel=1e-5)
    slopes = torch.autograd.grad(wanted, [*twin.parameters(), *twin_line.parameters()])
    for (name, found), slope in zip([*head.named_parameters(), *line.named_parameters()], slopes, strict=True):
        assert found.grad is not None, name
        torch.testing.assert_close(found.grad.double(), slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_joint_penalty_is_that_of_the_layer_it_starts_from(classes: int) -> None:
    """C means the same in both: at the converged layer, the penalty's slope and that of the losses cancel."""
    whole = images()
    data = Labelled(whole.pooled, whole.patches, whole.y % classes)
    config, project = LmConfig(views=0), reduce()
    head = MapHead(project.basis.shape[1]).draw(generator())
    start = finish(map_line(data, classes, head, project, config, 0, (3.0,)))
    line = nn.Linear(start.lines[0].weight.shape[1], classes)
    with torch.no_grad():
        line.weight.copy_(start.lines[0].weight)
        line.bias.copy_(start.lines[0].bias)
    seen = [project(data.patches.flatten(1, -2))]
    joint._Problem(data, seen, head, line, start.scales, classes, config, 3.0)()
    assert line.weight.grad is not None and float(line.weight.grad.abs().max()) < 1e-4


@pytest.mark.parametrize("balanced", [True, False])
def test_the_joint_reading_ends_where_its_literal_objective_is_flat(balanced: bool) -> None:
    """Views drawn after MAP from the same seed, the line started where that of mean pooling ended."""
    data, project = images(), reduce()
    config = LmConfig(weight_decay=0.5, strength=0.6, views=2, balanced=balanced, steps=100)
    head, line, scales = finish(joint.train_joint(data, 3, project, config, 1.0, 13))
    draws = generator(13)
    origin = MapHead(WIDE).draw(draws)
    maps = [data.patches.flatten(1, 2), *(brighter(data.patches, 0.6, draws) for _ in range(2))]
    views = [((each - project.mean) @ project.basis).double() for each in maps]
    weights = [*head.double().requires_grad_(True).parameters(), *line.double().requires_grad_(True).parameters()]
    exact = Labelled(data.pooled.double(), data.patches.double(), data.y)
    value = joint_objective(exact, views, head, line, scales.double(), config, 1.0, origin.double())
    slope = torch.cat([each.flatten() for each in torch.autograd.grad(value, weights)])
    assert float(slope.abs().max()) < 0.02  # float32 ends near 0.002; a wrong term leaves 0.07 or more
    assert not torch.equal(head.query, origin.query)
