"""Links that lead out of the image folder: what they are, and which of them a person allows to be followed.

A cache of Hugging Face, DVC and git-annex keep the bytes of an image elsewhere and put a link in its place.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: A part of the target's path -> what keeps its files there, and how missing ones are brought.
_KEEPERS = (
    ((".git", "annex", "objects"), "git-annex", "run git annex get"),
    ((".dvc", "cache"), "DVC", "run dvc pull"),
    (("blobs",), "a Hugging Face cache", "download the data again"),
)


@dataclass(frozen=True)
class Outside:
    """Files that are links to below ``folder``. keeper: the program that made them, "" where it is not known."""

    folder: str
    keeper: str
    files: int


def may_lead_to(target: Path, root: Path, allowed: Sequence[Path]) -> bool:
    """Whether a resolved path lies in the image folder, or below a folder that the person allows."""
    return any(target.is_relative_to(each) for each in (root, *allowed))


def keeper_of(target: Path) -> tuple[str, str, Path]:
    """(program, what brings its missing files, folder that holds them) by the path of a link's target."""
    parts = target.parts
    hub = any("huggingface" in part or part.startswith(("datasets--", "models--")) for part in parts)
    for inner, name, bring in _KEEPERS:
        for at in range(len(parts) - len(inner)):
            if parts[at : at + len(inner)] == inner and (hub or inner != ("blobs",)):
                return name, bring, Path(*parts[: at + len(inner)])
    return "", "", target.parent


def leads_out(target: Path) -> str:
    """The reason of a file that is a link out of the image folder."""
    name, _, folder = keeper_of(target)
    made = f", as {name} makes them" if name else ""
    return f"It is a link that leads out of the image folder, to {folder}{made}"


def leads_nowhere(link: str) -> str:
    """The reason of a link whose target is not there or may not be read. link: its path."""
    try:
        name, bring, _ = keeper_of(Path(os.path.normpath(Path(link).parent / os.readlink(link))))
    except OSError:
        name, bring = "", ""
    if name:
        return f"It is a link of {name} to a file that is not here; {bring}"
    return "It is a link to nothing, or may not be read"


def grouped(targets: Iterable[Path]) -> list[Outside]:
    """The folders that links lead to, those of unknown ones put together, most files first."""
    keepers, others = Counter[tuple[str, Path]](), list[Path]()
    for target in targets:
        name, _, folder = keeper_of(target)
        if name:
            keepers[name, folder] += 1
        else:
            others.append(folder)
    found = [Outside(str(folder), name, count) for (name, folder), count in keepers.items()]
    if others:
        common = Path(os.path.commonpath(others))
        if too_wide(common):
            found += [Outside(str(folder), "", count) for folder, count in Counter(others).items()]
        else:
            found.append(Outside(str(common), "", len(others)))
    return sorted(found, key=lambda each: (-each.files, each.folder))[:10]


def too_wide(folder: Path) -> bool:
    """Whether allowing this folder would allow nearly everything: the root of a disk, or what holds the homes."""
    home = Path.home()
    return folder == folder.parent or home.is_relative_to(folder)


def in_words(found: Sequence[Outside]) -> str:
    """Like "12 links to /data/blobs (a Hugging Face cache)"."""
    each = (
        f"{one.files:,} link{'s' if one.files != 1 else ''} to {one.folder}"
        + (f" ({one.keeper})" if one.keeper else "")
        for one in found[:3]
    )
    return ", ".join(each)
