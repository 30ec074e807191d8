"""From the spellings in a file to names of classes: one rule for case, nothing joined in silence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal

from fact_core.errors import InputError
from fact_core.exchange.cells import is_empty_word, parts
from fact_core.exchange.words import LISTS, TAGS, is_number
from fact_core.files import as_seen
from fact_core.labeling.classes import MOST_CLASSES


@dataclass(frozen=True)
class Naming:
    """What the spellings of a file come to.

    name: spelling -> class. doubtful: spelling -> "empty" or "several", names that are taken only when the person
    says so. by_case, by_number: groups of spellings that are one class but for case, or one number. respelled: a
    spelling of the file and that of the project, which it gets.
    """

    name: Mapping[str, str]
    doubtful: Mapping[str, str]
    by_case: tuple[tuple[str, ...], ...]
    by_number: tuple[tuple[str, ...], ...]
    respelled: tuple[tuple[str, str], ...] = ()


def naming(spellings: Iterable[str], present: Sequence[str], join_numbers: bool, head: str = "") -> Naming:
    """The classes of a file. spellings: in the order of the file; present: the project's classes; head: their column.

    Names that differ only in case are one class, in the project's spelling, else the first. InputError for more
    classes than anybody has.
    """
    listed = list(dict.fromkeys(spellings))
    known = {as_seen(name).casefold(): name for name in present}  # an earlier version kept signs that nobody sees
    folded: dict[str, list[str]] = {}
    for each in listed:
        folded.setdefault(each.casefold(), []).append(each)
    if len(folded) > MOST_CLASSES:
        raise InputError("These are too many classes", f"more than {MOST_CLASSES:,}", "Is this the right column?")
    by_number = _numbers(listed, present)
    name = {each: known.get(key, group[0]) for key, group in folded.items() for each in group}
    if join_numbers:
        for group in by_number:
            one = next((each for each in group if each in known.values()), min(group, key=len))
            name |= {each: one for each in group if each in name}
    combined = _combined(folded, head)
    doubtful = {each: why for each in listed if (why := _doubt(each, known, folded, combined))}
    by_case = tuple(tuple(group) for group in folded.values() if len(group) > 1)
    respelled = tuple((each, known[key]) for key, (each, *_) in folded.items() if known.get(key, each) != each)
    return Naming(name, doubtful, by_case, by_number, respelled)


def same_but_for_case(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Groups of different names that only upper and lower case tell apart."""
    folded: dict[str, dict[str, None]] = {}
    for each in names:
        folded.setdefault(each.casefold(), {})[each] = None
    return tuple(tuple(group) for group in folded.values() if len(group) > 1)


def _doubt(name: str, known: Mapping[str, str], folded: Mapping[str, object], combined: Set[str]) -> str:
    """Why a name may be none. One that is a class of the project is sure."""
    if name.casefold() in known:
        return ""
    if is_empty_word(name):
        return "empty"
    if parts(name):
        return "several"
    words = name.casefold().split()
    if len(words) < 2:
        return ""
    several = all(each in folded for each in words) or all(map(is_number, words)) or name.casefold() in combined
    return "several" if several else ""


def _combined(folded: Iterable[str], head: str) -> Set[str]:
    """The names that look put together from tags, by a column's name and what its names have in common.

    Under "tags" names that share a word are; under "labels" those of which one has all words of another, and more.
    """
    words = {name: frozenset(name.split()) for name in folded if head in LISTS | TAGS and len(name.split()) > 1}
    having: dict[str, list[str]] = {}
    for name, own in words.items():
        for word in own:
            having.setdefault(word, []).append(name)
    if head in TAGS:
        return {name for names in having.values() if len(names) > 1 for name in names}
    found = set()
    for name, own in words.items():
        rarest = min(own, key=lambda word: len(having[word]))
        found |= {each for other in having[rarest] if own < words[other] for each in (name, other)}
    return found


def _numbers(names: Sequence[str], present: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Groups of spellings of one number, with those of the project's classes."""
    found: dict[Decimal, list[str]] = {}
    for each in dict.fromkeys((*names, *present)):
        if is_number(each):
            found.setdefault(Decimal(each), []).append(each)
    given = set(names)
    return tuple(tuple(group) for group in found.values() if len(group) > 1 and given & set(group))
