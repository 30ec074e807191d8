"""The bench of confidences, on a small folder whose classes overlap."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pytest
import torch

from fact_core.bench import confidences, tables
from fact_core.bench.rounds import Folder
from fact_core.generators import finish
from tests.bench.test_rounds import cell


@pytest.fixture(scope="module")
def folder() -> Folder:
    rng = np.random.default_rng(0)
    y = np.arange(900) % 6
    x = np.abs(rng.normal(size=(6, 24)))[y] + 0.9 * rng.normal(size=(900, 24))
    return Folder(x.astype(np.float32), y, np.zeros(0, dtype=np.int64), 6, torch.device("cpu"))


def row_of(folder: Folder, labels: int) -> dict[str, Any]:
    asked = cell("activeft", labels)
    return {**asked, **finish(confidences.measured(folder, {**asked, "dataset": "clouds"}))}


def test_a_temperature_is_fitted_where_labels_are_enough(folder: Folder) -> None:
    few, many = row_of(folder, 18), row_of(folder, 120)
    assert few["temperature"] is None and few["ece fitted"] == few["ece"]
    assert 0.05 < many["temperature"] < 20 and many["ece fitted"] <= many["ece"] + 0.02
    assert many["ece best"] < 0.08 and many["accuracy"] > 0.4
    text = confidences.table([few, many])
    assert "| 18 | 1 |" in text and "none" in text and len(text.splitlines()) == 4


def test_the_flags_are_checked() -> None:
    parser = argparse.ArgumentParser()
    confidences.add_arguments(parser)
    assert parser.parse_args(["--data", "x"]).labels == "50,100,200,500"


def test_with_it_confidences_are_off_by_less() -> None:
    """On the mean of the seeds: nowhere by more than 1.5 points worse, far better where they were too unsure."""
    rows = tables.rows("confidences")
    for name, labels in {(row["dataset"], row["labels"]) for row in rows}:
        own = [row for row in rows if (row["dataset"], row["labels"]) == (name, labels)]
        without, fitted = (float(np.mean([row[key] for row in own])) for key in ("ece", "ece fitted"))
        assert fitted <= without + 0.015 and (without < 0.1 or fitted < 0.1 or labels <= 50), (name, labels)
