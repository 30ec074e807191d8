"""What is claimed of FACT, checked on measured rows."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from fact_core.bench.grids import (
    Row,
    budgets,
    caption,
    gain,
    groups,
    methods,
    minutes,
    of,
    seeds,
    shared_seeds,
    with_frofa,
)

RIVALS = ("lm", "lp", "lp-ft")
DIGITS = 9  # 45.9 less 46.4 is not below -0.5 for its last bit


@dataclass(frozen=True)
class Claim:
    """Of a method. value None: not measured. limit None: nothing is claimed. holds None: for either reason."""

    method: str
    text: str
    value: float | None
    limit: float | None = None
    holds: bool | None = None


def claims(cells: Sequence[Row]) -> list[Claim]:
    """The claims about the rows of one table (one data set, backbone and preset).

    A claim is about all budgets that the rows have: where a cell of it is missing it is not measured, so that no claim
    holds by what was left out. Of a method that the rows do not have at all nothing is claimed. Rows that are not of
    one table raise ValueError.
    """
    (part,) = groups(with_frofa(cells))
    found = []
    for method in ("fact", "l3fact", "fact+", "l3fact+"):
        found.append(_mean(part, method, "ff", 3.0))
        found.append(_mean(part, method, "lp-ft", 0.0, above=True))
        found += [_mean(part, method, rival, -0.5) for rival in ("lm", "lp")]  # above lp-ft is asked already
        found += [_worst(part, method, RIVALS), _typical(part, method)]
    found += [_mean(part, "l3fact", "lp-lora", 0.0, above=True), _worst(part, "l3fact", ("lp-lora",))]
    for method in ("fact+", "l3fact+"):
        plain = method.removesuffix("+")
        found += [_mean(part, method, plain, 0.0, above=True), _worst(part, method, (plain,), -1.0)]
    found = [each for each in found if each.method in methods(part)]
    if any(each["preset"] == "paper" for each in part):
        found.append(_time(part))
    return found


def claims_table(cells: Sequence[Row]) -> str:
    """Markdown, a table of claims for each group of rows."""
    out = []
    for part in groups(cells):
        found = claims(part)
        if not found or not {"ff", "lp-lora", *RIVALS} & set(methods(part)):
            continue  # nothing is claimed of these methods, or there is nothing to hold them against
        lines = ["| claim | measured | limit | holds |", "|---|---|---|---|"]
        for each in found:
            value = "not measured" if each.value is None else f"{each.value:+.2f}"
            holds = {None: "–", True: "yes", False: "no"}[each.holds]
            limit = "–" if each.limit is None else f"{each.limit:+g}"
            lines.append(f"| {each.text} | {value} | {limit} | {holds} |")
        out.append("\n".join([f"{caption(part)}:", "", *lines]))
    return "\n\n".join(out)


def _mean(part: Sequence[Row], method: str, other: str, limit: float, above: bool = False) -> Claim:
    """Mean over the budgets, each a mean over the seeds that both have."""
    gains = {n: gain(part, n, method, other) for n in budgets(part)}
    known = [each for each in gains.values() if each is not None]
    few = _fewer(part, method, (other,), budgets(part))
    text = f"{method} less {other}, mean over {len(gains)} {'budget' if len(gains) == 1 else 'budgets'} (points{few})"
    if len(known) < len(gains):
        return Claim(method, text + _missing([n for n, each in gains.items() if each is None]), None, limit)
    value = round(statistics.mean(known), DIGITS)
    return Claim(method, text, value, limit, value > limit if above else value >= limit)


def _worst(part: Sequence[Row], method: str, rivals: Sequence[str], limit: float = -2.0) -> Claim:
    """The budgets one by one, each against the best of the rivals. What fails in a measured cell fails in all."""
    least, short = _least(part, method, rivals)
    text = f"{method} less {_best(rivals)} in the worst cell"
    where = min(least, key=lambda n: least[n], default=None)
    if where is None or (short and least[where] >= limit):
        return Claim(
            method, f"{text} (points{_fewer(part, method, rivals, budgets(part))})" + _missing(short), None, limit
        )
    text = f"{text}, {where} labels (points{_fewer(part, method, rivals, [where])})" + _missing(short)
    return Claim(method, text, least[where], limit, least[where] >= limit)


def _typical(part: Sequence[Row], method: str) -> Claim:
    """Mean over the budgets against the best rival of each: stricter than any claim, told for information."""
    least, short = _least(part, method, RIVALS)
    few = _fewer(part, method, RIVALS, budgets(part))
    text = f"{method} less {_best(RIVALS)} in each cell, mean (points; for information{few})"
    return Claim(method, text + _missing(short), None if short else statistics.mean(least.values()))


def _least(part: Sequence[Row], method: str, rivals: Sequence[str]) -> tuple[dict[int, float], list[int]]:
    """(budget -> the least gain over the rivals that were measured there, budgets where one was not)."""
    gains = {n: [gain(part, n, method, rival) for rival in rivals] for n in budgets(part)}
    known = {n: [each for each in found if each is not None] for n, found in gains.items()}
    least = {n: round(min(found), DIGITS) for n, found in known.items() if found}
    return least, [n for n, found in known.items() if len(found) < len(rivals)]


def _best(rivals: Sequence[str]) -> str:
    return f"the best of {', '.join(rivals)}" if len(rivals) > 1 else rivals[0]


def _fewer(part: Sequence[Row], method: str, rivals: Sequence[str], labels: Sequence[int]) -> str:
    """What a claim's text tells where some of its cells rest on fewer seeds than the table has."""
    found = [len(shared_seeds(part, n, method, rival)) for n in labels for rival in rivals]
    return _of_seeds(min(filter(None, found), default=0), part)


def _of_seeds(count: int, part: Sequence[Row]) -> str:
    """ "; 1 of 3 seeds", or nothing where there are all or none."""
    every = len(seeds(part))
    return f"; {count} of {every} seeds" if 0 < count < every else ""


def _missing(labels: Sequence[int]) -> str:
    """What a claim's text ends with where cells are missing."""
    return f"; missing at {', '.join(map(str, labels))} labels" if labels else ""


def _time(part: Sequence[Row], limit: float = 0.4) -> Claim:
    """Seconds of fact by those of ff at the largest budget, over the seeds that both have on one device.

    Without trainings that were interrupted (``grids.minutes``).
    """
    labels = budgets(part)[-1]
    text = f"seconds of fact by those of ff, {labels} labels (at most)"
    fact, full = (
        {(each["seed"], each["device"]): took for each in of(part, name, labels) if (took := minutes(each))}
        for name in ("fact", "ff")
    )
    shared = set(fact) & set(full)
    if not shared:
        return Claim("fact", text, None, limit)
    ratio = sum(fact[each] for each in shared) / sum(full[each] for each in shared)
    return Claim("fact", text + _of_seeds(len({seed for seed, _ in shared}), part), ratio, limit, ratio <= limit)
