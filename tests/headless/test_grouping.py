"""``--groups WAY`` without the rest of the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fact_core.config import ImportConfig
from fact_core.errors import ConfigError, InputError
from fact_core.exchange.label_files import folder_truth, read_labels
from fact_core.generators import finish
from fact_core.headless.grouping import group
from fact_core.headless.pool_rest import pool_rest
from fact_core.labeling import classes
from fact_core.storage import groups, items, run_queue, usable
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.work.scan import scan


@pytest.fixture
def foldered(tmp_path: Path, make_images: Callable[..., Path]) -> Project:
    """24 images in the folders green and red."""
    made = projects.create(tmp_path / "project", make_images(tmp_path / "images"))
    finish(scan(made))
    return made


def told(project: Project, way: str, source: str = "folders", truth: dict[int, str] | None = None) -> str:
    pool = items.pool(project)
    known = folder_truth(pool, usable.aliases(project), ImportConfig()) if truth is None else truth
    group(project, way, pool, known, source, ImportConfig())
    return groups.chosen(project)


def test_the_project_keeps_its_way_until_another_is_given(foldered: Project) -> None:
    assert told(foldered, "") == "none"
    assert told(foldered, "name") == "name"
    assert told(foldered, "") == "name"
    assert told(foldered, "alike") == "alike"  # it is looked at by the run that needs it
    assert told(foldered, "none") == "none"


def test_groups_that_are_the_classes_are_refused(foldered: Project) -> None:
    with pytest.raises(ConfigError, match=r"The groups are the classes \(Sub-folder\)"):
        told(foldered, "folder")
    assert groups.chosen(foldered) == "none"


def test_a_column_of_the_label_file(foldered: Project, tmp_path: Path) -> None:
    pool, file = items.pool(foldered), tmp_path / "labels.csv"
    lines = [f"{path},{'ab'[row % 2]},p{row // 6}" for row, path in enumerate(pool.paths)]
    file.write_text("\n".join(["file,label,patient", *lines, ""]), encoding="utf-8")
    known = read_labels(file, pool)
    assert told(foldered, "column", str(file), known) == "column"
    numbers = groups.among(foldered, pool.ids)
    assert numbers is not None and len(set(numbers.tolist())) == 4
    file.write_text("\n".join(["file,label", *(line.rpartition(",")[0] for line in lines), ""]), encoding="utf-8")
    with pytest.raises(InputError, match="No column says which images belong together"):
        told(foldered, "column", str(file), known)
    with pytest.raises(InputError, match="No column"):
        told(foldered, "column")


def test_the_rest_of_the_pool_tells_groups_and_leaks(foldered: Project) -> None:
    pool = items.pool(foldered)
    truth = folder_truth(pool, {}, ImportConfig())
    classes.ensure_classes(foldered, ["green", "red"])
    run = run_queue.queue(foldered, "train", {})
    assert run_queue.claim(foldered, "test") is not None
    run_queue.finish(foldered, run, "done", result={"classes": ["green", "red"], "ids": pool.ids[:4].tolist()})
    y = np.array([path.startswith("red/") for path in pool.paths], dtype=np.int64)
    y[[4, 9]] = 1 - y[[4, 9]]
    near = np.zeros(24, dtype=bool)
    near[:5] = True
    file = foldered.folder / "answers.npz"
    np.savez(file, ids=pool.ids, y=y, phase_lp=y, near=near)
    found = pool_rest(foldered, file, run_queue.get(foldered, run), truth)
    assert (found["pool_rest"], found["pool_rest_n"], found["pool_rest_groups"]) == (0.9, 20, 0)
    assert (found["pool_rest_leaks"], found["pool_rest_clean"]) == (1, pytest.approx(18 / 19))
    groups.choose(foldered, "name")
    groups.store(foldered, "name", {int(item): f"g{row // 6}" for row, item in enumerate(pool.ids)})
    grouped = pool_rest(foldered, file, run_queue.get(foldered, run), truth)
    assert (grouped["pool_rest_groups"], grouped["pool_rest_leaks"]) == (4, 2)
    assert grouped["pool_rest_interval"][0] < found["pool_rest_interval"][0]
    assert pool_rest(foldered, file, run_queue.get(foldered, run), {})["pool_rest"] is None
