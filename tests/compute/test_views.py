"""Which part of a picture is seen."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fact_core.choices import VIEWS, resolve
from fact_core.compute.image_batches import Preprocess, batches, load_eval
from fact_core.errors import ConfigError, ImageError

PRE = Preprocess(32, 0.875)
WHOLE = replace(PRE, view="whole", step=8)
SIZES = [(50, 40), (40, 50), (32, 32), (5, 3), (400, 20), (1, 1), (1, 1000), (1000, 1), (33, 97)]


@pytest.mark.parametrize("name", sorted(VIEWS))
@pytest.mark.parametrize("size", SIZES)
def test_every_view_is_bounded_and_lies_in_the_picture(name, size):
    view = resolve(VIEWS[name].target)(*size, 32, 0.875, 8)
    left, top, right, bottom = view.box
    assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
    assert min(view.size) == 32 and max(view.size) <= 3 * 32
    assert all(side % 8 == 0 for side in view.size)
    picture = load_eval(Image.new("RGB", size, (9, 8, 7)), replace(PRE, view=name, step=8))
    assert picture.shape == (3, view.size[1], view.size[0]) and (picture[0] == 9).all()
    assert VIEWS[name].title and VIEWS[name].help.endswith(".")


@pytest.mark.parametrize(("size", "wanted"), [((64, 48), (40, 32)), ((48, 64), (32, 40)), ((100, 100), (32, 32))])
def test_whole_keeps_proportions_to_half_a_step(size, wanted):
    assert WHOLE.cut(size) == (wanted, (0, 0, *size))


def test_of_a_panorama_the_middle_is_seen():
    assert WHOLE.cut((1000, 100)) == ((96, 32), (350, 0, 650, 100))
    assert WHOLE.cut((100, 1000)) == ((32, 96), (0, 350, 100, 650))


def test_the_edges_are_seen_unless_cropped():
    image = Image.new("RGB", (400, 200), "black")
    image.paste("white", (0, 0, 60, 200))
    seen = {name: load_eval(image, replace(PRE, view=name)).max() == 255 for name in VIEWS}
    assert seen == {"crop": False, "squash": True, "whole": True}


def test_an_unknown_view_is_an_error_in_words():
    with pytest.raises(ConfigError, match="view"):
        replace(PRE, view="fisheye").cut((3, 4))


def test_what_is_stored_of_a_crop_is_what_always_was():
    assert list(PRE.to_dict()) == ["pixels", "crop_pct", "interpolation", "mean", "std"]
    assert list(replace(PRE, step=8).to_dict()) == list(PRE.to_dict())
    for pre in (WHOLE, replace(PRE, view="squash"), replace(WHOLE, ranges=(("grey16", 0.0, 9.0),))):
        assert Preprocess.from_dict(json.loads(json.dumps(pre.to_dict()))) == pre
    assert Preprocess.from_dict(PRE.to_dict()).view == "crop"


@pytest.fixture
def mixed(tmp_path):
    """Forty pictures of every shape, noise each."""
    rng = np.random.default_rng(3)
    sizes = [SIZES[i % len(SIZES)] for i in range(40)]
    for i, (width, height) in enumerate(sizes):
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(tmp_path / f"{i:02}.png")
    return sorted(tmp_path.glob("*.png"))


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_whole_pictures_come_by_shape_each_once_and_as_alone(mixed, batch):
    found = list(batches(mixed, WHOLE, batch, 2))
    assert sorted(row for rows, _ in found for row in rows.tolist()) == list(range(40))
    for rows, pictures in found:
        assert rows.tolist() == sorted(rows) and len(rows) == len(pictures)
        assert len(pictures) == 1 or pictures[:, 0].size <= batch * 32**2
        for row, picture in zip(rows, pictures, strict=True):
            assert (picture == load_eval(mixed[row], WHOLE)).all()


def test_pictures_that_wait_for_their_shape_are_bounded(mixed):
    """Of many shapes what is read ahead is given on before all is read."""
    read = []
    first = next(iter(batches(mixed * 10, WHOLE, 2, 1, on_image=lambda row, _: read.append(row))))
    assert len(first[0]) >= 1 and len(read) < 40


def test_a_bad_file_is_told_and_the_others_come(mixed):
    mixed[4].write_bytes(b"no picture")
    bad = {}
    rows = [row for got, _ in batches(mixed, WHOLE, 8, 2, on_bad=bad.__setitem__) for row in got.tolist()]
    assert list(bad) == [4] and sorted(rows) == [row for row in range(40) if row != 4]
    with pytest.raises(ImageError):
        list(batches(mixed, WHOLE, 8, 2))
