"""Taking a project for this process, once its file is seen to be whole.

A folder that is copied while the program writes to it (a backup, a synchronised folder) holds pages of several moments.
Such a copy often opens, with an index that lacks a row: then an older label is shown for an image, and nobody knows.
So the whole file is looked through once, when a process takes the project: 0.2 s for 100,000 images.
"""

from __future__ import annotations

from fact_core.errors import ProjectError
from fact_core.storage import db, read_only
from fact_core.storage import project as projects
from fact_core.storage.project import Lock, Project


def hold(project: Project) -> Lock:
    """``project.lock`` of a project whose file is whole. ProjectBusy; ProjectError where it is damaged, or where it may
    only be read: whoever takes a project writes into its folder.
    """
    if read_only.holds(project.db):
        raise ProjectError(
            "This project may only be read",
            str(project.folder),
            "Copy its folder to where you may write and open the copy, or allow writing. Nothing was changed. "
            "launch.py pack reads it as it is.",
        )
    held = projects.lock(project)
    try:
        check(project)
    except BaseException:
        held.release()
        raise
    return held


def check(project: Project) -> None:
    """ProjectError unless SQLite finds its file whole: every row in every index, every page used once."""
    with db.connect(project.db) as con:
        found = str(con.execute("PRAGMA integrity_check(1)").fetchone()[0])
    if found != "ok":
        raise ProjectError(
            "The project's database is damaged",
            f"{project.db}: {found}"[:300],
            "A copy that was made while FACT Studio was writing is so: copy the folder again while the program is "
            "closed, or pack the project on the Project page. Nothing was changed in this one.",
        )
