"""Tables of text: CSV and TSV of any usual separator, with or without a head, and lists "file class".

The standard library's reader is used, not pandas': its errors name the row, and nothing is taken for a number,
a date or an empty cell on the way (``1``, ``01``, ``1.0`` and ``NA`` stay what they are).
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from fact_core.errors import InputError
from fact_core.exchange.readers.other_tools import via_csv
from fact_core.exchange.readers.studio import columns_of_csv
from fact_core.exchange.readers.table import Table, numbered
from fact_core.exchange.words import FILE_COLUMNS, LABEL_COLUMNS, looks_like_an_image, plain

SEPARATORS = (",", ";", "\t", "|")
#: How our own files begin, which need no care for others' blanks.
_OWN_HEADS = ("sample_id,file_path,", "file_path,label,", "file,file_path,")
LONGEST_CELL = 1 << 30  # characters
LOOKED_AT = 30  # rows that the separator is told from


def recognise(text: str) -> bool:
    """Whatever nothing else reads is taken for a table."""
    return True


def read(text: str) -> Table:
    """The table. InputError, which names the row, where it cannot be read."""
    csv.field_size_limit(LONGEST_CELL)  # the library refuses whole files for one cell of 128 kB
    text, separator, skipped = _sep_line(text)
    text, comments = _without_comments(text)
    skipped += comments
    separator = separator or _separator(text)
    rows = _list(text) if separator == " " else _rows(text, separator, skipped)
    first = next(rows, None)
    if first is None:
        raise InputError("The file has no columns", "nothing", "It needs a row for each image: its file and its label.")
    number, cells = first
    names = tuple(cell.strip() for cell in cells)
    if not _is_head(names) or (separator == " " and plain(names[0]) not in FILE_COLUMNS):
        full = [(number, cells), *rows]
        return Table("csv", "Row", "CSV", numbered(max(len(each) for _, each in full)), full)
    known = {plain(name) for name in names} & {*FILE_COLUMNS, *LABEL_COLUMNS}
    head, rest = None if known else (number, cells), list(_fitting(rows, len(names)))
    return via_csv(columns_of_csv(Table("csv", "Row", "CSV", _apart(names), rest, head=head)))


def _apart(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, the second of two that are called alike with its number."""
    seen, found = Counter[str](), list[str]()
    for name in names:
        seen[name] += 1
        found.append(f"{name} ({seen[name]})" if name and seen[name] > 1 else name)
    return tuple(found)


def _fitting(rows: Iterator[tuple[int, tuple[str, ...]]], width: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The rows. InputError for one that goes on behind the last column: a name with a comma would be cut off there."""
    for number, cells in rows:
        if any(cell.strip() for cell in cells[width:]):
            more = ", ".join(cells[width:])[:80]
            raise InputError(
                f"Row {number} of the CSV has too many columns",
                more,
                "Put quotes around a name that holds a separator.",
            )
        yield number, cells[:width]


def _sep_line(text: str) -> tuple[str, str, int]:
    """(the text, its separator, rows left out) of a file with Excel's first line "sep=;"."""
    first, _, rest = text.partition("\n")
    line = first.strip().strip('"')
    if line.lower().startswith("sep=") and len(line) <= 5:
        return rest, line[4:] or "\t", 1
    return text, "", 0


def _without_comments(text: str) -> tuple[str, int]:
    """(the text, rows left out) without lines with "#" above the head.

    Only above one that is sure: a file, or a column, may be called "#1".
    """
    rest, skipped = text, 0
    while rest.startswith("#"):
        line, _, rest = rest.partition("\n")
        skipped += 1
        if _is_sure_head(line.lstrip("# ")) or any(map(looks_like_an_image, re.split(r"[,;\t| ]", line))):
            return text, 0
    return (rest, skipped) if skipped and _is_sure_head(rest.partition("\n")[0]) else (text, 0)


def _is_sure_head(line: str) -> bool:
    """Whether a line names a column of files and one of classes."""
    heads = ({plain(name) for name in line.strip().replace('"', "").split(each)} for each in SEPARATORS)
    return any(len(names) > 1 and names & set(FILE_COLUMNS) and names & set(LABEL_COLUMNS) for names in heads)


def _is_head(names: tuple[str, ...]) -> bool:
    """Whether the first row names the columns: a known name, and no file among them."""
    known = {plain(name) for name in names}
    if known & set(FILE_COLUMNS) and (len(names) > 1 or not any(map(looks_like_an_image, names))):
        return True
    return not any(looks_like_an_image(name) for name in names)


def _separator(text: str) -> str:
    """What stands between the columns: by the names in the head, else what parts all rows alike; " " for a list."""
    lines = [line for line in text[: 1 << 16].splitlines()[:LOOKED_AT] if line.strip()]
    if not lines:
        return ","
    for each in SEPARATORS:
        names = {plain(name) for name in lines[0].split(each)}
        if len(names) > 1 and names & set(FILE_COLUMNS) and names & set(LABEL_COLUMNS):
            return each
    counts = {each: [_width(line, each) for line in lines] for each in SEPARATORS}
    even = [each for each in SEPARATORS if counts[each][0] > 1 and len(set(counts[each])) == 1]
    if even:
        return max(even, key=lambda each: counts[each][0])
    parted = [each for each in SEPARATORS if counts[each][0] > 1]
    if parted:
        return max(parted, key=lambda each: counts[each].count(counts[each][0]))
    return " " if all(len(line.split()) > 1 for line in lines) and not _one_name(lines[0]) else ","


def _one_name(line: str) -> bool:
    return plain(line) in FILE_COLUMNS


def _width(line: str, separator: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=separator), []))
    except csv.Error:
        return 1


def _list(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """A file and its class on each line, with blanks between; the class is the last word."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, tuple(line.strip().rsplit(None, 1))


def _rows(text: str, separator: str, skipped: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(row number as an editor counts, cells), empty rows left out."""
    # A blank may be the first sign of a file's name: it is passed over only where a quote follows, as some write it.
    spaced = re.search(f'{re.escape(separator)} +"', text) is not None and not text.startswith(_OWN_HEADS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=spaced)
    before = 0
    try:
        for cells in reader:
            number, before = before + 1, reader.line_num
            if any(cell.strip() for cell in cells):
                yield number + skipped, tuple(cells)
    except csv.Error as error:
        raise InputError(
            f"Row {before + 1 + skipped} of the CSV cannot be read", str(error), "Check its quotes."
        ) from None
