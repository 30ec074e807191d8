"""What the first answers about labels load, loaded while the browser starts: a second that nobody waits for then."""

from __future__ import annotations

import threading
from importlib import import_module
from pathlib import Path

from fact_core.errors import FactError
from fact_core.labeling import labels_now
from fact_core.storage import project as projects

#: Suggestions and suspicious labels are told by its logistic regression, in the first seconds of a page.
WANTED = ("sklearn.linear_model",)


def start() -> threading.Thread | None:
    """Load it in a thread of its own, where the project that was opened last has labels; None where it has none."""
    try:
        newest = next((each.folder for each in projects.remembered()), None)
        if newest is None or not labels_now.any_answer(projects.open_project(Path(newest))):
            return None
    except FactError:  # it is told of when somebody opens it
        return None
    thread = threading.Thread(target=load, daemon=True, name="load-ahead")
    thread.start()
    return thread


def load() -> None:
    """Import all that is wanted."""
    for name in WANTED:
        import_module(name)
