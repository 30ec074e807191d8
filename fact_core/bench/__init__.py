"""Measurements: ``python3 launch.py bench NAME [--full] [--json FILE]``.

Each is a step: a function of ``full`` (all of it, not only what takes a minute) that yields
events and returns a dict of figures that JSON can hold. To add one, write it and one line here.
"""

from __future__ import annotations

from typing import Any

from fact_core.choices import Choice, pick, resolve
from fact_core.types import Step

BENCHES: dict[str, Choice] = {
    "features": Choice(
        "Features",
        "Images a second of a backbone: float32 against the fastest way that this device has.",
        "fact_core.bench.features:run",
    ),
}


def start(name: str, full: bool) -> Step[dict[str, Any]]:
    """The bench of that name. ConfigError lists the known ones otherwise."""
    step: Step[dict[str, Any]] = resolve(pick(BENCHES, name, "bench").target)(full)
    return step
