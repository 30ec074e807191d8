"""The whole program on a pretend CUDA device (``tests/pretend_cuda``), in a process of its own.

Every recipe and strategy, the gate, stop and resume, features and predictions end as on the CPU; networks answer by one
policy; memory that is full ends with the right result and one notice; launches and waits a step do not grow.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fact_core.bench.gpu.sections import SECTIONS
from fact_core.choices import RECIPES, STRATEGIES
from tests.pretend_cuda import build

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

LIMITS: dict[str, dict[str, float]] = json.loads((build.HERE / "limits.json").read_text("utf-8"))
TRAININGS = ["convolutions", "gate", "resume", "resume in another format", "features", "policy", "crops", "expected"]
MEMORY = [
    *("tokens", "phase 2", "the whole network", "gate", "naming", "live check", "PCA", "attention pooling", "FroFA"),
    *("joint L-BFGS", "crops", "light model", "logistic regression", "features", "predictions", "selection"),
]
#: Sections of the bench of the GPU. The others that measure differ by a backbone or a size, or ask nothing of a GPU.
QUICK = ("fact", "fact-4gb", "features-lite0-small", "step-vit-s", "activeft-250", "lbfgs", "map")
#: The pretend device is one GPU: what several do together is tested by processes of the CPU (test_together).
BENCH = (*(name for name, section in SECTIONS.items() if section.kind == "right" and name != "several"), *QUICK)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """name -> what the check says."""
    return _said(tmp_path_factory.mktemp("pretend"))


@pytest.fixture(scope="module")
def bench_told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same of the sections of the bench."""
    return _said(tmp_path_factory.mktemp("pretend-bench"), "bench/")


def _said(folder: Path, *names: str) -> dict[str, Any]:
    reason = build.why_not()
    if reason:
        pytest.skip(reason)
    lines = build.started("tests.pretend_cuda.checks", folder, folder / "work", *names, timeout=900)
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return {each["name"]: each for each in found}


@pytest.mark.parametrize(
    "name",
    [
        *(f"recipe/{name}" for name in RECIPES),
        *TRAININGS,
        *(f"strategy/{name}" for name in [*STRATEGIES, "activeft paper", "activeft spread"]),
        *(f"memory/{name}" for name in MEMORY),
    ],
)
def test_it_ends_as_on_the_cpu(told: dict[str, Any], name: str) -> None:
    assert not told[name]["error"], told[name]["error"]


@pytest.mark.parametrize("name", BENCH)
def test_a_section_of_the_bench_runs(bench_told: dict[str, Any], name: str) -> None:
    """What it checks is right, and where it takes memory away, that is full and said once."""
    assert not bench_told[f"bench/{name}"]["error"], bench_told[f"bench/{name}"]["error"]


@pytest.mark.parametrize("name", LIMITS)
def test_launches_and_waits_of_a_step_do_not_grow(told: dict[str, Any], name: str) -> None:
    """A smaller number is written into limits.json, a larger one is a fault."""
    found = told[f"step/{name}"]
    assert not found["error"], found["error"]
    for what, most in LIMITS[name].items():
        assert found["told"][what] <= most, (what, found["told"])


def test_every_check_is_asked_for(told: dict[str, Any]) -> None:
    named = {*(f"step/{name}" for name in LIMITS), *(f"memory/{name}" for name in MEMORY), *TRAININGS}
    assert {name for name in told if not name.startswith(("recipe/", "strategy/"))} == named
