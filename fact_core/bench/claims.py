"""What is claimed of FACT, checked on measured rows."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from fact_core.bench.tables import Row, budgets, gain, groups

OWN = {"fact": "lp-ft", "l3fact": "lp-lora"}  # method -> its phases without the last


@dataclass(frozen=True)
class Claim:
    """value against limit; both None and ``holds`` None where it was not measured."""

    text: str
    value: float | None
    limit: float
    holds: bool | None


def claims(cells: Sequence[Row]) -> list[Claim]:
    """The claims about the rows of one table (one data set, backbone and preset)."""
    part = [each for each in cells if each["frofa"] != "none"]
    found = []
    for method, without in OWN.items():
        found.append(_mean(part, method, "ff", 3.0))
        found.append(_mean(part, method, without, 0.0, above=True))
        rivals = ("lm", "lp", without)
        found += [_mean(part, method, rival, -0.5) for rival in rivals]
        gains = [gain(part, n, method, rival) for n in budgets(part) for rival in rivals]
        known = [each for each in gains if each is not None]
        worst = min(known) if known else None
        text = f"{method} in its worst cell against {', '.join(rivals)} (points)"
        found.append(Claim(text, worst, -2.0, None if worst is None else worst >= -2.0))
    if any(each["preset"] == "paper" for each in part):
        found.append(_time(part))
    return found


def claims_table(cells: Sequence[Row]) -> str:
    """Markdown, a table of claims for each group of rows."""
    out = []
    for part in groups(cells):
        lines = ["| claim | measured | limit | holds |", "|---|---|---|---|"]
        for each in claims(part):
            value = "not measured" if each.value is None else f"{each.value:+.2f}"
            holds = {None: "–", True: "yes", False: "no"}[each.holds]
            lines.append(f"| {each.text} | {value} | {each.limit:+g} | {holds} |")
        one = part[0]
        out.append("\n".join([f"{one['dataset']}, {one['backbone']}, effort {one['preset']}:", "", *lines]))
    return "\n\n".join(out)


def _mean(part: Sequence[Row], method: str, other: str, limit: float, above: bool = False) -> Claim:
    """Mean over the budgets, each a mean over the seeds that both have."""
    gains = [each for n in budgets(part) if (each := gain(part, n, method, other)) is not None]
    value = statistics.mean(gains) if gains else None
    missing = len(budgets(part)) - len(gains)
    text = f"{method} less {other}, mean over {len(gains)} budgets (points)" + (f", {missing} missing" * bool(missing))
    holds = None if value is None else (value > limit if above else value >= limit)
    return Claim(text, value, limit, holds)


def _time(part: Sequence[Row]) -> Claim:
    """Seconds of fact by those of ff at the largest budget that has both."""
    text = "seconds of fact by those of ff"
    for n in reversed(budgets(part)):
        seconds = {
            name: [float(each["seconds"]) for each in part if each["labels"] == n and each["method"] == name]
            for name in ("fact", "ff")
        }
        if all(seconds.values()):
            ratio = statistics.mean(seconds["fact"]) / statistics.mean(seconds["ff"])
            return Claim(f"{text}, {n} labels (at most)", ratio, 0.4, ratio <= 0.4)
    return Claim(text, None, 0.4, None)
