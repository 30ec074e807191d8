from __future__ import annotations

import io
import random
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fact_core.errors import ImageError
from fact_core.images import decode


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def corner(image: Image.Image) -> tuple[int, ...]:
    found = image.getpixel((0, 0))
    assert isinstance(found, tuple)
    return tuple(int(value) for value in found)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_every_format_gives_rgb_of_its_size(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "x"
    file.write_bytes(encoded(Image.new("RGB", (20, 10), (200, 30, 40)), kind))
    found = decode.decode(file)
    assert (found.mode, found.size) == ("RGB", (20, 10))
    assert np.allclose(corner(found), (200, 30, 40), atol=6)
    assert decode.probe(file) == (20, 10, kind)
    assert decode.check(file.read_bytes()) == (20, 10, kind)


def test_the_end_of_the_name_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(encoded(Image.new("RGB", (3, 2)), "PNG"))
    assert decode.probe(tmp_path / "x.jpg") == (3, 2, "PNG")


def test_a_picture_is_turned_as_its_exif_says() -> None:
    picture = Image.new("RGB", (4, 2), "red")
    picture.putpixel((0, 0), (0, 0, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise: the top left corner becomes the top right
    content = encoded(picture, "PNG", exif=exif)
    found = decode.decode(content)
    assert found.size == (2, 4)
    assert found.getpixel((1, 0)) == (0, 0, 255)
    assert decode.probe(content)[:2] == (2, 4)
    assert decode.check(content)[:2] == (2, 4)


def test_damaged_metadata_does_not_hide_the_picture() -> None:
    content = encoded(Image.new("RGB", (4, 2)), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xffrubbish")
    assert decode.decode(content).size == (4, 2)
    assert decode.probe(content)[:2] == (4, 2)


def test_transparency_lies_on_white() -> None:
    assert corner(decode.decode(encoded(Image.new("RGBA", (2, 2), (255, 0, 0, 0)), "PNG"))) == (255, 255, 255)
    assert corner(decode.decode(encoded(Image.new("RGBA", (2, 2), (255, 0, 0, 255)), "PNG"))) == (255, 0, 0)
    assert corner(decode.decode(encoded(Image.new("LA", (2, 2), (0, 128)), "PNG"))) == (127, 127, 127)
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    assert corner(decode.decode(encoded(palette, "PNG"))) == (10, 20, 30)
    assert corner(decode.decode(encoded(palette, "PNG", transparency=0))) == (255, 255, 255)
    assert corner(decode.decode(encoded(Image.new("RGB", (2, 2), (9, 9, 9)), "PNG", transparency=(9, 9, 9)))) == (
        (255, 255, 255)
    )


def test_other_kinds_of_pixels() -> None:
    assert corner(decode.decode(encoded(Image.new("1", (2, 2), 1), "PNG"))) == (255, 255, 255)
    assert corner(decode.decode(encoded(Image.new("CMYK", (2, 2), (0, 0, 0, 0)), "JPEG"))) == (255, 255, 255)
    sixteen = Image.fromarray(np.array([[0, 257 * 100], [65535, 128]], dtype=np.uint16))
    for kind in ("PNG", "TIFF"):
        grey = np.asarray(decode.decode(encoded(sixteen, kind)))[:, :, 0]
        assert grey.tolist() == [[0, 100], [255, 0]]
    wide = Image.fromarray(np.array([[-10.0, 0.0], [10.0, np.nan]], dtype=np.float32))
    assert np.asarray(decode.decode(encoded(wide, "TIFF")))[:, :, 0].tolist() == [[0, 128], [255, 128]]
    unit = Image.fromarray(np.array([[0.0, 0.2]], dtype=np.float32))
    assert np.asarray(decode.decode(encoded(unit, "TIFF")))[0, :, 0].tolist() == [0, 51]


def test_the_first_frame_of_an_animation() -> None:
    red, blue = Image.new("RGB", (2, 2), "red"), Image.new("RGB", (2, 2), "blue")
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        content = encoded(red, kind, save_all=True, append_images=[blue], lossless=True)
        assert corner(decode.decode(content)) == (255, 0, 0), kind


def test_a_large_jpeg_is_decoded_small() -> None:
    content = encoded(noise(1600, 1200), "JPEG")
    found = decode.decode(content, 200)
    assert found.size == (200, 150)
    full = np.asarray(decode.decode(content).resize((200, 150), Image.Resampling.BOX), dtype=float)
    assert np.abs(np.asarray(found, dtype=float) - full).mean() < 8
    assert decode.decode(content, 5000).size == (1600, 1200)  # never enlarged
    assert decode.decode(encoded(noise(40, 10), "PNG"), 20).size == (20, 5)


def test_a_thumbnail_is_a_small_jpeg() -> None:
    found = Image.open(io.BytesIO(decode.thumbnail(Image.new("RGB", (400, 200), "red"))))
    assert (found.format, found.size) == ("JPEG", (160, 80))
    assert Image.open(io.BytesIO(decode.thumbnail(Image.new("L", (9, 9))))).size == (9, 9)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello", "not an image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC is not supported"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "AVIF is not supported"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "video"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"%PDF-1.4", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "SVG"),
        (b"  <!doctype html><script>alert(1)</script>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"P6 2 2 255 aaaaaaaaaaaa", "not an image"),
        (b"\xff\xd8\xff\xe0rubbish", "cut off"),
        (b"\x89PNG\r\n\x1a\nrubbish", "damaged"),
    ],
)
def test_what_is_no_image_is_said_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "x.jpg"
    file.write_bytes(content)
    for call in (decode.decode, decode.probe):
        for source in (file, content):
            with pytest.raises(ImageError, match=words):
                call(source)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_a_truncated_file_ends_too_early(kind: str) -> None:
    content = encoded(noise(200, 150), kind)
    for share in (0.6, 0.95):
        with pytest.raises(ImageError) as caught:
            decode.check(content[: int(len(content) * share)])
        assert "cut off" in caught.value.what or "damaged" in caught.value.what
    if kind in ("PNG", "JPEG", "BMP"):
        with pytest.raises(ImageError, match="cut off"):
            decode.check(content[: len(content) // 2])


def test_files_that_are_gone_or_folders(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="not there any more"):
        decode.decode(tmp_path / "gone.png")
    with pytest.raises(ImageError, match="folder"):
        decode.decode(tmp_path)


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    small = bytearray(encoded(Image.new("L", (1, 1)), "BMP"))
    for width, height in ((20_000, 10_001), (40_000, 40_000)):
        small[18:26] = width.to_bytes(4, "little") + height.to_bytes(4, "little")
        for call in (decode.decode, decode.probe, decode.check):
            with pytest.raises(ImageError, match="too large"):
                call(bytes(small))


def test_a_hundred_megapixels_are_read() -> None:
    content = encoded(Image.new("1", (10_000, 10_000)), "PNG")
    assert decode.probe(content)[:2] == (10_000, 10_000)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert decode.check(content)[:2] == (10_000, 10_000)
    assert told == []


def test_warnings_of_pillow_do_not_leak_from_threads() -> None:
    content = encoded(Image.new("P", (4, 4)), "PNG", transparency=b"\0\1")  # Pillow warns about such files
    odd = encoded(Image.new("RGB", (4, 2)), "TIFF")[:-6] + b"\xff" * 6
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(decode.decode, [content] * 64))
        for source in (odd, content):
            try:
                decode.decode(source)
            except ImageError:
                pass
    assert told == []


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_damaged_bytes_never_crash(kind: str) -> None:
    content = encoded(noise(24, 16), kind)
    chance = random.Random(7)
    for _ in range(150):
        broken = bytearray(content)
        for _ in range(chance.randint(1, 12)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        for call in (decode.decode, decode.probe, decode.check):
            try:
                call(bytes(broken))
            except ImageError as error:
                assert error.what
                assert "\n" not in error.what


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_picture_or_an_image_error(content: bytes) -> None:
    try:
        assert decode.decode(content).mode == "RGB"
    except ImageError as error:
        assert error.what
