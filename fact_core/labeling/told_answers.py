"""The answers of trained models as rows for other programs (``storage.predictions``), by the classes of now."""

from __future__ import annotations

from fact_core.analysis import merged_classes
from fact_core.errors import FactError
from fact_core.labeling import checked, labels_now
from fact_core.storage import db, predictions, run_queue
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run


def tell(project: Project, run: Run) -> None:
    """Put what a training run's model has answered in the place of its earlier rows. RunError, as of the answers."""
    while not _told(project, run):  # a class was merged meanwhile
        pass


def _told(project: Project, run: Run) -> bool:
    """Whether there is nothing more to tell; False where the classes were others when it was to be stored."""
    with db.connect(project.db) as con:
        state = predictions.classes_state(con)
    found = checked.answers(project, run)
    if found is None or (len(found.y) and int(found.y.max()) >= len(found.classes)):
        return True  # none, or of other classes than the run tells of: the page says so
    _, place = merged_classes.joined(checked.class_names(project, run))
    of = dict(zip(place.tolist(), run.result.get("class_ids") or (), strict=False))
    ids = [of[at] for at in range(len(of))]
    return predictions.store(project, run.id, found.ids, found.y, found.confidence, found.classes, ids, state)


def tell_again(project: Project, class_id: int) -> None:
    """After a class was merged, deleted, or came back: the answers of the models that know it.

    What cannot be read stays as it is: the page says so of it, and it is answered anew.
    """
    now = {each: number for each, (number, _) in labels_now.became(project).items()}
    one = {each for each, number in now.items() if number == now.get(class_id)} | {class_id}
    for run in run_queue.list_runs(project, "train"):
        if one.isdisjoint(run.result.get("class_ids") or ()):
            continue
        _try(project, run)


def catch_up(project: Project) -> None:
    """Tell what was not told again because the program was killed after a class was merged, deleted, or came back."""
    for number in predictions.outdated(project):
        if (run := run_queue.get(project, number)).deleted is None:
            _try(project, run)


def _try(project: Project, run: Run) -> None:
    try:
        tell(project, run)
    except FactError:
        return
