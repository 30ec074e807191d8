"""What a row says of its image beside the class: the part of the data set, and the group that it belongs to.

A surer row beats a vaguer one here, too; where rows about one image name two groups, it is in none of them.
Names of groups that differ in case alone are one, as those of classes are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fact_core.exchange.cells import is_empty_word
from fact_core.exchange.columns import Columns
from fact_core.exchange.readers.table import Cell
from fact_core.exchange.words import CHECK, OWN_PARTS, SPLIT_WORDS, TEST_WORDS, plain


@dataclass(frozen=True)
class Mark:
    """What one row says. rank: how vague the match of its name with the image is; part: as it is written, "" for none.

    group: the name of its group, "" for none.
    """

    number: int
    given: str
    item: int
    rank: int
    part: str
    group: str


def beside(columns: Columns, cells: Sequence[Cell]) -> tuple[str, str]:
    """(the row's part, its group), "" for none; a word for nothing, such as nan, is neither."""
    word = cells[columns.split] if 0 <= columns.split < len(cells) else ""
    part = word.strip() if isinstance(word, str) else " ".join(word.names)
    part = part.encode(errors="replace").decode()
    cell = cells[columns.group] if 0 <= columns.group < len(cells) else ""
    name = cell if isinstance(cell, str) else " ".join(cell.names) if not cell.why else ""
    name = name.strip().encode(errors="replace").decode()  # JSON may have half a character
    return "" if is_empty_word(part) else part, "" if is_empty_word(name) else _one_spelling(name)


def _one_spelling(name: str) -> str:
    """The name of a group; a number as it is however it was written: 7, 07 and 7.0 are one patient.

    pandas writes 7.0 where another row has none, a spreadsheet 7 for 07. Two groups where there is one would put a
    patient's images on both sides of the check images.
    """
    found = re.fullmatch(r"0*(\d+?)(?:[.,](\d*?)0*)?", name, re.ASCII)
    return name if found is None else f"{found[1]}.{found[2]}" if found[2] else found[1]


def kept_apart(part: str) -> bool:
    """Whether a part is one to measure with."""
    return plain(part) in TEST_WORDS or plain(part) == CHECK


def is_known(part: str) -> bool:
    """Whether it is a word for a part at all."""
    return plain(part) in SPLIT_WORDS | OWN_PARTS


def surest(marks: Sequence[Mark]) -> tuple[set[int], dict[int, str], list[tuple[Mark, tuple[str, ...]]]]:
    """(images in a part that is kept apart, image -> its group, those with several groups and their names)."""
    rows: dict[int, list[Mark]] = {}
    spelling: dict[str, str] = {}
    for each in marks:
        rows.setdefault(each.item, []).append(each)
        spelling.setdefault(each.group.casefold(), each.group)
    test, groups, unsure = set[int](), dict[int, str](), list[tuple[Mark, tuple[str, ...]]]()
    for item, told in rows.items():
        best = min(each.rank for each in told)
        kept = [each for each in told if each.rank == best]
        if any(kept_apart(each.part) for each in kept):
            test.add(item)
        names = tuple(dict.fromkeys(spelling[each.group.casefold()] for each in kept if each.group))
        if len(names) == 1:
            groups[item] = names[0]
        elif names:
            unsure.append((kept[0], names))
    return test, groups, unsure
