"""Which image a name means. A surer match beats a vaguer one, and what is not sure is not taken."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Literal

from fact_core.exchange.addresses import Reading, readings, upload_name
from fact_core.exchange.words import looks_like_an_image, names_a_part
from fact_core.types import Pool

#: found; unreadable: there, but no image; unknown: no file is called so; several: more than one may be meant;
#: elsewhere: a file is called so, but the folders that the row names are not its folders.
Outcome = Literal["found", "unreadable", "unknown", "several", "elsewhere"]

# How vague a match is.
WHOLE, TAIL, STEM, CASE, RENAMED = range(5)
_MANY = ""  # stands for a path where several images would be meant


@dataclass(frozen=True)
class Hit:
    """The image that a name means (0 unless found), how vague that is (WHOLE ... RENAMED), and its path here.

    above: the folders that the name has in front of that path; below: whether that path has folders in front of the
    name. rivals: whether the name is another image's, too, with folders in front of it.
    """

    outcome: Outcome
    item: int = 0
    rank: int = WHOLE
    path: str = ""
    above: str = ""
    below: bool = False
    rivals: bool = False


UNKNOWN = Hit("unknown")
#: No path or address of a file is longer; a picture that stands in its cell is.
LONGEST = 8192


class Finder:
    """Finds the image that is meant by a path, a name or another tool's address.

    A name means an image by its whole path; else by the longest tail of its path that one image alone has; the bare
    name counts only where no folder in the row speaks against it. A path that goes on above the image folder is
    the same folder at another place; where that leaves a bare file name, or a word like "test", it is not sure.
    aliases: paths outside the pool (``usable.aliases``): repeats stand for their image, None for files that
    cannot be read. moved: the person says that the rows' folders are the image folder at another place; above: the
    folder that all rows begin with.
    """

    def __init__(self, pool: Pool, aliases: Mapping[str, int | None], above: str = "", *, moved: bool = False) -> None:
        self.moved = moved
        self.root = nfc(pool.root.as_posix())
        self.above = above
        self.items: dict[str, int] = {path: item or 0 for path, item in aliases.items()}
        self.items |= {path: int(item) for path, item in zip(pool.paths, pool.ids, strict=True)}

    @cached_property
    def _plain(self) -> _Index:
        return _Index(self.items, self.root, self.moved, str)

    @cached_property
    def _stems(self) -> _Index:
        return _Index(self.items, self.root, self.moved, _stem)

    @cached_property
    def _cases(self) -> _Index:
        return _Index(self.items, self.root, self.moved, str.casefold)

    @cached_property
    def _uploads(self) -> _Index:
        return _Index(self.items, self.root, self.moved, lambda path: upload_name(PurePosixPath(path).name))

    def look(self, given: str) -> Hit:
        """What a name means."""
        if len(given) > LONGEST:
            return UNKNOWN
        if item := self.items.get(given):  # the path as it stands: nothing can be surer
            return Hit("found", item, WHOLE, given, rivals=self._plain.has_rival(nfc(given), item))
        best = UNKNOWN
        meant = readings(nfc(given))
        for reading in meant:
            hit = self._one(reading)
            if hit.outcome in ("found", "unreadable"):
                return Hit("several") if reading.bare and self._differ(meant) else hit
            if best.outcome in ("unknown", "elsewhere") and hit.outcome != "unknown":
                best = hit if hit.outcome == "several" or best.outcome == "unknown" else best
        return best

    def _differ(self, meant: Sequence[Reading]) -> bool:
        """Whether an upload's name is that of one image, and of another one without what the tool put in front."""
        named = (self._one(reading) for reading in meant if reading.bare and not reading.renamed)
        return len({hit.item for hit in named if hit.outcome == "found"}) > 1

    def _one(self, reading: Reading) -> Hit:
        if reading.renamed:
            return self._uploads.look_name(upload_name(reading.path), RENAMED)
        if reading.bare:
            hit = self._plain.look_name(reading.path, TAIL)
            changed = self._uploads.look_name(upload_name(reading.path), RENAMED)
            return changed if hit.outcome == "found" and changed.outcome == "several" else hit
        best = UNKNOWN
        for path in dict.fromkeys((reading.path, reading.path.replace("\\", "/"))):
            for clean in self._below(path):
                for hit in self._ways(clean):
                    if hit.outcome in ("found", "unreadable", "several"):
                        return hit
                    best = hit if best.outcome == "unknown" else best
        return best

    def _ways(self, path: str) -> Iterable[Hit]:
        yield self._plain.look(path, WHOLE)
        if not looks_like_an_image(path):
            yield self._stems.look(path, STEM)
        yield self._cases.look(path.casefold(), CASE)

    def _below(self, path: str) -> tuple[str, ...]:
        """The path as it stands, from the image folder on where it leads there: as text, the disk is not asked."""
        if path in self.items:
            return (path,)
        above = self.above.rstrip("/") + "/"
        clean = path.removeprefix(above) if self.above else path
        clean = clean.removeprefix(self.root.rstrip("/") + "/")
        return (str(PurePosixPath(clean)),) if clean.strip("/ .") else ()


class _Index:
    """The pool's paths under one way of writing them: whole, and each of their tails."""

    def __init__(self, items: Mapping[str, int], root: str, moved: bool, key: Callable[[str], str]) -> None:
        self.moved, self.items = moved, items
        self.depth = max((path.count("/") + 1 for path in items), default=0)  # a longer tail is no path of the pool
        self.whole: dict[str, str] = {}
        self.tails: dict[str, str] = {}
        self.names: dict[str, str] = {}
        above = key(PurePosixPath(root).name) if key is not _stem else PurePosixPath(root).name
        for path in items:
            written = key(nfc(path))  # two files may be called alike but for how an accent is written
            parts = written.split("/")
            self._add(self.whole, written, path)
            self._add(self.names, parts[-1], path)
            for start in range(1, len(parts)):
                self._add(self.tails, "/".join(parts[start:]), path)
        self.above = above

    def _add(self, among: dict[str, str], written: str, path: str) -> None:
        """Note a path; repeats of one image under one name are not several."""
        other = among.setdefault(written, path)
        if other != path and (other == _MANY or self.items[other] != self.items[path]):
            among[written] = _MANY

    def _hit(self, path: str, rank: int) -> Hit:
        if path == _MANY:
            return Hit("several")
        item = self.items[path]
        return Hit("found", item, rank, path) if item else Hit("unreadable")

    def has_rival(self, path: str, item: int) -> bool:
        """Whether another image has that path with folders in front of it."""
        other = self.tails.get(path)
        return other is not None and (other == _MANY or self.items[other] != item)

    def look_name(self, name: str, rank: int) -> Hit:
        """By the name alone, where nothing is known of its folder."""
        return self._hit(self.names[name], rank) if name in self.names else UNKNOWN

    def look(self, path: str, rank: int) -> Hit:
        """By the whole path, by a tail of the pool's paths, by a pool path at the end of a longer one."""
        if path in self.whole:
            hit = self._hit(self.whole[path], rank)
            return replace(hit, rivals=self.has_rival(path, hit.item))
        if path in self.tails:
            return replace(self._hit(self.tails[path], max(rank, TAIL)), below=True)
        parts = path.lstrip("/").split("/")
        for start in range(max(1, len(parts) - self.depth), len(parts)):
            tail = "/".join(parts[start:])
            if tail not in self.whole:
                continue
            above, bare = parts[start - 1], start == len(parts) - 1
            if self.moved or above == self.above:
                return self._hit(self.whole[tail], max(rank, TAIL))
            if not (bare or names_a_part(above)):
                return replace(self._hit(self.whole[tail], max(rank, TAIL)), above="/".join(parts[:start]))
            return Hit("elsewhere")
        return Hit("elsewhere") if parts[-1] in self.names else UNKNOWN


def common_folder(paths: Iterable[str]) -> str:
    """The folders that all paths begin with, "" for none. Paths as ``readings`` gives them first."""
    shared: list[str] | None = None
    for path in paths:
        parts = path.replace("\\", "/").split("/")[:-1]
        if shared is None:
            shared = parts
        else:
            same = next((at for at, (a, b) in enumerate(zip(shared, parts, strict=False)) if a != b), len(parts))
            shared = shared[: min(same, len(parts))]
        if not shared:
            return ""
    return "/".join(shared or [])


def _stem(path: str) -> str:
    """Without the ending of an image file."""
    return path.rpartition(".")[0] if looks_like_an_image(path) else path


def nfc(text: str) -> str:
    """An accent is one letter with it, however a disk or a keyboard writes it."""
    return unicodedata.normalize("NFC", text)
