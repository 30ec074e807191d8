"""Which column of a table names the image, and which gives its class. Nothing is decided that is not sure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fact_core.exchange.readers.table import BOX, NOTHING, Cell, Said, Table, numbered
from fact_core.exchange.words import (
    BOX_COLUMNS,
    CHECK,
    FILE_COLUMNS,
    GROUP_COLUMNS,
    LABEL_COLUMNS,
    ROW_COLUMNS,
    SPLIT_COLUMNS,
    SPLIT_WORDS,
    is_number,
    looks_like_an_image,
    plain,
)

SAMPLE = 200  # rows that a column is judged by
ONE_HOT = "the column with a 1"
_AGAIN = re.compile(r"[ _]\(\d+\)$")  # what a reader writes behind the second of two names
_PANDAS = re.compile(r"\.\d+$")
#: What others do: pandas, DuckDB, polars, readr, and whatever joins two tables.
_NUMBERED = re.compile(r"(.+?)(?:\.\d+|_\d+|\.\.\.\d+|_duplicated_\d+|_right|[_.][xy])")


@dataclass(frozen=True)
class Columns:
    """A proposal. file, label: numbers of columns, -1 for not known; sure: whether each may be used unasked.

    split, group: columns that part the images into training and test, and that name what belongs together; -1: none.
    """

    table: Table
    file: int
    label: int
    file_sure: bool
    label_sure: bool
    split: int = -1
    group: int = -1


def propose(table: Table, found: Callable[[str], int], file: str = "", label: str = "") -> Columns:
    """Which columns to use. found: the image that a name means, 0 for none; file, label: what the person says."""
    table = one_hot(table)
    heads = _heads(table.columns)
    sample = [cells for _, cells in table.rows[:SAMPLE]]
    columns = [[cells[place] for cells in sample if place < len(cells)] for place in range(len(heads))]
    named, named_sure = _file_column(table, heads, columns, found)
    if file:
        named, named_sure = (table.columns.index(file) if file in table.columns else -1), file in table.columns
    given, given_sure = _label_column(table, heads, columns, named)
    if label:
        given, given_sure = (table.columns.index(label) if label in table.columns else -1), label in table.columns
    if table.kind == "folders":
        return Columns(table, 0, 1, True, True, 2)
    split = _split_column(heads, columns, (named, given))
    group = next((heads.index(name) for name in GROUP_COLUMNS if name in heads), -1)
    return Columns(table, named, given, named_sure, given_sure and given != named, split, group)


def _heads(names: Sequence[str]) -> list[str]:
    """The names in plain; the second of two "label" is one too, whatever a reader or another program wrote behind it.

    "label.1" is one where "label" stands beside it, and so are "label_x" and "label_y": pandas writes both.
    """
    plainly = [_AGAIN.sub("", plain(name)) for name in names]
    bases = [found[1] if (found := _NUMBERED.fullmatch(name)) else name for name in plainly]
    known = {*FILE_COLUMNS, *LABEL_COLUMNS}
    twice = {base for base, count in Counter(bases).items() if count > 1 and base in known}
    return [base if base in twice else name for base, name in zip(bases, plainly, strict=True)]


def _file_column(
    table: Table, heads: Sequence[str], columns: Sequence[Sequence[Cell]], found: Callable[[str], int]
) -> tuple[int, bool]:
    """The column whose cells name most images here; its name decides where that leaves two."""
    if len(table.files) == 1:
        return table.files[0], True
    named = (place for name in FILE_COLUMNS for place, head in enumerate(heads) if head == name)
    known = table.files or tuple(named)
    texts = [[each for each in cells if isinstance(each, str)] for cells in columns]
    hits = [sum(map(bool, map(found, cells))) for cells in texts]
    images = [sum(map(looks_like_an_image, cells)) for cells in texts]
    # Plain numbers may be names of images by chance, as 3 is of 3.png: endings count first.
    ending = [sum(map(bool, map(found, filter(looks_like_an_image, cells)))) for cells in texts]
    best = max(known, key=lambda place: (ending[place], hits[place], -known.index(place)), default=-1)
    if best >= 0 and not table.files and not ending[best] and any(ending):
        return ending.index(max(ending)), False  # numbers of rows beside names of files under a head of their own
    if best >= 0 and (hits[best] or not any(hits)):
        equal = [place for place in known if hits[place] == hits[best] and texts[place] != texts[best]]
        unlike = any(ending[place] and _unlike(columns[best], columns[place], found) for place in known)
        return best, not (unlike or len(table.files) > 1 or (len(equal) > 1 and hits[best] and table.kind != "csv"))
    other = max(range(len(columns)), key=lambda place: (ending[place], images[place], hits[place]), default=-1)
    if other >= 0 and (hits[other] or images[other]):
        # without a head the cells are all there is to go by; under a name they are asked about
        return other, heads[other].startswith("column_") and 2 * (hits[other] + images[other]) > len(columns[other])
    return best, best >= 0


def _unlike(one: Sequence[Cell], other: Sequence[Cell], found: Callable[[str], int]) -> bool:
    """Whether two columns name different images in some row."""
    pairs = (
        (found(a), found(b)) for a, b in zip(one, other, strict=False) if isinstance(a, str) and isinstance(b, str)
    )
    return any(a and b and a != b for a, b in pairs)


def _label_column(table: Table, heads: Sequence[str], columns: Sequence[Sequence[Cell]], file: int) -> tuple[int, bool]:
    """The column of classes: known by its name, and names before numbers; of two that differ none is sure."""
    if ONE_HOT in table.columns:
        place = table.columns.index(ONE_HOT)
        return place, not any(name in LABEL_COLUMNS for name in heads[:-1])
    if table.labels:
        return table.labels[0], len(table.labels) == 1
    known = [place for name in LABEL_COLUMNS for place, head in enumerate(heads) if head == name and place != file]
    known = [place for place in known if not _splits(columns[place])] or known
    words = [place for place in known if not all(_is_code(each) for each in columns[place])]
    known = words or known
    if known:
        same = all(columns[place] == columns[known[0]] for place in known)
        return known[0], len(known) == 1 or same or not words
    rest = [place for place in range(len(columns)) if place != file and not _splits(columns[place]) and heads[place]]
    shape = -1 if table.columns != numbered(len(heads)) else _shape(columns)
    if shape >= 0:
        return shape, True
    return (rest[0] if len(rest) == 1 else -1), len(rest) == 1 and heads[rest[0]].startswith("column_")


def _shape(columns: Sequence[Sequence[Cell]]) -> int:
    """The label of MakeSense, which writes no head: label, file, width, height, or with a box before the file."""
    numbers = [bool(cells) and all(isinstance(each, str) and is_number(each) for each in cells) for cells in columns]
    if (len(columns) == 4 and numbers[2:] == [True, True]) or (len(columns) == 8 and numbers[1:5] == [True] * 4):
        return 0
    return -1


def _is_code(cell: Cell) -> bool:
    return isinstance(cell, str) and (is_number(cell) or cell.strip().lower() in ("", "true", "false"))


def _splits(cells: Sequence[Cell]) -> bool:
    """Whether a column says nothing but train or test; ours says check, and nothing for what has no label."""
    return _share_of_parts(cells) == 1


def _share_of_parts(cells: Sequence[Cell]) -> float:
    """How many of the cells that say anything say train or test, 0..1."""
    words = [each for each in (plain(each) if isinstance(each, str) else "?" for each in cells) if each]
    return sum(each in SPLIT_WORDS or each == CHECK for each in words) / max(1, len(words))


def _split_column(heads: Sequence[str], columns: Sequence[Sequence[Cell]], taken: Sequence[int]) -> int:
    """The column that parts the images, -1: none. Some of its words may be misspelt: those are told, not obeyed."""
    shares = {place: _share_of_parts(cells) for place, cells in enumerate(columns) if place not in taken}
    likely = [place for place, share in shares.items() if share > (0 if heads[place] in SPLIT_COLUMNS else 0.5)]
    return max(likely, key=lambda place: (shares[place] == 1, heads[place] in SPLIT_COLUMNS, -place), default=-1)


def one_hot(table: Table) -> Table:
    """The table with one more column, where all but one hold 0 and 1: the name of the column with the 1."""
    heads = [plain(name) for name in table.columns]
    file = next((heads.index(name) for name in FILE_COLUMNS if name in heads), -1)
    places = [at for at, head in enumerate(heads) if at != file and head and not _is_beside(table, at, head)]
    if table.kind != "csv" or file < 0 or len(places) < 2 or not table.rows:
        return table
    if any(
        (again := _PANDAS.sub("", _AGAIN.sub("", name))) != name and again in table.columns for name in table.columns
    ):
        return table  # two classes of one name: what they mean is for the person to say
    if not all(_is_row_of_ones(cells, places) for _, cells in table.rows):
        return table
    rows = [(number, (*cells, _ones(table.columns, cells, places))) for number, cells in table.rows]
    return replace(table, columns=(*table.columns, ONE_HOT), rows=rows)


def _is_beside(table: Table, place: int, head: str) -> bool:
    """Whether a column counts the rows, or says of an image what is no class: its number, its part, its group."""
    known = head in FILE_COLUMNS or head in SPLIT_COLUMNS or head in GROUP_COLUMNS
    return head in ROW_COLUMNS or (known and not all(_is_row_of_ones(cells, (place,)) for _, cells in table.rows))


def _is_row_of_ones(cells: Sequence[Cell], places: Sequence[int]) -> bool:
    return len(cells) > places[-1] and all(str(cells[place]).strip() in ("0", "1", "0.0", "1.0") for place in places)


def _ones(names: Sequence[str], cells: Sequence[Cell], places: Sequence[int]) -> Said:
    found = tuple(names[place].strip() for place in places if str(cells[place]).strip() in ("1", "1.0"))
    return NOTHING if not found else Said(found, "several" if len(found) > 1 else "")


def box_columns(table: Table) -> tuple[int, ...]:
    """The columns that hold boxes; MakeSense writes them without a head."""
    if len(table.columns) == 8 and table.columns[0] == "column 1" and table.rows:
        first = table.rows[0][1]
        if all(isinstance(each, str) and is_number(each) for each in first[1:5]):
            return (1, 2, 3, 4)
    heads = [plain(name) for name in table.columns]
    if {"x", "y", "width", "height"} <= set(heads):
        return tuple(heads.index(name) for name in ("x", "y"))
    return tuple(place for place, name in enumerate(heads) if name in BOX_COLUMNS)


def is_box(cells: Sequence[Cell], places: Sequence[int]) -> bool:
    """Whether a row has a value in a column of boxes."""
    said = (cells[place] for place in places if place < len(cells))
    return any(
        each == BOX or (isinstance(each, str) and each.strip() not in ("", "{}", "[]", "false")) for each in said
    )
