"""Names of folders as classes: which level of folders is the class, which are only parts such as train and test."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fact_core.errors import InputError
from fact_core.exchange.names import same_but_for_case
from fact_core.exchange.readers.table import Table
from fact_core.exchange.words import SPLIT_WORDS, TEST_WORDS, TRAIN_WORDS
from fact_core.files import as_seen, clean_name
from fact_core.images.folder import find_images
from fact_core.types import Pool

SHOWN = 6  # names that a level is told by


@dataclass(frozen=True)
class Levels:
    """The folders of some paths. parts: of each path, without what only says train or test; splits: that word, or "".

    apart: whether folders for training stand beside others for testing. level: the proposed one, 1 the topmost, 0 for
    none; sure: whether nothing else is likely. names: the different names of each level, from 1 on.
    """

    parts: tuple[tuple[str, ...], ...]
    splits: tuple[str, ...]
    apart: bool
    level: int
    sure: bool
    names: tuple[tuple[str, ...], ...]

    def told(self) -> str:
        """The levels in words."""
        return "; ".join(f"{number}: {_few(names)}" for number, names in enumerate(self.names, start=1))

    def label(self, row: int, level: int) -> str:
        """The class of one path: its folder of that level, "" where it lies above."""
        return self.parts[row][level - 1] if 0 < level <= len(self.parts[row]) else ""


def levels(paths: Sequence[str]) -> Levels:
    """Look at the folders of paths (relative, with ``/``)."""
    # A page waits for it: each folder is looked at once, however many of a hundred thousand images lie in it.
    lie_in = [path.rpartition("/")[0] for path in paths]
    folders = {each: tuple(part for part in each.split("/") if part not in ("", ".")) for each in set(lie_in)}
    places = _split_places(list(folders.values()))
    cut = {each: _without_splits(folder, places) for each, folder in folders.items()}
    kinds = [rest for rest, _ in cut.values()]
    depth = max(map(len, kinds), default=0)
    names = tuple(tuple(sorted({each[place] for each in kinds if len(each) > place})) for place in range(depth))
    level, sure = _propose(kinds, names)
    rows = [cut[each] for each in lie_in]
    splits = tuple(split for _, split in rows)
    return Levels(tuple(rest for rest, _ in rows), splits, _has_both(set(splits)), level, sure, names)


def table(pool: Pool, aliases: Mapping[str, int | None], level: int = 0) -> tuple[Table, Levels]:
    """The images of a pool and their repeats as rows: the path, its folder, and the part it lies in.

    A folder called test is a part only where one for training stands beside it.
    """
    paths = [*pool.paths, *(path for path, item in aliases.items() if item is not None)]
    found = levels(paths)
    chosen = level or found.level
    parts = found.splits if found.apart else ("",) * len(paths)
    rows = [(number + 1, (path, found.label(number, chosen), parts[number])) for number, path in enumerate(paths)]
    return Table("folders", "Image", "folders", ("file", "folder", "part"), rows, (0,), (1,)), found


def may_hold(found: Iterable[str], classes: Collection[str]) -> bool:
    """Whether each image may lie in a folder of some class, and each class may have one, whatever the case of its name.

    found: the folders that images lie in, as ``items.folders`` tells them. A quick no; a yes may be wrong.
    """
    names, places = set(), set(found)
    for part in {part for each in places for part in each.split("/")}:
        try:
            names.add(clean_name(part, "folder name").casefold())
        except InputError:
            continue  # no class can be called so
    return "" not in places and {each.casefold() for each in classes} <= names


def folder_labels(pool: Pool, level: int = 0, known: Collection[str] = ()) -> dict[int, str]:
    """Image id -> class name: the name of a folder that each image lies in.

    level: which, 1 the topmost; 0: the one whose names are ``known``, else the only one that is likely. InputError
    for images that have none, where the level is not clear, and for names that differ only in case.
    """
    found = levels(pool.paths)
    if not (found.sure or level or _known_level(found, known)):
        raise InputError("It is not clear which folders are the classes", found.told(), "Say which level.")
    names = _class_names(found, list(pool.paths), level, known)
    return {int(item): name for item, name in zip(pool.ids, names, strict=True)}


def read_class_folders(folder: Path, known: Collection[str] | None = None) -> tuple[list[Path], list[str]]:
    """(files, class names) of a folder with one sub-folder a class, e.g. test images. InputError in words.

    known: the classes of a classifier: names become theirs whatever their case, and another name is an error.
    """
    root = Path(folder).expanduser().resolve()
    if not root.is_dir():
        raise InputError("There is no such folder of images", str(root), "Check the path.")
    files = sorted(find_images(root))
    if not files:
        raise InputError(
            "There are no images in this folder", str(root), "Choose a folder with one sub-folder a class."
        )
    paths = [file.relative_to(root).as_posix() for file in files]
    found = levels(paths)
    names = _class_names(found, [str(file) for file in files], _nearest_level(found, known or ()), ())
    need_one_case(names)
    return files, names if known is None else with_known(names, known)


def with_known(names: Sequence[str], known: Iterable[str]) -> list[str]:
    """The names as the classifier spells them. InputError names those that it does not have."""
    spelled = {as_seen(name).casefold(): name for name in known}
    strange = sorted({name for name in names if name.casefold() not in spelled})
    if strange:
        raise InputError(
            "These folders are no classes of the classifier",
            f"{_few(strange)}; it knows {_few(sorted(spelled.values()))}",
            "Rename the folders, or leave those images out.",
        )
    return [spelled[name.casefold()] for name in names]


def _class_names(found: Levels, paths: Sequence[str], level: int, known: Collection[str]) -> list[str]:
    """The class of each path. InputError as ``folder_labels``."""
    chosen = level or _known_level(found, known) or found.level
    if not chosen and any(found.splits):
        raise InputError("These folders are parts of a data set, not classes", ", ".join(sorted(set(found.splits))))
    said = [found.label(row, chosen) for row in range(len(paths))]
    if "" in said:
        path = paths[said.index("")]
        do = "Put them into sub-folders, one a class."
        raise InputError("Images directly in the image folder have no class", path, do)
    cleaned = {name: clean_name(name, "folder name") for name in dict.fromkeys(said)}
    return [cleaned[name] for name in said]


def need_one_case(names: Iterable[str]) -> None:
    """InputError when names differ only in upper and lower case."""
    if groups := same_but_for_case(names):
        raise InputError(
            "Some classes differ only in upper and lower case",
            "; ".join(" and ".join(group) for group in groups[:SHOWN]),
            "They would be one class: rename them, or say so with --labels-case join.",
        )


def _known_level(found: Levels, known: Collection[str]) -> int:
    """The level all of whose names are known classes, 0 for none."""
    folded = {name.casefold() for name in known}
    for number, names in enumerate(found.names, start=1):
        here = {name.casefold() for name in names}
        if here and here <= folded and all(len(each) >= number for each in found.parts):
            return number
    return 0


def _nearest_level(found: Levels, known: Collection[str]) -> int:
    """The level with the most known classes, 0 where none has any."""
    folded = {name.casefold() for name in known}
    hits = [len(folded & {name.casefold() for name in names}) for names in found.names]
    return hits.index(max(hits)) + 1 if any(hits) else 0


def _split_places(folders: Sequence[tuple[str, ...]]) -> tuple[frozenset[int], frozenset[str]]:
    """(places all of whose folders are words like train, topmost folders that are such beside classes).

    A topmost folder "train" beside "car" is a class where images lie in it, a part where folders do; "test" is one
    only beside "train".
    """
    depth = max(map(len, folders), default=0)
    places = frozenset(
        place
        for place in range(depth)
        if all(each[place].casefold() in SPLIT_WORDS for each in folders if len(each) > place)
    )
    direct = {each[0] for each in folders if len(each) == 1}
    tops = {each[0] for each in folders if len(each) > 1 and each[0].casefold() in SPLIT_WORDS}
    parts = frozenset(tops - direct)
    return places, parts if {each.casefold() for each in parts} & TRAIN_WORDS else frozenset()


def _has_both(words: Collection[str]) -> bool:
    """Whether some of the words are for training and others for testing."""
    folded = {each.casefold() for each in words}
    return bool(folded & TRAIN_WORDS and folded & TEST_WORDS)


def _without_splits(
    folders: tuple[str, ...], parted: tuple[frozenset[int], frozenset[str]]
) -> tuple[tuple[str, ...], str]:
    places, tops = parted
    out = [place for place, name in enumerate(folders) if place in places or (place == 0 and name in tops)]
    rest = tuple(name for place, name in enumerate(folders) if place not in out)
    return rest, folders[out[0]] if out else ""


def _propose(parts: Sequence[tuple[str, ...]], names: Sequence[tuple[str, ...]]) -> tuple[int, bool]:
    """(level, sure). Folders that recur below each class, like cat/cropped and dog/cropped, are no classes."""
    if len(names) < 2:
        return len(names), True
    first = next((place for place, each in enumerate(names) if len(each) > 1), len(names) - 1)
    if first == len(names) - 1:
        return first + 1, True
    parents: dict[str, set[str]] = {}
    for each in parts:
        if len(each) > first + 1:
            parents.setdefault(each[first + 1], set()).add(each[first])
    recurring = all(len(each) > 1 for each in parents.values())
    direct = any(len(each) == first + 1 for each in parts)
    return (first + 1 if recurring or direct else len(names)), recurring


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
