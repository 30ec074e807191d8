"""Where the images of a large pool come from: folders, WebDataset shards, Parquet tables of paths; here or at s3://.

What pyarrow opens can be read; Ray Data brings it. Nothing here imports it before it is asked for.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from fact_core.errors import InputError
from fact_core.images.decode import EXTENSIONS
from fact_core.images.folder import find_images
from fact_core.paths import absolute

#: How the images lie: as files, in WebDataset archives, or named in a column of a table.
KINDS = {"images": tuple(sorted(EXTENSIONS)), "webdataset": (".tar",), "parquet": (".parquet",)}


@dataclass(frozen=True)
class Source:
    """Files of one kind: ``paths`` within the file system; with ``before`` in front they are names for a person.

    files: the pyarrow.fs.FileSystem, None for this computer's. times: when each was written, in seconds, where the
    file system is another one and says it.
    """

    kind: str
    paths: tuple[str, ...]
    files: Any = None
    before: str = ""
    times: tuple[float, ...] = ()


def found(place: str, kind: str = "auto") -> Source:
    """What lies at a folder, a file or an address, in the order of the names.

    kind: one of ``KINDS``, or "auto", which is what all lies there. InputError where nothing does, or several kinds.
    """
    if urlsplit(place).scheme and len(urlsplit(place).scheme) > 1:
        files, times, before = _at_address(place)
        paths = list(times)
    else:
        files, paths, before = _here(place)
        times = {}
    sorted_out = {name: [path for path in paths if _ends(path) in ends] for name, ends in KINDS.items()}
    kinds = [name for name, listed in sorted_out.items() if listed and kind in ("auto", name)]
    if len(kinds) != 1:
        here = ", ".join(f"{len(listed):,} {name}" for name, listed in sorted_out.items() if listed) or "nothing"
        do = f"Say which: --kind {' or '.join(kinds)}." if kinds else f"Known endings: {_known()}."
        what = "Files of several kinds lie there" if kinds else "There are no images there"
        raise InputError(what, f"{place} ({here})", do)
    listed = tuple(sorted(sorted_out[kinds[0]]))
    return Source(kinds[0], listed, files, before, tuple(times[path] for path in listed) if times else ())


def all_found(places: Sequence[str], kind: str = "auto") -> list[Source]:
    """``found`` for each place; what lies in two of them belongs to the first. InputError for none."""
    if not places:
        raise InputError("There is no place given to read images from", do="Give a folder or an address.")
    seen, sources = set[str](), list[Source]()
    for source in (found(place, kind) for place in places):
        rows = [row for row, path in enumerate(source.paths) if source.before + path not in seen]
        own, times = tuple(source.paths[row] for row in rows), tuple(source.times[row] for row in rows if source.times)
        seen.update(source.before + path for path in own)
        if own:
            sources.append(replace(source, paths=own, times=times))
    return sources


def entry(text: str, folder: str) -> tuple[Any, str]:
    """(file system or None, path within it) of an entry in a table that lies in ``folder``: an address or a path."""
    from pyarrow import fs

    if len(urlsplit(text).scheme) > 1:
        files, path = fs.FileSystem.from_uri(text)
        return files, str(path)
    return None, text if posixpath.isabs(text) else posixpath.join(folder, text)


def _here(place: str) -> tuple[Any, list[str], str]:
    path = absolute(place)
    if path.is_file():
        return None, [str(path)], ""
    if not path.is_dir():
        raise InputError("There is no such folder or file", place)
    images = [str(each) for each in find_images(path)]
    others = [os.path.join(top, name) for top, _, names in os.walk(path) for name in names]
    more = [each for each in others if _ends(each) in (*KINDS["webdataset"], *KINDS["parquet"])]
    return None, images + more, ""


def _at_address(place: str) -> tuple[Any, dict[str, float], str]:
    from pyarrow import fs

    try:
        files, path = fs.FileSystem.from_uri(place)
        asked = files.get_file_info(path)
        if asked.type == fs.FileType.File:
            listed = [asked]
        else:
            listed = files.get_file_info(fs.FileSelector(path, recursive=True))
    except (OSError, ValueError) as error:
        do = "Check the address and the access (for s3:// AWS_ACCESS_KEY_ID and the like)."
        raise InputError("The address cannot be read", f"{place}: {error}", do) from error
    times = {each.path: (each.mtime_ns or 0) / 1e9 for each in listed if each.type == fs.FileType.File}
    scheme = urlsplit(place).scheme
    return files, times, "" if scheme == "file" else f"{scheme}://"


def _ends(path: str) -> str:
    return posixpath.splitext(path)[1].lower()


def _known() -> str:
    return ", ".join(end for ends in KINDS.values() for end in ends)
