"""The command line on several devices: the whole way by two processes on the CPU, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from fact_core import cli
from fact_core.storage import project, run_queue
from tests.conftest import MakeImages, Run


@pytest.mark.slow
def test_the_whole_way_by_two_processes(
    tmp_path: Path, make_images: MakeImages, small_network: str, cli_here: Run
) -> None:
    photos = make_images(tmp_path / "photos", each=6)
    given = ("--images", photos, "--project", tmp_path / "p", "--labels-from", "folders", "--strategy", "random")
    small = ("--budget", 6, "--preset", "quick", "--recipe", "lp-ft", "--backbone", small_network, "--ff-pixels", 32)
    steps = ("--ff-steps", 4, "--ff-gate", "off", "--json", tmp_path / "told.json", "--device", "cpu,cpu")
    ended = cli_here("run", *given, *small, *steps)
    assert ended.returncode == 0, ended.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["device"].startswith("CPU") and told["device"].endswith(" x 2")
    found = project.open_project(tmp_path / "p")
    for kind in ("features", "train", "predict"):
        (run,) = run_queue.list_runs(found, kind)
        assert run.config["device"] == "cpu,cpu" and run.device == told["device"]
    assert "alone" not in ended.stderr and "is lost" not in ended.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU that can be used")
@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("cuda:0,cuda:1", "No GPU can be used"),
        ("cpu,cuda:0", "These devices cannot work together. Found: 'cpu,cuda:0'. Name GPUs by their numbers"),
        ("both", "Device cannot be 'both'"),
    ],
)
def test_devices_that_are_not_there_are_an_error_in_words(
    device: str, words: str, tmp_path: Path, make_images: MakeImages, capfd: pytest.CaptureFixture[str]
) -> None:
    given = ["run", "--images", str(make_images(tmp_path / "photos", each=2)), "--project", str(tmp_path / "p")]
    assert cli.main([*given, "--budget", "2", "--labels-from", "folders", "--device", device]) == 2
    assert words in capfd.readouterr().err
