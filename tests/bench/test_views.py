"""What a view is worth: where the class stands at the edge, a crop cannot know it."""

import argparse

import numpy as np
import pytest
from PIL import Image

from fact_core import backbones
from fact_core.bench import views
from fact_core.errors import InputError
from fact_core.generators import finish


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    for name, colour in (("red", (255, 0, 0)), ("green", (0, 255, 0))):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(20):
            image = Image.fromarray(rng.integers(0, 256, (60, 150, 3), dtype=np.uint8))
            image.paste(colour, (0, 0, 40, 60))
            image.paste(colour, (110, 0, 150, 60))
            image.save(tmp_path / "data" / name / f"{i}.png")
    return tmp_path / "data"


def given(data, *more):
    parser = argparse.ArgumentParser()
    views.add_arguments(parser)
    few = ["--pixels", "64", "--labels", "12", "--draws", "3", "--cache", str(data.parent / "cache"), "--device", "cpu"]
    return parser.parse_args(["--data", str(data), *few, *more])


@pytest.fixture
def untrained(monkeypatch):
    """The network has no weights: no download, and colours are told apart all the same."""
    load = backbones.load
    monkeypatch.setattr(backbones, "load", lambda *given, **more: load(*given, **more, random=True))


@pytest.mark.slow
def test_what_stands_at_the_edge_is_known_only_from_whole_pictures(data, untrained):
    found = finish(views.run(given(data)))
    right = {row["view"]: row["accuracy"] for row in found["json"]}
    assert list(right) == ["crop", "squash", "whole"] and right["crop"] < 85 < min(right["squash"], right["whole"])
    assert found["json"][0]["gain"] == 0 and found["text"].count("\n") == 4
    assert [row["tests"] for row in found["json"]] == [20] * 3 and found["json"][0]["data"] == "data"


@pytest.mark.slow
def test_a_second_start_reads_no_image(data, untrained):
    first = finish(views.run(given(data)))
    stores = sorted((data.parent / "cache" / "features").iterdir())
    before = [each.stat().st_mtime_ns for store in stores for each in store.iterdir()]
    assert len(stores) == 3 and finish(views.run(given(data)))["json"] == first["json"]
    assert [each.stat().st_mtime_ns for store in stores for each in store.iterdir()] == before


def test_more_labels_than_images_is_an_error(data):
    with pytest.raises(InputError, match="fewer images than labels"):
        finish(views.run(given(data, "--images", "11")))
