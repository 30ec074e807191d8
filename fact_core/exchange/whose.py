"""Who gave the labels of a table: we, another program, a person or a model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fact_core.exchange.readers.table import Cell, Said, Table
from fact_core.exchange.words import ANSWERS, is_number, plain

#: What the column is called in which a model says how sure it is.
CONFIDENCE = (
    *("confidence", "conf", "score", "probability", "prob", "certainty"),
    *("confidences", "scores", "probabilities", "probs"),
)
#: How the columns begin in which it says so of each class.
_OF_CLASS = ("p_", "prob_", "probability_", "confidence_", "score_")


#: What ours are known by: ``labels.csv`` and ``predictions.csv``, ``finished.csv``, an exported model's answers.
_OWN = (
    frozenset(("sample_id", "file_path", "label", "source", "lead_time")),
    frozenset(("file_path", "label", "source", "confidence", "kind")),
)
_ANSWERS = ["file_path", "label", "confidence"]
_OF_MODEL = ("model", "accepted")  # what our column "source" says then


def is_own(table: Table) -> bool:
    """Whether we have written it: names in it are classes, whatever they look like."""
    heads = [plain(name) for name in table.columns]
    answers = heads[:3] == _ANSWERS and all(name.startswith("p_") for name in heads[3:])
    return answers or any(own <= set(heads) for own in _OWN)


def is_of_model(table: Table) -> bool:
    """Whether a model gave these labels: ours say so, others by a confidence that is no whole number."""
    heads = [plain(name) for name in table.columns]
    if heads[:3] == _ANSWERS:
        return True
    if is_own(table):
        source = heads.index("source")
        return any(len(cells) > source and cells[source] in _OF_MODEL for _, cells in table.rows)
    # To the last row: those of a person may stand first.
    places = [place for place, name in enumerate(heads) if name in CONFIDENCE or name.startswith(_OF_CLASS)]
    cells = (cells[place] for _, cells in table.rows for place in places if place < len(cells))
    shares = (as_share(each) for cell in cells for each in _each(cell))
    return any(each is not None and 0 < each < 100 and each % 1 for each in shares)


def _each(cell: Cell) -> Sequence[str]:
    """The numbers of a cell, where a list stands in it as well: one a label."""
    listed = cell.names if isinstance(cell, Said) else re.fullmatch(r"\s*\[([^\[\]]*)\]\s*", cell)
    if isinstance(listed, re.Match):
        return listed[1].split(",")
    return listed if isinstance(listed, tuple) else (str(cell),)


def as_share(cell: Cell) -> float | None:
    """How sure a cell says that a model was; None where it is no number. "0,91" and "91 %" are 0.91.

    Spreadsheets of half the world write the comma.
    """
    if not isinstance(cell, str):
        return None
    text = re.sub(r"\s*%$", "", cell.strip())
    number = re.sub(r"^([+-]?\d*),(\d+)$", r"\1.\2", text)
    if not is_number(number):
        return None
    return float(number) / (100 if text != cell.strip() else 1)


def verdicts(table: Table) -> int:
    """The column that says whether a row's answer counts, -1 for none: "answer", where it says nothing else."""
    heads = [plain(name) for name in table.columns]
    place = heads.index("answer") if "answer" in heads else -1
    said = {plain(str(cells[place])) for _, cells in table.rows if 0 <= place < len(cells)}
    return place if said & set(ANSWERS) and said <= {*ANSWERS, ""} else -1
