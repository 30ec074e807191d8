"""``launch.py bench selection`` on small sizes: the yardstick is the same objective, the table says what was run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from fact_core import cli
from fact_core.bench import selection
from fact_core.generators import finish
from fact_core.select import activeft, objective

CPU = torch.device("cpu")


def test_the_data_are_the_same_each_time_and_lie_in_clusters() -> None:
    x, again = selection.mixture(700, 384), selection.mixture(700, 384)
    assert (x == again).all() and np.allclose(np.linalg.norm(x, axis=1), 1, atol=1e-5)
    near = x @ x.T
    np.fill_diagonal(near, -1)
    assert np.median(near.max(1)) > 0.45 and np.median(near) < 0.05  # half of a row is its cluster's direction


def test_the_yardstick_takes_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "ITERATIONS", 12)
    monkeypatch.setattr(activeft, "has_fast_bf16", lambda where: False)  # ties would fall the other way
    pool = normalize(torch.from_numpy(selection.mixture(300, 8)), dim=1)
    theta = normalize(finish(selection.yardstick(pool, pool[:10])), dim=1)
    rng = np.random.default_rng(0)
    settings = activeft.Settings(12, every=1)
    ours = pool[:10].clone()
    ours, _ = finish(activeft._optimise(pool, ours, pool[:0], settings, None, rng, 0))
    assert torch.allclose(normalize(ours, dim=1), theta, atol=1e-4)
    assert selection.exact_loss(pool, theta) == pytest.approx(objective.pull(pool, theta, 0.07, 1.0).loss)


def test_the_figures_and_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(selection, "SIZES", ((400, 16, 8),))
    monkeypatch.setattr(selection, "IMAGENET", (500, 16, 9))
    monkeypatch.setattr(selection, "ITERATIONS", 20)
    file = tmp_path / "selection.json"
    assert cli.main(["bench", "selection", "--full", "--json", str(file)]) == 0
    first, second = json.loads(file.read_text())
    assert (first["strategy"], first["n"], first["c"], first["k"]) == ("activeft", 400, 16, 8)
    assert first["loss"] == pytest.approx(first["yardstick_loss"], rel=0.02)
    assert first["ratio"] == pytest.approx(first["yardstick_seconds"] / first["seconds"], rel=0.5)
    assert second["k"] == 9 and second["ratio"] is second["yardstick_seconds"] is second["yardstick_loss"] is None
    assert {"peak_memory_mb", "device"} <= set(first)
    text = capsys.readouterr().out
    assert "| 400 | 16 | 8 |" in text and "not run" in text
