"""What every reader gives: rows and columns, whatever the file looked like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True)
class Said:
    """What one cell says of its image: the classes, or why that is no label of the whole image.

    why: "" for a label; "box" for a part of the image; "several" for many classes at once; "differ" for people who
    disagree; "refused" for what was turned down there; "none" for nothing.
    """

    names: tuple[str, ...] = ()
    why: str = ""


NOTHING = Said(why="none")
BOX = Said(why="box")

#: A cell as it stands in a file of text, or already understood.
Cell: TypeAlias = str | Said


@dataclass(frozen=True)
class Table:
    """The content of a file. A row: its number as an editor or the other program counts, and its cells.

    kind: its key in ``READERS``. unit, of: how a row is called in words ("Row", "CSV"). files, labels: numbers of the
    columns that name the image and that give its class, the surest first; empty where their names have to tell.
    unnamed: numbers of classes that the file gives no name for. head: the first row, its number and cells, where it was
    taken for the names of the columns though none of them is a known one. by_model: the columns whose answers a model
    gave, where the format says so.
    """

    kind: str
    unit: str
    of: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[int, tuple[Cell, ...]]]
    files: tuple[int, ...] = ()
    labels: tuple[int, ...] = ()
    encoding: str = "utf-8"
    unnamed: tuple[str, ...] = ()
    head: tuple[int, tuple[str, ...]] | None = None
    by_model: tuple[int, ...] = ()

    def where(self, number: int) -> str:
        """A row, for errors and lists: "Row 3 of the CSV"."""
        return f"{self.unit} {number} of the {self.of}"


def without_head(table: Table) -> Table:
    """The table with its first row as one of the others."""
    if table.head is None:
        return table
    rows = (table.head, *table.rows)
    return replace(table, columns=numbered(max(len(cells) for _, cells in rows)), rows=rows, head=None)


def numbered(width: int) -> tuple[str, ...]:
    """Names for columns that have none."""
    return tuple(f"column {place}" for place in range(1, width + 1))


def one_of(names: Sequence[str]) -> Said:
    """What one person's answer says: nothing, one class, or several at once."""
    found = tuple(dict.fromkeys(name for name in names if name.strip()))
    return NOTHING if not found else Said(found, "several" if len(found) > 1 else "")


def agreed(answers: Sequence[Said]) -> Said:
    """What several answers to one question say together: the label only where all say the same."""
    given = list(dict.fromkeys(each for each in answers if each.why != "none"))
    if len(given) < 2:
        return given[0] if given else NOTHING
    if any(each.why == "box" for each in given):
        rest = [each for each in given if each.why != "box"]
        return agreed(rest) if rest else BOX
    return Said(tuple(dict.fromkeys(name for each in given for name in each.names)), "differ")
