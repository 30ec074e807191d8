"""Where a picture comes from: a file, with the digest of the bytes that it had when it was scanned.

The bytes that are decoded are the bytes that were hashed: a file is read once, whole, and what has another digest
than expected is an ``ImageChanged``, never a picture.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

from fact_core.errors import ImageChanged, ImageError
from fact_core.images.gate import Gate
from fact_core.types import ImageFile, Source, path_of

MAX_BYTES = 1 << 30


def digest_of(content: bytes) -> str:
    """The name of these bytes: of items, features and thumbnails."""
    return blake2b(content, digest_size=16).hexdigest()


@contextmanager
def content_of(source: Source, gate: Gate | None = None) -> Iterator[bytes]:
    """The bytes of a file, read whole.

    ImageError when it is no regular file, empty or too large; ImageChanged when it is not what was scanned.
    OSError when it may not be read. Never waits for a pipe.
    """
    # Without waiting: a pipe that nobody writes to would hold this thread for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path_of(source), flags)
    with os.fdopen(descriptor, "rb") as file:
        size = _checked(os.fstat(descriptor))
        with (gate or Gate()).files.hold(size):
            try:
                content = file.read(size + 1)
            except MemoryError as error:
                raise ImageError("There is not enough memory for this file") from error
            if len(content) != size:
                raise ImageError("The file changed while it was read")
            if isinstance(source, ImageFile) and digest_of(content) != source.digest:
                raise ImageChanged("The file has changed since the scan")
            yield content


def check_unchanged(source: Source) -> None:
    """ImageError in words when the file is gone or is not what was scanned; nothing is decoded."""
    try:
        with content_of(source):
            return
    except OSError as error:
        raise ImageError("An image cannot be read", f"{source}: {error.strerror or error}") from error


def _checked(info: os.stat_result) -> int:
    """The size in bytes of what can be an image at all."""
    if stat.S_ISDIR(info.st_mode):
        raise ImageError("It is a folder")
    if not stat.S_ISREG(info.st_mode):
        raise ImageError(not_regular(info.st_mode))
    if info.st_size == 0:
        raise ImageError("The file is empty")
    if info.st_size > MAX_BYTES:
        raise ImageError("The file is larger than 1 GB")
    return info.st_size


def not_regular(mode: int) -> str:
    """What lies there instead of a file, in words."""
    if stat.S_ISFIFO(mode):
        return "It is a pipe, not a file"
    if stat.S_ISSOCK(mode):
        return "It is a socket, not a file"
    return "It is a device, not a file"
