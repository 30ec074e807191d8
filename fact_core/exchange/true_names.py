"""The true classes that came with the demo, or that the names of folders say."""

from __future__ import annotations

from pathlib import Path

from fact_core.errors import FactError
from fact_core.exchange import folders
from fact_core.images.demo import demo_truth
from fact_core.labeling import checked
from fact_core.storage import items
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run


def true_names(project: Project, run: Run, classes: tuple[str, ...]) -> tuple[dict[int, str], str]:
    """(image -> its true class, kind: "demo" or "folders"), of none that the run was trained on.

    Read after training alone.
    """
    listed = demo_truth(project.images)
    if listed is None and not folders.may_hold(items.folders(project), classes):
        return {}, ""  # without a look at each of a hundred thousand paths
    pool = items.pool(project)
    if listed is not None:
        named = ((int(i), listed.get(Path(path).name)) for i, path in zip(pool.ids, pool.paths, strict=True))
        found, kind = {i: name for i, name in named if name is not None}, "demo"
    else:
        try:
            found, kind = folders.folder_labels(pool, known=classes), "folders"
        except FactError:
            return {}, ""  # images directly in the folder: their names say nothing
    by_name = {name.casefold(): name for name in classes}
    spelled = {name: by_name.get(name.casefold(), name) for name in set(found.values())}
    found = {i: spelled[name] for i, name in found.items()}
    # Folders may be dates or cameras: they count only when they hold every class the person named.
    if not set(classes) <= set(found.values()):
        return {}, ""
    seen = checked.trained_on(project, run)
    return {i: name for i, name in found.items() if i not in seen}, kind
