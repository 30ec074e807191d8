"""What a row says of its image beside the class: the part of the data set, and the group that it belongs to.

A surer row beats a vaguer one here, too; where rows about one image name two groups, it is in none of them.
"""

from __future__ import annotations

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
    return "" if is_empty_word(part) else part, "" if is_empty_word(name) else name


def kept_apart(part: str) -> bool:
    """Whether a part is one to measure with."""
    return plain(part) in TEST_WORDS or plain(part) == CHECK


def is_known(part: str) -> bool:
    """Whether it is a word for a part at all."""
    return plain(part) in SPLIT_WORDS | OWN_PARTS


def surest(marks: Sequence[Mark]) -> tuple[set[int], dict[int, str], list[tuple[Mark, tuple[str, ...]]]]:
    """(images in a part that is kept apart, image -> its group, those with several groups and their names)."""
    rows: dict[int, list[Mark]] = {}
    for each in marks:
        rows.setdefault(each.item, []).append(each)
    test, groups, unsure = set[int](), dict[int, str](), list[tuple[Mark, tuple[str, ...]]]()
    for item, told in rows.items():
        best = min(each.rank for each in told)
        kept = [each for each in told if each.rank == best]
        if any(kept_apart(each.part) for each in kept):
            test.add(item)
        names = tuple(dict.fromkeys(each.group for each in kept if each.group))
        if len(names) == 1:
            groups[item] = names[0]
        elif names:
            unsure.append((kept[0], names))
    return test, groups, unsure
