"""What the dialog that sorts is told before anything is written."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from fact_core.generators import finish
from fact_core.labeling import operations
from fact_core.labeling.history import Op
from fact_core.storage import items
from fact_core.work.scan import scan
from tests.page.test_results_routes import Site, foldered, label, site_of, train

__all__ = ["foldered", "site_of"]


def look(site: Site, **config: Any) -> dict[str, Any]:
    answer = site.browser.post(f"/x/{site.key}/sort/preview", json={"config": config})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_counts_and_why_a_folder_cannot_be(foldered: Site, tmp_path: Path) -> None:
    label(foldered.project)
    found = look(foldered)
    assert [(each["label"], each["images"]) for each in found["classes"]] == [("green", 4), ("red", 4), ("", 16)]
    assert found["problem"] is None and found["room"]["same_disk"] and not found["room"]["begun"]
    assert found["proposed"] == str(tmp_path / "images-sorted") and found["bytes"] > 0
    inside = look(foldered, folder=str(foldered.project.images / "new"))
    assert "lies in the images' folder" in inside["problem"]["what"] and inside["images"] == 24
    assert not (tmp_path / "images-sorted").exists()


def test_files_that_the_pool_does_not_count_are_told_apart(foldered: Site) -> None:
    """The page says so many labeled and accepted; here stand more files, for repeats and what is left out come too."""
    project = foldered.project
    first = sorted((project.images / "red").iterdir())[0]
    shutil.copy(first, first.with_name(f"again{first.suffix}"))
    finish(scan(project))
    operations.apply(project, "test", [Op(1, "exclude", int(items.pool(project).ids[-1]), None, None)])
    found = look(foldered)
    assert (found["images"], found["repeats"], found["left_out"]) == (25, 1, 1)


def test_answers_of_the_model_are_taken_only_where_they_are_wanted(foldered: Site) -> None:
    run = train(foldered.project, label(foldered.project))
    assert look(foldered, run=run)["sources"] == {"person": 8, "": 16}
    assert look(foldered, run=run, threshold=0.7)["sources"] == {"person": 8, "model": 16}
    assert look(foldered, run=run, threshold=0.8)["sources"] == {"person": 8, "": 16}


@pytest.mark.parametrize("config", [{"way": "move"}, {"threshold": 2}, {"threshold": "x"}, {"run": -1}, {"folder": 3}])
def test_options_that_cannot_be(foldered: Site, config: dict[str, Any]) -> None:
    answer = foldered.browser.post(f"/x/{foldered.key}/sort/preview", json={"config": config})
    assert answer.status_code == 400 and answer.json()["what"]
