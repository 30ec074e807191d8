"""The pictures of `bench strategies` and `rounds`: a share over labels, a line a strategy, as SVG."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from fact_core.choices import STRATEGIES

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 400, 48, 150, 16, 40
#: Names closer than this would write over each other.
LINE = 15
#: Okabe and Ito's colours, which people with colour blindness tell apart; random is grey.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c6bb1", "#999933")
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#444}.grid{stroke:#ddd}"
    "@media(prefers-color-scheme:dark){text{fill:#bbb}.grid{stroke:#444}}"
)


def svg(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str] | None = None) -> str:
    """Means over seeds; strategies that were measured at all budgets, the others are left out.

    titles: strategy -> what it is called; those of ``STRATEGIES`` where nothing is given.
    """
    titles = titles or {name: each.title for name, each in STRATEGIES.items()}
    budgets = sorted({int(row["labels"]) for row in rows})
    means: dict[str, list[float]] = {}
    for name in dict.fromkeys(str(row["strategy"]) for row in rows):
        cells = [
            [100 * row["accuracy"] for row in rows if row["strategy"] == name and row["labels"] == n] for n in budgets
        ]
        if all(cells):
            means[name] = [statistics.mean(each) for each in cells]
    if not means or len(budgets) < 2:
        raise ValueError("a line needs two budgets")
    low = math.floor(min(min(each) for each in means.values()) / 5) * 5
    high = math.ceil(max(max(each) for each in means.values()) / 5) * 5
    span = math.log(budgets[-1] / budgets[0])

    def x(labels: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(labels / budgets[0]) / span

    def y(accuracy: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (accuracy - low) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><style>{STYLE}</style>'
    ]
    for tick in range(low, high + 1, 5):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick} %</text>')
    for n in budgets:
        parts.append(f'<text x="{x(n):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{n} labels</text>')
    colours = iter(COLOURS * (1 + len(means) // len(COLOURS)))
    places = _apart({name: y(each[-1]) for name, each in means.items()})
    for name, values in means.items():
        colour = "#888888" if name == "random" else next(colours)
        line = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, value in zip(budgets, values, strict=True))
        title = escape(titles.get(name, name))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{x(n):.1f}" cy="{y(v):.1f}" r="3" fill="{colour}"/>'
            for n, v in zip(budgets, values, strict=True)
        ]
        parts.append(f'<circle cx="{WIDTH - RIGHT + 12}" cy="{places[name]:.1f}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 22}" y="{places[name] + 4:.1f}">{title}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _apart(wanted: Mapping[str, float]) -> dict[str, float]:
    """Heights of the names at the ends of the lines, moved down or up as little as keeps them readable."""
    order = sorted(wanted, key=lambda name: wanted[name])
    placed: dict[str, float] = {}
    last = -math.inf
    for name in order:
        last = max(wanted[name], last + LINE)
        placed[name] = last
    over = max(0.0, last - (HEIGHT - BOTTOM))
    for name in reversed(order):
        placed[name] -= over
        over = max(0.0, over - LINE)
    return placed
