"""The class that holds what fits no other one, such as "None of these".

It is trained on and answered like any class. Its images have nothing in common, so they are looked for apart
(``work/apart.py``), and what is like one of them is like that one only (``analysis.novelty``).
"""

from __future__ import annotations

import numpy as np
from sqlite_utils import Database

from fact_core.files import clean_name
from fact_core.labeling import classes
from fact_core.storage import db
from fact_core.storage.project import Project
from fact_core.types import IntArray, Labels

#: Its key, where no other class has it: behind the ten classes with a number it would have none, and typing "none"
#: begins with N, which adds a class.
KEY = "."


def name_of(project: Project) -> str:
    """The class's name; "" where there is none."""
    with db.connect(project.db) as con:
        row = con.execute("SELECT name FROM class WHERE other AND NOT deleted").fetchone()
    return str(row["name"]) if row else ""


def ordinary(project: Project, labels: Labels) -> IntArray:
    """The classes of labels (n,), -1 for those that fit no other class."""
    name = name_of(project)
    place = labels.classes.index(name) if name in labels.classes else -1
    return np.where(labels.y == place, -1, labels.y)


def add(project: Project, name: str) -> int:
    """The class of that name, new where there is none, holds what fits no other one from now on. Its id.

    Where it has no key of its own yet, and nothing else has ``KEY``, it gets that.
    """
    cleaned = clean_name(name, "class name")
    with db.writing(project.db, project.id) as con:
        found = classes.add_missing(con, [cleaned])[cleaned]
        con.execute(
            "UPDATE class SET key = ? WHERE id = ? AND key = ''"
            " AND NOT EXISTS (SELECT 1 FROM class WHERE key = ? AND NOT deleted)",
            (KEY, found, KEY),
        )
        _mark(con, found)
    return found


def mark(project: Project, class_id: int, holds: bool) -> None:
    """Whether a class holds what fits no other one; one does at most. InputError when it is gone."""
    with db.writing(project.db, project.id) as con:
        classes.need_class(con, class_id)
        _mark(con, class_id if holds else 0)


def _mark(con: Database, class_id: int) -> None:
    con.execute("UPDATE class SET other = (id = ?) WHERE other != (id = ?)", (class_id, class_id))
    db.bump(con)
