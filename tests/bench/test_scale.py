"""The bench of large pools: what counts as the same rows, and the arithmetic of SCALE.md. The run itself takes Ray."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fact_core.bench import scale, scale_page, tables
from fact_core.errors import RunError
from fact_core.storage import feature_shards
from fact_core.storage.feature_shards import write_shard

ROWS = [
    {
        "part": "one process",
        "images": 200,
        "seconds": 20.0,
        "images_per_s": 10.0,
        "cores": 2,
        "apart": 0.0,
        "device": "d",
    },
    {"part": "ray", "images": 200, "seconds": 50.0, "images_per_s": 4.0, "cores": 2, "apart": 1e-7, "device": "d"},
    {"part": "ActiveFT over shards", "images": 1000, "width": 10, "budget": 5, "seconds": 2.0, "name_bytes": 50.0},
    {"part": "digests in memory", "images": 10, "bytes": 100.0},
]


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()]


def test_rows_of_one_process_are_the_measure(tmp_path: Path) -> None:
    feature_shards.begin(tmp_path, {"dim": 2})
    about = [{"image": name, "digest": name} for name in ("b", "a")]
    write_shard(tmp_path, "1", about, np.array([[1, 2], [3, 4]], np.float32))
    alone = {"a": np.array([3, 4.25], np.float32), "b": np.array([1, 2], np.float32)}
    row = scale._row("ray", 2, 0.5, tmp_path, alone)
    assert row["apart"] == 0.25 and row["images_per_s"] == 4.0
    with pytest.raises(RunError, match="2 of 3"):
        scale._row("ray", 2, 0.5, tmp_path, {**alone, "c": alone["a"]})


def test_bytes_of_100_million_images() -> None:
    sizes = cells(scale_page.bytes_table(ROWS))[3]
    assert sizes == ["100,000,000", "512.0 GB", "153.6 GB", "307.2 GB", "5.0 GB", "800.0 MB", "10.0 GB"]


def test_hours_and_money(monkeypatch: pytest.MonkeyPatch) -> None:
    speed = [{"section": "features", "status": "measured", "ours": 200.0, "device": "CPU (X), 2 threads"}]
    monkeypatch.setattr(tables, "rows", {"speed": speed}.__getitem__)
    assert scale_page.core_rate(ROWS) == 100.0
    # 1e8 images at 100 a second are 277.8 hours of a core; 0.05 $ each; 100,000 times 1,000 reads; 0.512 TB.
    hours = cells(scale_page.hours_table(ROWS))[3]
    assert hours == ["100,000,000", "138.9", "4.3", "0.3", "278", "14", "40", "12"]
    monkeypatch.setattr(tables, "rows", lambda name: [])
    assert scale_page.core_rate(ROWS) == 5.0


def test_rays_start_in_images() -> None:
    """Ray takes 50 s where one process takes 20 s: in the 30 s of its start one process computes 300 images."""
    assert scale_page.start_images(ROWS) == 300
    assert scale_page.start_images([{**ROWS[0]}, {**ROWS[1], "seconds": 15.0}]) == 0


def test_hours_of_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The larger choice, 1,000 images x 5 picks x 10 numbers in 2 s: 25,000 products a second."""
    measured = [{"n": 1000, "c": 10, "k": 5, "seconds": 2.0}, {"n": 10, "c": 10, "k": 5, "seconds": 9.0}]
    monkeypatch.setattr(tables, "rows", {"selection": measured}.__getitem__)
    found = cells(scale_page.choice_hours_table(ROWS))[2]
    assert found[:2] == ["100,000,000", "1,000"] and found[2] == f"{1e8 * 1000 * 384 / 25_000 / 3600:,.1f}"
