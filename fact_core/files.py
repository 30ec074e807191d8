"""Names and files: what may be called so, written whole or not at all, held by one process."""

from __future__ import annotations

import glob
import io
import os
import threading
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from filelock import BaseFileLock, FileLock, Timeout

from fact_core.errors import InputError, storage_error

NAME_LENGTH = 200
NOTE_LENGTH = 2_000

#: Characters without width that say nothing, marks of direction among them: two names that only they tell apart look
#: the same. So do two of which one has a blank that no line breaks at, as copied from a web page.
_ALIKE: dict[int, str | None] = {
    **dict.fromkeys(map(ord, "\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff")),
    **dict.fromkeys(map(ord, "\u00a0\u2007\u202f"), " "),
}
#: These join or part letters, and say nothing at an end.
_JOINERS = "\u200c\u200d"

#: Invisible characters that reorder the text around them.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_name(text: str, what: str = "name") -> str:
    """The name without outer blanks and characters that nobody can see, with plain blanks, in NFC.

    InputError when empty, over 200 characters or with control characters.
    """
    if not isinstance(text, str):
        raise InputError(f"The {what} is not a text", repr(text)[:80])
    name = as_seen(text).strip().strip(_JOINERS).strip()
    if not name:
        raise InputError(f"The {what} is empty", do="Give at least one letter.")
    if len(name) > NAME_LENGTH:
        raise InputError(f"The {what} is too long", f"{len(name)} characters", f"At most {NAME_LENGTH}.")
    if bad := unseen(name):
        raise InputError(f"The {what} has a character that cannot be shown", f"U+{ord(bad):04X}", "Remove it.")
    return name


def as_seen(text: str) -> str:
    """The text without what nobody can see, in NFC: names that look the same are the same."""
    return unicodedata.normalize("NFC", text).translate(_ALIKE)


def clean_note(text: str) -> str:
    """The text without outer blanks, in NFC, its lines ended by one sign. InputError when it cannot be a note."""
    if not isinstance(text, str):
        raise InputError("The note is not a text", repr(text)[:80])
    tidy = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(tidy) > NOTE_LENGTH:
        raise InputError("The note is too long", f"{len(tidy):,} characters", f"At most {NOTE_LENGTH:,}.")
    bad = next((c for c in tidy if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs")), None)
    if bad is not None:
        raise InputError("The note has a character that cannot be shown", f"U+{ord(bad):04X}", "Remove it.")
    return tidy


def unseen(text: str) -> str:
    """The first character that ends a line, controls a terminal or reorders the text around it; "" where none does."""
    return next((c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _BIDI), "")


def write_text(file: Path, text: str, doing: str) -> None:
    """``write_file`` for a text, in UTF-8, its line ends as they are."""
    write_file(file, text.encode(), doing)


def write_file(file: Path, content: bytes, doing: str) -> None:
    """Write a file whole or not at all, and its folder where that is missing.

    FactError in words when the disk does not let us; ``doing`` as in ``storage_error``.
    """
    _write(file, lambda out: out.write(content), doing)


def write_arrays(file: Path, arrays: Mapping[str, npt.ArrayLike], doing: str) -> None:
    """``write_file`` for named arrays, as numpy reads them from an .npz: never all of them in memory once more."""
    _write(file, lambda out: np.savez(out, allow_pickle=False, **arrays), doing)


def _write(file: Path, fill: Callable[[IO[bytes]], object], doing: str) -> None:
    # A name of its own: another process or thread may write the same file at this moment.
    staged = file.with_name(f".{file.name}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(staged, "wb") as out:
                fill(out)
                out.flush()
                os.fsync(out.fileno())
            os.replace(staged, file)
        finally:
            staged.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, doing) from error


def array_bytes(x: npt.NDArray[Any]) -> bytes:
    """An array as numpy saves it.

    numpy writes into a file past Python, and where the disk is full it does not say why it could not.
    """
    out = io.BytesIO()
    np.save(out, x, allow_pickle=False)
    return out.getvalue()


def halves(file: Path) -> list[Path]:
    """What killed processes have left half written of a file by ``write_file``, where nobody else writes it now."""
    return sorted(file.parent.glob(f".{glob.escape(file.name)}.*-*.new"))


def _file_at(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one that has its name; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Lock:
    """Holds a lock file for this process until ``release``, the end of the ``with`` block, or the process's own end."""

    def __init__(self, held: BaseFileLock) -> None:
        self._held = held
        self._taken = _file_at(Path(held.lock_file))

    def stands(self) -> bool:
        """Whether others who want it look at the same file: it was not deleted, and no other one put in its place."""
        return _file_at(Path(self._held.lock_file)) == self._taken

    def release(self) -> None:
        """Let go; twice does nothing more. The file stays, so that all who want it look at the same one."""
        self._held.release(force=True)

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def take_lock(path: Path, note: str = "") -> Lock | None:
    """Take the lock file for this process; None when another one has it.

    The process's id is written into it, and ``note`` behind that. StorageError where the file cannot be written,
    or lies on a file system without locks. A full disk is an error only where there is a note.
    """

    def sign(descriptor: int) -> None:
        # Behind a first byte that carries the lock on Windows, where nobody else can read it.
        text = f"\n{os.getpid()} {note}".rstrip().encode() + b"\n"
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.truncate(descriptor, os.write(descriptor, text))  # written over: that needs no room on the disk
        except OSError:
            if note:
                raise

    try:
        path.parent.stat()  # the library would make the folder: that of a project on a disk that is gone
        # Not by thread: the server takes it in one and lets go in another.
        lock = FileLock(path, blocking=False, thread_local=False, preserve_lock_file=True, on_acquired=sign)
        lock.acquire()
    except Timeout:
        return None
    except OSError as error:
        raise storage_error(error, "locking the project") from error
    return Lock(lock)


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock file. Nothing is written; True where nobody can say."""
    if not path.exists():
        return False
    try:
        FileLock(path, blocking=False, thread_local=False, preserve_lock_file=True).acquire().lock.release()
    except (Timeout, OSError):
        return True
    return False


def lock_holder(path: Path) -> tuple[str, str]:
    """(id of the process that took the lock file last, its note); empty where not known."""
    try:
        with open(path, "rb", buffering=0) as file:
            file.seek(1)
            words = file.read(200).decode("utf-8", "replace").split(maxsplit=1)
    except OSError:
        return "", ""
    return (words[0] if words else ""), (words[1].strip() if len(words) > 1 else "")
