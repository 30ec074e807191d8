"""Paths as people type them: made absolute, and refused in words when they cannot be one."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from fact_core.errors import InputError

#: What the systems allow of a path and of one name in it, in bytes.
LONGEST_PATH, LONGEST_NAME = 4096, 255


def absolute(path: str | Path, base: Path | None = None) -> Path:
    """The absolute path with links followed; "~" is the person's home.

    base: what a relative one is relative to; None: the folder in which the program was started.
    InputError when it is no path: NUL or half a character in it, too long, no such user, a loop of links.
    """
    text = str(path)
    try:
        _check(text)
        whole = Path(text).expanduser()
        return (whole if base is None else base / whole).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError("This is not a path", _shown(text), _why(error)) from error


def standing(folder: Path) -> Path:
    """The folder where it is there, else the nearest one above it that is: on whose disk it would be made."""
    found = next((each for each in (folder, *folder.parents) if each.exists()), None)
    return found or Path.cwd()  # asked only here: the folder of the start may be gone


def typed(text: str) -> Path:
    """The absolute path of what was typed on the page. There a relative one is relative to the person's home: nobody
    there knows in which folder the program was started. Quotes around it are none of the path, and a file's address
    (file:///...) is its path. InputError as in ``absolute``, or when nothing was typed.
    """
    if not text.strip():
        raise InputError("The path is empty", do="Give the path of a folder.")
    try:
        home = Path.home()
    except RuntimeError as error:
        raise InputError("This computer does not say where your home is", do="Give the whole path.") from error
    return absolute(_plain(text.strip()), home)


def _plain(text: str) -> str:
    """A path without what copying it has put around: quotes, as Windows and shells do, or the form of an address."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    address = urlsplit(text) if text.lower().startswith("file:") else None
    if address is None or address.netloc not in ("", "localhost"):
        return text
    return url2pathname(address.path)


def _check(text: str) -> None:
    """ValueError with the reason, before the system is asked."""
    if "\0" in text:
        raise ValueError("It has a NUL character in it.")
    try:
        raw = text.encode("utf-8", "surrogateescape")  # names of files that are no UTF-8 come as such
    except UnicodeEncodeError:
        raise ValueError("It has half a character in it.") from None
    longest = max(map(len, raw.replace(b"\\", b"/").split(b"/")))
    if len(raw) >= LONGEST_PATH or longest > LONGEST_NAME:
        raise ValueError(f"It is too long: at most {LONGEST_PATH - 1:,} bytes, and {LONGEST_NAME} between two slashes.")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 200 else f"{text[:120]} ... {text[-60:]}")


def _why(error: Exception) -> str:
    """In words; Python's own say it well enough, an OSError's with its path once more."""
    words = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return words if words.endswith(".") else f"{words}."
