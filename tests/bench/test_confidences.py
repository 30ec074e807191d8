"""The bench of confidences, on a small folder of coloured pictures."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pytest
import torch

from fact_core.bench import confidences, tables
from fact_core.bench.known_folder import KnownFolder
from fact_core.bench.rounds import Folder
from fact_core.errors import ConfigError
from fact_core.generators import finish
from tests.bench.test_rounds import cell
from tests.finetune_help import backbone, coloured


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> KnownFolder:
    made = coloured(tmp_path_factory.mktemp("colours"), [0, 1, 2] * 40)
    return KnownFolder(list(made.files), made.x, made.y, backbone(), {})


def row_of(read: KnownFolder, method: str, labels: int) -> dict[str, Any]:
    asked = {**cell("activeft", labels), "dataset": "colours", "method": method, "preset": "quick"}
    asked["overrides"] = {"asked": 40}
    folder = Folder(read.x, read.y, np.zeros(0, dtype=np.int64), 3, torch.device("cpu"))
    return {**asked, **finish(confidences.measured(read, folder, asked))}


def test_a_training_fits_a_temperature_where_labels_are_enough(read: KnownFolder) -> None:
    few, many = row_of(read, "lm+", 18), row_of(read, "lm+", 60)
    assert few["temperature"] is None and few["ece fitted"] == few["ece"]
    assert 0.05 <= many["temperature"] < 20 and many["ece fitted"] <= many["ece"] + 0.02
    assert many["ece best"] < 0.08 and many["accuracy"] > 0.9
    text = confidences.table([few, many])
    assert "| `lm+`, quick | 18 | 1 |" in text and "none" in text and len(text.splitlines()) == 4


def test_the_flags_are_checked() -> None:
    parser = argparse.ArgumentParser()
    confidences.add_arguments(parser)
    given = parser.parse_args(["--data", "x", "--methods", "nothing"])
    assert given.labels == "50,100,200,500"
    with pytest.raises(ConfigError, match="no recipe called 'nothing'"):
        finish(confidences.run(given))


def test_with_it_confidences_are_off_by_less() -> None:
    """On the mean of the seeds: nowhere by more than 1.5 points worse, far better where they were too unsure."""
    rows = tables.rows("confidences")
    for name, method, labels in {(row["dataset"], row["method"], row["labels"]) for row in rows}:
        own = [row for row in rows if (row["dataset"], row["method"], row["labels"]) == (name, method, labels)]
        without, fitted = (float(np.mean([row[key] for row in own])) for key in ("ece", "ece fitted"))
        assert fitted <= without + 0.015 and (without < 0.1 or fitted < 0.1 or labels <= 50), (name, labels)
