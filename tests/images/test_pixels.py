"""Pixels of more than 8 bits: scaled by the range that is used, the same for all images of a project."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from fact_core.errors import ImageError
from fact_core.images import decode, pixels
from tests.images.image_help import encoded, png16, tiff16, tiff16_planes


def grey(content: bytes, ranges: decode.Ranges = ()) -> list[list[int]]:
    found: list[list[int]] = np.asarray(decode.decode(content, ranges=ranges))[:, :, 0].tolist()
    return found


@pytest.mark.parametrize("bits", [1, 4, 8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_the_bits_that_are_used_reach_from_black_to_white(bits: int, kind: str) -> None:
    most = 2**bits - 1
    content = encoded(Image.fromarray(np.array([[0, most]], dtype=np.uint16)), kind)
    assert decode.examine(content) == decode.Examined(2, 1, kind, "grey16", 0.0, float(most))
    assert pixels.span("grey16", 0, most) == (0, most)
    assert grey(content) == [[0, 255]]


def test_all_images_are_scaled_alike() -> None:
    dark, bright = (Image.fromarray(np.full((2, 2), value, dtype=np.uint16)) for value in (1000, 4000))
    ranges = (("grey16", 0.0, 4095.0),)
    assert grey(encoded(dark, "PNG"), ranges) == [[62, 62], [62, 62]]
    assert grey(encoded(bright, "PNG"), ranges) == [[249, 249], [249, 249]]


def test_eight_bits_in_wider_files_look_like_eight_bits() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    wanted = grey(encoded(Image.fromarray(values), "PNG"))
    assert grey(encoded(Image.fromarray(values.astype(np.int32)), "TIFF")) == wanted
    assert grey(encoded(Image.fromarray(values.astype(np.uint16)), "PNG")) == wanted
    assert grey(encoded(Image.fromarray(values.astype(np.float32)), "TIFF")) == wanted
    ten = grey(encoded(Image.fromarray(values.astype(np.uint16) * 4), "PNG"))
    assert np.abs(np.array(ten) - np.array(wanted)).max() <= 1


def test_infinities_and_what_is_no_number_hide_nothing() -> None:
    values = np.array([[0.0, 0.2, 1.0], [np.inf, -np.inf, np.nan]], dtype=np.float32)
    content = encoded(Image.fromarray(values), "TIFF")
    seen = decode.examine(content)
    assert (seen.deep, seen.low, seen.high) == ("float", 0.0, 1.0)
    assert grey(content) == [[0, 51, 255], [255, 0, 0]]
    nothing = encoded(Image.fromarray(np.full((2, 2), np.nan, dtype=np.float32)), "TIFF")
    assert grey(nothing) == [[0, 0], [0, 0]]


def test_a_hot_pixel_does_not_make_all_others_black() -> None:
    values = np.full((200, 200), 900, dtype=np.uint16)
    values[7, 7] = 65535
    seen = decode.examine(png16(values))
    assert (seen.low, seen.high) == (900, 900)
    found = np.array(grey(png16(values)))
    assert found[7, 7] == 255 and found[0, 0] == round(900 / 1023 * 255)


@pytest.mark.parametrize(
    ("kind", "low", "high", "wanted"),
    [
        ("grey16", 0, 1020, (0, 1023)),
        ("grey16", 800, 3232, (0, 4095)),
        ("grey16", 0, 0, (0, 1)),
        ("grey16", 7000, 9000, (6912, 9088)),  # a thermal camera: far from 0
        ("grey16", 9000, 9000, (0, 16383)),  # one value says nothing of where black is
        ("grey32", -1024, 3071, (-1024, 3072)),
        ("float", 0.1, 0.9, (0, 1)),
        ("float", 0, 254.5, (0, 255)),
        ("float", -1, 1, (-1, 1)),
        ("float", 270, 310, (268, 312)),
        ("float", -5, -5, (-5, -4)),
    ],
)
def test_ranges(kind: str, low: float, high: float, wanted: tuple[float, float]) -> None:
    start, end = pixels.span(kind, low, high, narrow=True)
    assert start <= low and end >= high
    assert (start, end) == wanted


def test_one_image_more_seldom_changes_the_range() -> None:
    reached = np.random.default_rng(0).uniform(2100, 4095, 100)
    assert {pixels.span("grey16", 0, high) for high in reached} == {(0.0, 4095.0)}


@pytest.mark.parametrize("form", ["png", "png alpha", "tiff", "tiff big", "tiff packed", "tiff big packed"])
def test_twelve_bits_in_colours_of_sixteen(form: str) -> None:
    bands = 4 if "alpha" in form else 3
    values = np.random.default_rng(1).integers(0, 4096, (9, 7, bands)).astype(np.uint16)
    values[0, 0, :3], values[..., 3:] = (0, 4095, 2048), 65535
    order = ">" if "big" in form else "<"
    content = png16(values) if "png" in form else tiff16(values, order, "packed" in form)
    seen = decode.examine(content)
    assert (seen.deep, seen.low, seen.high) == ("colour16", 0, 4095)
    found = np.asarray(decode.decode(content, ranges=(("colour16", 0.0, 4095.0),)))
    assert np.array_equal(found, np.round(values[:, :, :3] / 4095 * 255).astype(np.uint8))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("most", [4095, 65535])
def test_colours_of_sixteen_bits_in_planes_are_no_noise(order: str, most: int) -> None:
    """GDAL and ImageJ write them so; Pillow takes each for 8 bits."""
    values = np.random.default_rng(4).integers(0, most + 1, (9, 7, 3)).astype(np.uint16)
    values[0, 0] = (0, most, most // 2)
    content = tiff16_planes(values, order)
    seen = decode.examine(content)
    assert (seen.deep, seen.low, seen.high) == ("colour16", 0, most)
    found = np.asarray(decode.decode(content, ranges=(("colour16", 0.0, float(most)),)))
    assert np.abs(found - np.round(values / most * 255)).max() <= (most == 65535)  # there the upper bytes are enough


@pytest.mark.parametrize("order", ["<", ">"])
def test_deep_grey_whose_zero_is_white_is_no_negative(order: str) -> None:
    """Pillow itself does not know it in big-endian order."""
    values = np.array([[[0], [1000], [4095]]], dtype=np.uint16)
    assert grey(tiff16_planes(values, order, zero=1), (("grey16", 0.0, 4095.0),)) == [[0, 62, 255]]
    assert grey(tiff16_planes(values, order, zero=0), (("grey16", 0.0, 4095.0),)) == [[255, 193, 0]]


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_whole_tiff_of_a_kind_that_is_not_read_is_not_called_damaged(order: str) -> None:
    content = tiff16_planes(np.zeros((3, 4, 2), np.uint16), order, zero=1)
    with pytest.raises(ImageError, match=r"TIFFs of this kind are not read \(grey, 2 values a pixel of 16, 16 bits\)"):
        decode.examine(content)
    with pytest.raises(ImageError, match="damaged"):
        decode.examine(content[:60])


def test_transparency_of_deep_colours_lies_on_white() -> None:
    values = np.zeros((1, 2, 4), dtype=np.uint16)
    values[0, 0] = (4095, 0, 0, 65535)
    found = np.asarray(decode.decode(png16(values), ranges=(("colour16", 0.0, 4095.0),)))
    assert found.tolist() == [[[255, 0, 0], [255, 255, 255]]]


def test_twelve_bits_in_grey_with_transparency_are_not_black() -> None:
    values = np.full((9, 7, 2), 65535, dtype=np.uint16)
    values[..., 0] = np.random.default_rng(3).integers(0, 4096, (9, 7))
    values[0, 0, 0], values[0, 1, 0], values[0, 2] = 0, 4095, (17, 0)
    seen = decode.examine(png16(values))
    assert (seen.deep, seen.low, seen.high) == ("colour16", 0, 4095)
    found = np.asarray(decode.decode(png16(values), ranges=(("colour16", 0.0, 4095.0),)))
    wanted = np.round(values[..., 0] / 4095 * 255).astype(np.uint8)
    wanted[0, 2] = 255  # white beneath
    assert np.array_equal(found, np.dstack([wanted] * 3))


def test_strips_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    alpha = Image.fromarray(rng.integers(0, 256, (23, 11, 4), dtype=np.uint8))
    deep = rng.integers(0, 60000, (23, 11)).astype(np.uint16)
    files = [encoded(alpha, "PNG"), encoded(alpha.quantize(9), "PNG", transparency=2), png16(deep)]
    whole = [np.asarray(decode.decode(each)) for each in files]
    monkeypatch.setattr(pixels, "STRIP", 30)  # two rows
    for one, content in zip(whole, files, strict=True):
        assert np.array_equal(one, np.asarray(decode.decode(content)))


def test_a_tiff_is_turned_once_and_has_its_upright_size() -> None:
    picture, exif = Image.new("RGB", (4, 2), "red"), Image.Exif()
    picture.putpixel((0, 0), (0, 0, 255))
    exif[0x0112] = 6
    content = encoded(picture, "TIFF", exif=exif)
    assert decode.probe(content)[:2] == decode.check(content)[:2] == (2, 4)
    found = decode.decode(content)
    assert found.size == (2, 4) and found.getpixel((1, 0)) == (0, 0, 255)
