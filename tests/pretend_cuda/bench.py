"""Sections of ``launch.py bench gpu`` in their short form on the pretend device."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fact_core.bench.gpu import pictures, right_memory, right_training
from fact_core.bench.gpu.given import Bench
from fact_core.bench.gpu.sections import SECTIONS
from fact_core.choices import resolve
from fact_core.generators import finish
from fact_core.lightweight import logistic
from tests.conftest import SMALL
from tests.few_blocks import few_blocks
from tests.pretend_cuda.device import GPU, Device


def checks(device: Device) -> dict[str, Callable[[Path], Any]]:
    """name -> check."""
    from tests.compute.test_pretend_cuda import BENCH

    return {f"bench/{name}": partial(_section, device, name) for name in BENCH}


def _section(device: Device, name: str, folder: Path) -> Any:
    """What is right passes, and the memory is full where it is limited; what measures has figures."""
    made = folder.parent / "pictures"  # the same of all sections
    if not made.is_dir():
        finish(pictures.make(made, None))
    logistic.WORTH_A_GPU = 0
    section = SECTIONS[name]
    with device, few_blocks(), _small_convolutions():
        row = resolve(section.target)(Bench(GPU, True, made), **section.given)
    json.dumps(row)
    assert row["status"] == ("passed" if section.kind == "right" else "measured"), row["words"]
    return row["words"]


@contextmanager
def _small_convolutions() -> Iterator[None]:
    """Within it whole trainings take a small network of the default one's family: a tenth of the operations."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (right_memory, right_training):
            patch.setattr(module, "LITE", SMALL)
        yield
