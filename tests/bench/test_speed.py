"""The bench of speed in its short form: that its parts run, and what its table says."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch

from fact_core.bench import speed
from fact_core.bench.gpu import pictures
from fact_core.bench.gpu.given import Bench
from fact_core.bench.speed import measured, runner, table
from fact_core.bench.speed.sections import SECTIONS
from fact_core.choices import resolve
from fact_core.errors import ConfigError
from fact_core.generators import finish

#: What has no short form: a whole bench of its own, a start of the program, or a library that compiles for long.
LONG = {"phase-2", "start", "map"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("pictures") / "own"
    finish(pictures.make(folder, None))
    return Bench(torch.device("cpu"), True, folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(SECTIONS) - LONG))
def test_a_part_runs(name: str, bench: Bench) -> None:
    row = runner.measured(bench, name)
    assert row["status"] == "measured" and row["ours"] > 0 and row["words"]
    if row["plain"] is not None:
        more, less = (row["ours"], row["plain"]) if row["unit"].endswith("/s") else (row["plain"], row["ours"])
        assert row["ratio"] == pytest.approx(more / less, rel=0.02)
    assert row["floor"] is None or row["floor"] > 0


@pytest.mark.parametrize("name", sorted(LONG))
def test_a_part_without_a_short_form_is_there(name: str) -> None:
    assert callable(resolve(SECTIONS[name].target))


def test_both_ways_take_their_turns(bench: Bench) -> None:
    asked: list[str] = []

    def way(name: str, value: float) -> Any:
        return lambda: asked.append(name) or value

    assert measured.in_turns(bench, way("ours", 2.0), way("plain", 6.0)) == (2.0, 6.0)
    assert asked == ["ours", "plain"] * 2
    assert measured.Found("s", 2.0, 6.0, None).ratio == 3.0
    assert measured.Found("images/s", 6.0, 2.0, None).ratio == 3.0
    assert measured.Found("s", 2.0, None, None).ratio is None


def test_the_floor_is_the_longer_of_operations_and_bytes() -> None:
    rates = measured.Rates(flops=100.0, copied=10.0)
    assert rates.floor(200.0) == 2.0 and rates.floor(200.0, 50.0) == 5.0


def row(name: str, **values: Any) -> dict[str, Any]:
    about = {"section": name, "status": "measured", "device": "CPU", "words": "some", "unit": "s"}
    return {**about, "ours": 2.0, "plain": None, "ratio": None, "floor": None, **values}


def test_the_table_says_which_goals_are_reached() -> None:
    found = table.table(
        [
            row("features", ours=350.0, plain=90.0, ratio=3.9, floor=1200.0, unit="images/s"),
            row("phase-2", ours=12.5, plain=11.0, ratio=1.14, unit="images/s"),
            row("phase-1-answers", ours=0.31),
            row("start", ours=7.5),
            {"section": "map", "status": "skipped", "device": "CPU", "words": "umap-learn is not installed"},
        ]
    )
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in found.splitlines()}
    assert (
        "| 350 images/s | 90.0 images/s | 3.9 | 1,200 images/s | 3.5 times: reached |"
        in lines[SECTIONS["features"].title]
    )
    assert "1.3 times: missed" in lines[SECTIONS["phase-2"].title]
    assert "| 0.310 s |  |  |  | 1 s: reached |" in lines[SECTIONS["phase-1-answers"].title]
    assert "6 s: missed" in lines[SECTIONS["start"].title]
    assert "not measured" in lines[SECTIONS["map"].title] and "umap-learn" in lines[SECTIONS["map"].title]


def test_what_is_measured_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def one(bench: Bench, name: str) -> dict[str, Any]:
        asked.append(name)
        return {key: value for key, value in row(name).items() if key != "device"}

    monkeypatch.setattr(runner, "measured", one)
    parser = argparse.ArgumentParser()
    speed.add_arguments(parser)
    flags = ["--json", str(tmp_path / "rows.json"), "--device", "cpu"]
    for more in (["--only", "crops,start"], ["--only", "crops,way"], ["--only", "crops", "--again"]):
        finish(speed.run(parser.parse_args([*flags, *more])))
    assert asked == ["crops", "start", "way", "crops"]
    with pytest.raises(ConfigError, match="no part called 'nothing'"):
        finish(speed.run(parser.parse_args([*flags, "--only", "nothing"])))
