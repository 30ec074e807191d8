"""The odd images that ``launch.py run`` tells."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np

from fact_core.config import TrainConfig
from fact_core.headless import odd_images
from fact_core.headless.worker_client import WorkerClient
from fact_core.storage import items, odd_file
from tests.storage_help import flat_project


def test_what_was_measured_of_the_whole_pool_is_told_by_name_and_not_measured_again(tmp_path: Path) -> None:
    project = flat_project(tmp_path, images=12)
    pool, n = items.pool(project), 12
    light, twin = np.linspace(0.5, 0.52, n), np.full(n, -1)
    light[3], twin[3], twin[7] = 0.01, 1, 2
    columns = {"sharp": np.linspace(0.01, 0.011, n), "light": light, "clipped": np.zeros(n), "side": np.full(n, 200)}
    columns |= {"apart": np.linspace(0.5, 0.52, n), "twin": twin, "alike": np.where(twin >= 0, 0.98, 0)}
    columns["off"] = np.where(twin >= 0, 0.03, 0)
    odd_file.save(project, "key", pool.digests, columns)
    nobody = cast(WorkerClient, None)  # who is asked fails
    found = odd_images.look(project, nobody, TrainConfig())
    assert {kind: files for kind, files in found.items() if files} == {
        "dark": [pool.paths[3]],
        "twin": [pool.paths[3], pool.paths[7]],
    }
    first, then = odd_images.told(found)
    assert first == "2 odd images: 1 dark, 2 nearly the same as another"  # each image counts once
    assert "Select" in then
    assert odd_images.told({"dark": [], "twin": []}) == []
