"""Image files as they must be feared: decoded or told in words, never a crash."""

from __future__ import annotations

import io
import random
import struct
import time
import zlib
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from fact_core.errors import ImageError
from fact_core.images import browser, decode
from tests.images.image_help import chunk, encoded, png16, tiff16

KINDS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")


def noise(width: int = 24, height: int = 16, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def outcome(content: bytes) -> str:
    """ "picture", or why there is none. Anything but an ImageError is a failure."""
    try:
        found = decode.examine(content)
        picture = decode.decode(content, 64)
    except ImageError as error:
        assert error.what and "\n" not in error.what
        return error.what
    assert picture.mode == "RGB" and max(picture.size) <= 64
    assert found.width > 0 and found.height > 0
    return "picture"


def test_a_decompression_bomb() -> None:
    """Hostile input 7: a decompression bomb, in each format that can say how large it is, is refused unread."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1 << 24)))
    bmp = bytearray(encoded(Image.new("L", (1, 1)), "BMP"))
    bmp[18:26] = struct.pack("<ii", 100_000, 100_000)
    gif = bytearray(encoded(Image.new("P", (1, 1)), "GIF"))
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    for content in (png, bytes(bmp), bytes(gif)):
        assert "too large" in outcome(content)


def test_a_bomb_of_text() -> None:
    """Hostile input 7: a picture of 1 x 1 that unpacks to gigabytes of text."""
    deep = zlib.compress(bytes(1 << 27))
    content = encoded(Image.new("RGB", (1, 1)), "PNG")
    head, rest = content[:33], content[33:]
    began = time.process_time()
    outcome(head + chunk(b"zTXt", b"k\0\0" + deep) * 40 + rest)
    info = PngImagePlugin.PngInfo()
    for number in range(100):
        info.add_text(f"k{number}", "x" * 900_000, zip=True)
    outcome(encoded(Image.new("RGB", (1, 1)), "PNG", pnginfo=info))
    assert time.process_time() - began < 20


def test_many_passes_over_a_large_picture() -> None:
    """Hostile input 7: a progressive JPEG that asks for thousands of passes over its pixels is refused unread."""
    content = encoded(Image.new("L", (6000, 6000)), "JPEG", progressive=True, quality=20)
    at = content.rindex(b"\xff\xda")
    scan = content[at:-2]
    began = time.process_time()
    assert "too much work" in outcome(content[:at] + scan * 4000 + content[-2:])
    assert time.process_time() - began < 2
    assert outcome(content) == "picture"


def test_many_frames() -> None:
    """Hostile input 7: of an animation only the first frame is decoded, however many there are."""
    frames = [Image.new("P", (200, 200), number % 250) for number in range(800)]
    content = encoded(Image.new("P", (200, 200)), "GIF", save_all=True, append_images=frames)
    began = time.process_time()
    assert outcome(content) == "picture"
    assert time.process_time() - began < 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_file(kind: str) -> None:
    """Hostile input 7: a truncated file is cut off or damaged, and says so."""
    content = encoded(noise(200, 150), kind)
    for share in (0.5, 0.9):
        told = outcome(content[: int(len(content) * share)])
        assert "cut off" in told or "damaged" in told


def test_cmyk() -> None:
    """Hostile input 7: CMYK looks as printed."""
    for kind in ("JPEG", "TIFF"):
        found = np.asarray(decode.decode(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), kind)))
        assert np.abs(found.astype(int) - (255, 0, 0)).max() <= 3


def test_sixteen_bits() -> None:
    """Hostile input 7: 16-bit grey and colours."""
    values = np.array([[0, 30000, 65535]], dtype=np.uint16)
    assert np.asarray(decode.decode(png16(values)))[0, :, 1].tolist() == [0, 117, 255]
    colours = np.array([[[0, 30000, 65535]]], dtype=np.uint16)
    for content in (png16(colours), tiff16(colours)):
        assert np.asarray(decode.decode(content))[0, 0].tolist() == [0, 117, 255]


def test_a_palette() -> None:
    """Hostile input 7: a palette, with colours that are not there."""
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30])
    picture.putpixel((1, 0), 200)
    found = decode.decode(encoded(picture, "PNG"))
    assert found.getpixel((0, 0)) == (10, 20, 30)


def test_alpha() -> None:
    """Hostile input 7: what is transparent lies on white."""
    for mode, colour in (("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))):
        assert decode.decode(encoded(Image.new(mode, (2, 2), colour), "PNG")).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation(kind: str) -> None:
    """Hostile input 7: an animation is its first frame."""
    rest = [Image.new("RGB", (4, 4), "blue")] * 3
    content = encoded(Image.new("RGB", (4, 4), "red"), kind, save_all=True, append_images=rest, lossless=True)
    assert decode.decode(content).getpixel((0, 0)) == (255, 0, 0)


def test_no_bytes() -> None:
    """Hostile input 7: 0 bytes."""
    assert outcome(b"") == "The file is empty"


def test_a_hundred_megapixels() -> None:
    """Hostile input 7: 100 megapixels are read."""
    found = decode.examine(encoded(Image.new("1", (10_000, 10_000)), "PNG"))
    assert (found.width, found.height) == (10_000, 10_000)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_ending(tmp_path, kind: str) -> None:
    """Hostile input 7: a wrong ending of the name: the bytes count, also for what a browser is told."""
    for name in ("a.jpg", "b.png", "c.tif"):
        (tmp_path / name).write_bytes(encoded(Image.new("RGB", (3, 2)), kind))
        assert decode.examine(tmp_path / name).format == kind
        content, told = browser.picture(tmp_path / name)
        assert told == f"image/{str(Image.open(io.BytesIO(content)).format).lower()}"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("value", range(1, 9))
def test_exif_rotation(kind: str, value: int) -> None:
    """Hostile input 7: all eight EXIF orientations, by where the marked corner goes."""
    picture = Image.new("RGB", (32, 16), "white")
    picture.paste("black", (0, 0, 8, 8))  # top left
    exif = Image.Exif()
    exif[0x0112] = value
    found = decode.decode(encoded(picture, kind, exif=exif))
    assert found.size == ((32, 16) if value < 5 else (16, 32))
    last = (found.width - 3, found.height - 3)
    corner = {
        1: (2, 2),
        2: (last[0], 2),
        3: last,
        4: (2, last[1]),
        5: (2, 2),
        6: (last[0], 2),
        7: last,
        8: (2, last[1]),
    }
    assert sum(found.getpixel(corner[value])) < 60


def test_eps() -> None:
    """Hostile input 7: EPS is told by name, and no interpreter of it is ever started."""
    assert "PostScript" in outcome(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n")


def test_heic() -> None:
    """Hostile input 7: HEIC is told by name, with what to do."""
    assert outcome(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic") == "HEIC is not supported; convert it to JPEG"


def test_links_that_became_text() -> None:
    """A copy without links leaves their text behind, and an annex its pointers."""
    assert "text of a link" in outcome(b"../../blobs/1f3a")
    assert "git annex get" in outcome(b"/annex/objects/SHA256E-s9--ab.png\n")


def made() -> list[bytes]:
    """Well-formed files of many kinds, to be damaged."""
    picture, rest = noise(), {"save_all": True, "append_images": [noise(seed=1), noise(seed=2)]}
    deep = np.random.default_rng(3).integers(0, 5000, (16, 24)).astype(np.uint16)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "words"
    files = [encoded(picture, kind) for kind in KINDS]
    files += [encoded(picture, kind, **rest) for kind in ("GIF", "WEBP", "TIFF", "PNG")]
    files += [encoded(picture.convert(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGBA")]
    files += [encoded(picture.convert("CMYK"), kind) for kind in ("JPEG", "TIFF")]
    files += [encoded(picture, kind, exif=exif) for kind in ("JPEG", "PNG", "WEBP", "TIFF")]
    files += [encoded(picture, "TIFF", compression=each) for each in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg")]
    files += [
        encoded(picture, "JPEG", progressive=True, icc_profile=bytes(200)),
        png16(deep),
        tiff16(np.stack([deep] * 3, axis=2)),
    ]
    files += [encoded(Image.fromarray(deep.astype(kind)), "TIFF") for kind in (np.float32, np.int32, np.uint16)]
    return files


def damaged(content: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """The same with bytes changed, cut out, doubled, swollen, or put together with another file."""
    broken, how = bytearray(content), chance.randrange(6)
    at, to = sorted(chance.randrange(len(broken)) for _ in range(2))
    if how == 0:
        for _ in range(chance.randint(1, 20)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
    elif how == 1:
        del broken[at:to]
    elif how == 2:
        broken[at:at] = broken[at:to] * chance.randint(1, 5)
    elif how == 3:
        broken[at : at + 4] = chance.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4), b"\xff\xff\xff\x7f"])
    elif how == 4:
        broken[to:] = chance.choice(others)[at:]
    else:
        early = chance.randrange(min(64, len(broken)))
        broken[early] ^= 1 << chance.randrange(8)
    return bytes(broken)


@pytest.mark.slow
def test_three_hundred_hostile_files() -> None:
    """Hostile input 7: 420 files, damaged in every way: decoded or told by name, never a crash."""
    chance, files = random.Random(20), made()
    told = [outcome(damaged(files[number % len(files)], chance, files)) for number in range(420)]
    found = Counter("picture" if each == "picture" else "told" for each in told)
    assert found["picture"] > 40 and found["told"] > 120, found
    assert all(outcome(each) == "picture" for each in files)


STARTS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"RIFF\xff\0\0\0WEBPVP8 ",
    b"",
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_any_bytes_behind_the_start_of_an_image(start: bytes, rest: bytes) -> None:
    """Hostile input 7: 300 files of any bytes."""
    outcome(start + rest)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from(["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"]))
def test_any_shape_and_mode(width: int, height: int, mode: str) -> None:
    """Hostile input 7: whole pictures of any shape and any kind of pixels."""
    width = min(width, 200_000 // height + 1)
    save: Callable[[], bytes] = lambda: encoded(Image.new(mode, (width, height)), "TIFF")  # noqa: E731
    found = decode.examine(save())
    assert (found.width, found.height) == (width, height)
    assert max(decode.decode(save(), 100).size) <= 100


def test_a_png_whose_pixels_are_damaged_is_told_by_the_scan() -> None:
    """Hostile input 7: Pillow loads a PNG when it is asked for its EXIF, and keeps to itself that this failed."""
    out = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    whole, told = out.getvalue(), 0
    for place in range(60, len(whole) - 20, 97):
        damaged = whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :]
        try:
            decode.decode(damaged)
        except ImageError:
            told += 1
            with pytest.raises(ImageError):
                decode.examine(damaged)
    assert told > 10
