"""Finished phases 2 are taken over by runs on the same labels, and by no others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fact_core.config import train_config
from fact_core.errors import InputError
from fact_core.events import Log, PhaseStarted, Point
from fact_core.finetune import phase_cache
from fact_core.finetune.finetune import plan_of
from tests.finetune_help import Coloured, backbone, coloured, drain, same, steps, tiny


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    return coloured(tmp_path_factory.mktemp("images"), [0, 1, 2] * 4)


def taken_over(events: list[object]) -> bool:
    return any(isinstance(each, Log) and "taken over" in each.text for each in events)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then", "phase"), [("lp-ft", "fact", "ff"), ("lp-lora", "l3fact", "lora")])
def test_the_next_recipe_takes_phase_2_over(first: str, then: str, phase: str, data: Coloured, tmp_path: Path) -> None:
    one, before = drain(steps(data, tiny(first), reuse=tmp_path))
    assert not taken_over(one)
    two, after = drain(steps(data, tiny(then), reuse=tmp_path))
    assert taken_over(two)
    assert not [each for each in two if isinstance(each, Point) and each.phase == phase]
    assert same(before.classifier.backbone, after.classifier.backbone)
    assert after.phases[1].seconds == before.phases[1].seconds  # what it took, not what loading takes
    _, fresh = drain(steps(data, tiny(then)))
    assert same(fresh.classifier, after.classifier)
    started = [each for each in one + two if isinstance(each, PhaseStarted) and each.phase == phase]
    assert started[0].trainable_parameters == started[1].trainable_parameters > 0
    mixed = [[each for each in run.decisions if each.name == "ff.interpolation"] for run in (before, after)]
    assert len(mixed[0]) == 1 and mixed[0] == mixed[1]


@pytest.mark.slow
def test_options_of_phase_3_do_not_matter_and_those_of_phase_2_do(data: Coloured, tmp_path: Path) -> None:
    drain(steps(data, tiny("lp-ft"), reuse=tmp_path))
    for values, same_phase in (({"lm.strength": 0.0}, True), ({"ff.steps": 3}, False), ({"lp.C": 1.0}, False)):
        events, _ = drain(steps(data, tiny("fact", **values), reuse=tmp_path))
        assert taken_over(events) == same_phase, values
    events, _ = drain(steps(data, tiny("lp-ft", seed=1), reuse=tmp_path))
    assert not taken_over(events)


def test_other_labels_or_other_images_train_anew(data: Coloured, tmp_path: Path) -> None:
    drain(steps(data, tiny("lp-ft"), reuse=tmp_path))
    swapped, _ = drain(steps(replace(data, y=np.roll(data.y, 1)), tiny("lp-ft"), reuse=tmp_path))
    assert not taken_over(swapped)
    others = coloured(tmp_path / "others", data.y.tolist(), seed=9)  # the same names and labels, other pictures
    events, _ = drain(steps(others, tiny("lp-ft"), reuse=tmp_path))
    assert not taken_over(events)


def test_a_network_that_has_seen_other_labels_is_refused(data: Coloured, tmp_path: Path) -> None:
    """Also when someone puts its file where that of another label set belongs."""
    few = Coloured(data.files[:6], data.y[:6], data.x[:6])
    drain(steps(data, tiny("lp-ft"), reuse=tmp_path / "all"))
    drain(steps(few, tiny("lp-ft"), reuse=tmp_path / "few"))
    (large,), (small,) = ((tmp_path / name).glob("*.safetensors") for name in ("all", "few"))
    shutil.copy(large, small)
    with pytest.raises(InputError, match="finetuned on other labels"):
        drain(steps(few, tiny("fact"), reuse=tmp_path / "few"))
    small.write_bytes(b"broken")  # it can be made again
    events, _ = drain(steps(few, tiny("fact"), reuse=tmp_path / "few"))
    assert not taken_over(events)
    events, _ = drain(steps(few, tiny("fact"), reuse=tmp_path / "few"))
    assert taken_over(events)


def test_two_processes_may_keep_the_same_file(tmp_path: Path) -> None:
    """Each writes it many times: nobody fails, and what lies there in the end is whole."""
    file = tmp_path / "one.safetensors"
    code = (
        "import sys, pathlib\nfrom fact_core.files import write_file\n"
        "for _ in range(60):\n    write_file(pathlib.Path(sys.argv[1]), sys.argv[2].encode() * 400_000, 'x')"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(file), letter]) for letter in "ab"]
    assert [each.wait(120) for each in both] == [0, 0]
    content = file.read_bytes()
    assert content in (b"a" * 400_000, b"b" * 400_000) and [each.name for each in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize(("size", "left"), [(25, "34"), (29, "34"), (30, "234"), (100, "01234"), (0, "4")])
def test_the_newest_are_kept_up_to_a_size(size: int, left: str, tmp_path: Path) -> None:
    for i in range(5):
        (tmp_path / f"ff-{i}.safetensors").write_bytes(b"x" * 10)
        os.utime(tmp_path / f"ff-{i}.safetensors", (i, i))
    phase_cache.prune(tmp_path, size)
    assert sorted(each.name for each in tmp_path.iterdir()) == [f"ff-{i}.safetensors" for i in left]


def test_what_a_killed_process_left_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    for name in (".old.safetensors.1-1.new", ".now.safetensors.2-2.new"):
        (tmp_path / name).write_bytes(b"half")
    os.utime(tmp_path / ".old.safetensors.1-1.new", (0, 0))
    phase_cache.prune(tmp_path, 100)
    assert [each.name for each in tmp_path.iterdir()] == [".now.safetensors.2-2.new"]


def test_a_recipe_fixes_its_own_options_and_the_paper_trains_ff_longer() -> None:
    assert train_config("paper", recipe="lp").lp.mode == "lr"
    assert train_config("standard", recipe="lp-paper", **{"lp.mode": "lr"}).lp.mode == "sgd"
    paper = train_config("paper", recipe="ff").ff
    assert (paper.epochs, paper.alone_epochs, paper.gate) == (50, 300, "off")


@pytest.mark.parametrize(("n", "steps", "warm"), [(50, 50, 5), (512, 50, 5), (542, 53, 6), (1000, 98, 10)])
def test_the_papers_epochs_count_images_not_begun_batches(n: int, steps: int, warm: int) -> None:
    """50 epochs of n images, 512 at a time, the first 5 of them warming up."""
    config = train_config("paper", recipe="lp-ft").ff
    plan = plan_of("ff", config, n, backbone(), True)
    assert (plan.steps, plan.warm_up) == (steps, warm)
    assert plan.steps * plan.batch >= 50 * n > (plan.steps - 1) * plan.batch
    alone = plan_of("ff", config, n, backbone(), True, alone=True)
    assert alone.steps == -(-300 * n // min(n, 512)) and alone.warm_up == warm


def test_full_finetuning_alone_starts_from_a_head_that_knows_nothing(data: Coloured) -> None:
    config = tiny("ff", **{"ff.epochs": 2, "ff.alone_epochs": 3, "ff.gate": "choose"})
    events, trained = drain(steps(data, config))
    first = next(each for each in events if isinstance(each, Point) and each.phase == "ff")
    assert trained.phases[0].steps == 9  # 3 epochs of 12 images, 4 at a time
    assert float(first.loss or 0) > np.log(3) - 0.4  # chance or worse; a probe would know these labels
    assert not trained.decisions and trained.probe is None


def test_who_takes_over_a_network_learns_that_its_training_was_interrupted(data: Coloured, tmp_path: Path) -> None:
    """Its seconds are those of several sittings, with what was done twice: no table of minutes may have them."""
    config, kept = tiny("lp-ft"), tmp_path / "kept"
    run = steps(data, config, tmp_path / "run", reuse=kept)
    assert any(isinstance(each, Point) and (each.phase, each.step) == ("ff", 2) for each in run)
    run.close()
    for folder in ("run", "another"):
        phases = drain(steps(data, config, tmp_path / folder, reuse=kept))[1].phases
        assert [each.interrupted for each in phases] == [False, True]
    fresh = drain(steps(data, config, tmp_path / "third", reuse=tmp_path / "nothing"))[1].phases
    assert not any(each.interrupted for each in fresh)


def test_the_papers_probe_counts_images_as_well(tmp_path: Path) -> None:
    """With 513 images, 512 at a time, two epochs are three steps and not four; a probe that went on says so."""
    few = coloured(tmp_path / "few", [0, 1, 2])
    many = Coloured(few.files * 171, np.tile(few.y, 171), np.tile(few.x, (171, 1)))
    config = tiny("lp-paper", **{"lp.epochs": 2})
    run = steps(many, config, tmp_path / "run")
    began = next(each for each in run if isinstance(each, PhaseStarted))
    assert began.steps == 3
    assert any(isinstance(each, Point) and each.step == 2 for each in run)
    run.close()
    (phase,) = drain(steps(many, config, tmp_path / "run"))[1].phases
    assert phase.steps == 3 and phase.interrupted
