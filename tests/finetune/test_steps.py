"""Each step of finetuning against its literal form, and that nothing is judged by images that it has learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from fact_core.backbones import Backbone, Tokens
from fact_core.compute.image_batches import batches, normalise
from fact_core.compute.training_images import ImageCache
from fact_core.config import TrainConfig
from fact_core.events import Decision, Point
from fact_core.features.extract import tokens
from fact_core.finetune import light, lora, weight_mix
from fact_core.finetune.batches import Batch
from fact_core.finetune.checkpoint import Checkpoint
from fact_core.finetune.finetune import plan_of
from fact_core.finetune.loop import Pictures, loop
from fact_core.finetune.loop_state import LoopPlan, Net, Training
from fact_core.finetune.probe import by_logistic_regression
from fact_core.finetune.training_run import TrainingInputs, TrainingState, linear
from fact_core.lightweight.decide import decide
from tests.finetune_help import CPU, DEFAULT, NAMES, PIXELS, Coloured, backbone, coloured, drain, steps, tiny

PLAN = LoopPlan("ff", steps=10, batch=6, pixels=PIXELS)
Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    """Six images a class of two classes: enough to compare."""
    return coloured(tmp_path_factory.mktemp("images"), [0, 1] * 6)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def inputs_of(data: Coloured, config: TrainConfig) -> TrainingInputs:
    """What a training run is given."""
    return TrainingInputs(
        files=data.files,
        y=torch.from_numpy(data.y),
        classes=NAMES,
        x=torch.from_numpy(data.x),
        check=None,
        pool_files=data.files[:4],
        config=config,
        device=CPU,
        checkpoint=Checkpoint(None, ""),
    )


def net() -> Net:
    """The default network with a drawn head of three classes, in the loop's mode: its slopes are steep."""
    start = backbone(name=DEFAULT).freeze_norm()
    return Net(start, linear(torch.randn(3, start.dim, generator=generator()) * 0.1, torch.zeros(3))).train()


def batch(n: int = 6) -> Batch:
    pictures = torch.randint(0, 256, (n, 3, PIXELS, PIXELS), generator=generator(1), dtype=torch.uint8)
    return Batch(torch.arange(n), pictures, 5)


def copied(named: dict[str, Any]) -> Weights:
    return {name: each.detach().clone() for name, each in named.items()}


class Watched:
    """Weights before each update of any training, the gradients that it takes, and the weights after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.before: list[Weights] = []
        self.slopes: list[Weights] = []
        self.after: list[Weights] = []
        update = Training.update

        def watched(run: Training) -> None:
            self.before.append(copied(run.named))
            self.slopes.append(copied({name: each.grad for name, each in run.named.items()}))
            update(run)
            self.after.append(copied(run.named))

        monkeypatch.setattr(Training, "update", watched)


# ---------------------------------------------------------------- the literal forms


def by_nesterov(watched: Watched, rates: Sequence[float], clip: float, decay: float) -> list[Weights]:
    """Weights after each step: v = 0.9 v + g, w - rate (g + 0.9 v), all gradients together no longer than ``clip``.

    decay: pulls all weights to 0 but biases and those of norms, which have one dimension.
    """
    found, speed = [], {name: torch.zeros_like(each) for name, each in watched.before[0].items()}
    for weights, slopes, rate in zip(watched.before, watched.slopes, rates, strict=True):
        length = sum(float(each.double().square().sum()) for each in slopes.values()) ** 0.5
        shorter = clip / length if 0 < clip < length else 1.0
        step = {}
        for name, each in weights.items():
            slope = slopes[name] * shorter + (decay * each if each.ndim > 1 else 0.0)
            speed[name] = 0.9 * speed[name] + slope
            step[name] = each - rate * (slope + 0.9 * speed[name])
        found.append(step)
    return found


def close(found: Weights, wanted: Weights, start: Weights) -> bool:
    """Whether weights moved to where they should be, but for a thousandth of the way."""
    off, way = (
        sum(float((wanted[name] - other[name]).double().square().sum()) for name in wanted) for other in (found, start)
    )
    return found.keys() == wanted.keys() and off < 1e-6 * way


# ---------------------------------------------------------------- one step


@pytest.mark.parametrize("clip", [0.05, 0.0])
def test_sgd_takes_clipped_steps_with_nesterovs_momentum(clip: float, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = replace(PLAN, optimiser="sgd", backbone_lr=0.02, head_lr=0.02, clip=clip, weight_decay=0.01)
    watched, run = Watched(monkeypatch), Training(net(), torch.arange(3), plan, CPU)
    for _ in range(2):
        drain(run.gradient(batch(), torch.tensor([0, 1, 2, 0, 1, 2])))
        run.update()
    lengths = [sum(float(each.square().sum()) for each in slopes.values()) ** 0.5 for slopes in watched.slopes]
    assert min(lengths) > 2 * 0.05  # the limit is felt
    for before, after, wanted in zip(
        watched.before, watched.after, by_nesterov(watched, (0.02 / 2, 0.02), clip, 0.01), strict=True
    ):
        assert close(after, wanted, before)


def test_the_probe_of_the_paper_is_trained_by_sgd(data: Coloured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the layer learns, with momentum 0.9, decay 1e-4 and gradients of at most 2."""
    watched = Watched(monkeypatch)
    _, trained = drain(steps(data, tiny("lp-paper", **{"lp.epochs": 2, "lp.lr": 0.01})))
    assert len(watched.after) == 2 and set(watched.after[0]) == {"head.weight", "head.bias"}
    wanted = by_nesterov(watched, (0.01 / 2, 0.01), 2.0, 1e-4)
    for before, after, each in zip(watched.before, watched.after, wanted, strict=True):
        assert close(after, each, before)
    assert trained.probe is not None
    assert torch.allclose(trained.probe.weight[:2], wanted[-1]["head.weight"][:2], atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_label_smoothing_shares_a_part_of_each_label(smoothing: float) -> None:
    """Cross-entropy with (1 - s) of the label and s spread over the classes that have labels: two of three here."""
    start, target = net(), torch.tensor([0, 2, 2, 0, 0, 2])
    run = Training(start, torch.tensor([0, 2]), replace(PLAN, label_smoothing=smoothing), CPU)
    with torch.no_grad():
        logits = start(normalise(batch().pictures, start.backbone.preprocess, CPU))[:, [0, 2]]
    logp = logits - logits.exp().sum(1, keepdim=True).log()
    wanted = torch.full((6, 2), smoothing / 2)
    for row, each in enumerate(target.tolist()):
        wanted[row, each // 2] += 1 - smoothing
    drain(run.gradient(batch(), target))
    ((loss, _),) = run.losses()
    assert loss == pytest.approx(float(-(wanted * logp).sum() / 6), rel=1e-4)
    slope = start.head.bias.grad
    assert slope is not None and slope[1] == 0
    assert torch.allclose(slope[[0, 2]], (logp.exp() - wanted).mean(0), atol=1e-5)


@pytest.mark.parametrize("ema", [0.5, 0.0])
def test_the_loop_ends_with_the_averaged_weights(ema: float, data: Coloured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Averages of step t keep min(ema, (1 + t) / (10 + t)) of what they were; without averaging the last weights."""
    watched, trained = Watched(monkeypatch), net()
    plan = replace(PLAN, steps=3, backbone_lr=1e-3, head_lr=0.05, ema=ema)
    labelled = Pictures(ImageCache(data.files, PIXELS), torch.from_numpy(data.y))
    drain(loop(trained, labelled, plan, device=CPU, generator=generator(), checkpoint=Checkpoint(None, ""), part="ff"))
    mean = watched.before[0]
    for t, now in enumerate(watched.after, start=1):
        keep = min(ema, (1 + t) / (10 + t))
        mean = {name: keep * mean[name] + (1 - keep) * each for name, each in now.items()}
    found, last = copied(dict(trained.named_parameters())), watched.after[-1]
    assert len(watched.after) == 3 and close(found, mean, watched.before[0])
    assert close(found, last, watched.before[0]) == (ema == 0)


# ---------------------------------------------------------------- LoRA


@pytest.mark.parametrize(("rank", "alpha"), [(4, 8), (4, 3), (2, 8)])
def test_merging_lora_adds_its_scaled_product(rank: int, alpha: int) -> None:
    """W + alpha / rank * B A."""
    start = backbone()
    before, targets = copied(start.network.state_dict()), start.lora_targets()
    added = lora.add(start, rank=rank, alpha=alpha, seed=0)
    draws, factors = generator(2), {}
    for name in targets:
        layer = added.get_submodule(f"base_model.model.{name}")
        for each in (down := layer.lora_A["default"].weight), (up := layer.lora_B["default"].weight):
            torch.nn.init.normal_(each, std=0.3, generator=draws)
        factors[name] = (up.detach().flatten(1), down.detach().flatten(1))
    lora.merge(start, added)
    after = start.network.state_dict()
    assert targets and after.keys() == before.keys()
    for name, (up, down) in factors.items():
        key = f"{name}.weight"
        wanted = before[key] + alpha / rank * (up @ down).reshape(before[key].shape)
        assert up.shape[1] == down.shape[0] == rank and torch.allclose(after[key], wanted, atol=1e-5), name


def test_lora_learns_at_its_own_rate() -> None:
    """By AdamW, all layers alike, whatever full finetuning does."""
    given = {"ff.lora_lr": 0.03, "ff.backbone_lr": 0.007, "ff.head_lr": 0.2, "ff.optimiser": "sgd"}
    config, start = tiny("lp-lora", **given, **{"ff.layer_decay": 0.5}).ff, backbone()
    plan = plan_of("lora", config, 12, start, amp=False)
    assert (plan.backbone_lr, plan.head_lr, plan.layer_decay, plan.optimiser) == (0.03, 0.2, 1.0, "adamw")
    full = plan_of("ff", config, 12, start, amp=False)
    assert (full.backbone_lr, full.head_lr, full.layer_decay, full.optimiser) == (0.007, 0.2, 0.5, "sgd")
    lora.add(start, rank=2, alpha=4, seed=0)
    run = Training(Net(start, linear(torch.zeros(3, start.dim), torch.zeros(3))), torch.arange(3), plan, CPU)
    rates = {id(each): group["base"] for group in run.optimiser.param_groups for each in group["params"]}
    assert {rates[id(each)] for name, each in run.named.items() if "lora_" in name} == {0.03}
    assert {rates[id(each)] for name, each in run.named.items() if "lora_" not in name} == {0.2}


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_with_phase_1_by_sgd_the_gates_mix_is_the_one_that_it_looked_at(
    share: float, data: Coloured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the converged probe; where nothing is mixed none is fitted."""
    mixed: list[Tensor] = []

    def choose(*given: Any) -> Any:
        yield from ()
        return share

    def mix(net: Net, pretrained: Any, share: float) -> None:
        mixed.append(pretrained["head"]["weight"])

    monkeypatch.setattr("fact_core.finetune.weight_mix.choose", choose)
    monkeypatch.setattr("fact_core.finetune.weight_mix.mix", mix)
    config = tiny("lp-ft", **{"lp.mode": "sgd", "lp.epochs": 2, "ff.gate": "choose", "ff.steps": 1})
    trained = drain(steps(data, config))[1]
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    _, (converged, _) = drain(by_logistic_regression(x, y, len(NAMES), config.lp.C))
    by_sgd = trained.probe.weight
    assert torch.allclose(mixed[0], converged.weight if share < 1 else by_sgd, atol=1e-6)
    assert not torch.allclose(converged.weight, by_sgd, atol=1e-2)


@pytest.mark.parametrize(("recipe", "C", "start"), [("lp-ft", 0.0, 10.0), ("lp-ft", 0.3, 0.3), ("lp-lora", 0.3, 0.3)])
def test_phase_2_starts_from_the_weak_probe_and_is_mixed_with_the_converged_one(
    recipe: str, C: float, start: float, data: Coloured, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Tensor] = []
    mixed: list[Tensor] = []

    def without_a_step(inputs: TrainingInputs, phase: str, net: Net, *rest: Any, **more: Any) -> Any:
        started.append(net.head.weight.detach().clone())
        yield from ()
        return 1

    def mix(net: Net, pretrained: Any, share: float) -> None:
        mixed.append(pretrained["head"]["weight"])

    monkeypatch.setattr("fact_core.finetune.finetune.train_part", without_a_step)
    monkeypatch.setattr("fact_core.finetune.weight_mix.mix", mix)
    config = tiny(recipe, **{"ff.start_C": C, "ff.gate": "half"})
    events, trained = drain(steps(data, config))
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    _, (converged, _) = drain(by_logistic_regression(x, y, len(NAMES), config.lp.C))
    _, (weak, _) = drain(by_logistic_regression(x, y, len(NAMES), start))
    assert torch.allclose(started[0], weak.weight, atol=1e-6)
    assert torch.allclose(mixed[0], converged.weight, atol=1e-6)
    assert torch.allclose(trained.probe.weight, converged.weight, atol=1e-6)
    alone = drain(steps(data, tiny("lp")))[0]  # the weak one draws nothing into phase 1's chart
    assert [e for e in events if isinstance(e, Point) and e.phase == "lp"] == [e for e in alone if isinstance(e, Point)]


# ---------------------------------------------------------------- what has seen which labels


@pytest.mark.parametrize("C", [0.0, 0.3])
def test_the_gate_judges_by_images_that_its_folds_have_not_learned_from(
    C: float, data: Coloured, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = inputs_of(data, tiny("lp-ft", **{"ff.gate": "choose", "ff.start_C": C}))
    state = TrainingState(backbone())
    pretrained = copied(state.backbone.state_dict())
    with torch.no_grad():
        next(state.backbone.parameters()).zero_()  # phase 2 has ended: the folds must not start from it
    trained: list[Tensor] = []
    judged: list[set[Path]] = []

    def train_part(inputs: TrainingInputs, part: str, net: Net, rows: Tensor, plan: LoopPlan) -> Any:
        assert part == f"ff.fold{len(trained)}" and plan == replace(full, steps=3, warm_up=1)
        assert all(torch.equal(each, pretrained[name]) for name, each in net.backbone.state_dict().items())
        lp = inputs.config.lp
        _, (probe, _) = drain(
            by_logistic_regression(inputs.x[rows], inputs.y[rows], len(NAMES), C or lp.C, lp.balanced)
        )
        assert torch.allclose(net.head.weight, probe.weight, atol=1e-4)
        trained.append(rows)
        judged.append(set())
        yield from ()

    def judging(files: Sequence[Path], *rest: Any, **options: Any) -> Any:
        judged[-1].update(files)
        return batches(files, *rest, **options)

    monkeypatch.setattr(weight_mix, "batches", judging)
    full = replace(PLAN, steps=7, batch=3, warm_up=2)
    drain(weight_mix.choose(inputs, state, "ff", full, pretrained, train_part))
    learned = [{inputs.files[row] for row in rows.tolist()} for rows in trained]
    assert len(learned) == 2 and all(len(files) == 6 for files in learned)
    for files, others in zip(learned, judged, strict=True):
        assert not files & others and files | others == set(inputs.files)
    assert judged[0] | judged[1] == set(inputs.files) and not judged[0] & judged[1]


def test_copies_of_an_image_and_the_only_one_of_a_class_do_not_judge_themselves(data: Coloured, tmp_path: Path) -> None:
    """Files 0 and 2 show one picture; the third class has a single image, which all folds learn from."""
    more = coloured(tmp_path, [*data.y.tolist(), 0, 1, 0, 1, 2], seed=3)
    x = more.x.copy()
    x[2] = x[0]
    inputs = inputs_of(replace(more, x=x), tiny("lp-ft", **{"ff.gate": "choose"}))
    state = TrainingState(backbone())
    trained: list[set[int]] = []

    def train_part(inputs: TrainingInputs, part: str, net: Net, rows: Tensor, plan: LoopPlan) -> Any:
        trained.append(set(rows.tolist()))
        yield from ()

    drain(weight_mix.choose(inputs, state, "ff", PLAN, copied(state.backbone.state_dict()), train_part))
    one, two = trained
    assert one | two == set(range(17)) and one & two == {16}
    assert {0, 2} <= one or {0, 2} <= two


def seen(network: Backbone, files: Sequence[Path]) -> Tokens:
    return Tokens(*tokens(network, files, CPU))


def decided(inputs: TrainingInputs, network: Backbone) -> list[Decision]:
    """What phase 3 would decide on the features of this network."""
    own, pool = seen(network, inputs.files), seen(network, inputs.pool_files)
    step = decide(
        own.pooled,
        own.patches,
        inputs.y,
        inputs.n_classes,
        pool_patches=pool.patches.flatten(0, -2).float(),
        config=inputs.config.lm,
        generator=inputs.generator(light.PLAN),
        device=CPU,
    )
    return list(drain(step)[1].decisions)


def told(decisions: Sequence[Decision]) -> list[tuple[str, str, Any]]:
    """Decisions of phase 3 that can be compared: sums in another order may differ in the last digit."""
    return [
        (each.name, each.value, pytest.approx(each.scores, rel=1e-3, abs=2e-4) if each.scores else None)
        for each in decisions
        if each.name.startswith("lm.")
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "choose"), [("fact", "C+mode"), ("l3fact", "C")])
def test_phase_3_is_decided_on_features_that_have_seen_no_label(recipe: str, choose: str, data: Coloured) -> None:
    rates = {"ff.backbone_lr": 0.002, "ff.lora_lr": 0.02, "ff.steps": 3, "ff.ema": 0.0, "ff.gate": "off"}
    config = tiny(recipe, **rates, **{"lm.choose": choose, "lm.steps": 4, "lm.mode": "auto"})
    inputs = inputs_of(data, config)
    state = TrainingState(backbone())
    _, trained = drain(steps(data, config))
    found = [(each.name, each.value, each.scores) for each in trained.decisions if each.name.startswith("lm.")]
    named = {name[:4] for name, _, _ in found}
    assert named == {"lm.m", "lm.C"} and any(scores for _, _, scores in found)
    assert found == told(decided(inputs, state.backbone))
    assert found != told(decided(inputs, trained.classifier.backbone))  # they would have shown in the numbers
