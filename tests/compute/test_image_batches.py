"""From files to batches."""

import io
import json
import math
import threading

import numpy as np
import pytest
import torch
from PIL import Image

from fact_core import processor
from fact_core.compute.image_batches import Preprocess, batches, decoding_threads, load_eval, normalise
from fact_core.compute.training_images import ImageCache, apply_crop, draw_crop, training_batch
from fact_core.errors import ImageError

PRE = Preprocess(32, 0.875, "bicubic", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


@pytest.fixture
def files(tmp_path):
    out = []
    for i in range(7):
        out.append(tmp_path / f"{i}.png")
        Image.new("RGB", (50 + i, 40), (i * 30, 100, 200)).save(out[-1])
    return out


def test_round_trip():
    assert Preprocess.from_dict(PRE.to_dict()) == PRE and PRE.at(64).resize == 73
    assert PRE.resize == math.floor(32 / 0.875) == 36


@pytest.mark.parametrize("size", [(50, 40), (40, 50), (36, 36), (5, 3), (400, 20), (1, 1)])
def test_any_shape_becomes_the_square(size):
    picture = load_eval(Image.new("RGB", size, (9, 8, 7)), PRE)
    assert picture.shape == (3, 32, 32) and (picture == np.array([9, 8, 7], np.uint8)[:, None, None]).all()


def test_the_centre_is_cut_out():
    image = Image.new("RGB", (108, 36), "black")
    image.paste("white", (36, 0, 72, 36))
    assert (load_eval(image, PRE) == 255).all()


def test_same_as_torchvision(files):
    transforms = pytest.importorskip("torchvision.transforms")
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (61, 87, 3), dtype=np.uint8))
    theirs = transforms.Compose(
        [transforms.Resize(36, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(32)]
    )(image)
    assert (load_eval(image, PRE) == np.asarray(theirs).transpose(2, 0, 1)).all()


def test_large_jpeg_close_to_the_full_decoding(tmp_path):
    x, y = np.meshgrid(np.arange(1600), np.arange(1200))
    waves = (127 + 120 * np.sin(x / 150) * np.cos(y / 130)).astype(np.uint8)
    Image.fromarray(np.stack([waves, waves[::-1], waves], 2)).save(tmp_path / "a.jpg", quality=95)
    full = Image.open(tmp_path / "a.jpg").convert("RGB")
    gap = load_eval(tmp_path / "a.jpg", PRE).astype(int) - load_eval(full, PRE)
    assert np.abs(gap).max() <= 4


def test_batches_in_order(files):
    found = list(batches(files, PRE, 3, 2))
    assert [rows.tolist() for rows, _ in found] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [pictures[:, 0, 0, 0].tolist() for _, pictures in found] == [[0, 30, 60], [90, 120, 150], [180]]


def test_bad_files_are_told_and_left_out(files):
    files[1].write_bytes(b"")
    files[4].unlink()
    bad, seen = [], []
    found = list(batches(files, PRE, 2, on_bad=lambda r, e: bad.append(r), on_image=lambda r, i: seen.append(r)))
    assert np.concatenate([rows for rows, _ in found]).tolist() == [0, 2, 3, 5, 6] == sorted(seen)
    assert bad == [1, 4]
    with pytest.raises(ImageError):
        list(batches(files, PRE, 2))


def test_leaving_early_ends_the_threads(files):
    step = batches(files, PRE, 1, 1)
    next(step)
    step.close()


def test_normalise():
    x = normalise(torch.full((2, 3, 4, 4), 255, dtype=torch.uint8), PRE, torch.device("cpu"))
    assert x.dtype == torch.float32 and torch.allclose(x, torch.full_like(x, 2.0))


def test_crops_stay_inside_and_repeat():
    generator = torch.Generator().manual_seed(0)
    shares = []
    for _ in range(200):
        (left, top, right, bottom), _ = draw_crop((60, 40), generator, 0.5)
        assert left >= 0 and top >= 0 and right <= 60 + 1e-9 and bottom <= 40 + 1e-9
        shares.append((right - left) * (bottom - top) / 2400)
    assert min(shares) > 0.4 and max(shares) <= 1.0
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    one, two = (
        apply_crop(image, *draw_crop(image.size, torch.Generator().manual_seed(7), 0.5), 16, "bicubic")
        for _ in range(2)
    )
    assert one.shape == (3, 16, 16) and (one == two).all()


def test_training_batch_is_the_same_from_the_same_state(files):
    cache = ImageCache(files, 16)
    generator = torch.Generator().manual_seed(1)
    state = generator.get_state()
    one = training_batch(cache, [3, 0, 3], 16, generator)
    generator.set_state(state)
    assert one.shape == (3, 3, 16, 16) and one.dtype == torch.uint8
    assert torch.equal(one, training_batch(cache, [3, 0, 3], 16, generator))


def test_cache_keeps_small_pictures_within_its_room(files):
    cache = ImageCache(files, 16, max_bytes=24 * 19 * 4)
    assert min(cache[0].size) == 19 and cache[0] is cache[0]
    assert cache[1] is not cache[1]  # no room left: decoded again
    with pytest.raises(ImageError):
        files[2].write_bytes(b"")
        cache[2]


def test_pictures_from_bytes_have_three_planes(tmp_path):
    buffer = io.BytesIO()
    Image.new("L", (40, 40), 7).save(buffer, "PNG")
    (tmp_path / "grey.png").write_bytes(buffer.getvalue())
    assert (load_eval(tmp_path / "grey.png", PRE) == 7).all()


def resized_whole(image, pre):
    """The picture as it was made before: resized whole, then cut."""
    (width, height), short = image.size, pre.resize
    size = (short, max(short, int(short * height / width)))
    if width > height:
        size = (max(short, int(short * width / height)), short)
    whole = image.resize(size, Image.Resampling.BICUBIC)
    left, top = round((size[0] - pre.pixels) / 2), round((size[1] - pre.pixels) / 2)
    return np.asarray(whole.crop((left, top, left + pre.pixels, top + pre.pixels))).transpose(2, 0, 1)


@pytest.mark.parametrize(
    "size", [(640, 480), (481, 641), (300, 300), (37, 91), (1200, 90), (7, 5), (224, 3000), (36, 50)]
)
@pytest.mark.parametrize("pre", [PRE, Preprocess(224, 0.9), Preprocess(64, 1.0)])
def test_cutting_before_resizing_changes_no_more_than_one_grey_level(size, pre):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    found = load_eval(image, pre).astype(int)
    assert np.abs(found - resized_whole(image, pre).astype(int)).max() <= 1


@pytest.mark.parametrize("size", [(1, 30_000), (30_000, 1), (2, 100_000)])
def test_a_very_long_picture_costs_no_more_than_others(size):
    """Hostile input 7: resized whole, 1 x 30,000 took 9 GB."""
    resource = pytest.importorskip("resource")
    image = Image.new("RGB", size, (9, 8, 7))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (load_eval(image, Preprocess(224)) == np.array([9, 8, 7], np.uint8)[:, None, None]).all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KB


def test_of_a_very_long_picture_the_middle_is_trained_on(tmp_path):
    image = Image.new("RGB", (10, 5000), "black")
    image.paste("white", (0, 2420, 10, 2580))
    image.save(tmp_path / "a.png")
    kept = ImageCache([tmp_path / "a.png"], 32)[0]
    assert kept.size == (10, 160) and (np.asarray(kept) == 255).all()


def test_the_range_of_deep_pixels_goes_all_ways(tmp_path):
    values = np.full((40, 40), 2048, dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    pre = Preprocess(32, ranges=(("grey16", 0.0, 4095.0),))
    assert Preprocess.from_dict(json.loads(json.dumps(pre.to_dict()))) == pre
    assert "ranges" not in PRE.to_dict()  # features and networks that are kept go by their old names
    ((_, pictures),) = batches([tmp_path / "a.png"], pre)
    cached = np.asarray(ImageCache([tmp_path / "a.png"], 32, ranges=pre.ranges)[0])
    assert (pictures == 128).all() and (cached == 128).all() and (load_eval(tmp_path / "a.png", pre) == 128).all()


def test_a_file_whose_picture_does_not_fit_into_memory_is_told_and_the_others_go_on(files, monkeypatch):
    from fact_core.compute import image_batches

    centre = image_batches._seen

    def full(image, pre):
        if image.width == 53:
            raise MemoryError
        return centre(image, pre)

    monkeypatch.setattr(image_batches, "_seen", full)
    bad = {}
    rows = [row for got, _ in batches(files, PRE, 2, on_bad=bad.__setitem__) for row in got.tolist()]
    assert rows == [0, 1, 2, 4, 5, 6] and "not enough memory" in bad[3].what


def test_pictures_are_decoded_by_a_thread_a_core_however_many_compute(files, monkeypatch):
    """OMP_NUM_THREADS=1, as clusters set it, once meant a single thread that decodes."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(processor, "cores", lambda: 3)
    names, meet = set(), threading.Barrier(3)

    def seen(row, image):
        names.add(threading.current_thread().name)
        if row < 3:
            meet.wait(30)  # three at once, or never

    assert sum(len(rows) for rows, _ in batches(files[:3], PRE, 8, on_image=seen)) == 3
    assert len(names) == 3
    monkeypatch.setattr(processor, "cores", lambda: 64)
    assert decoding_threads() == 16
