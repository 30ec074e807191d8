"""One contract over every kind of run: a new one is tested by being there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fact_core.choices import EXPORTS, resolve
from fact_core.config import RUN_CONFIGS
from fact_core.errors import ConfigError, RunError
from fact_core.storage import project, run_queue
from fact_core.work.kind import Kind, kind_of, options_of
from fact_core.work.kinds import KINDS


@pytest.fixture
def empty(tmp_path: Path) -> project.Project:
    """A project in which nothing was done yet."""
    (tmp_path / "images").mkdir()
    return project.create(tmp_path / "project", tmp_path / "images")


def queued(made: project.Project, kind: str, config: dict[str, object] | None = None) -> run_queue.Run:
    return run_queue.get(made, run_queue.queue(made, kind, config or {}))


def test_every_kind_has_options_and_a_file_of_its_own() -> None:
    assert set(KINDS) == set(RUN_CONFIGS)
    for name, target in KINDS.items():
        assert target == f"fact_core.work.{name}:KIND"
        assert isinstance(resolve(target), Kind)


def test_an_export_that_there_is_not_is_refused_before_anything_is_written(empty: project.Project) -> None:
    trained = queued(empty, "train")
    run_queue.claim(empty, "worker")
    run_queue.finish(empty, trained.id, "done", result={"labels": 1})
    run = queued(empty, "export", {"run": trained.id, "items": ["weights"], "folder": "out"})
    with pytest.raises(ConfigError, match="model, predictions, probabilities, labels"):
        kind_of(run).needs(empty, run, options_of(run))
    assert [name for name, each in EXPORTS.items() if each.needs_predictions] == ["predictions", "probabilities"]


@pytest.mark.parametrize("name", KINDS)
def test_says_what_goes_before_and_after(empty: project.Project, name: str) -> None:
    """Where nothing was done yet all begins with a scan; what works with a model lacks a training."""
    run = queued(empty, name, {"run": 1} if name in ("predict", "export") else {})
    kind = kind_of(run)
    if name in ("predict", "export"):
        with pytest.raises(RunError, match="no finished model"):
            kind.needs(empty, run, options_of(run))
    else:
        assert kind.needs(empty, run, options_of(run)) == ([] if name == "scan" else [("scan", {})])
    assert kind.kept(empty, run) == []
    follows = {"features": ["map", "odd"], "select": ["map"], "train": ["predict"]}
    assert [each for each, _ in kind.then(empty, run)] == follows.get(name, [])


def test_an_unknown_kind_is_refused_with_the_known_ones(empty: project.Project) -> None:
    with pytest.raises(ConfigError, match="scan, features"):
        kind_of(queued(empty, "dance"))


def test_a_scan_does_not_wait_for_torch() -> None:
    code = (
        "import sys; from fact_core.choices import resolve; import fact_core.work.worker; "
        "from fact_core.work.kinds import KINDS; resolve(KINDS['scan']); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
