"""Names and files: what may be called so, written whole or not at all, held by one process."""

from __future__ import annotations

import os
import threading
import unicodedata
from pathlib import Path
from types import TracebackType
from typing import IO

from fact_core.errors import InputError, storage_error

NAME_LENGTH = 200

#: Invisible characters that reorder the text around them.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_name(text: str, what: str = "name") -> str:
    """The name without outer blanks, in NFC. InputError when empty, over 200 characters or with control characters."""
    if not isinstance(text, str):
        raise InputError(f"The {what} is not a text", repr(text)[:80])
    name = unicodedata.normalize("NFC", text).strip()
    if not name:
        raise InputError(f"The {what} is empty", do="Give at least one letter.")
    if len(name) > NAME_LENGTH:
        raise InputError(f"The {what} is too long", f"{len(name)} characters", f"At most {NAME_LENGTH}.")
    bad = next((c for c in name if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _BIDI), None)
    if bad is not None:
        raise InputError(f"The {what} has a character that cannot be shown", f"U+{ord(bad):04X}", "Remove it.")
    return name


def write_text(file: Path, text: str, doing: str) -> None:
    """``write_file`` for a text, in UTF-8, its line ends as they are."""
    write_file(file, text.encode(), doing)


def write_file(file: Path, content: bytes, doing: str) -> None:
    """Write a file whole or not at all, and its folder where that is missing.

    FactError in words when the disk does not let us; ``doing`` as in ``storage_error``.
    """
    # A name of its own: another process or thread may write the same file at this moment.
    staged = file.with_name(f".{file.name}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(staged, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            os.replace(staged, file)
        finally:
            staged.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, doing) from error


class Lock:
    """Holds a lock file for this process until ``release`` or the end of the ``with`` block."""

    def __init__(self, file: IO[str]) -> None:
        self._file: IO[str] | None = file

    def release(self) -> None:
        """Let go. Closing the file frees the lock, also when the process dies."""
        if self._file is not None:
            self._file.close()
            self._file = None

    close = release

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def take_lock(path: Path) -> Lock | None:
    """Take the lock file for this process and write its id into it; None when another one has it."""
    try:
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115  (the Lock closes it)
        if not _try_lock(file):
            file.close()
            return None
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
    except OSError as error:
        raise storage_error(error, "locking the project") from error
    return Lock(file)


def lock_holder(path: Path) -> str:
    """The id of the process that took the lock file last; empty when not known."""
    try:
        return path.read_text(encoding="utf-8")[:20].strip()
    except OSError:
        return ""


def _try_lock(file: IO[str]) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(1 << 30)  # far behind the text, which others must be able to read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
