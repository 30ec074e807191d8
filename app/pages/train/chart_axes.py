"""Where the panels of the training charts stand, and their axes. Pure functions: no plotly import."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from app.pages.train.curves import Curve, last_step

#: Share of the width that a phase takes.
WEIGHTS = {"lp": 1.0, "ff": 2.0, "lora": 2.0, "prompt": 2.0, "prefix": 2.0, "ln": 2.0, "bitfit": 2.0, "lm": 1.5}
#: The same where there are four: each has room for its name.
WEIGHTS_OF_FOUR = {**dict.fromkeys(WEIGHTS, 1.6), "lp": 1.25, "st": 1.5, "lm": 1.6}
#: Share of a phase's column that one of its solvers takes.
PANEL_WEIGHTS = {"map": 1.0, "solver": 1.3, "joint": 1.0, "": 1.0}
ROOMY = 0.23  # share of the width from which a column has room for a step between its first and its last
GAP = 0.022
#: Bottom and top of the two rows, as shares of the plot's height.
ACCURACY_ROW, LOSS_ROW = (0.0, 0.44), (0.56, 1.0)
#: Losses have a logarithmic axis, so that one that diverges leaves the others their shape. It ends here.
LOWEST_LOSS = 0.02
#: So many times the highest loss of the other phases a solver's may reach before the axis cuts it off.
ABOVE = 1.5


def columns(phases: Sequence[str]) -> list[tuple[float, float]]:
    """Left and right edge (0..1) of each phase's column."""
    weights = WEIGHTS if len(phases) < 4 else WEIGHTS_OF_FOUR
    return split((0.0, 1.0), [weights.get(phase, 1.0) for phase in phases], GAP)


def split(edges: tuple[float, float], weights: Sequence[float], gap: float) -> list[tuple[float, float]]:
    """Parts of a column by their weights, with gaps between."""
    left, right = edges
    room, total = right - left - gap * (len(weights) - 1), sum(weights)
    found = []
    for weight in weights:
        end = left + room * weight / total
        found.append((round(left, 5), round(min(end, right), 5)))
        left = end + gap
    return found


def panel_edges(known: Sequence[Curve]) -> list[tuple[float, float]]:
    """Left and right edge of each curve's panel, in their order."""
    phases = list(dict.fromkeys(curve.phase for curve in known))
    found = []
    for phase, edges in zip(phases, columns(phases), strict=True):
        weights = [PANEL_WEIGHTS.get(curve.panel, 1.0) for curve in known if curve.phase == phase]
        found += split(edges, weights, GAP)
    return found


def loss_range(losses: Iterable[float | None], solvers: Iterable[float | None] = ()) -> tuple[float, float]:
    """Lowest and highest loss that the axis shows.

    solvers: those that a solver of the light model passes on its way. They do not raise the axis above the others by
    more than ``ABOVE``: such a step says nothing of the model that comes out of it.
    """
    told, passed = ([each for each in some if each is not None and each > 0] for some in (losses, solvers))
    some = told + passed or [LOWEST_LOSS * 100]
    high = max(*told, *(min(each, ABOVE * max(told)) for each in passed)) if told else max(some)
    low, high = max(LOWEST_LOSS, min(some)), max(high, LOWEST_LOSS * 2)
    return low / 1.3, max(high, low) * 1.4


def loss_ticks(low: float, high: float) -> list[float]:
    """Round losses: 1, 3, 10, or 1, 2, 5, 10 where there is room for so many."""
    digits = (1, 3) if high / low > 40 else (1, 2, 5)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    found = [digit * 10**power if power >= 0 else digit / 10**-power for power in powers for digit in digits]
    return [each for each in found if low <= each <= high]


def axis(number: int) -> str:
    """What plotly writes behind "xaxis" for the first, second, ... axis."""
    return "" if number == 0 else str(number + 1)


def x_axis(curve: Curve, edge: tuple[float, float], number: int, count: int, row: str) -> dict[str, Any]:
    """Steps; those of a solver behind another one count from its own first."""
    place = number + (count if row == "accuracy" else 0)
    last, wide = last_step(curve), edge[1] - edge[0]
    middle = [curve.origin + max(1, round((last - curve.origin) / 2))] if wide >= ROOMY else []
    # Of four, side by side on a phone, the last step of one would run into the first of the next.
    first = [curve.origin + 1] if number == 0 or (count < 4 and not curve.origin) else []
    values = sorted({*first, *middle, last}) if curve.state != "todo" else []
    told = [value - curve.origin for value in values]
    x: dict[str, Any] = {
        "domain": list(edge),
        "anchor": "y" + axis(place),
        "range": [curve.origin, curve.origin + (last - curve.origin) * 1.02],
        "tickvals": values,
        "ticktext": [f"step {v}" if v in (m - curve.origin for m in middle) else str(v) for v in told],
        "tickangle": 0,
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
    }
    return x | ({"matches": "x" + axis(number)} if row == "accuracy" else {})


def y_axis(number: int, count: int, row: str, losses: tuple[float, float]) -> dict[str, Any]:
    """One scale a row: all panels move together."""
    first = count if row == "accuracy" else 0
    y: dict[str, Any] = {
        "domain": list(ACCURACY_ROW if row == "accuracy" else LOSS_ROW),
        "anchor": "x" + axis(first + number),
        "gridcolor": "var(--line)",
        "zerolinecolor": "var(--line)",
        "showticklabels": number == 0,
        "ticks": "",
    }
    if row == "accuracy":
        shares = [0, 0.25, 0.5, 0.75, 1]
        y |= {"range": [0, 1.02], "tickvals": shares, "ticktext": [f"{v:.0%}".replace("%", " %") for v in shares]}
    else:
        ticks = loss_ticks(*losses)
        y |= {"type": "log", "range": [math.log10(each) for each in losses], "tickvals": ticks}
        y["ticktext"] = [f"{each:g}" for each in ticks]
    return y | ({"matches": "y" + axis(first)} if number else {})
