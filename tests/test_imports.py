"""A start loads what it needs: seconds that every start of the program would cost."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from fact_core.imports import without


def test_what_is_hidden_cannot_be_imported_and_can_afterwards() -> None:
    sys.modules.pop("this", None)
    with without("this", "sys"):
        with pytest.raises(ImportError, match="this"):
            importlib.import_module("this")
        assert importlib.import_module("sys") is sys  # loaded already: nobody can do without it
    assert "this" not in sys.modules and importlib.util.find_spec("this") is not None


def test_what_was_hidden_comes_back_after_an_error() -> None:
    sys.modules.pop("this", None)
    with pytest.raises(ValueError, match="on the way"), without("this"):
        raise ValueError("on the way")
    assert importlib.util.find_spec("this") is not None


@pytest.mark.parametrize(
    ("modules", "without_these"),
    [
        ("fact_core.cli", "pandas scipy.stats sklearn torch transformers gradio"),
        ("fact_core.work.worker", "pandas scipy sklearn torch transformers"),
        ("app.main", "sklearn scipy.stats torch transformers"),
        (
            "fact_core.work.features fact_core.work.train fact_core.work.predict",
            "pandas scipy.stats sklearn sympy torch.distributed.tensor torch._dynamo peft transformers",
        ),
    ],
)
def test_a_start_does_not_load_what_it_need_not(modules: str, without_these: str) -> None:
    code = f"import sys, {', '.join(modules.split())}\nprint(*sys.modules.keys() & {set(without_these.split())})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_linear_algebra_takes_the_threads_that_the_tests_say() -> None:
    """It reads their number once, when numpy is imported: tests/conftest.py says it before."""
    assert np.linalg.eigvalsh(np.eye(2)).tolist() == [1, 1]
    found = {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}
    assert found <= {int(os.environ["OMP_NUM_THREADS"])}
