"""What EXIF says of a photo's time and camera; hostile EXIF says nothing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from fact_core.images.decode import examine
from fact_core.images.taken import taken

NOON = 1714564800.0  # 2024-05-01 12:00:00


def photo(
    kind: str = "JPEG", *, model: object = "X100", at: object = "2024:05:01 12:00:00", parts: object = ""
) -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", model
    exif.get_ifd(0x8769)[0x9003] = at
    if parts:
        exif.get_ifd(0x8769)[0x9291] = parts
    out = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(out, kind, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_time_and_camera(kind: str) -> None:
    found = examine(photo(kind, parts="25"))
    assert (found.taken, found.camera) == (NOON + 0.25, "Maker X100")


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "WEBP"])
def test_the_time_of_the_last_change_where_no_other_is_said(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0132] = "2024:05:01 12:00:00"
    out = io.BytesIO()
    Image.new("RGB", (8, 6)).save(out, kind, exif=exif)
    assert (examine(out.getvalue()).taken, examine(out.getvalue()).camera) == (NOON, "")


@pytest.mark.parametrize("at", ["0000:00:00 00:00:00", "    :  :     :  :  ", "soon", "2024-05-01 12:00:00", "\0\n"])
def test_a_time_that_is_none(at: str) -> None:
    assert examine(photo(at=at)).taken == 0


def test_hostile_exif_is_no_error(tmp_path: Path) -> None:
    found = examine(photo(model="\x1b[31m" + "m" * 60_000, parts="x"))
    assert found.taken == NOON and len(found.camera) <= 100 and found.camera.isprintable()
    content = bytearray(photo())
    start = content.index(b"Exif\0\0") + 6
    for at in range(start, start + 80):
        broken = content.copy()
        broken[at] = 255 - broken[at]
        with Image.open(io.BytesIO(bytes(broken))) as image:
            seconds, camera = taken(image)
        assert seconds >= 0 and isinstance(camera, str)


def test_formats_without_exif_of_their_own_say_nothing() -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 6)).save(out, "PNG")
    assert (examine(out.getvalue()).taken, examine(out.getvalue()).camera) == (0.0, "")
