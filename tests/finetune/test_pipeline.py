"""The training pipeline: it learns, resumes to the bit, says what it does, and never crashes on few labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from app.shell.text import sentences
from fact_core.compute.less_memory import LessMemory
from fact_core.config import TrainConfig
from fact_core.errors import ConfigError, ImageError, InputError
from fact_core.events import Decision, Event, Log, PhaseDone, PhaseStarted, Point, Progress, Saved
from fact_core.finetune import honest
from fact_core.finetune.checkpoint import last_saved
from fact_core.finetune.pipeline import CheckSet, bound_options
from fact_core.finetune.training_run import tokens_of
from tests.finetune_help import CPU, NAMES, PIXELS, Coloured, backbone, coloured, drain, same, steps, tiny


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    return coloured(tmp_path_factory.mktemp("images"), [0, 1, 2] * 4)


def test_fact_runs_its_phases_and_learns(data: Coloured, tmp_path: Path) -> None:
    held = coloured(tmp_path / "held", [0, 1, 2, 2], seed=1)
    events, trained = drain(steps(data, tiny(), check=CheckSet(held.files, held.y, held.x)))
    assert [each.phase for each in events if isinstance(each, PhaseStarted)] == ["lp", "ff", "lm"]
    assert [each.phase for each in trained.phases] == ["lp", "ff", "lm"]
    assert trained.phases == tuple(each for each in events if isinstance(each, PhaseDone))
    assert all(each.check_n == 4 and each.check_accuracy is not None for each in trained.phases)
    assert trained.phases[0].train_accuracy > 0.8 and trained.phases[2].train_accuracy > 0.8
    assert set(trained.classifier.heads) == {"ff", "lm"} and trained.classifier.final == "lm"
    assert trained.probe is not None
    ff = [each for each in events if isinstance(each, Point) and each.phase == "ff"]
    assert [each.step for each in ff] == [1, 2, 3, 4] and ff[-1].check_loss is not None
    for done in (each for each in events if isinstance(each, PhaseDone)):
        last = [each for each in events if isinstance(each, Point) and each.phase == done.phase][-1]
        assert last.step == done.steps
    assert {each.phase for each in events if isinstance(each, Saved)} <= {"lp", "ff", "lm", "lm.plan"}


def test_the_page_has_words_for_all_that_a_training_does(data: Coloured) -> None:
    """Neither the phases nor what they do beside their steps is shown by its machine name."""
    others = data.x[:, ::-1]  # not copies of the same images
    more = Coloured(data.files * 2, np.tile(data.y, 2), np.concatenate([data.x, others]))  # enough labels to compare
    config = tiny(**{"ff.gate": "choose", "ff.steps": 2, "lm.choose": "C+mode", "lm.steps": 4})
    events, _ = drain(steps(more, config, check=CheckSet(data.files[:2], data.y[:2], data.x[:2])))
    told = {each.step for each in events if isinstance(each, Progress)}
    assert {"labelled images", "check images", "ff.interpolation", "lm.mode"} <= told
    assert {step for step in told if f"train.part.{step}" not in sentences()} <= set(config.phases)
    decided = {each.name for each in events if isinstance(each, Decision)}
    assert {name for name in decided | {honest.TUNED, honest.LIGHT} if f"decision.{name}" not in sentences()} == set()


def test_phase_2_keeps_the_norm_statistics_and_leaves_no_drop_path(data: Coloured) -> None:
    start = backbone()
    before = {name: each.clone() for name, each in start.state_dict().items()}
    drain(steps(data, tiny("lp-ft"), backbone=start))
    after = start.state_dict()
    statistics = [name for name in before if "running" in name or "num_batches" in name]
    assert statistics and all(torch.equal(before[name], after[name]) for name in statistics)
    weights = [name for name in before if name.endswith("weight")]
    assert all(not torch.equal(before[name], after[name]) for name in weights)
    assert not any("DropPath" in type(each).__name__ for each in start.modules())


RESUMED = {
    "fact": tiny("fact"),
    "lp-ft, sgd": tiny("lp-ft", **{"ff.optimiser": "sgd", "ff.ema": 0.0}),
    "gate": tiny("lp-ft", **{"ff.gate": "choose", "ff.steps": 2, "ff.drop_path": 0.3}),
    "l3fact": tiny("l3fact"),
    "lp-paper": tiny("lp-paper", **{"lp.epochs": 4}),
    "ff": tiny("ff"),
    "best": tiny("lp-ft", **{"ff.keep": "best_test", "ff.ema": 0.0}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RESUMED)
def test_a_resumed_run_ends_as_an_unbroken_one(name: str, tmp_path: Path) -> None:
    """Closed after some checkpoints, again and again, each time taken up by fresh objects."""
    data = coloured(tmp_path / "images", [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2])
    config, check = RESUMED[name], None
    if config.ff.keep == "best_test":
        held = coloured(tmp_path / "held", [0, 1, 2], seed=1)
        check = CheckSet(held.files, held.y, held.x)
    _, whole = drain(steps(data, config, check=check))
    sittings = 0
    while True:
        run, seen = steps(data, config, tmp_path / "checkpoint", check=check), 0
        trained = None
        try:
            while seen < 3 * 2**sittings:  # longer each time: L-BFGS of phase 3 starts over when it is stopped
                seen += isinstance(next(run), Saved)
        except StopIteration as stop:
            trained = stop.value
        run.close()
        sittings += 1
        torch.manual_seed(sittings)  # the global generator is of no account
        if trained is not None:
            break
        assert sittings < 12
    assert sittings > 1
    assert same(whole.classifier, trained.classifier)
    assert [each.phase for each in trained.phases] == [each.phase for each in whole.phases]
    assert [(each.train_loss, each.steps) for each in trained.phases] == [
        (each.train_loss, each.steps) for each in whole.phases
    ]
    assert trained.decisions == whole.decisions


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lp-ft", "best"])
@pytest.mark.parametrize("kind", [Point, Progress])
def test_who_stops_a_run_loses_no_step(name: str, kind: type[Event], tmp_path: Path) -> None:
    """No save but the one at the stop, be it behind a step or, where the check images are measured, within one."""
    data, held = coloured(tmp_path / "images", [0, 0, 0, 1, 1, 1]), coloured(tmp_path / "held", [0, 1, 2], seed=1)
    config = tiny("lp-ft", **{"ff.gate": "off", "ff.steps": 6, "ff.ema": 0.9})
    if name == "best":
        config = replace(config, ff=replace(config.ff, keep="best_test", ema=0.0))
    check = CheckSet(held.files, held.y, held.x)
    _, whole = drain(steps(data, config, check=check))
    run = steps(data, config, tmp_path / "checkpoint", check=check, checkpoint_every=1e9)
    for event in run:
        if isinstance(event, Point) and event.phase == "ff":
            last = event.step
            if last >= 3 and kind is Point:
                break
        if isinstance(event, Progress) and event.step == "ff" and event.done >= 4 and kind is Progress:
            break
    run.close()
    kept = last_saved(tmp_path / "checkpoint")
    events, trained = drain(steps(data, config, tmp_path / "checkpoint", check=check, checkpoint_every=1e9))
    went_on = [each.text for each in events if isinstance(each, Log) and each.text.startswith("Going on at step")]
    if kind is Progress and name == "best":  # that step is not measured yet, and might be the best one
        assert last == 3 and went_on == []
    else:
        at = last if kind is Point else last + 1
        assert kept == ("ff", at) and went_on == [f"Going on at step {at} of 6."]
    assert same(whole.classifier, trained.classifier)


def test_the_best_on_the_check_images_is_kept_only_where_that_is_asked_for(data: Coloured, tmp_path: Path) -> None:
    """A rate that ruins the network: the last weights are bad, and the best ones are those of the start."""
    held = coloured(tmp_path / "held", [0, 1, 2] * 4, seed=1)
    ruin = {"ff.backbone_lr": 1.0, "ff.head_lr": 1.0, "ff.ema": 0.0, "ff.gate": "off", "ff.clip": 0.0, "ff.steps": 6}
    check = CheckSet(held.files, held.y, held.x)
    events, best = drain(steps(data, tiny("lp-ft", **ruin, **{"ff.keep": "best_test"}), check=check))
    _, last = drain(steps(data, tiny("lp-ft", **ruin), check=check))
    assert same(best.classifier.backbone, backbone()) and not same(last.classifier.backbone, backbone())
    assert best.phases[1].check_accuracy > last.phases[1].check_accuracy
    marked = [each for each in events if isinstance(each, Decision) and each.name == "ff.keep"]
    assert [each.value for each in marked] == ["best_test"] and "cannot say how good" in marked[0].reason
    with pytest.raises(ConfigError, match="best_test needs check images"):
        drain(steps(data, tiny("lp-ft", **{"ff.keep": "best_test"})))


def test_a_checkpoint_of_other_labels_is_not_used(data: Coloured, tmp_path: Path) -> None:
    config = tiny("lp-ft")
    drain(steps(data, config, tmp_path))
    swapped = replace(data, y=np.roll(data.y, 1))
    events, trained = drain(steps(swapped, config, tmp_path))
    assert not any(isinstance(each, Log) and "Going on" in each.text for each in events)
    _, fresh = drain(steps(swapped, config))
    assert same(trained.classifier, fresh.classifier)


def test_the_seed_decides_and_nothing_else(data: Coloured) -> None:
    torch.manual_seed(1)
    _, one = drain(steps(data, tiny("lp-ft")))
    torch.manual_seed(2)
    state = torch.get_rng_state()
    _, two = drain(steps(data, tiny("lp-ft")))
    assert torch.equal(state, torch.get_rng_state())
    _, other = drain(steps(data, tiny("lp-ft", seed=1)))
    assert same(one.classifier, two.classifier) and not same(one.classifier, other.classifier)


def test_one_class_is_refused_in_words(data: Coloured) -> None:
    """Hostile input 14: one class."""
    with pytest.raises(InputError, match=r"All 12 labels are of one class \(red\).*second class"):
        drain(steps(replace(data, y=np.zeros(12, dtype=np.int64)), tiny()))


def test_no_and_one_label_are_refused_in_words(data: Coloured) -> None:
    none = Coloured((), data.y[:0], data.x[:0])
    with pytest.raises(InputError, match="no labels"):
        drain(steps(none, tiny()))
    one = Coloured(data.files[:1], data.y[:1], data.x[:1])
    with pytest.raises(InputError, match="only one label"):
        drain(steps(one, tiny()))


def test_broken_features_are_refused_in_words(data: Coloured) -> None:
    """Hostile input 14: NaN features."""
    x = data.x.copy()
    x[3, 5] = np.nan
    with pytest.raises(InputError, match=r"not numbers.*003\.png"):
        drain(steps(replace(data, x=x), tiny()))


@pytest.mark.parametrize("recipe", ["fact", "l3fact", "lm", "lp", "lp-paper", "lp-ft", "lp-lora", "ff"])
def test_one_label_a_class_works(recipe: str, data: Coloured) -> None:
    """Hostile input 14: Two labels in all; the third class has none and never wins."""
    few = Coloured(data.files[:2], data.y[:2], data.x[:2])
    config = tiny(recipe, **{"ff.gate": "choose", "lm.choose": "C+mode"})
    events, trained = drain(steps(few, config))
    assert tuple(each.phase for each in trained.phases) == config.phases
    assert all(np.isfinite([each.train_loss, each.train_accuracy]).all() for each in trained.phases)
    with torch.inference_mode():
        answers = trained.classifier(torch.randn(64, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(0)))
    assert answers.shape == (64, len(NAMES)) and torch.allclose(answers.sum(1), torch.ones(64), atol=1e-5)
    assert not bool((answers.argmax(1) == 2).any())
    if config.phases[:2] == ("lp", "ff"):
        gate = [each for each in events if isinstance(each, Decision) and each.name == "ff.interpolation"]
        assert [each.value for each in gate] == ["0.5"] and "too few" in gate[0].reason


#: The options that the first checkpoints were bound to.
BOUND = """
amp backbone device ff.alone_epochs ff.backbone_lr ff.batch ff.clip ff.crop_min ff.drop_path ff.ema ff.epochs
ff.gate ff.head_lr ff.keep ff.label_smoothing ff.layer_decay ff.lora_alpha ff.lora_lr ff.lora_rank ff.optimiser
ff.pixels ff.prefix_length ff.prompt_deep ff.prompt_dim ff.prompt_length ff.prompt_lr ff.start_C ff.steps
ff.warm_epochs ff.weight_decay lm.C lm.balanced lm.choose lm.form lm.frofa lm.lr lm.mode lm.steps lm.strength
lm.views lm.weight_decay lm.width lm.with_head lp.C lp.balanced lp.epochs lp.lr lp.mode preset recipe seed selection
st.images st.steps
"""


@pytest.mark.parametrize("recipe", ["fact", "l3fact", "lm"])
def test_a_checkpoint_of_an_earlier_version_is_continued(recipe: str) -> None:
    """An option that is new is left out of a checkpoint's mark at its usual value: ``bound_options`` does it."""

    def flat(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
        for name, value in values.items():
            yield from flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [prefix + name]

    assert set(flat(bound_options(TrainConfig(recipe=recipe)))) == set(BOUND.split())


@pytest.mark.slow
def test_a_long_phase_has_at_most_200_points(data: Coloured) -> None:
    config = tiny("lp-ft", **{"ff.steps": 450, "ff.batch": 1})
    run = steps(data, config)
    shown = []
    for event in run:
        if isinstance(event, Point) and event.phase == "ff":
            shown.append(event.step)
        if len(shown) == 30:
            run.close()
    assert {b - a for a, b in pairwise(shown)} == {3}


def test_a_pool_image_that_is_gone_is_told_and_a_labelled_one_is_an_error(data: Coloured, tmp_path: Path) -> None:
    gone = tmp_path / "gone.png"
    events, trained = drain(steps(data, tiny("lm"), pool_files=[gone]))
    assert (
        any(isinstance(each, Log) and "cannot be read any more" in each.text for each in events)
        and len(trained.phases) == 1
    )
    pool = [*data.files[:4], gone, *data.files[4:]]
    seen, whole = (drain(tokens_of(backbone(), each, LessMemory(CPU), "pool", True))[1] for each in (pool, data.files))
    assert torch.allclose(seen.pooled, whole.pooled, atol=1e-5) and len(seen.patches) == len(data.files)
    lost = replace(data, files=(*data.files[:-1], gone))
    for kept in (None, tmp_path / "kept"):
        with pytest.raises(ImageError, match=r"gone\.png"):
            drain(steps(lost, tiny("lp-ft"), reuse=kept))


def test_identical_images_do_not_crash(tmp_path: Path) -> None:
    """Hostile input 14: identical images."""
    data = coloured(tmp_path, [0, 1])
    twice = Coloured((data.files[0],) * 4, np.array([0, 1, 0, 1]), data.x[[0, 0, 0, 0]])
    _, trained = drain(steps(twice, tiny()))
    assert len(trained.phases) == 3


def test_the_classifier_comes_back_on_the_cpu_and_still(data: Coloured) -> None:
    _, trained = drain(steps(data, tiny("lp-ft")))
    assert not trained.classifier.training
    assert {each.device for each in trained.classifier.parameters()} == {CPU}
    assert not any(each.requires_grad for each in trained.classifier.parameters())


@pytest.mark.slow
def test_what_was_decided_before_phase_2_is_never_decided_on_its_features(data: Coloured, tmp_path: Path) -> None:
    """With phase 2 done and the note of the decision damaged, the run goes on with what was decided."""
    config = tiny("fact", **{"lm.choose": "C"})
    _, whole = drain(steps(data, config))
    run = steps(data, config, tmp_path)
    while not (isinstance(next(run), Saved) and _done(tmp_path) == ["lp", "ff"]):
        pass
    run.close()
    (tmp_path / "lm.plan.safetensors").write_bytes(b"damaged")
    _, trained = drain(steps(data, config, tmp_path))
    assert trained.decisions == whole.decisions and same(trained.classifier, whole.classifier)


def _done(folder: Path) -> list[str]:
    if not (folder / "finished.safetensors").exists():
        return []
    with safe_open(folder / "finished.safetensors", framework="pt") as file:
        return [each["phase"] for each in json.loads(file.metadata()["part"])["values"]["done"]]


def test_the_papers_probe_may_be_chosen_by_check_images_as_well(data: Coloured, tmp_path: Path) -> None:
    config = tiny("lp-paper", **{"lp.epochs": 3, "ff.keep": "best_test"})
    with pytest.raises(ConfigError, match="best_test needs check images"):
        drain(steps(data, config))
    held = coloured(tmp_path / "held", [0, 1, 2], seed=1)
    events, trained = drain(steps(data, config, check=CheckSet(held.files, held.y, held.x)))
    assert [(each.name, each.value) for each in trained.decisions] == [("ff.keep", "best_test")]
    seen = [each.step for each in events if isinstance(each, Point) and each.check_accuracy is not None]
    assert seen[:3] == [1, 2, 3]  # after every epoch


def test_copies_of_few_images_are_too_few_to_compare(data: Coloured) -> None:
    """Five labels a class, and all of them copies: nothing can be left out."""
    rows = [0] * 5 + [1] * 5
    copies = Coloured(tuple(data.files[row] for row in rows), data.y[rows], data.x[rows])
    _, trained = drain(steps(copies, tiny("lp-ft", **{"ff.gate": "choose"})))
    (decided,) = trained.decisions
    assert decided.value == "0.5" and "2 images of 2 classes are too few" in decided.reason


@pytest.mark.parametrize("still", ["backbone", "head"])
def test_a_part_whose_rate_is_0_stays_as_it_is(still: str, data: Coloured) -> None:
    events, trained = drain(steps(data, tiny("lp-ft", **{f"ff.{still}_lr": 0.0, "ff.gate": "off"})))
    assert same(trained.classifier.backbone, backbone()) == (still == "backbone")
    kept = torch.equal(trained.classifier.heads["ff"].weight, trained.probe.weight)
    assert kept == (still == "head")
    (began,) = [each for each in events if isinstance(each, PhaseStarted) and each.phase == "ff"]
    whole = sum(each.numel() for each in trained.classifier.backbone.parameters())
    assert began.trainable_parameters == (3 * (backbone().dim + 1) if still == "backbone" else whole)


def test_something_has_to_learn(data: Coloured) -> None:
    with pytest.raises(ConfigError, match="Nothing would learn"):
        drain(steps(data, tiny("lp-ft", **{"ff.backbone_lr": 0.0, "ff.head_lr": 0.0})))
