"""What the networks see of a project's pictures: one view for all of it, in ``meta``.

Projects of earlier versions say nothing of it: they see the crop, as they always did.
"""

from __future__ import annotations

from fact_core.choices import AUTO, VIEWS, view_for
from fact_core.errors import ConfigError
from fact_core.storage import db
from fact_core.storage.project import Project

PROJECT = "project"  # the view that the project says


def chosen(project: Project) -> str:
    """The name of a view, or "auto": that of the backbone's family (``choices.view_for``)."""
    with db.connect(project.db) as con:
        row = con.execute("SELECT value FROM meta WHERE key = 'view'").fetchone()
    return str(row["value"]) if row else "crop"


def choose(project: Project, name: str) -> None:
    """See pictures so from now on. What was made before stays as it is. ConfigError when there is no such view."""
    if name != AUTO and name not in VIEWS:
        raise ConfigError(f"There is no view called {name!r}", do=f"Known: {', '.join((AUTO, *VIEWS))}.")
    with db.writing(project.db, project.id) as con:
        con.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('view', ?)", (name,))
        db.bump(con)


def seen_by(project: Project, backbone: str, name: str = PROJECT) -> str:
    """What that backbone sees of each picture: the view of that name, or what the project says."""
    return view_for(chosen(project) if name == PROJECT else name, backbone)
