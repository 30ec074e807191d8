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
        (tmp_path / name).mkdir()
        for i in range(20):
            image = Image.fromarray(rng.integers(0, 256, (60, 150, 3), dtype=np.uint8))
            image.paste(colour, (0, 0, 40, 60))
            image.paste(colour, (110, 0, 150, 60))
            image.save(tmp_path / name / f"{i}.png")
    return tmp_path


def given(data, *more):
    parser = argparse.ArgumentParser()
    views.add_arguments(parser)
    return parser.parse_args(["--data", str(data), "--pixels", "64", "--labels", "12", "--draws", "3", *more])


def test_what_stands_at_the_edge_is_known_only_from_whole_pictures(data, monkeypatch):
    made = backbones.load("tf_efficientnet_lite0", random=True, pixels=64)
    monkeypatch.setattr(backbones, "load", lambda *_, **__: made)
    found = finish(views.run(given(data)))
    right = {row["view"]: row["accuracy"] for row in found["json"]}
    assert list(right) == ["crop", "squash", "whole"] and right["crop"] < 85 < min(right["squash"], right["whole"])
    assert found["json"][0]["gain"] == 0 and found["text"].count("\n") == 4


def test_more_labels_than_images_is_an_error(data):
    with pytest.raises(InputError, match="more images than labels"):
        finish(views.run(given(data, "--images", "12")))
