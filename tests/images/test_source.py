"""The bytes that are decoded are the bytes that were hashed."""

from __future__ import annotations

import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from fact_core.errors import ImageChanged, ImageError
from fact_core.images import decode
from fact_core.images.gate import Gate, Room
from fact_core.images.source import content_of, digest_of
from fact_core.types import ImageFile


def test_another_picture_under_the_same_name_is_never_decoded(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.new("RGB", (4, 4), "red").save(file)
    known = ImageFile(file, digest_of(file.read_bytes()))
    assert decode.decode(known).getpixel((0, 0)) == (255, 0, 0)
    before = file.stat()
    Image.new("RGB", (4, 4), "tan").save(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    for call in (decode.decode, decode.probe, decode.examine):
        with pytest.raises(ImageChanged, match="changed since the scan"):
            call(known)
    assert decode.decode(file).size == (4, 4)  # where nobody has scanned it


def test_a_file_that_is_replaced_while_it_is_read_is_one_or_the_other(tmp_path: Path) -> None:
    """Its digest is of what was read, in each of many races."""
    colours = {"red": (255, 0, 0), "blue": (0, 0, 255)}
    files = {}
    for name in colours:
        Image.new("RGB", (300, 300), name).save(tmp_path / f"{name}.png")
        files[digest_of((tmp_path / f"{name}.png").read_bytes())] = colours[name]
    target, over = tmp_path / "a.png", threading.Event()
    Image.new("RGB", (300, 300), "red").save(target)

    def replace() -> None:
        turn = 0
        while not over.is_set():
            staged = tmp_path / "staged"
            staged.write_bytes((tmp_path / f"{('red', 'blue')[turn % 2]}.png").read_bytes())
            os.replace(staged, target)
            turn += 1

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        for _ in range(100):
            with content_of(target) as content:
                assert decode.decode(content).getpixel((5, 5)) == files[digest_of(content)]
    finally:
        over.set()
        thread.join()


@pytest.mark.skipif(os.name == "nt", reason="no pipes among the files of Windows")
def test_what_is_no_file_is_told_and_never_waited_for(tmp_path: Path) -> None:
    """Hostile input 7: a pipe, a socket and a device with the name of an image."""
    os.mkfifo(tmp_path / "pipe.jpg")
    began = time.monotonic()
    with pytest.raises(ImageError, match="pipe"):
        decode.decode(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match="device"):
        decode.decode(Path("/dev/zero"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.jpg"))
        with pytest.raises(ImageError):
            decode.decode(tmp_path / "s.jpg")
    assert time.monotonic() - began < 2


def test_room_is_given_to_as_many_as_fit_and_to_a_large_one_alone() -> None:
    room, now, most, lock = Room(100), [0], [0], threading.Lock()

    def hold(size: int) -> None:
        with room.hold(size):
            with lock:
                now[0] += size
                most[0] = max(most[0], now[0] if size <= 100 else 100 + now[0] - size)
                assert size <= 100 or now[0] == size  # the large one is alone
            time.sleep(0.002)
            with lock:
                now[0] -= size

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(hold, [30, 10, 50, 500, 20, 90, 100, 5] * 12))
    assert 30 < most[0] <= 100 and now[0] == 0


def test_room_is_given_back_when_something_fails() -> None:
    gate = Gate(pixels=100, files=100)
    for _ in range(3):
        with pytest.raises(ImageError):
            with decode.decoding(b"no image", gate=gate):
                pass
        with pytest.raises(ValueError, match="mine"):
            with gate.pixels.hold(1000):
                raise ValueError("mine")
    with gate.pixels.hold(100):
        pass


def test_memory_that_is_full_is_the_fault_of_the_file_that_is_named() -> None:
    out = Image.new("RGB", (2, 2))
    from tests.images.image_help import encoded

    with pytest.raises(ImageError, match="not enough memory"):
        with decode.decoding(encoded(out, "PNG")):
            raise MemoryError
