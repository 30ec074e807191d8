"""What a browser is given is what the network sees."""

from __future__ import annotations

import io
import os
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from fact_core.images import browser, decode
from tests.images.image_help import png16


def photo(width: int = 60, height: int = 40) -> Image.Image:
    small = Image.fromarray(np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def number(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def turned(value: int = 6) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


#: Colours like those of sRGB, and brightness that is not: its curves are straight lines.
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LINEAR = re.sub(rb"(?s)(para\0{4}\0\x03\0\0).{20}", lambda found: found[1] + number(65536, 65536, 0, 65536, 0), SRGB)


def shown(content: bytes) -> np.ndarray:
    """As a browser would show it in the worst case: nothing turned, the page's black beneath, the last word raw."""
    image = Image.open(io.BytesIO(content))
    assert image.mode == "RGB" and not getattr(image, "is_animated", False)
    assert image.getexif().get(0x0112, 1) == 1 and "icc_profile" not in image.info
    return np.asarray(image, dtype=float)


def save_all(folder: Path) -> None:
    """One of each kind that browsers show in another way."""
    picture, clear = photo(), photo().convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(picture.size))
    for way in range(2, 9):
        picture.save(folder / f"turned{way}.jpg", exif=turned(way), quality=95)
    picture.save(folder / "turned.png", exif=turned())
    picture.save(folder / "turned.webp", exif=turned(), lossless=True)
    clear.save(folder / "clear.png")
    clear.save(folder / "clear.webp", lossless=True)
    clear.convert("LA").save(folder / "la.png")
    picture.quantize(8).save(folder / "clear-palette.png", transparency=3)
    picture.save(folder / "one-colour.png", transparency=(0, 0, 0))
    picture.convert("CMYK").save(folder / "print.jpg", quality=95)
    picture.convert("CMYK").save(folder / "print.tif")
    picture.save(folder / "plain.tif")
    picture.save(folder / "plain.bmp")
    rest = {"save_all": True, "append_images": [Image.new("RGB", picture.size, "red")]}
    picture.save(folder / "moving.webp", lossless=True, **rest)
    picture.save(folder / "moving.png", **rest)
    picture.save(folder / "moving.gif", **rest)
    deep = np.asarray(picture.convert("L")).astype(np.uint16) * 16
    (folder / "deep.png").write_bytes(png16(deep))
    (folder / "deep-colour.png").write_bytes(png16(np.asarray(picture).astype(np.uint16) * 16))
    Image.fromarray(deep.astype(np.float32)).save(folder / "float.tif")
    picture.save(folder / "profile.jpg", icc_profile=b"Display P3, or any other", quality=95)
    gamma = PngImagePlugin.PngInfo()
    gamma.add(b"gAMA", (100000).to_bytes(4, "big"))
    picture.save(folder / "gamma.png", pnginfo=gamma)
    picture.save(folder / "linear.jpg", icc_profile=LINEAR, quality=95)
    for name, chunks in {
        "wide.png": {b"gAMA": number(45455), b"cHRM": number(31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600)},
        "newer.png": {b"cICP": bytes((12, 13, 0, 1))},
    }.items():
        said = PngImagePlugin.PngInfo()
        for mark, value in chunks.items():
            said.add(mark, value)
        picture.save(folder / name, pnginfo=said)


def test_what_would_look_otherwise_is_made_anew(tmp_path: Path) -> None:
    save_all(tmp_path)
    ranges = (("grey16", 0.0, 4095.0), ("colour16", 0.0, 4095.0))
    for name in sorted(os.listdir(tmp_path)):
        content, kind = browser.picture(tmp_path / name, 1024, ranges)
        assert kind == "image/png", name  # a small one loses nothing
        wanted = np.asarray(decode.decode(tmp_path / name, ranges=ranges), dtype=float)
        assert np.array_equal(shown(content), wanted), name


PLAIN = PngImagePlugin.PngInfo()
PLAIN.add(b"gAMA", number(45455))
PLAIN.add(b"cHRM", number(31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.jpg", {}),
        ("b.png", {}),
        ("c.webp", {}),
        ("d.jpg", {"exif": turned(1)}),
        ("e.jpg", {"icc_profile": SRGB}),
        ("g.png", {"icc_profile": SRGB}),
        ("h.png", {"pnginfo": PLAIN}),
        ("f.jpg", {"progressive": True}),
    ],
)
def test_what_looks_alike_goes_out_as_it_is(tmp_path: Path, name: str, options: dict[str, object]) -> None:
    photo().save(tmp_path / name, **options)
    for side in (0, 1024):
        content, kind = browser.picture(tmp_path / name, side)
        assert content == (tmp_path / name).read_bytes()
        assert kind == {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}[name[2:]]
    for mode in ("L", "P", "1"):
        photo().convert(mode).save(tmp_path / "x.png")
        assert browser.picture(tmp_path / "x.png")[0] == (tmp_path / "x.png").read_bytes()


@pytest.mark.slow
def test_the_whole_picture_has_all_its_pixels(tmp_path: Path) -> None:
    photo(5000, 700).save(tmp_path / "long.jpg", exif=turned(), quality=90)
    photo(5000, 700).save(tmp_path / "plain.jpg", quality=90)
    whole, kind = browser.picture(tmp_path / "long.jpg")
    assert kind == "image/jpeg" and Image.open(io.BytesIO(whole)).size == (700, 5000)
    wanted = np.asarray(decode.decode(tmp_path / "long.jpg"), dtype=float)
    assert np.abs(shown(whole) - wanted).max() <= 12 and np.abs(shown(whole) - wanted).mean() < 1
    small = browser.picture(tmp_path / "long.jpg", 1024)[0]
    assert Image.open(io.BytesIO(small)).size == (143, 1024)
    assert browser.picture(tmp_path / "plain.jpg")[0] == (tmp_path / "plain.jpg").read_bytes()


def test_a_plain_png_goes_out_without_being_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key must not wait for it."""
    photo(900, 700).save(tmp_path / "a.png")
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", lambda *_: pytest.fail("it was decoded"))
    assert browser.picture(tmp_path / "a.png", 1024)[1] == "image/png"
