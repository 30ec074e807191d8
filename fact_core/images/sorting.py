"""Files in folders: names that every system takes, and files that are made without overwriting another.

Standard library only: an export copies all that stands below the line into its ``predict.py``, which so does the same.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

# ---- from here on copied into predict.py

#: Names that Windows gives to devices, whatever ending they have.
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")}
#: Names that systems use for themselves, and that a search for images passes over.
SYSTEM = {"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "system volume information"}
#: What some system does not take in a name, and characters that reorder the text around them.
UNFIT = set('<>:"/\\|?*\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069')
LONGEST_NAME = 180  # bytes: systems take 255, and a number or the ending of a half-written file may follow
WAYS = ("copy", "hardlink", "symlink")


def safe_name(text: str) -> str:
    """The text as a name that Linux, macOS and Windows take, and that is not hidden; itself where it is one."""
    plain = "".join(
        "_" if each in UNFIT or unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") else each
        for each in unicodedata.normalize("NFC", text)
    )
    stem, ending = os.path.splitext(plain)
    ending = ending if len(ending.encode("utf-8")) <= 20 else ""
    room = LONGEST_NAME - len(ending.encode("utf-8"))
    stem = plain[: len(plain) - len(ending)].encode("utf-8")[:room].decode("utf-8", "ignore")
    name = (stem + ending).strip(" ").rstrip(". ")
    if not name or name.startswith(".") or name.lower() in SYSTEM:
        name = f"_{name}"
    first, dot, rest = name.partition(".")
    return f"{first}_{dot}{rest}" if first.strip(" ").lower() in DEVICES else name


def free_name(name: str, taken: dict[str, int], ending: str = "") -> str:
    """The name with its ending, or with a number between them where another one is called so; noted in ``taken``.

    Names that differ only in upper and lower case are one: many file systems do not tell them apart.
    """
    wanted, key = name + ending, folded(name + ending)
    while folded(wanted) in taken:
        taken[key] = taken.get(key, 1) + 1
        wanted = f"{name}-{taken[key]}{ending}"
    taken[folded(wanted)] = taken.get(folded(wanted), 1)
    return wanted


def folded(name: str) -> str:
    """Names that are equal here may be one file on some system."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def folder_names(names: list[str], reserved: tuple[str, ...] = ()) -> dict[str, str]:
    """A folder of its own for each name. Those that are fit as they are keep their name, whoever comes first.

    reserved: names that no folder may have.
    """
    taken: dict[str, int] = {folded(each): 1 for each in reserved}
    order = sorted(dict.fromkeys(names), key=lambda name: safe_name(name) != name)
    found = {name: free_name(safe_name(name), taken) for name in order}
    return {name: found[name] for name in names}


def put(source: Path, target: Path, way: str, content: bytes | None = None) -> None:
    """Make ``target`` from a file: a copy (of ``content``, where that was read already) or a link to it.

    FileExistsError where something of that name is; OSError where it cannot be made. A copy keeps the time.
    """
    if way == "hardlink":
        os.link(source, target)
    elif way == "symlink":
        os.symlink(source, target)
    else:
        info = os.stat(source)
        write_new(target, source.read_bytes() if content is None else content, (info.st_atime_ns, info.st_mtime_ns))


def write_new(target: Path, content: bytes, times: tuple[int, int] | None = None) -> None:
    """Write a file that is not there yet: whole, or killed in the middle an empty one. FileExistsError, OSError."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))  # from here on the name is ours
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(content)
        if times is not None:
            os.utime(part, ns=times)
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        raise
