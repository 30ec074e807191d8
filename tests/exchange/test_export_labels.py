from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from fact_core.errors import RunError
from fact_core.exchange import export_labels, label_files
from fact_core.generators import finish
from fact_core.labeling import classes, notes, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.storage.project import Project
from fact_core.types import Selection
from fact_core.work.scan import scan
from tests.storage_help import flat_project, paint


def table(file: Path) -> list[dict[str, str]]:
    with open(file, encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


@pytest.fixture
def labeled(tmp_path: Path) -> Project:
    """Images 1 and 2 labeled, 2 is a check image, 5 repeats 1."""
    project = flat_project(tmp_path, 4)
    paint(project.images / "=copy.png", 0)
    finish(scan(project))
    selections.save(project, Selection(np.array([1, 2]), ("pick", "audit"), np.array([]), "activeft"), None)
    names = classes.ensure_classes(project, ["=SUM(A1)", "dog"])
    ops = [
        Op(1, "label", 1, names["=SUM(A1)"], 1.25, annotator="@Ada"),
        Op(2, "label", 2, names["dog"], source="csv"),
        Op(3, "skip", 3),
    ]
    operations.apply(project, "tab", ops)
    notes.write(project, 1, '=HYPERLINK("x")\nsecond line')
    notes.write(project, 3, "of an image without a label")
    return project


def test_labels_out_and_in_again(labeled: Project, tmp_path: Path) -> None:
    assert export_labels.write_labels(labeled, tmp_path / "out" / "labels.csv") == 2
    first, second = table(tmp_path / "out" / "labels.csv")
    assert tuple(first) == (*export_labels.FIELDS, "note")
    assert [first["note"], second["note"]] == ['\'=HYPERLINK("x")\nsecond line', ""]
    assert (first["sample_id"], first["file_path"], first["label"], first["split"]) == (
        "1",
        "000.png",
        "'=SUM(A1)",
        "train",
    )
    assert (first["annotator"], first["lead_time"], first["source"]) == ("'@Ada", "1.250", "person")
    assert (second["label"], second["split"], second["source"], second["lead_time"]) == ("dog", "check", "csv", "")
    assert first["created_at"].endswith("+00:00")
    assert label_files.read_labels(tmp_path / "out" / "labels.csv", items.pool(labeled)) == {1: "=SUM(A1)", 2: "dog"}


def answers(project: Project, run_id: int) -> None:
    folder = project.run_folder(run_id)
    folder.mkdir(parents=True)
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], np.float32)
    np.savez(
        folder / "predictions.npz",
        allow_pickle=False,
        ids=np.array([1, 2, 3]), y=p.argmax(1), confidence=p.max(1), probabilities=p,
    )  # fmt: skip


def test_predictions_out(labeled: Project, tmp_path: Path) -> None:
    train = run_queue.queue(labeled, "train", {})
    run_queue.claim(labeled, "w")
    run_queue.finish(labeled, train, "done", result={"classes": ["=SUM(A1)", "dog"]})
    predict = run_queue.queue(labeled, "predict", {"run": train})
    for number in (train, predict):
        with pytest.raises(RunError, match="no predictions"):
            export_labels.write_predictions(labeled, number, tmp_path / "p.csv")
    answers(labeled, train)
    for number in (train, predict):
        assert export_labels.write_predictions(labeled, number, tmp_path / "p.csv") == 4
        found = table(tmp_path / "p.csv")
        assert [row["file_path"] for row in found] == ["000.png", "001.png", "002.png", "'=copy.png"]
        assert [row["label"] for row in found] == ["'=SUM(A1)", "dog", "dog", "'=SUM(A1)"]
        assert [row["confidence"] for row in found] == ["0.900000", "0.800000", "0.600000", "0.900000"]
        assert [row["split"] for row in found] == ["train", "check", "pool", "pool"]
        assert {row["source"] for row in found} == {"model"}
    (labeled.run_folder(train) / "predictions.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(RunError, match="damaged"):
        export_labels.write_predictions(labeled, train, tmp_path / "p.csv")
    assert len(table(tmp_path / "p.csv")) == 4  # the old file is whole


def test_predictions_follow_a_renamed_class(labeled: Project, tmp_path: Path) -> None:
    first = classes.classes(labeled)[0]
    train = run_queue.queue(labeled, "train", {})
    run_queue.claim(labeled, "w")
    stored = {"classes": [first.name, "gone"], "class_ids": [first.id, 999]}
    run_queue.finish(labeled, train, "done", result=stored)
    answers(labeled, train)
    classes.rename_class(labeled, first.id, "renamed")
    export_labels.write_predictions(labeled, train, tmp_path / "p.csv")
    assert [row["label"] for row in table(tmp_path / "p.csv")] == ["renamed", "gone", "gone", "renamed"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_formulas_are_escaped(text: str) -> None:
    """Hostile input 4: names in CSV."""
    assert export_labels.escaped(text) == "'" + text
    assert export_labels.csv_text(["a"], [[text, 1.5, None]]).splitlines()[1].lstrip('"').startswith("'")


@pytest.mark.parametrize("text", ["cat", "'quoted'", "a=b", "", "猫"])
def test_other_texts_are_not(text: str) -> None:
    assert export_labels.escaped(text) == text
