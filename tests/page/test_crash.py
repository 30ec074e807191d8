"""Kills of the real server and the real worker: the bench's short form, and what it counts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.bench import crash, crash_check
from fact_core.generators import finish
from fact_core.headless.console import Console


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.timeout(900)
def test_kills_of_server_and_worker_lose_nothing(tmp_path: Path) -> None:
    """Hostile input 11: kill -9 of the server and of the child from scan to export, while labeling."""
    images = crash.paint_classes(tmp_path / "images")
    step = crash.page_row("page", tmp_path, images, 1, crash.BRIEF, haste=0.4)
    row = finish(step, Console(sys.stderr).show)
    assert row["server"] + row["worker"] >= 8
    assert row["labels"] > 0 and row["trainings"] == 1
    assert crash.failures(row) == 0, row


def test_what_counts_as_lost_and_reordered() -> None:
    given = [(1, 7, 1), (2, 8, 1), (3, 9, 2)]
    assert crash_check.lost_and_reordered(given, given) == (0, 0)
    assert crash_check.lost_and_reordered(given, [*given, (4, 7, 1)]) == (0, 0)  # stored, and the answer did not arrive
    assert crash_check.lost_and_reordered(given, given[:2]) == (1, 0)
    assert crash_check.lost_and_reordered(given, [(1, 7, 1), (3, 9, 2), (2, 8, 1)]) == (0, 1)
    assert crash_check.lost_and_reordered(given, [(1, 7, 1), (2, 8, 2), (3, 9, 2)]) == (1, 0)  # another class
    assert crash_check.lost_and_reordered(given, [(1, 7, 1), (2, 8, 1), (2, 8, 1), (3, 9, 2)]) == (0, 1)  # twice


def test_halves_of_files_are_seen(tmp_path: Path) -> None:
    for name in ("runs/1/.model.new", ".export.ab.part/x", "cache/maps/a.npy", "predictions.new.npz", "new"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [Path(each).name for each in crash_check.halves(tmp_path)]
    assert found == [".export.ab.part", "predictions.new.npz", ".model.new"]


def test_a_row_fails_by_what_must_not_be() -> None:
    good = {"labels": 9, "lost": 0, "reordered": 0, "other_weights": 0, "damaged": 0, "halves": 0}
    assert crash.failures(good) == 0
    for key in ("lost", "reordered", "other_weights", "damaged", "halves", "twice"):
        assert crash.failures({**good, key: 1}) == 1
