"""Giving a project another name. Its folder keeps its own."""

from __future__ import annotations

from dataclasses import replace

from fact_core.files import clean_name
from fact_core.storage import db
from fact_core.storage.project import Project, remember


def rename(project: Project, name: str) -> Project:
    """The project under its new name, which the list of recent ones has too. InputError when it cannot be a name."""
    title = clean_name(name, "project name")
    with db.writing(project.db, project.id) as con:
        con.execute("UPDATE meta SET value = ? WHERE key = 'name'", (title,))
        db.bump(con)
    renamed = replace(project, name=title)
    remember(renamed)
    return renamed
