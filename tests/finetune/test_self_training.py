"""Self-training: which images are named, what learns from them, and that it goes on where it was."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fact_core import phase_config
from fact_core.backbones import Backbone, Tokens, load
from fact_core.bench.cells import covers
from fact_core.choices import PRESETS, RECIPES, unfit_recipes
from fact_core.classifier.model import load_model, save_model
from fact_core.compute.image_batches import load_eval, normalise
from fact_core.compute.less_memory import LessMemory
from fact_core.compute.training_images import ImageCache
from fact_core.config import TrainConfig, train_config
from fact_core.errors import ImageError
from fact_core.events import Decision, Event, Log, PhaseDone, PhaseStarted, Point, Progress, Saved
from fact_core.finetune import finetune, naming, pool_names, self_training, weight_mix
from fact_core.finetune.batches import Batches
from fact_core.finetune.finetune import plan_of
from fact_core.finetune.loop import Pictures
from fact_core.finetune.loop_state import Net
from fact_core.finetune.naming import NAMED
from fact_core.finetune.pipeline import Trained
from fact_core.finetune.pool_names import drawn, surest
from fact_core.finetune.self_training import APART, PROVED, SIDE, _Shown, often, planned
from fact_core.finetune.training_run import CheckSet, TrainingInputs, TrainingState, answering_preprocess
from fact_core.phase_config import StConfig
from fact_core.types import Step
from tests.finetune_help import CPU, Coloured, backbone, coloured, drain, same, steps, tiny

Y = [0, 1, 2, 0, 1, 2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    return coloured(tmp_path_factory.mktemp("labelled"), Y)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return coloured(tmp_path_factory.mktemp("pool"), [0, 1, 2, 0, 1, 2, 0, 1, 2, 0], seed=1).files


@pytest.fixture(autouse=True)
def _few_steps_make_all_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """However seldom they see the labels: rounds of two steps are as good as longer ones here."""
    monkeypatch.setattr(phase_config, "LOOKS", 0)


def taught(recipe: str = "fact+", **values: Any) -> TrainConfig:
    return tiny(
        recipe,
        **{"st.steps": 4, "st.rounds": 1, "st.names": "network", "ff.gate": "off", "ff.drop_path": 0.3, **values},
    )


def decisions(found: Sequence[Event | Decision], name: str = NAMED) -> list[str]:
    return [each.value for each in found if isinstance(each, Decision) and each.name == name]


def test_drawn_is_a_draw_of_what_is_left() -> None:
    found = drawn(20, np.array([0, 3, 19]), 5, seed=4)
    assert len(set(found.tolist())) == 5 and not set(found.tolist()) & {0, 3, 19} and (np.diff(found) > 0).all()
    assert np.array_equal(found, drawn(20, np.array([0, 3, 19]), 5, seed=4))
    assert not np.array_equal(found, drawn(20, np.array([0, 3, 19]), 5, seed=5))
    assert drawn(4, np.array([1]), 9, seed=0).tolist() == [0, 2, 3]
    assert drawn(2, np.array([0, 1]), 9, seed=0).tolist() == []


def test_surest_takes_half_of_each_class_that_is_named() -> None:
    answers = torch.randn(41, 5, generator=torch.Generator().manual_seed(0)).log_softmax(1)
    answers[:, 3] = -20.0  # a class that is never named
    rows, named = surest(answers)
    wanted = set()
    for each in (0, 1, 2, 4):
        mine = [i for i in range(41) if int(answers[i].argmax()) == each]
        mine.sort(key=lambda i: -float(answers[i].max()))
        wanted |= {(i, each) for i in mine[: max(1, len(mine) // 2)]}
    assert set(zip(rows.tolist(), named.tolist(), strict=True)) == wanted
    assert rows.tolist() == sorted(rows.tolist())
    none = surest(torch.zeros(0, 3))
    assert none[0].tolist() == [] and none[1].tolist() == []


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [(50, (150, 150, 300)), (400, (150, 150, 300)), (500, (300, 300)), (1000, (600,)), (100_000, (600,))],
)
def test_many_labels_make_fewer_and_longer_rounds(
    labels: int, wanted: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps stay; each labelled image is seen about 8 times in a round at least, while there are steps for it."""
    monkeypatch.undo()
    assert StConfig().by_round(labels, 32) == wanted
    assert StConfig(rounds=1).by_round(labels, 32) == (300,)
    assert StConfig(steps=1, rounds=2).by_round(labels, 32)[0] >= 1


def test_what_is_left_counts_all_rounds() -> None:
    """The loop knows of one round: 5 of 10 steps took 20 seconds, and 25 of 30 are still to come."""
    plan = plan_of("ff", tiny("fact+").ff, 10, backbone(), False)
    shown, (first, second) = _Shown(), planned("st", [10, 20], plan)
    left = [
        shown(each, 10, Point("st", step, steps, 1.0, seconds_left=own))
        for each, step, steps, own in ((first, 1, 10, None), (first, 5, 10, 20.0), (first, 10, 10, 0.0))
    ]
    assert [each.seconds_left for each in left if isinstance(each, Point)] == [None, 100.0, 80.0]
    last = shown(second, 10, Point("st", 20, 20, 1.0, seconds_left=0.0))
    assert isinstance(last, Point) and (last.step, last.steps, last.seconds_left) == (30, 30, 0.0)


def test_labelled_images_fill_half_of_an_epoch_where_they_are_few() -> None:
    assert often(4, 8).tolist() == [2] * 4 + [1] * 8
    assert often(8, 4).tolist() == [1] * 12  # never less than once
    assert often(3, 0).tolist() == [1] * 3


def test_an_epoch_holds_each_image_as_often_as_it_says(data: Coloured) -> None:
    times = torch.tensor([3, 1, 1, 2, 1, 0])
    images = ImageCache(data.files, 32)
    with Batches(images, 4, 32, torch.Generator().manual_seed(0), often=times) as batches:
        seen = torch.cat([batches.next().rows for _ in range(4)])  # two epochs of 8
    assert torch.bincount(seen[:8], minlength=6).tolist() == times.tolist()
    assert torch.bincount(seen[8:], minlength=6).tolist() == times.tolist()


@pytest.mark.parametrize(("recipe", "second"), [("fact+", "ff"), ("l3fact+", "lora")])
def test_a_new_network_learns_from_what_phase_2_named(
    recipe: str, second: str, data: Coloured, pool: tuple[Path, ...]
) -> None:
    """All phases are told of in order; the pseudo-labels are those of phase 2; the student answers."""
    config = taught(recipe)
    events, trained = drain(steps(data, config, unlabelled=pool))
    assert config.phases == ("lp", second, "st", "lm")
    started = [each for each in events if isinstance(each, PhaseStarted)]
    assert tuple(each.phase for each in started) == config.phases == tuple(each.phase for each in trained.phases)
    assert started[2].steps == 4 and started[2].trainable_parameters == started[1].trainable_parameters
    points = [each for each in events if isinstance(each, Point) and each.phase == "st"]
    assert [each.step for each in points] == [1, 2, 3, 4]
    named = [each for each in events if isinstance(each, Progress) and each.step == NAMED]
    assert named[-1].done == named[-1].total == len(pool)
    assert trained.phases[2].epochs == pytest.approx(points[-1].epoch) == pytest.approx(started[2].epochs)
    assert set(trained.classifier.heads) == {"st", "lm"}  # phase 2's head reads a network that is no more


@pytest.mark.slow
def test_the_pseudo_labels_are_what_phase_2_says(
    data: Coloured, pool: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    near = {"ff.steps": 20, "ff.drop_path": 0.0, "ff.backbone_lr": 1e-6}  # it goes on seeing colours
    _, teacher = drain(steps(data, taught("lp-ft", **near)))
    network, pre = teacher.classifier, backbone().preprocess
    with torch.inference_mode():
        images = normalise(np.stack([load_eval(file, pre) for file in pool]), pre, CPU)
        rows, named = surest(network.read(network.backbone(images), "ff"))
    assert len(set(named.tolist())) > 1
    given: list[Pictures] = []

    def train_on(
        inputs: TrainingInputs, part: str, net: object, pictures: Pictures, *rest: object, **more: Any
    ) -> Step[int]:
        given.append(pictures)
        return (yield from finetune.train_on(inputs, part, net, pictures, *rest, **more))

    monkeypatch.setattr(self_training, "train_on", train_on)
    drain(steps(data, taught(**near), unlabelled=pool))
    (pictures,) = given
    assert pictures.images.files == (*data.files, *(pool[row] for row in rows.tolist()))
    assert pictures.y.tolist() == [*data.y.tolist(), *named.tolist()]
    assert pictures.often.tolist() == often(len(data.files), len(rows)).tolist()


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "shorter"), [("fact+", "lp-ft"), ("l3fact+", "lp-lora")])
def test_the_student_starts_from_the_pretrained_weights(
    recipe: str, shorter: str, data: Coloured, pool: tuple[Path, ...]
) -> None:
    """It does, although phase 2's network had gone elsewhere."""
    fast = taught(shorter, **{"ff.backbone_lr": 0.01, "ff.lora_lr": 0.01, "ff.ema": 0.0})
    _, teacher = drain(steps(data, fast))
    start, far = backbone().state_dict(), teacher.classifier.backbone.state_dict()
    apart = {key for key in start if not torch.allclose(start[key], far[key], atol=1e-3)}
    assert apart
    run = steps(data, replace(taught(recipe), ff=fast.ff), unlabelled=pool)
    seen: list[dict[str, torch.Tensor]] = []

    def train_on(inputs: TrainingInputs, part: str, net: Any, *rest: object, **more: Any) -> Step[int]:
        seen.append({key: each.clone() for key, each in net.backbone.state_dict().items()})
        return (yield from finetune.train_on(inputs, part, net, *rest, **more))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(self_training, "train_on", train_on)
        drain(run)
    assert len(seen) == 1 and all(torch.equal(start[key], seen[0][key]) for key in start)


@pytest.mark.parametrize("names", ["network", "neighbours"])
def test_each_round_names_anew_and_starts_from_the_pretrained_weights(
    names: str, data: Coloured, pool: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second round's names are those of the first one's network, and the chart goes on where that ended."""
    given: list[tuple[str, Pictures, bool]] = []
    start = backbone().state_dict()

    def train_on(
        inputs: TrainingInputs, part: str, net: Any, pictures: Pictures, *rest: object, **more: Any
    ) -> Step[int]:
        fresh = all(torch.equal(start[key], each) for key, each in net.backbone.state_dict().items())
        given.append((part, pictures, fresh))
        return (yield from finetune.train_on(inputs, part, net, pictures, *rest, **more))

    monkeypatch.setattr(self_training, "train_on", train_on)
    config = taught(**{"st.rounds": 3, "st.names": names, "lm.mode": "lr"})
    events, trained = drain(steps(data, config, unlabelled=pool))
    assert [(part, fresh) for part, _, fresh in given] == [("st.1", True), ("st.2", True), ("st", True)]
    points = [each for each in events if isinstance(each, Point) and each.phase == "st"]
    assert [each.step for each in points] == list(range(1, 9)) and {each.steps for each in points} == {8}
    assert all(a.epoch < b.epoch for a, b in pairwise(points))
    (began,) = [each for each in events if isinstance(each, PhaseStarted) and each.phase == "st"]
    assert began.steps == 8 and trained.phases[2].steps == 8  # twice half of the last round's four
    told = [each.reason for each in trained.decisions if each.name == NAMED]
    assert [reason[:13] for reason in told] == ["round 1 of 3:", "round 2 of 3:", "round 3 of 3:"]
    assert all(("neighbours" in reason) == (names == "neighbours") for reason in told)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [1, 2, 4])  # in the first round, at its end, in the second
def test_rounds_that_were_stopped_end_as_unbroken_ones(
    stop: int, data: Coloured, pool: tuple[Path, ...], tmp_path: Path
) -> None:
    config = taught(**{"st.steps": 4, "st.rounds": 2, "st.names": "neighbours", "lm.mode": "lr"})
    _, whole = drain(steps(data, config, unlabelled=pool))
    run = steps(data, config, tmp_path, unlabelled=pool)
    while not (isinstance(event := next(run), Saved) and event.phase == "st" and event.step == stop):
        pass
    run.close()
    events, again = drain(steps(data, config, tmp_path, unlabelled=pool))
    one, two = whole.classifier.state_dict(), again.classifier.state_dict()
    assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
    assert [each.phase for each in events if isinstance(each, PhaseStarted)].count("st") == 1
    assert not (tmp_path / "st.1.safetensors").exists()  # as large as a backbone, and of no more use


@pytest.mark.slow
def test_a_resumed_self_training_ends_as_an_unbroken_one(
    data: Coloured, pool: tuple[Path, ...], tmp_path: Path
) -> None:
    config = taught(**{"lm.mode": "lr"})
    _, whole = drain(steps(data, config, unlabelled=pool))
    run = steps(data, config, tmp_path, unlabelled=pool)
    while not (isinstance(event := next(run), Saved) and event.phase == "st" and event.step == 2):
        pass
    run.close()
    events, again = drain(steps(data, config, tmp_path, unlabelled=pool))
    # The save is told once it lies there, a step later; the stop has saved that step too.
    assert any(isinstance(each, Log) and re.search("step [23] of 4", each.text) for each in events)
    assert not any(isinstance(each, Progress) and each.step == NAMED for each in events)  # named once
    one, two = whole.classifier.state_dict(), again.classifier.state_dict()
    assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
    assert again.decisions == whole.decisions and [each.steps for each in again.phases] == [
        each.steps for each in whole.phases
    ]


@pytest.mark.slow
def test_a_pool_that_has_changed_between_two_sittings_begins_it_anew(
    data: Coloured, pool: tuple[Path, ...], tmp_path: Path
) -> None:
    config = taught(**{"lm.mode": "lr"})
    run = steps(data, config, tmp_path, unlabelled=pool)
    while not (isinstance(event := next(run), Saved) and event.phase == "st" and event.step == 2):
        pass
    run.close()
    events, again = drain(steps(data, config, tmp_path, unlabelled=pool[1:]))
    assert any(isinstance(each, Log) and "pool has changed" in each.text for each in events)
    _, whole = drain(steps(data, config, unlabelled=pool[1:]))
    one, two = whole.classifier.state_dict(), again.classifier.state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize(
    ("share", "scores", "names", "taken"),
    [
        (1.0, None, "network", 2),
        (0.5, None, "network", 0),
        (0.5, None, "neighbours", 2),  # they correct it
        (0.0, {"0": 1.0}, "network", 0),
        (0.0, {"0": 1.0}, "neighbours", 0),
        (0.5, {"0.5": 1.0}, "network", 2),
    ],
)
def test_phase_2_teaches_where_labels_left_out_have_spoken_for_it(
    share: float,
    scores: dict[str, float] | None,
    names: str,
    taken: int,
    data: Coloured,
    pool: tuple[Path, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not where its weights were given up, or mixed without a look. The student is never mixed."""

    def choose(inputs: TrainingInputs, state: TrainingState, *_: object) -> Step[float]:
        yield state.decided(Decision(weight_mix.PART, f"{share:g}", "as the test wants it", scores))
        return share

    monkeypatch.setattr(weight_mix, "choose", choose)
    monkeypatch.setattr(weight_mix, "mix", lambda *given: mixed.append(given[2]))
    mixed: list[float] = []
    config = taught(**{"ff.gate": "choose", "ff.steps": 2, "st.steps": 2, "st.names": names, "lm.mode": "lr"})
    _, trained = drain(steps(data, config, unlabelled=pool))
    assert [each.steps for each in trained.phases if each.phase == "st"] == [taken]
    assert mixed == [share]
    reason = next(each.reason for each in trained.decisions if each.name == NAMED)
    assert ("takes phase 2's place, unmixed" in reason) == (taken > 0)


@pytest.mark.slow
@pytest.mark.parametrize("why", ["no pool", "mixed"])
def test_without_images_or_trust_phase_2_stays_as_it_is(why: str, data: Coloured, pool: tuple[Path, ...]) -> None:
    values = {"ff.gate": "half"} if why == "mixed" else {}
    events, trained = drain(steps(data, taught(**values), unlabelled=() if why == "no pool" else pool))
    _, before = drain(steps(data, tiny("lp-ft", **{"ff.gate": "off", "ff.drop_path": 0.3, **values})))
    one, two = before.classifier.backbone.state_dict(), trained.classifier.backbone.state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert decisions(trained.decisions) == ["0"] and decisions(events) == ["0"]
    assert [each.steps for each in trained.phases if each.phase == "st"] == [0]
    assert {"ff", "st", "lm"} == set(trained.classifier.heads)


@pytest.mark.slow
def test_images_that_cannot_be_read_are_left_out(data: Coloured, pool: tuple[Path, ...], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    files = (*pool[:3], broken, tmp_path / "gone.png", *pool[3:])
    events, trained = drain(steps(data, taught(), unlabelled=files))
    (warning,) = [each.text for each in events if isinstance(each, Log) and each.level == "warning"]
    assert "2 images of the pool cannot be read" in warning
    _, without = drain(steps(data, taught(), unlabelled=pool))
    assert decisions(trained.decisions) == decisions(without.decisions)
    one, two = without.classifier.state_dict(), trained.classifier.state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)
    _, none = drain(steps(data, taught(), unlabelled=(broken,)))  # then phase 2's network stays
    _, before = drain(steps(data, taught("lp-ft")))
    one, two = before.classifier.backbone.state_dict(), none.classifier.backbone.state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert decisions(none.decisions) == ["0"] and none.phases[2].steps == 0


def test_an_image_that_fails_while_it_trains_is_left_out_by_the_next_sitting(data: Coloured, tmp_path: Path) -> None:
    """It is still there, as old and as long as it was, so that only reading it shows what is wrong."""
    files = coloured(tmp_path / "pool", [0, 1, 2, 0, 1, 2], seed=1).files
    config = taught(**{"lm.mode": "lr"})
    run = steps(data, config, tmp_path / "checkpoint", unlabelled=files)
    while not (isinstance(event := next(run), Decision) and event.name == NAMED):
        pass
    kept = [(file.stat(), file.read_bytes()) for file in files]
    for file, (about, old) in zip(files, kept, strict=True):
        file.write_bytes(b"x" * len(old))
        os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    with pytest.raises(ImageError):
        drain(run)
    for file, (about, old) in zip(files[1:], kept[1:], strict=True):
        file.write_bytes(old)
        os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    events, trained = drain(steps(data, config, tmp_path / "checkpoint", unlabelled=files))
    assert any(isinstance(each, Log) and "1 images of the pool cannot be read" in each.text for each in events)
    assert int(decisions(trained.decisions)[-1]) >= 1


@pytest.mark.slow
def test_another_run_takes_it_over_where_the_pool_is_the_same(
    data: Coloured, pool: tuple[Path, ...], tmp_path: Path
) -> None:
    def over(config: TrainConfig, files: Sequence[Path]) -> list[str]:
        events, _ = drain(steps(data, config, reuse=tmp_path, unlabelled=files))
        return [
            each.text.partition(" is ")[0] for each in events if isinstance(each, Log) and "taken over" in each.text
        ]

    assert over(taught(), pool) == []
    assert over(taught(**{"lm.frofa": "none"}), pool) == ["Full finetune", "Self-training"]
    assert over(taught(), pool[1:]) == ["Full finetune"]
    assert over(taught(**{"st.steps": 3}), pool) == ["Full finetune"]
    assert over(taught(**{"st.names": "neighbours"}), pool) == ["Full finetune"]
    assert over(taught(**{"st.rounds": 2}), pool) == ["Full finetune"]
    assert over(taught(**{"st.rounds": 2, "lm.C": 3.0}), pool) == ["Full finetune", "Self-training"]
    assert over(taught(**{"ff.batch": 6}), pool) == []
    # Six labels fill no batch of seven, but with the pool's images the student's batches are larger.
    assert over(taught(**{"ff.batch": 7}), pool) == ["Full finetune"]
    assert over(taught(**{"ff.steps": 3}), pool) == []


def test_a_run_without_it_is_as_before(data: Coloured, pool: tuple[Path, ...]) -> None:
    """The images of the pool change nothing where there are no steps."""
    config = tiny("fact", **{"lm.mode": "lr"})
    one = drain(steps(data, config, unlabelled=pool))[1].classifier.state_dict()
    two = drain(steps(data, config))[1].classifier.state_dict()
    assert config.phases == ("lp", "ff", "lm") and all(torch.equal(one[key], two[key]) for key in one)


def test_a_table_does_not_take_lp_ft_from_a_run_that_trains_its_network_away() -> None:
    longer, shorter = taught(), tiny("lp-ft", **{"ff.gate": "off", "ff.drop_path": 0.3})
    assert not covers(longer, shorter) and covers(longer, tiny("lp"))
    without = replace(longer, st=replace(longer.st, steps=0))
    assert covers(without, shorter)


@pytest.mark.parametrize("preset", PRESETS)
def test_recipes_that_learn_from_the_pool_do_so_in_every_effort_and_no_other_does(preset: str) -> None:
    for recipe, choice in RECIPES.items():
        for name in ("tf_efficientnet_lite0", "vit_small_patch16_224.dino"):
            if recipe in unfit_recipes(name):
                continue
            phases = train_config(preset, recipe=recipe, backbone=name).phases
            assert phases == choice.phases and ("st" in phases) == (recipe in ("fact+", "l3fact+")), recipe


def test_a_full_memory_while_it_names_takes_one_image_at_a_time() -> None:
    network = backbone()

    class Full(torch.nn.Module):
        preprocess = network.preprocess

        def forward(self, images: torch.Tensor) -> Tokens:
            if len(images) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return Tokens(images.mean(dim=(2, 3)), images)

    net: Any = Net(Full(), torch.nn.Linear(3, 2))  # type: ignore[arg-type]
    pictures = np.random.default_rng(0).integers(0, 255, (5, 3, 8, 8), dtype=np.uint8)
    wanted = normalise(pictures, network.preprocess, CPU).mean(dim=(2, 3))
    events, (answers, features) = drain(naming._said(net, pictures, LessMemory(CPU)))
    assert [event.text.split(":")[0] for event in events if isinstance(event, Log)] == ["Out of memory"]
    assert torch.allclose(features, wanted, atol=1e-5)
    assert torch.allclose(answers, net.head(wanted).log_softmax(1), atol=1e-5)


def test_the_students_rate_warms_up_over_a_tenth_of_its_own_steps(
    data: Coloured, pool: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Epochs of the labelled images (``ff.warm_epochs``) would be longer than all that it learns."""
    plans: list[tuple[str, int]] = []
    inner = self_training.train_on

    def train_on(inputs: Any, part: str, net: Any, pictures: Any, plan: Any, *rest: Any, **more: Any) -> Any:
        plans.append((part, plan.warm_up))
        return inner(inputs, part, net, pictures, plan, *rest, **more)

    monkeypatch.setattr(self_training, "train_on", train_on)
    drain(steps(data, taught(**{"ff.warm_epochs": 50}), unlabelled=pool))
    assert plans == [("st", 0)]


def test_names_that_labels_left_out_speak_against_are_not_learned_from(
    data: Coloured, pool: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked where neighbours name the pool, on the pretrained features; phase 2's network stays then."""

    def worse(*_: object) -> Step[pool_names.LeftOut]:
        yield from ()
        return pool_names.LeftOut(1, 5, 6, True)

    monkeypatch.setattr(pool_names, "left_out", worse)
    x = np.zeros((len(pool), data.x.shape[1]), np.float32)
    for names, taken in (("neighbours", 0), ("network", 4)):
        config = taught(**{"st.names": names, "lm.mode": "lr"})
        _, trained = drain(steps(data, config, unlabelled=pool, unlabelled_x=x))
        assert trained.phases[2].steps == taken
    _, without = drain(steps(data, taught(**{"st.names": "neighbours", "lm.mode": "lr"}), unlabelled=pool))
    assert without.phases[2].steps == 4  # nothing to ask on


@pytest.mark.slow
def test_the_pool_is_told_of_and_what_check_images_prove_changes_nothing(
    data: Coloured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images of no class teach in no round; the proof is of the last round, and told by a run that goes on."""
    pool = coloured(tmp_path / "pool", [0, 1, 2] * 4, seed=1)
    strange = np.arange(12) >= 8
    monkeypatch.setattr("fact_core.analysis.novelty.strangers", lambda *_: strange)
    config = taught(**{"st.names": "neighbours", "st.rounds": 2})
    more: dict[str, Any] = {"unlabelled": pool.files, "unlabelled_x": pool.x}
    held = CheckSet(data.files, data.y, data.x)
    _, trained = drain(steps(data, config, tmp_path / "one", check=held, **more))
    told = {each.name: each for each in trained.decisions}
    assert told[APART].value == "4" and [each.name for each in trained.decisions].count(PROVED) == 1
    right, asked = (int(each) for each in told[PROVED].value.split(" of "))
    assert right <= asked <= 6
    rounds = [each for each in trained.decisions if each.name == NAMED]
    assert len(rounds) == 2 and all(3 <= int(each.value) <= 6 for each in rounds)
    _, without = drain(steps(data, config, **more))
    for mine, other in zip(
        trained.classifier.state_dict().values(), without.classifier.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, other)
    run = steps(data, config, tmp_path / "two", check=held, **more)
    while not (isinstance(event := next(run), Decision) and event.name == PROVED):
        pass
    next(run)
    run.close()
    _, resumed = drain(steps(data, config, tmp_path / "two", check=held, **more))
    assert {each.name: each.value for each in resumed.decisions} == {name: each.value for name, each in told.items()}


@pytest.mark.parametrize(
    ("pixels", "crop_min", "shown", "side"),
    [(128, 0.15, 0.875, 151.6), (224, 0.5, 0.875, 227.4), (96, 1.0, 0.875, 84.0), (128, 0.15, 1.0, 173.3)],
)
def test_things_look_as_large_in_answers_as_in_the_crops_learned_from(
    pixels: int, crop_min: float, shown: float, side: float
) -> None:
    """Against a draw: the mean side of crops whose areas are drawn evenly."""
    assert phase_config.side_to_answer(pixels, crop_min, shown) == pytest.approx(side, abs=0.05)
    roots = np.sqrt(np.random.default_rng(0).uniform(crop_min, 1, 200_000)).mean()
    assert phase_config.side_to_answer(pixels, crop_min, shown) == pytest.approx(pixels * shown / roots, rel=0.002)


def test_only_where_it_learned_small_and_has_no_positions_a_network_answers_smaller() -> None:
    net = load("tf_efficientnet_lite0", pixels=224, random=True)
    own = net.preprocess
    assert answering_preprocess(net, 128, 0.15, own).pixels == 160
    assert answering_preprocess(net, 128, 0.15, replace(own, view="whole")).pixels == 160
    assert answering_preprocess(net, 224, 0.5, own) == own  # never larger than its own
    assert answering_preprocess(net, 192, 0.15, own) == own
    seer = load("vit_small_patch16_224.dino", pixels=224, random=True)
    assert answering_preprocess(seer, 128, 0.15, seer.preprocess) == seer.preprocess


@pytest.mark.slow
def test_a_student_of_small_crops_answers_small_pictures_wherever_it_goes(
    data: Coloured, pool: tuple[Path, ...], tmp_path: Path
) -> None:
    def net() -> Backbone:
        return backbone(pixels=128)

    def shown(trained: Trained) -> int:
        return trained.classifier.backbone.preprocess.pixels

    config = taught(**{"lm.mode": "lr", "st.rounds": 2})
    both = {"unlabelled": pool, "reuse": tmp_path / "kept"}
    _, whole = drain(steps(data, config, backbone=net(), **both))
    assert shown(whole) == 96 and decisions(whole.decisions, SIDE) == ["96"]  # crops of 64 show less of a picture
    _, plain = drain(steps(data, tiny("fact", **{"lm.mode": "lr", "ff.gate": "off"}), backbone=net()))
    assert shown(plain) == 128 and not decisions(plain.decisions, SIDE)
    _, left = drain(steps(data, config, backbone=net()))  # no pool: phase 2's network stays
    assert shown(left) == 128

    events, over = drain(steps(data, config, backbone=net(), **both))
    assert any(isinstance(each, Log) and "Self-training is taken over" in each.text for each in events)
    run = steps(data, config, tmp_path / "run", backbone=net(), unlabelled=pool)
    while not (isinstance(event := next(run), Saved) and event.phase == "st" and event.step == 6):
        pass  # the whole phase is done
    next(event for event in run if isinstance(event, PhaseDone) and event.phase == "st")
    next(event for event in run if isinstance(event, Saved) and event.phase == "st")
    run.close()
    _, again = drain(steps(data, config, tmp_path / "run", backbone=net(), unlabelled=pool))
    save_model(tmp_path / "model", whole.classifier, {})
    stored, _ = load_model(tmp_path / "model")
    images = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    assert shown(over) == shown(again) == 96
    assert stored.backbone.preprocess == whole.classifier.backbone.preprocess
    for other in (over.classifier, again.classifier, stored):
        assert same(other, whole.classifier)
        # Weights that lie in another order in memory are summed in another one.
        assert torch.allclose(other(images), whole.classifier(images), rtol=1e-5, atol=1e-6)
