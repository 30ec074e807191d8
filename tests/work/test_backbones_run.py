"""Comparing backbones on a project's own labels: in a run, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fact_core import cli
from fact_core.config import BackbonesConfig
from fact_core.errors import ConfigError, InputError
from fact_core.generators import finish
from fact_core.storage import project
from fact_core.storage.project import Project
from fact_core.work import backbones
from tests.colours_help import VIT, random_vit_ready, two_colours
from tests.conftest import MakeImages
from tests.work_help import queued

LITE = "tf_efficientnet_lite0"


@pytest.fixture
def labeled(tmp_path: Path, make_images: MakeImages) -> Project:
    return two_colours(tmp_path / "p", make_images(tmp_path / "photos"))


@pytest.fixture
def two_ready() -> None:
    random_vit_ready()


@pytest.mark.slow
def test_the_labels_say_which_is_best(labeled: Project, two_ready: None) -> None:
    found = finish(backbones.run(labeled, queued(labeled, "backbones"), BackbonesConfig(device="cpu")))
    assert (found["labels"], found["classes"], found["left_out"]) == (16, 2, 0)
    assert {row["name"] for row in found["rows"]} == {LITE, VIT}
    by_name = {row["name"]: row for row in found["rows"]}
    assert by_name[LITE]["accuracy"] == 1.0  # colours; with the check images' labels it would be far from it
    assert all(row["seconds"] > 0 and row["interval"][0] < row["accuracy"] for row in found["rows"])
    assert by_name[VIT]["seconds"] < by_name[LITE]["seconds"] and json.dumps(found)
    assert found["proposed"] in by_name


def test_what_is_missing_is_said(labeled: Project, two_ready: None) -> None:
    run = queued(labeled, "backbones")
    for names, words in ((LITE, "1 backbones are ready"), (f"{LITE},vit_small_patch16_224.dino", "are not here")):
        with pytest.raises(ConfigError, match=words):
            finish(backbones.run(labeled, run, BackbonesConfig(names=names, device="cpu")))
    with pytest.raises(ConfigError, match="no backbone called 'x'"):
        finish(backbones.run(labeled, run, BackbonesConfig(names=f"{LITE},x", device="cpu")))


def test_without_labels_it_says_so(tmp_path: Path, make_images: MakeImages, two_ready: None) -> None:
    made = project.create(tmp_path / "p", make_images(tmp_path / "photos"))
    with pytest.raises(InputError, match="no labels to compare by"):
        finish(backbones.run(made, queued(made, "backbones"), BackbonesConfig(device="cpu")))


@pytest.mark.slow
def test_on_the_command_line(
    labeled: Project, two_ready: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = ["compare-backbones", str(labeled.folder), "--device=cpu", f"--json={tmp_path / 'out.json'}"]
    assert cli.main(order) == 0
    told = capsys.readouterr().out
    assert "16 labels of 2 classes" in told and LITE in told and VIT in told and "Proposed: " in told
    assert json.loads((tmp_path / "out.json").read_text("utf-8"))["proposed"] in (LITE, VIT)
    assert cli.main([*order[:2], "--backbones=resnet"]) != 0
    assert "no backbone called 'resnet'" in capsys.readouterr().err
