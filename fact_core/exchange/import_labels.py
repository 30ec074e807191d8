"""Labels from elsewhere, in two steps: ``read`` says what would happen, ``commit`` does it, whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from fact_core.config import ImportConfig
from fact_core.errors import InputError
from fact_core.exchange import held_out, label_files
from fact_core.exchange.gather import Left
from fact_core.exchange.label_files import ANY, Reading
from fact_core.exchange.marks import is_known
from fact_core.exchange.questions import Question
from fact_core.exchange.readers import READERS
from fact_core.exchange.readers.table import Cell, Said
from fact_core.labeling import bulk, classes, kept_apart, labels_now, taken_back
from fact_core.labeling.history import State, states_of
from fact_core.storage import db, groups, items, told, usable
from fact_core.storage.project import Project

Keep = Literal["mine", "theirs"]

SHOWN = 20  # files that are told one by one
SAMPLE = 5  # rows of the file that are shown
CELL = 120  # characters of a cell that are shown

SOURCE_KINDS = (ANY, "folders", *READERS)


@dataclass(frozen=True)
class Source:
    """Where labels come from. kind: one of ``SOURCE_KINDS``; content: the file's bytes, b"" for folders' names."""

    kind: str
    content: str | bytes = b""
    config: ImportConfig = field(default_factory=ImportConfig)


@dataclass(frozen=True)
class Told:
    """How many rows something holds for, what the first of them name, and which rows those are."""

    count: int = 0
    first: tuple[str, ...] = ()
    where: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Sheet:
    """The file as it was read: its kind in words, its encoding, its columns and its first rows."""

    title: str = ""
    encoding: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Conflict:
    """An image that has a label already, and another one in the file.

    mine is "" where somebody skipped the image or marked it "cannot tell".
    """

    item: int
    mine: str
    theirs: str


@dataclass(frozen=True)
class Preview:
    """What an import would do; nothing is written yet.

    rows: item id -> class name, for all images whose label is new or another one; by_class: how many of them
    each class gets. already_same: images that have that label. skipped: rows without a label, images without a
    folder, and files that cannot be read. left: reason of ``gather.REASONS`` -> the rows that are left out.
    by_case: images that were found under another upper or lower case. test: images that the file keeps for testing;
    parts: its words for parts -> rows; strange_parts: those that are no such words. groups: what belongs together.
    questions: what is open, or may be said otherwise.
    """

    kind: str
    rows: dict[int, str]
    by_class: dict[str, int]
    conflicts: tuple[Conflict, ...]
    new_classes: tuple[str, ...]
    already_same: int
    skipped: int
    left: Mapping[str, Told] = field(default_factory=dict)
    by_case: int = 0
    test: frozenset[int] = frozenset()
    parts: Mapping[str, int] = field(default_factory=dict)
    strange_parts: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[int, str] = field(default_factory=dict)
    questions: tuple[Question, ...] = field(default=(), compare=False)
    sheet: Sheet = field(default_factory=Sheet, compare=False)

    @property
    def open(self) -> bool:
        """Whether something must be answered first."""
        return any(each.must for each in self.questions)


@dataclass(frozen=True)
class Applied:
    """What an import did. ``batch`` and ``new_classes`` (ids) take it back; ``kept``: labels that were left.

    checks: how many of the images are check images now.
    """

    batch: str
    images: int
    kept: int
    new_classes: tuple[int, ...]
    checks: int = 0


def read(project: Project, source: Source) -> Preview:
    """What importing would do now. InputError, which names the row, when the source cannot be used; during a scan."""
    if source.kind not in SOURCE_KINDS:
        raise InputError(
            "There is no such source of labels", repr(source.kind)[:80], f"Known: {', '.join(SOURCE_KINDS)}."
        )
    if told.any_in_doubt(project):  # the file that a row names may be another image's until then
        do = "Import when it has ended. If it was stopped, scan the folder again."
        raise InputError("A scan has yet to find where renamed images lie now", do=do)
    pool, aliases = items.pool(project), usable.aliases(project)
    present = {each.id: each.name for each in classes.classes(project)}
    states = labels_now.states(project)
    now = {item: present[state.class_id] for item, state in states.items() if state.class_id in present}
    now |= dict.fromkeys(_passed_over(states, present), "")
    listed = list(present.values())
    seen = label_files.understand(source.kind, _bytes(source.content), pool, aliases, source.config, listed)
    return _preview(seen, now, listed)


def _bytes(content: str | bytes) -> bytes:
    if isinstance(content, bytes):
        return content
    try:
        return content.encode()
    except UnicodeEncodeError as error:  # half a surrogate pair, possible in JSON
        row = content.count("\n", 0, error.start) + 1
        raise InputError(f"Row {row} has a character that is none", do="Save the file as UTF-8.") from None


def commit(project: Project, preview: Preview, client: str, keep: Keep, check: str = "none") -> Applied:
    """Give the labels of a preview in one transaction, as one batch of ``client`` (a name used once).

    keep: whose label stays where an image has another one by now: "mine" (the project's, a skip or "cannot tell" too)
    or "theirs" (the file's).
    Classes that are missing by now are added; an image that was left out meanwhile stays so. Nothing is written when
    nothing would change. check: what becomes check images: "none", a "share", or the part that the file calls test
    ("split"). InputError while a question of the preview is open.
    """
    if preview.open:
        raise InputError("Something about this file has to be said first", do="Answer the questions above the preview.")
    if keep not in ("mine", "theirs"):
        raise InputError("Whose labels to keep is not known", repr(keep)[:80], "Known: mine, theirs.")
    taught = {int(each) for each in labels_now.snapshot(project, "pick").ids}
    with db.writing(project.db, project.id) as con:
        present = {row["id"]: row["folded"] for row in con.execute("SELECT id, folded FROM class WHERE NOT deleted")}
        states = states_of(con, set(preview.rows))
        out = {item for item, state in states.items() if state.kind == "exclude"}  # since the preview
        now = {item: present.get(state.class_id or 0) for item, state in states.items()}
        other = {item for item, name in preview.rows.items() if now.get(item) not in (None, name.casefold())}
        other |= _passed_over(states, present)
        give = {
            item: name
            for item, name in preview.rows.items()
            if item not in out and now.get(item) != name.casefold() and (keep == "theirs" or item not in other)
        }
        ids = classes.add_missing(con, list(dict.fromkeys(give.values())))
        images = bulk.give(con, client, {item: ids[name] for item, name in give.items()}, "import")
        new = tuple(sorted(set(ids.values()) - set(present)))
        fresh = [item for item in give if item not in other]  # a label that was there may have been trained on
        together = held_out.joined(groups.counted(con), preview.groups)
        learned = (preview.groups.keys() | taught) - set(fresh)
        held = held_out.draw(fresh, together, preview.test, check, learned=learned)
        kept_apart.keep_apart(con, held, client)
        groups.note_column(con, preview.groups, client)
        return Applied(client, images, len(other) if keep == "mine" else 0, new, len(held))


def undo(project: Project, batch: str, new_classes: Sequence[int] = ()) -> int:
    """Take an import back: images changed since keep their label, classes it added go if they are empty. So do groups.

    Returns how many images are as before.
    """
    with db.writing(project.db, project.id) as con:
        changed = bulk.take_back(con, batch)
        if con.execute("SELECT 1 FROM label WHERE client = ? LIMIT 1", (batch,)).fetchone():
            taken_back.follow(con, changed, [batch])
        elif groups.column_steps(con).get(batch):  # it has named groups alone
            groups.settle_column(con, batch, stands=False)
        classes.hide_empty(con, new_classes)
        return len(changed)


def _passed_over(states: Mapping[int, State], present: Collection[int]) -> set[int]:
    """The images that somebody has seen and gave no class: skipped, or marked "cannot tell"."""
    return {
        item
        for item, each in states.items()
        if each.kind == "skip" or (each.flagged and each.kind != "exclude" and each.class_id not in present)
    }


def _preview(seen: Reading, now: Mapping[int, str], present: Sequence[str]) -> Preview:
    found = seen.found
    labels, known = {item: each.label for item, each in found.taken.items()}, set(present)
    rows = {item: name for item, name in labels.items() if now.get(item) != name}
    by_class = Counter(rows.values())
    left = {reason: _told(each) for reason, each in found.left.items() if reason not in ("none", "unreadable")}
    return Preview(
        kind=seen.columns.table.kind,
        rows=rows,
        by_class=dict(by_class.most_common()),
        conflicts=tuple(Conflict(item, now[item], name) for item, name in rows.items() if item in now),
        new_classes=tuple(name for name in by_class if name not in known),
        already_same=len(labels) - len(rows),
        skipped=sum(len(found.left.get(reason, ())) for reason in ("none", "unreadable")),
        left=left,
        by_case=found.by_case,
        test=frozenset(found.test & set(rows)),
        parts={word: count for word, count in found.parts.items() if is_known(word)},
        strange_parts={word: count for word, count in found.parts.items() if not is_known(word)},
        groups=dict(found.groups),
        questions=seen.questions,
        sheet=_sheet(seen),
    )


def _sheet(seen: Reading) -> Sheet:
    table = seen.columns.table
    title = READERS[table.kind].title if table.kind in READERS else ""
    shown = tuple(tuple(_cell(cell) for cell in cells) for _, cells in table.rows[:SAMPLE])
    return Sheet(title, table.encoding, table.columns, shown)


def _cell(cell: Cell) -> str:
    text = ", ".join(cell.names) if isinstance(cell, Said) else cell
    return text[:CELL].encode(errors="replace").decode()


def _told(rows: Sequence[Left]) -> Told:
    first = rows[:SHOWN]
    return Told(len(rows), tuple(each.shown for each in first), tuple(each.where for each in first))
