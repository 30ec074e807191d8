"""Every sentence that the person reads, one flat dict a page: key -> sentence.

Keys start with a word of their own ("project.scan"), so that the dicts join without a clash. A new dict also gets its
place in ``sentences``.
``{name}`` in a sentence is filled in by ``t(key, {name: ...})`` or ``str.format``. One with a number may have forms
of its own for 0 and 1, ``KEY_none`` and ``KEY_one``: ``counted`` in assets/shell/text.js takes them.
"""

from __future__ import annotations

from app.pages.label import class_text as classes
from app.pages.label import text as label
from app.pages.label import word_text as words
from app.pages.project import text as project
from app.pages.results import finish_text as finish
from app.pages.results import next_text as following
from app.pages.results import review_text as review
from app.pages.results import runs_text as several
from app.pages.results import sort_text as sorting
from app.pages.results import text as results
from app.pages.results import trust_text as trust
from app.pages.results import try_text as tried
from app.pages.select import choice_text as choice
from app.pages.select import text as select
from app.pages.train import text as train
from app.shell import common_text as common
from app.shell import decision_text as decisions
from app.shell import odd_text as odd


def sentences() -> dict[str, str]:
    """All sentences in one dict. ValueError when two pages use the same key."""
    joined: dict[str, str] = {}
    for page in (
        common,
        project,
        select,
        choice,
        label,
        classes,
        words,
        odd,
        train,
        decisions,
        results,
        finish,
        following,
        review,
        several,
        sorting,
        trust,
        tried,
    ):
        clash = joined.keys() & page.TEXT.keys()
        if clash:
            raise ValueError(f"{page.__name__} repeats the keys {', '.join(sorted(clash))}")
        joined |= page.TEXT
    return joined
