"""The README's tables, made from the measured figures in ``results/``."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a result file, one a measured cell."""
    found: list[dict[str, Any]] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def by_method(cells: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: one line a method in the order of the file, its accuracy for each seed, and their mean."""
    seeds = sorted({int(each["seed"]) for each in cells})
    lines = [
        "| method | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean |",
        "|---|" + "---|" * (len(seeds) + 1),
    ]
    for method in dict.fromkeys(str(each["method"]) for each in cells):
        found = {int(each["seed"]): float(each["accuracy"]) for each in cells if each["method"] == method}
        shown = [f"{found[seed]:.1%}" if seed in found else "not run" for seed in seeds]
        mean = f"{statistics.mean(found.values()):.1%}" if len(found) == len(seeds) else "–"
        lines.append(f"| `{method}` | " + " | ".join(shown) + f" | {mean} |")
    return "\n".join(lines)
