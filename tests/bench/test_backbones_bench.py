"""Whether the backbone that labels speak for is the best one on other images: pictures that a child can tell apart."""

import argparse

import numpy as np
import pytest

from fact_core import backbones
from fact_core.bench import backbones as bench
from fact_core.errors import ConfigError, InputError
from fact_core.generators import finish
from tests.conftest import MakeImages

LITE, VIT = "tf_efficientnet_lite0", "timm:test_vit.r160_in1k"


def given(data, *more):
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    few = ["--labels", "16", "--draws", "2", "--cache", str(data.parent / "cache"), "--device", "cpu"]
    return parser.parse_args(["--data", str(data), *few, *more])


@pytest.fixture
def untrained(monkeypatch):
    """The networks have no weights: no download, and colours are told apart all the same."""
    load = backbones.load
    monkeypatch.setattr(backbones, "load", lambda *given, **more: load(*given, **more, random=True))


@pytest.mark.slow
def test_each_backbone_has_a_row_and_the_best_comes_first(tmp_path, make_images: MakeImages, untrained):
    data = make_images(tmp_path / "data", each=24)
    found = finish(bench.run(given(data, f"--backbones={LITE},{VIT}")))
    rows = {row["backbone"]: row for row in found["json"]}
    assert set(rows) == {LITE, VIT} and sum(row["proposed"] for row in rows.values()) == 2
    assert rows[LITE]["by_cv"] > 90 and rows[LITE]["by_test"] > 90 and rows[LITE]["tests"] == 24
    assert all(
        row["near"] <= row["proposed"] and row["ms"] > 0 and "--labels 16" in row["command"] for row in rows.values()
    )
    assert found["text"].count("\n") == 3 and finish(bench.run(given(data, f"--backbones={LITE},{VIT}")))["json"]


def seen(x, test_x, seconds):
    return bench.Seen(np.asarray(x, np.float32), np.asarray(test_x, np.float32), seconds)


def test_a_good_network_is_proposed_and_counted_as_near_the_best():
    """One network sees the class, a cheaper one noise."""
    y = np.arange(80) % 2
    rng = np.random.default_rng(0)
    good = np.stack([y, 1 - y], 1) + 0.1 * rng.normal(size=(80, 2))
    noise = rng.normal(size=(80, 2))
    rows = finish(bench.judged({"good": seen(good, good, 1.0), "noise": seen(noise, noise, 0.1)}, y, y, 2, 40, 3))
    by_name = {row["backbone"]: row for row in rows}
    assert by_name["good"]["proposed"] == by_name["good"]["near"] == 3 and by_name["noise"]["proposed"] == 0
    assert by_name["good"]["by_test"] == 100 and 30 < by_name["noise"]["by_test"] < 80


def test_what_cannot_be_measured_says_so(tmp_path, make_images: MakeImages, untrained):
    data = make_images(tmp_path / "data")
    with pytest.raises(ConfigError, match="nothing to compare"):
        finish(bench.run(given(data, f"--backbones={LITE}")))
    with pytest.raises(InputError, match="fewer images than labels"):
        finish(bench.run(given(data, f"--backbones={LITE},{VIT}", "--labels=99")))
