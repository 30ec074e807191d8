"""POST /x/K/expected: how long a training takes, and whether it would be one that there is already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.shell.server import Server
from fact_core.generators import finish
from fact_core.labeling import classes, operations
from fact_core.labeling.history import Op
from fact_core.storage import project as projects
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.work.scan import scan
from tests.page.test_results_routes import label, train

VALUES = {"recipe": "lp", "preset": "quick"}
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def foldered(tmp_path: Path, make_images: Callable[..., Path]) -> Project:
    made = projects.create(tmp_path / "project", make_images(tmp_path / "images"))
    finish(scan(made))
    return made


@pytest.fixture
def ask(client: TestClient, server: Server, foldered: Project) -> Iterator[Ask]:
    """ask(seed=3): what is told of a training with these values."""
    key = server.open(foldered.folder)
    yield lambda **more: client.post(f"/x/{key}/expected", json={"config": {**VALUES, **more}}).json()


def test_a_training_that_there_is_already_is_named_and_gets_another_seed(ask: Ask, foldered: Project) -> None:
    trained_on = label(foldered)
    assert ask()["same"] is None
    train(foldered, trained_on)
    train(foldered, trained_on)
    assert (ask()["same"], ask()["seed"]) == (2, 1)  # the newest, by its number
    # another setting, or another seed, makes another model
    assert ask(preset="standard")["same"] is None
    assert (ask(seed=7)["same"], ask(seed=7)["seed"]) == (None, 1)
    run = run_queue.list_runs(foldered, "train")[0]
    other = run_queue.queue(foldered, "train", {**run.config, "seed": 4})
    assert run_queue.claim(foldered, "test") is not None
    run_queue.finish(foldered, other, "done", result={})
    assert (ask()["same"], ask()["seed"]) == (2, 5)  # none that has been taken
    # and so do other labels
    operations.apply(foldered, "later", [Op(1, "label", int(trained_on[0]), classes.classes(foldered)[1].id)])
    assert ask()["same"] is None


def test_values_that_cannot_be_trained_are_no_training_that_there_is(ask: Ask, foldered: Project) -> None:
    train(foldered, label(foldered))
    assert ask(recipe="none")["same"] is None
