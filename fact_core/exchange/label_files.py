"""Labels out of files and folders, as one function of bytes and a pool. Nothing is written here.

    content -> readers.read -> columns.propose -> gather.gather -> Reading, with what is open

The page shows a ``Reading`` (``import_labels``); the command line takes it only when nothing is open (``read_labels``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fact_core.config import ImportConfig
from fact_core.errors import InputError, storage_error
from fact_core.exchange import folders, questions, readers
from fact_core.exchange.addresses import readings
from fact_core.exchange.begins import folders_with, within
from fact_core.exchange.columns import Columns, propose
from fact_core.exchange.gather import REASONS, STRANGE, VAGUE, Gathered, gather
from fact_core.exchange.marks import is_known
from fact_core.exchange.matching import Finder, common_folder
from fact_core.exchange.questions import Question
from fact_core.exchange.readers.table import without_head
from fact_core.exchange.whose import is_own
from fact_core.exchange.words import SPLIT_WORDS
from fact_core.types import Pool

MAX_BYTES = 1 << 30
TOLD = 3  # rows that the command line names of each kind
TOLD_PARTS = 12
#: The kind of a source whose content says what it is.
ANY = "file"


@dataclass(frozen=True)
class Reading:
    """What a source says, which columns it was read by, and what is asked."""

    columns: Columns
    found: Gathered
    questions: tuple[Question, ...]

    @property
    def open(self) -> bool:
        """Whether something must be answered before anything may be taken."""
        return any(each.must for each in self.questions)


def understand(
    kind: str,
    content: bytes,
    pool: Pool,
    aliases: Mapping[str, int | None],
    config: ImportConfig,
    present: Sequence[str] = (),
) -> Reading:
    """Read a source. kind: "folders", "file" for whatever the content is, or a key of ``readers.READERS``.

    present: the project's classes. InputError, which names the row, where the content cannot be used.
    """
    asked: list[Question] = []
    if kind == "folders":
        table, levels = folders.table(pool, aliases, config.labels_level)
        asked += questions.about_levels(levels, config)
        sure = True
    else:
        read = readers.read(content, "" if kind == ANY else kind, config.labels_encoding)
        table, sure = read.table, read.encoding_sure
    inside, others = (pool, aliases) if kind == "folders" else within(pool, aliases, config.labels_folder)
    find = Finder(inside, others)
    if table.head and any(find.look(cell).outcome in ("found", "unreadable", "several") for cell in table.head[1]):
        table = without_head(table)  # a list of names without endings: its first row names an image, too
    columns = propose(table, lambda name: find.look(name).item, config.labels_image_column, config.labels_class_column)
    if not table.rows and not table.columns:
        return Reading(columns, Gathered(), ())
    asked += questions.about_reading(columns, sure, config)
    if columns.file < 0 or columns.label < 0 or columns.file == columns.label:
        return Reading(columns, Gathered(), tuple(asked))
    if config.labels_moved == "yes":
        find = Finder(inside, others, common_folder(_paths(columns)), moved=True)
    literal = is_own(table) or table.kind not in ("csv", "objects")
    found = gather(columns, find, config, present, literal)
    if kind != "folders" and (config.labels_folder or found.left.keys() & VAGUE):
        asked += questions.about_folder(folders_with(_paths(columns), pool), config)
    return Reading(columns, found, (*asked, *questions.about_names(columns, found, config)))


def read_labels(
    file: Path,
    pool: Pool,
    aliases: Mapping[str, int | None] | None = None,
    config: ImportConfig | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[int, str]:
    """Image id -> class name from a file of any known format, for the command line, where nobody can be asked.

    InputError where something is open, where a row names no image here (``labels_rows`` "known" passes over those),
    and where there are no labels at all. What is left out is told by ``say``, with the first rows of each reason.
    """
    config = config or ImportConfig()
    return _closed(understand(ANY, content_of(file), pool, aliases or {}, config), str(file), config, say)


def read_groups(
    file: Path, pool: Pool, aliases: Mapping[str, int | None], config: ImportConfig | None = None
) -> dict[int, str]:
    """Image id -> what it belongs to, by the file's own column, of all rows that name an image here; {} without one."""
    return dict(understand(ANY, content_of(file), pool, aliases, config or ImportConfig()).found.groups)


def test_part(
    source: str, pool: Pool, aliases: Mapping[str, int | None], config: ImportConfig | None = None
) -> list[int]:
    """Ids of the images with a label that folders, or a column of a file, call val or test, ascending.

    source: "folders", or the file's path. InputError where there are none.
    """
    kind, content = ("folders", b"") if source == "folders" else (ANY, content_of(Path(source)))
    found = understand(kind, content, pool, aliases, config or ImportConfig()).found
    if held := sorted(found.test & found.taken.keys()):
        return held
    raise InputError(
        "No part of the images is called val or test",
        _parts(found.parts) or "no parts at all",
        "Such are folders train and val with the classes below them, or a column split. Or leave --keep-test out.",
    )


def folder_truth(
    pool: Pool,
    aliases: Mapping[str, int | None],
    config: ImportConfig,
    say: Callable[[str], None] = lambda line: None,
) -> dict[int, str]:
    """Image id -> class name: the folder that each image lies in; the same picture in two classes is left out.

    InputError as ``read_labels``, and for images that lie in no folder.
    """
    seen = understand("folders", b"", pool, aliases, config)
    parts = sorted({each for each in folders.levels(pool.paths).splits if each})
    if parts and not seen.found.taken:
        raise InputError(
            "These folders are parts of a data set, not classes", ", ".join(parts), "Give a file with the labels."
        )
    if loose := seen.found.left.get("none"):
        raise InputError(
            "Images directly in the image folder have no class",
            loose[0].shown,
            "Put them into sub-folders, one a class.",
        )
    return _closed(seen, str(pool.root), config, say)


def content_of(file: Path) -> bytes:
    """The bytes of a file of labels. FactError in words."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise InputError("The file is larger than 1 GB", str(file))
        return file.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and os.path.exists(file) and not os.path.isdir(file):
            raise storage_error(error, "reading the labels") from error
        raise InputError("There is no such CSV file", str(file), "Check the path.") from error


def _closed(seen: Reading, source: str, config: ImportConfig, say: Callable[[str], None]) -> dict[int, str]:
    """The labels of a reading in which nothing is open."""
    questions.must_be_answered(seen.questions)
    left = seen.found.left
    strange = [(reason, left[reason]) for reason in STRANGE if reason in left]
    if strange and config.labels_rows == "all":
        reason, rows = strange[0]
        count = sum(len(each) for _, each in strange)
        begin = "say in which one the file's names begin with --labels-folder, " if reason in VAGUE else ""
        raise InputError(
            f"{rows[0].where}: {REASONS[reason]}",
            f"{rows[0].shown}, and {count - 1:,} more such rows." if count > 1 else rows[0].shown,
            f"Give names of files in the image folder, {begin}or pass over such rows with --labels-rows known.",
        )
    for reason, rows in left.items():
        first = "; ".join(f"{each.where}: {each.shown}" for each in rows[:TOLD])
        say(f"not imported, {REASONS[reason]}: {len(rows):,} ({first}{' …' if len(rows) > TOLD else ''})")
    _tell_parts(seen.found, say)
    if seen.columns.table.encoding not in ("utf-8", "utf-16"):
        say(f"read as {seen.columns.table.encoding}")
    if not seen.found.taken:
        raise InputError("The file has no labels", source, "It needs rows with a file and its label.")
    return {item: each.label for item, each in seen.found.taken.items()}


def _tell_parts(found: Gathered, say: Callable[[str], None]) -> None:
    """Which parts of a data set the source knows, and words for parts that are none, such as misspelt ones."""
    if found.test:
        words = {word: count for word, count in found.parts.items() if is_known(word)}
        say(f"parts: {_parts(words)} (--keep-test makes check images of what is called val or test)")
    strange = {word: count for word, count in found.parts.items() if not is_known(word)}
    if strange:
        known = ", ".join(sorted(SPLIT_WORDS))
        say(f"warning: parts that are not known count like train: {_parts(strange)} (known: {known})")


def _parts(words: Mapping[str, int]) -> str:
    return ", ".join(f"{word} {count:,}" for word, count in list(words.items())[:TOLD_PARTS])


def _paths(columns: Columns) -> list[str]:
    """What the rows name, first reading of each."""
    names = (cells[columns.file] for _, cells in columns.table.rows if columns.file < len(cells))
    return [read[0].path for name in names if isinstance(name, str) and (read := readings(name))]
