"""The bench of finished folders, on a small folder whose classes are told apart by their features."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

import numpy as np

from fact_core.bench import finish, tables
from fact_core.bench.readme import README
from fact_core.bench.rounds import Folder
from fact_core.generators import finish as finished
from fact_core.labeling.pace import USUAL_SECONDS
from tests.bench.test_rounds import cell, folder

__all__ = ["folder"]  # a fixture


def row_of(folder: Folder) -> dict[str, Any]:
    asked = {**cell("activeft", 18), "overrides": {"check": 150, "draws": 20}}
    alone = replace(folder, check=np.zeros(0, dtype=np.int64))
    return {**asked, **finished(finish.measured(alone, asked))}


def test_what_is_accepted_spares_labels_and_the_promise_is_counted(folder: Folder) -> None:
    row = row_of(folder)
    for goal in ("90%", "95%"):
        assert row[f"kept {goal}"] == 20 >= row[f"some {goal}"] > 10
        assert row[f"to finish {goal}"] == 400 - row[f"accepted {goal}"] < 300
        assert row[f"right {goal}"] > 0.95
    text = finish.table([row])
    assert "400 images, so many labels for everything" in text and "20 of 20" in text


def test_a_broken_promise_is_seen(folder: Folder) -> None:
    """Answers that are wrong wherever nobody checks: what is accepted breaks the promise, and is counted as such."""
    p = np.eye(4)[folder.y].astype(np.float32)
    rows = folder.free[:18]
    right = np.zeros(400, dtype=bool)
    right[folder.check] = True
    known = finish.rounds.evidence_of(folder, rows, p, right)
    assert finish._draw(folder, rows, right, known)[0].tolist()[:2] == [0.0, 1.0]


def test_the_readme_says_what_was_measured_of_the_flowers() -> None:
    told = README.read_text("utf-8").replace("\n", " ")
    rows = tables.rows("finish")
    own = [row for row in rows if row["dataset"] == "flowers"]
    for goal in finish.GOALS:
        groups = [[row for row in own if row["labels"] == each] for each in {row["labels"] for row in own}]
        labels = min(finish.to_finish(group, f"{goal:.0%}") for group in groups)
        assert f"{labels:,.0f} labels" in finish.headline(rows)
        assert f"{labels:,.0f}" in told and f"{labels * USUAL_SECONDS / 60:,.0f} minutes, at {goal:.0%}" in told


def test_the_readme_says_what_two_rounds_of_labels_finish() -> None:
    """Caltech's kinds: two rounds of 150 labels, both asked, beside 200 check images."""
    told = README.read_text("utf-8").replace("\n", " ")
    own = [row for row in tables.rows("rounds") if (row["dataset"], row["labels"]) == ("caltech51", 300)]
    labels = statistics.mean(row["to finish 90%"] for row in own if row["strategy"] == "rounds")
    assert f"At 90 %, frozen network: {labels:,.0f} labels for {own[0]['test_images']:,} photos of 51 kinds" in told
    assert own[0]["classes"] == 51


def test_promises_were_kept_on_folders_of_known_classes() -> None:
    """In at least 95 of 100 draws of check images: for each folder, number of labels and goal, over all seeds."""
    rows = tables.rows("finish")
    for name, labels in {(row["dataset"], row["labels"]) for row in rows}:
        own = [row for row in rows if (row["dataset"], row["labels"]) == (name, labels)]
        draws = sum(row["overrides"]["draws"] for row in own)
        for goal in finish.GOALS:
            assert sum(row[f"kept {goal:.0%}"] for row in own) >= 0.95 * draws, (name, labels, goal)
