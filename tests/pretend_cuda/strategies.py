"""Every strategy on the pretend device: the images that it picks on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fact_core.choices import STRATEGIES
from fact_core.events import Event
from fact_core.generators import finish
from fact_core.select.choose import choose_images
from fact_core.select.picks import Picks
from tests.pretend_cuda.device import GPU, Device

LABELED = np.array([3, 50, 120, 7, 9, 14, 21, 33], dtype=np.int64)
Y = np.array([0, 1, 0, 1, 0, 1, 2, 2])
BUDGET = 12


def checks(device: Device) -> dict[str, Callable[[Path], Any]]:
    """name -> check."""
    found = {f"strategy/{name}": partial(_strategy, device, name, {}) for name in STRATEGIES}
    for title, options in {
        "paper": {"variant": "paper"},
        "spread": {"start": "k-means++", "restarts": 2},
    }.items():
        found[f"strategy/activeft {title}"] = partial(_strategy, device, "activeft", options)
    return found


def pool() -> np.ndarray[Any, np.dtype[np.float32]]:
    """Features [300,16] of seven kinds of images."""
    rng = np.random.default_rng(0)
    kinds = np.eye(16, dtype=np.float32)[np.arange(300) % 7] * 3
    return rng.normal(size=(300, 16)).astype(np.float32) + kinds


def picked(name: str, at: torch.device, told: Callable[[Event], object] = lambda event: None, **options: Any) -> Picks:
    """The picks of a strategy on a device; ``told`` gets each event."""
    x = pool()
    p = np.abs(x[:, :3]) / np.abs(x[:, :3]).sum(1, keepdims=True)
    given = {"iterations": 15, "answers": p, "device": at, **options}
    return finish(choose_images(name, x, BUDGET, LABELED, Y, np.random.default_rng(0), **given), told)


def _strategy(device: Device, name: str, options: dict[str, Any], folder: Path) -> Any:
    wanted = picked(name, torch.device("cpu"), **options)
    with device:
        found = picked(name, GPU, **options)
    assert found.rows.tolist() == wanted.rows.tolist(), (found.rows, wanted.rows)
    return {"launches": device.counts.launches, "syncs": device.counts.syncs}
