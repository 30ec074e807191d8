"""The memory that a folder of hostile files can ask for, whatever the number of threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("resource")
pytestmark = pytest.mark.timeout(900)

#: Beside the program itself. A picture of 100 megapixels costs up to 1.6 GB, smaller ones together at most 1 GB.
BOUND = 2_300_000_000
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small files that are large pictures, a dozen of 1 x 20,000 and the like, and eight ordinary ones."""
    folder = tmp_path_factory.mktemp("hostile")
    for number, size in enumerate([(1, 20_000), (20_000, 1), (1, 30_000), (2, 60_000), (60_000, 3)] * 2):
        Image.new("RGB", size, (number, 3, 4)).save(folder / f"long{number}.png")
    Image.new("L", (10_000, 10_000), 1).save(folder / "grey.png", compress_level=1)
    Image.new("RGBA", (9000, 9000), (1, 0, 0, 99)).save(folder / "clear.png", compress_level=1)
    Image.new("RGB", (7000, 7000), (90, 0, 0)).save(folder / "web.webp", method=0, quality=10)
    Image.new("RGB", (9000, 9000), (90, 0, 0)).save(folder / "waves.jpg", progressive=True)
    Image.new("CMYK", (6000, 6000), (1, 0, 0, 0)).save(folder / "print.tif", compression="tiff_lzw")
    Image.fromarray(np.full((7000, 7000), 2, dtype=np.uint16)).save(folder / "deep.tif", compression="tiff_deflate")
    for large in ("grey.png", "clear.png", "web.webp", "waves.jpg", "print.tif", "deep.tif"):  # the same, other bytes
        (folder / f"again-{large}").write_bytes((folder / large).read_bytes() + b"\0")
    (folder / "bomb.bmp").write_bytes(_bomb())
    for number in range(8):
        pixels = np.random.default_rng(number).integers(0, 256, (90, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"photo{number}.png")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("threads", "pool"), [(1, 24), (16, 30)])
def test_the_peak_of_scan_and_features_is_bounded(images: Path, tmp_path: Path, threads: int, pool: int) -> None:
    """Hostile input 7: and every file but the bomb gets its features. One thread never has two of a kind at a time."""
    asked = images if threads > 1 else tmp_path / "once"
    if threads == 1:
        asked.mkdir()
        for file in images.iterdir():
            if not file.name.startswith("again-"):
                os.link(file, asked / file.name)
    line = [sys.executable, "-m", "tests.work.memory_probe", str(asked), str(tmp_path / "p"), str(threads)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["taken"] < BOUND, told
    assert (told["pool"], told["unreadable"], told["features"], told["bad"]) == (pool, 1, pool, [])


def _bomb() -> bytes:
    content = bytearray(b"BM" + bytes(52) + bytes(4))
    content[10], content[14], content[26], content[28] = 54, 40, 1, 24
    content[18:26] = (90_000).to_bytes(4, "little") * 2
    return bytes(content)
