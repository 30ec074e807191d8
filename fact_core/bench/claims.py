"""What is claimed of FACT, checked on measured rows."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from fact_core.bench.grids import Row, budgets, gain, groups, of, with_frofa

RIVALS = ("lm", "lp", "lp-ft")


@dataclass(frozen=True)
class Claim:
    """value None: not measured. limit None: nothing is claimed. holds None: for either reason."""

    text: str
    value: float | None
    limit: float | None = None
    holds: bool | None = None


def claims(cells: Sequence[Row]) -> list[Claim]:
    """The claims about the rows of one table (one data set, backbone and preset)."""
    part = with_frofa(cells)
    found = []
    for method in ("fact", "l3fact"):
        found.append(_mean(part, method, "ff", 3.0))
        found.append(_mean(part, method, "lp-ft", 0.0, above=True))
        if method == "l3fact":
            found.append(_mean(part, method, "lp-lora", 0.0, above=True))
        found += [_mean(part, method, rival, -0.5) for rival in ("lm", "lp")]  # above lp-ft is asked already
        found += _cells(part, method)
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
            limit = "–" if each.limit is None else f"{each.limit:+g}"
            lines.append(f"| {each.text} | {value} | {limit} | {holds} |")
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


def _cells(part: Sequence[Row], method: str) -> list[Claim]:
    """The budgets one by one, each against the best of the rivals there."""
    gains = {n: [each for rival in RIVALS if (each := gain(part, n, method, rival)) is not None] for n in budgets(part)}
    least = {n: min(each) for n, each in gains.items() if each}
    where = min(least, key=lambda n: least[n], default=None)
    value = None if where is None else least[where]
    text = f"{method} less the best of {', '.join(RIVALS)} in the worst cell"
    worst = text if where is None else f"{text}, {where} labels"
    mean = statistics.mean(least.values()) if least else None
    return [
        Claim(f"{worst} (points)", value, -2.0, None if value is None else value >= -2.0),
        Claim(f"{method} less the best of {', '.join(RIVALS)} in each cell, mean (points; for information)", mean),
    ]


def _time(part: Sequence[Row]) -> Claim:
    """Seconds of fact by those of ff at the largest budget that has both on one device."""
    text = "seconds of fact by those of ff"
    for n in reversed(budgets(part)):
        seconds = {
            name: {(each["seed"], each["device"]): float(each["seconds"]) for each in of(part, name, n)}
            for name in ("fact", "ff")
        }
        if shared := set(seconds["fact"]) & set(seconds["ff"]):
            ratio = sum(seconds["fact"][each] for each in shared) / sum(seconds["ff"][each] for each in shared)
            return Claim(f"{text}, {n} labels (at most)", ratio, 0.4, ratio <= 0.4)
    return Claim(text, None, 0.4, None)
