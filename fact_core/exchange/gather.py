"""From the rows of a table to labels of images: what is taken, what is left out and why, what has to be asked.

bytes -> ``readers.read`` -> table -> ``columns.propose`` -> ``gather`` -> labels. Pure: nothing is written, and the
disk is not asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from fact_core.config import ImportConfig
from fact_core.errors import InputError
from fact_core.exchange.addresses import is_relative
from fact_core.exchange.cells import said, unescaped
from fact_core.exchange.columns import Columns, box_columns, is_box
from fact_core.exchange.marks import Mark, beside, surest
from fact_core.exchange.matching import CASE, WHOLE, Finder, Hit
from fact_core.exchange.names import Naming, naming
from fact_core.exchange.readers.table import BOX, NOTHING, Cell, Said, Table
from fact_core.exchange.whose import as_share, is_own, verdicts
from fact_core.exchange.words import ANSWERS, plain
from fact_core.files import clean_name
from fact_core.labeling.classes import MOST_CLASSES

#: Why a row gives no label, in words; the page has its own.
REASONS: Mapping[str, str] = {
    "unknown": "no such image in this project",
    "elsewhere": "an image of that name lies in another folder than the row says",
    "ambiguous": "the name fits several images",
    "chance": "most names lie in several folders here, so that this one may mean an image that is gone from another",
    "differing": "several labels of one image",
    "several": "several labels at once",
    "groups": "several groups of one image",
    "boxes": "boxes or regions, no label of the whole image",
    "refused": "the answer was turned down or passed over in the other program",
    "empty": "a word for nothing, such as nan",
    "unfit": "no name that a class can have",
    "gone": "the list says that the file was missing or unreadable already",
    "unreadable": "the image cannot be read, or was left out",
    "none": "no label",
}
#: Reasons that may be gone once it is known in which folder the names begin.
VAGUE = frozenset({"ambiguous", "chance"})
#: Reasons for which the command line takes no part of a file: the rows name no image here.
STRANGE = ("unknown", "elsewhere", "ambiguous", "chance")
#: Rows that say something of their image, but not which class: no other row about it is sure.
_UNCLEAR = ("several", "differing", "unfit")
_WHY = {"box": "boxes", "several": "several", "differ": "differing", "refused": "refused", "none": "none"}


@dataclass(frozen=True)
class Left:
    """A row that gives no label: which one, and what it names."""

    where: str
    shown: str


@dataclass(frozen=True)
class Taken:
    """The row that gives an image its label."""

    label: str
    where: str
    given: str
    rank: int


@dataclass
class Gathered:
    """What a table says of the images. taken: by image id. left: reason of ``REASONS`` -> its rows.

    naming: how the spellings became classes. parts: word for a part of the data -> how many rows say so. test: images
    in a part called test; groups: image -> what it belongs to. by_case: images found under another case. unclear:
    image -> the surest match of a row that gives it no class but contradicts any other row.
    """

    taken: dict[int, Taken] = field(default_factory=dict)
    left: dict[str, list[Left]] = field(default_factory=dict)
    naming: Naming = field(default_factory=lambda: Naming({}, {}, (), ()))
    parts: Mapping[str, int] = field(default_factory=dict)
    test: set[int] = field(default_factory=set)
    groups: dict[int, str] = field(default_factory=dict)
    by_case: int = 0
    unclear: dict[int, int] = field(default_factory=dict)

    def doubt(self, reason: str, item: int, rank: int) -> None:
        """Note that a row leaves it open what its image is."""
        if reason in _UNCLEAR and item:
            self.unclear[item] = min(rank, self.unclear.get(item, rank))

    def leave(self, reason: str, where: str, shown: str) -> None:
        self.left.setdefault(reason, []).append(Left(where, shown[:200].encode(errors="replace").decode()))


@dataclass(frozen=True)
class _Hit:
    """One row with one name: the image it means, how vaguely and under which path, and the spelling it gives."""

    number: int
    given: str
    item: int
    rank: int
    path: str
    above: str
    name: str


def gather(
    columns: Columns, find: Finder, config: ImportConfig, present: Sequence[str] = (), literal: bool = False
) -> Gathered:
    """What the rows say, with the person's answers in ``config``. present: the project's classes.

    literal: names like "NA" and "a, b" are classes, as in our own files and wherever a label is no cell of text.
    InputError, which names the row, for rows that are too short, and for more classes than anybody has.
    """
    table, found = columns.table, Gathered()
    read, marks = _hits(columns, find, found, literal)
    hits = _of_one_place(table, read, found)
    strange = {each.number for each in read} - {each.number for each in hits}
    marks = [each for each in marks if each.number not in strange]
    found.test, found.groups, unsure = surest(marks)
    found.parts = dict(Counter(each.part for each in marks if each.part).most_common())
    for one, names in unsure:
        found.leave("groups", table.where(one.number), f"{one.given}: {', '.join(names)}")
    spellings = (each.name for each in hits)
    found.naming = naming(spellings, present, config.labels_numbers == "join", plain(table.columns[columns.label]))
    taken_words = {
        "empty": literal or config.labels_empty == "names",
        "several": literal or config.labels_several == "names",
    }
    refused = {name: why for name, why in found.naming.doubtful.items() if not taken_words[why]}
    counting = tuple(group for group in found.naming.by_case if not refused.keys() & set(group))
    found.naming = replace(found.naming, by_case=counting)  # "nan" and "NaN" are no classes: nothing to ask
    for each in hits:
        if each.name in refused:
            found.leave(refused[each.name], table.where(each.number), f"{each.given}: {each.name}")
            found.doubt(refused[each.name], each.item, each.rank)
    _settle(table, [each for each in hits if each.name not in refused], found)
    return found


def _hits(columns: Columns, find: Finder, found: Gathered, literal: bool) -> tuple[list[_Hit], list[Mark]]:
    """The rows that name an image and give one class, the others are left out; what rows say beside the class."""
    table, boxes = columns.table, box_columns(columns.table)
    unsure, gone, verdict = _confidence(table), _gone(table), verdicts(table)
    plainly = unescaped if table.of == "CSV" else str
    cleaned: dict[str, str | InputError] = {}
    understood: dict[str, Said] = {}
    hits, marks, below, vague = [], [], set[int](), 0
    for number, cells in table.rows:
        given, cell = _pair(table, number, cells, columns)
        given = plainly(given)
        told = said(cell) if isinstance(cell, Said) else understood.get(cell)
        if told is None:
            told = understood[str(cell)] = said(plainly(str(cell)), literal)
        if is_box(cells, boxes):
            told = BOX
        elif 0 <= unsure < len(cells) and as_share(cells[unsure]) == 0:
            told = NOTHING  # Open Images: looked at, and it is not there
        elif told.names and 0 <= verdict < len(cells) and plain(str(cells[verdict])) in ANSWERS[1:]:
            told = Said(told.names, "refused")
        hit = find.look(given)
        if is_relative(given) and (hit.rivals or hit.below):
            vague += hit.rivals or hit.outcome == "several"
            if hit.below and hit.outcome == "found":
                below.add(number)
        read = [_clean(name, cleaned) for name in told.names]
        names = [each for each in read if isinstance(each, str)]
        reason = _reason(told, hit) or ("" if names else "unfit")
        if reason in STRANGE and 0 <= gone < len(cells) and cells[gone]:
            reason = "gone"
        if hit.outcome == "found":
            marks.append(Mark(number, given, hit.item, hit.rank, *beside(columns, cells)))
        if reason:
            shown = given if reason in STRANGE else ": ".join(filter(None, (given, _in_words(read))))
            found.leave(reason, table.where(number), shown or table.where(number))
            found.doubt(reason, hit.item, hit.rank)
        else:
            hits.append(_Hit(number, given, hit.item, hit.rank, hit.path, hit.above, names[0]))
    return _told_apart(table, hits, marks, below, vague, found)


def _told_apart(
    table: Table, hits: list[_Hit], marks: list[Mark], below: Set[int], vague: int, found: Gathered
) -> tuple[list[_Hit], list[Mark]]:
    """What rows tell but those that are found by chance: most names lie in several folders, as those of frames do.

    A list of one of these folders names "7.jpg", too; if that is gone there, another folder's may be the only one here.
    below: rows whose image lies in folders that they do not name; vague: how many rows may mean several such images.
    """
    if not below or vague < len(below):
        return hits, marks
    for each in hits:
        if each.number in below:
            found.leave("chance", table.where(each.number), each.given)
    return [each for each in hits if each.number not in below], [each for each in marks if each.number not in below]


def _of_one_place(table: Table, hits: Sequence[_Hit], found: Gathered) -> Sequence[_Hit]:
    """The rows but for those of another folder: of relative paths some go on above the image folder, others do not.

    One folder cannot be at two places: "old/a/1.jpg" beside "a/2.jpg" is no image of "a". Absolute paths and URLs may
    come from several computers.
    """
    relative = [each for each in hits if is_relative(each.given)]
    if len({each.above for each in relative}) < 2:
        return hits
    strange = {each.number for each in relative if each.above}
    for each in relative:
        if each.above:
            found.leave("elsewhere", table.where(each.number), each.given)
    return [each for each in hits if each.number not in strange]


def _pair(table: Table, number: int, cells: Sequence[Cell], columns: Columns) -> tuple[str, Cell]:
    """(the name of the file, or words for one without a name; the cell of the class) of a row."""
    if len(cells) <= max(columns.file, columns.label):
        raise InputError(
            f"{table.where(number)} has too few columns", str(len(cells)), f"It needs {', '.join(table.columns)[:200]}."
        )
    name = cells[columns.file]
    return name if isinstance(name, str) else " ".join(name.names), cells[columns.label]


def _reason(told: Said, hit: Hit) -> str:
    """Why a row gives no label, "" where it does."""
    if told.why:
        return _WHY[told.why]
    return {"found": "", "several": "ambiguous"}.get(hit.outcome, hit.outcome)


def _settle(table: Table, hits: Sequence[_Hit], found: Gathered) -> None:
    """One label for each image. Of rows about one file the surest decides; the rest must agree."""
    rows: dict[int, dict[str, list[_Hit]]] = {}
    for each in hits:
        rows.setdefault(each.item, {}).setdefault(each.path, []).append(each)
    for item, by_path in rows.items():
        kept: list[_Hit] = []
        for told in by_path.values():
            kept += _surest(table, told, found)
        labels = {found.naming.name[hit.name] for hit in kept}
        surest = min((hit.rank for hit in kept), default=WHOLE)
        if len(labels) > 1 or (kept and found.unclear.get(item, surest + 1) <= surest):
            shown = ", ".join(dict.fromkeys(f"{hit.given} ({hit.name})" for hit in kept))
            where = " and ".join(dict.fromkeys(table.where(hit.number) for hit in kept[:2]))
            found.leave("differing", where, shown)
        elif kept:
            first = min(kept, key=lambda hit: hit.rank)
            found.taken[item] = Taken(labels.pop(), table.where(first.number), first.given, first.rank)
            found.by_case += first.rank == CASE


def _surest(table: Table, told: Sequence[_Hit], found: Gathered) -> Sequence[_Hit]:
    """The rows about one file that count; the others are left out."""
    names = found.naming.name
    whole = [hit for hit in told if hit.rank == WHOLE]
    if whole:
        for hit in told:
            if hit.rank != WHOLE and names[hit.name] != names[whole[0].name]:
                found.leave("elsewhere", table.where(hit.number), hit.given)
        return whole
    if len({hit.given for hit in told}) > 1 and len({names[hit.name] for hit in told}) == 1:
        # Two names for one file, as of two uploads that were called alike: one of them may be another picture.
        shown = ", ".join(dict.fromkeys(hit.given for hit in told))
        found.leave("ambiguous", table.where(told[0].number), shown)
        return []
    return told


def _clean(name: str, cleaned: dict[str, str | InputError]) -> str | InputError:
    """The name of a class, or why there is none that is called so."""
    if name not in cleaned:
        try:
            cleaned[name] = clean_name(name, "label")
        except InputError as error:
            cleaned[name] = error
        if len(cleaned) > MOST_CLASSES:
            raise InputError("These are too many classes", f"more than {MOST_CLASSES:,}", "Is this the right column?")
    return cleaned[name]


def _in_words(read: Sequence[str | InputError]) -> str:
    """The names that a row gives, and what is wrong with those that are none."""
    return ", ".join(each if isinstance(each, str) else f"{each.what} ({each.found})" for each in read)


def _confidence(table: Table) -> int:
    heads = [plain(name) for name in table.columns]
    return heads.index("confidence") if "confidence" in heads else -1


def _gone(table: Table) -> int:
    """The column of our own list that says whose file was not as it had been; -1 for none."""
    heads = [plain(name) for name in table.columns]
    return heads.index("file") if is_own(table) and "file" in heads else -1
