"""A random walk of two desks over labels, undo, redo and merges: what was said last holds, or was taken back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fact_core.labeling import classes, labels_now, operations
from fact_core.labeling.history import Op, desk_of
from fact_core.labeling.undone import UNDONE
from fact_core.storage import db
from fact_core.storage.project import Project
from tests.storage_help import flat_project

ITEMS = 3
STANDING = (
    "SELECT client, class FROM label WHERE item = ? AND op NOT IN ('undo', 'redo') "
    f"AND NOT {UNDONE.format(row='label')} ORDER BY id DESC LIMIT 1"
)


def standing(project: Project, item: int) -> tuple[str, int | None]:
    """(the desk of the newest thing said of an image that was not taken back, its class), "" for nothing."""
    with db.connect(project.db) as con:
        row = con.execute(STANDING, (item,)).fetchone()
    return (desk_of(row["client"]), row["class"]) if row else ("", None)


def viewed(project: Project) -> dict[int, tuple[str, str, float | None]]:
    """Who gave each image what it has now, as other programs read it."""
    with db.connect(project.db) as con:
        return {row["image"]: (row["source"], row["annotator"], row["seconds"]) for row in con.view("labels_now").rows}


def step(
    project: Project, chance: random.Random, number: int, merged: list[tuple[str, int]], into_of: dict[int, set[int]]
) -> None:
    """One thing that somebody does, and what must hold after it. into_of: class -> what it ever was merged into."""
    present = [each.id for each in classes.classes(project)]
    kind, client = chance.choice(("label", "label", "undo", "undo", "redo", "merge", "unmerge")), chance.choice("ab")
    item = chance.randint(1, ITEMS)
    if kind == "merge" and len(present) > 1:
        source, into = chance.sample(present, 2)
        for found in (into_of.setdefault(source, set()), *(each for each in into_of.values() if source in each)):
            found.add(into)
        merged.append((classes.merge(project, source, into, f"merge-{number}").batch, source))
    elif kind == "unmerge" and merged:
        classes.unmerge(project, *merged.pop())
    elif kind == "label":
        given = Op(number, "label", item, chance.choice(present), float(number), annotator=client)
        operations.apply(project, f"{client}.w", [given])
        assert standing(project, item)[0] == client
    elif kind in ("undo", "redo"):
        (desk, said), before = standing(project, item), labels_now.states(project).get(item)
        done = operations.apply(project, f"{client}.w", [Op(number, kind, item)])  # type: ignore[arg-type]
        after = labels_now.states(project).get(item)
        if done.stays:
            assert (before and before.class_id) == (after and after.class_id)
        elif kind == "undo" and desk not in ("", client):
            assert standing(project, item) == (desk, said), "what another desk said was taken away"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_nobody_takes_away_what_somebody_else_said(tmp_path: Path, seed: int) -> None:
    project, chance, merged = flat_project(tmp_path, ITEMS), random.Random(seed), list[tuple[str, int]]()
    for name in ("x", "y", "z"):
        classes.add_class(project, name)
    into_of: dict[int, set[int]] = {}
    for number in range(1, 80):
        step(project, chance, number, merged, into_of)
        # What holds is what was said last and not taken back; or what that was when an undo brought it back.
        for item in range(1, ITEMS + 1):
            said, now = standing(project, item), labels_now.states(project).get(item)
            gone = said[1] is not None and said[1] not in [each.id for each in classes.classes(project)]
            held = now.class_id if now else None
            assert gone or held == said[1] or held in into_of.get(said[1] or 0, ()), (seed, number, item)
        told = {item: (row.source, row.annotator, row.lead_time) for item, row in labels_now.givers(project).items()}
        assert viewed(project) == {item: told[item] for item in labels_now.states(project)}, (seed, number)
