"""Crops by products of matrices against Pillow's own, on the CPU: within one grey level."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fact_core.compute import device_crops
from fact_core.compute.device_crops import Uploaded, uploaded, weights
from fact_core.compute.image_batches import planes
from fact_core.compute.training_images import Drawn, ImageCache, cut, draw_crop
from fact_core.generators import finish

CPU = torch.device("cpu")
SIZES = [(258, 258), (344, 258), (258, 320), (32, 32), (40, 57), (224, 224)]


def images() -> list[Image.Image]:
    """Noise of every scale: sharp edges are where two ways to resize would differ."""
    rng = np.random.default_rng(0)
    found = []
    for width, height in SIZES:
        small = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
        speckled = np.asarray(image).copy()
        speckled[rng.random((height, width)) < 0.1] = 255
        found.append(Image.fromarray(speckled))
    return found


def on_device(pictures: list[Image.Image]) -> Uploaded:
    wide, high = (max(size) for size in zip(*(each.size for each in pictures), strict=True))
    out = torch.zeros(len(pictures), 3, high, wide, dtype=torch.uint8)
    for row, each in enumerate(pictures):
        out[row, :, : each.height, : each.width] = torch.from_numpy(planes(each))
    return Uploaded(out, tuple(each.size for each in pictures))


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("pixels", [64, 224])
def test_crops_are_pillows_within_one_grey_level(pixels: int, interpolation: str) -> None:
    pictures, made = images(), torch.Generator().manual_seed(0)
    rows = torch.tensor([0, 1, 2, 3, 4, 5] * 3)
    drawn = [draw_crop(pictures[row].size, made, 0.08) for row in rows.tolist()]
    wanted = cut([pictures[row] for row in rows.tolist()], drawn, pixels, interpolation).int()
    found = on_device(pictures).crops(drawn, rows, pixels, interpolation)
    assert found.dtype == torch.uint8 and found.shape == wanted.shape
    apart = (found.int() - wanted).abs()
    assert int(apart.max()) <= 1 and float((apart == 0).float().mean()) > 0.98
    assert any(mirror for _, mirror in drawn) and not all(mirror for _, mirror in drawn)


def test_the_whole_picture_at_its_own_size_is_itself() -> None:
    (picture,) = images()[3:4]
    whole: Drawn = ((0.0, 0.0, 32.0, 32.0), False)
    found = on_device([picture]).crops([whole], torch.tensor([0]), 32, "bicubic")
    assert torch.equal(found[0], torch.from_numpy(planes(picture)))


def test_weights_that_a_child_can_check() -> None:
    """Four places into two, by the bilinear filter at twice its width: (1, 3, 3, 1) / 8, cut off at the ends."""
    low, high, size = (torch.tensor([value], dtype=torch.float64) for value in (0.0, 4.0, 4.0))
    found = weights(low, high, size, 4, 2, device_crops.triangle, 1.0)
    assert torch.allclose(found, torch.tensor([[[3, 3, 1, 0], [0, 1, 3, 3]]]) / 7)


def test_nothing_is_uploaded_where_there_is_no_gpu(tmp_path: Path) -> None:
    images()[0].save(tmp_path / "a.png")
    cache = ImageCache([tmp_path / "a.png"], 32)
    assert finish(uploaded(cache, CPU, "bicubic")) is None
    assert finish(uploaded(cache, torch.device("cuda"), "lanczos")) is None
