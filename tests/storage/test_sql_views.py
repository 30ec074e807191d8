"""The project file is open: views that keep their columns, read by other programs while this one works."""

from __future__ import annotations

import csv
import io
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fact_core.labeling import classes, labels_now, operations
from fact_core.labeling.history import Op
from fact_core.storage import db, predictions, run_queue
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.storage.synthetic import add_items
from tests.storage_help import flat_project

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

#: What other programs rely on. A column may be added at the end; none is renamed or taken away.
COLUMNS = {
    "labels_now": "image path class kind flagged role note labeled_at seconds annotator source",
    "label_history": "id image path operation class kind flagged undone_or_redone labeled_at seconds annotator source",
    "images": "image path status reason repeat_of width height format bytes digest",
    "classes": "id class key images created_at",
    "selections": "selection run strategy place image path role state replaces selected_at",
    "runs": "run kind status reason queued_at started_at ended_at seconds device seed accuracy config result name note",
    "run_points": "run at phase part step steps epoch loss accuracy check_loss check_accuracy images_per_second",
    "predictions": "run image path class confidence",
    "finished": "image path label source confidence kind",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The file of schema 2 in tests/storage/data, brought up to date."""
    shutil.copy(Path(__file__).parent / "data" / "schema-2.sqlite", tmp_path / "project.sqlite")
    return projects.open_project(tmp_path)


def rows(project: Project, view: str) -> list[dict[str, Any]]:
    with db.connect(project.db) as con:
        return list(con.view(view).rows)


def test_views_keep_their_columns(project: Project) -> None:
    with db.connect(project.db) as con:
        assert sorted(con.view_names()) == sorted(COLUMNS)
        for name, columns in COLUMNS.items():
            assert [each.name for each in con.view(name).columns][: len(columns.split())] == columns.split(), name


def test_views_say_what_the_program_says(project: Project) -> None:
    now = rows(project, "labels_now")
    assert [(row["path"], row["class"], row["role"], row["flagged"], row["note"]) for row in now] == [
        ("001.png", "Tulip", "pick", 0, ""),
        ("002.png", "rose", "pick", 0, "a fine one"),
        ("003.png", "Tulip", "check", 1, ""),
    ]
    assert {row["image"] for row in now} == set(labels_now.states(project))
    assert (now[1]["labeled_at"], now[1]["seconds"]) == ("2025-10-09T08:55:01+00:00", 1.25)
    assert [row["operation"] for row in rows(project, "label_history")] == [
        row.op for row in labels_now.history(project)
    ]
    assert [(row["class"], row["images"]) for row in rows(project, "classes")] == [("rose", 1), ("Tulip", 2)]
    assert [row["repeat_of"] for row in rows(project, "images")] == [None] * 5 + ["004.png", None]
    chosen = [row for row in rows(project, "selections") if row["state"] == "chosen"]
    assert [(row["place"], row["path"], row["role"], row["replaces"]) for row in chosen] == [
        (1, "002.png", "pick", None),
        (2, "001.png", "pick", "000.png"),
        (3, "003.png", "check", None),
    ]
    assert [(row["kind"], row["accuracy"], row["seconds"]) for row in rows(project, "runs")][2] == ("train", 1.0, 4.0)
    assert [(row["run"], row["step"], row["loss"]) for row in rows(project, "run_points")] == [
        (3, 1, 0.7),
        (3, 2, 0.25),
    ]


@pytest.mark.parametrize("kind", ["skip", "flag", "clear"])
def test_labels_now_follows_each_operation(project: Project, kind: Any) -> None:
    operations.apply(project, "desk.tab", [Op(20, kind, 3)])
    states = labels_now.states(project)
    kept = {row["image"]: (row["kind"], bool(row["flagged"])) for row in rows(project, "labels_now")}
    assert kept == {item: (state.kind, state.flagged) for item, state in states.items()}
    classes.delete_class(project, 2)  # the image that is flagged stays, without a class
    kept = {row["image"]: (row["kind"], bool(row["flagged"])) for row in rows(project, "labels_now")}
    assert kept == {item: (state.kind, state.flagged) for item, state in labels_now.states(project).items()}


def test_predictions_take_the_place_of_earlier_ones_under_the_name_of_now(project: Project) -> None:
    ids, confidence = np.array([1, 2]), np.array([0.5, 0.75])
    predictions.store(project, 3, ids, np.array([0, 0]), confidence, ["rose", "Tulip"], [1, 2])
    before = projects.version(project)
    predictions.store(project, 3, ids, np.array([0, 1]), confidence, ["rose", "Tulip"], [1, 2])
    assert projects.version(project) != before
    classes.rename_class(project, 1, "wild rose")
    classes.delete_class(project, 2)
    assert rows(project, "predictions") == [
        {"run": 3, "image": 1, "path": "000.png", "class": "wild rose", "confidence": 0.5},
        {"run": 3, "image": 2, "path": "001.png", "class": "Tulip", "confidence": 0.75},
    ]
    predictions.store(project, 3, ids[:0], ids[:0], confidence[:0], ["rose"])
    assert rows(project, "predictions") == []


def test_predictions_of_a_large_pool_are_quickly_stored(tmp_path: Path) -> None:
    project = flat_project(tmp_path, 1)
    add_items(project, 100_000)
    run = run_queue.queue(project, "train", {})
    ids = np.arange(1, 100_001)
    started = time.process_time()
    predictions.store(project, run, ids, ids % 3, np.linspace(0, 1, len(ids)), ["a", "b", "c"])
    assert time.process_time() - started < 5  # a row at a time takes far longer; the machine may be busy
    with db.connect(project.db) as con:
        assert con.view("predictions").count == 100_000


def test_the_lines_of_the_readme_work_while_the_program_writes(project: Project) -> None:
    """sqlite-utils and pandas, as the README shows them; what is not written yet is not seen."""
    lines = re.findall(r"^\.venv/bin/(.*PROJECT/project\.sqlite.*)$", README, re.M)
    programs = {"sqlite-utils": [sys.executable, "-m", "sqlite_utils"], "python": [sys.executable]}
    told = []
    with db.connect(project.db) as con, db.transaction(con):
        con.execute("UPDATE class SET name = 'not yet' WHERE id = 1")
        for line in lines:
            program, *rest = shlex.split(line.replace("PROJECT", str(project.folder)))
            command = [*programs[program], *rest]
            told.append(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    as_csv, as_table = told
    paths = [("001.png", "Tulip"), ("002.png", "rose"), ("003.png", "Tulip")]
    assert [(each["path"], each["class"]) for each in csv.DictReader(io.StringIO(as_csv))] == paths
    assert [tuple(each.split()[2:4]) for each in as_table.splitlines()[1:4]] == paths
