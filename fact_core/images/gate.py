"""How much memory pictures may take at one time, whatever the number of threads that decode them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PIXELS = 1 << 30  # bytes of decoded pictures at one time
FILES = 1 << 28  # bytes of files that are read and not decoded yet


class Room:
    """So many bytes for all threads together. What needs more than all of it comes in alone."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, wanted: int) -> Iterator[None]:
        """Wait until there is room for ``wanted`` bytes, and keep it until the end of the ``with`` block."""
        taken = min(wanted, self._size)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= taken)
            self._free -= taken
        try:
            yield
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()


class Gate:
    """The room of all that decode side by side. Files come first, then pixels: so nobody waits in a circle."""

    def __init__(self, pixels: int = PIXELS, files: int = FILES) -> None:
        self.pixels, self.files = Room(pixels), Room(files)


def cost(image: Any, full: tuple[int, int]) -> int:
    """Bytes that decoding an opened image takes at most. full: its size before a JPEG was told to be smaller."""
    pixels = int(image.width) * int(image.height)
    if image.format == "WEBP":
        return 20 * pixels  # its decoder keeps two canvases of its own
    if image.format in ("JPEG", "MPO"):
        waves = 8 * full[0] * full[1] if image.info.get("progressive") else 0  # of all scans, before the first pixel
        return 12 * pixels + waves
    return 16 * pixels
