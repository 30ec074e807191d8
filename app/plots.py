"""Events of a training run -> one plotly figure. Pure functions: no plotly import, no storage.

The figure has two rows (loss, accuracy) and one column a phase; the columns' widths are those of
the phase rail above it. Colours are written as names of CSS variables ("var(--accent-mark)"): the page
fills them in ("@50%": half opaque), so light and dark need no new figure. The page appends later points in place;
``layout.meta`` says which trace takes what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fact_core.choices import PHASES
from fact_core.evaluate import wilson
from fact_core.events import Event, PhaseDone, PhaseStarted, Point

#: Share of the width that a phase takes.
WEIGHTS = {"lp": 1.0, "ff": 2.0, "lora": 2.0, "lm": 1.0}
GAP = 0.022
#: Bottom and top of the two rows, as shares of the plot's height.
ACCURACY_ROW, LOSS_ROW = (0.0, 0.44), (0.56, 1.0)
SERIES = ("loss", "check_loss", "accuracy", "check_accuracy")


@dataclass
class Curve:
    """What is known of one phase: its four series as (steps, values), and how it ended."""

    phase: str
    steps: int = 0
    started: PhaseStarted | None = None
    done: PhaseDone | None = None
    series: dict[str, tuple[list[int], list[float]]] = field(default_factory=lambda: {s: ([], []) for s in SERIES})

    @property
    def state(self) -> str:
        """todo, running or done."""
        return "done" if self.done else "running" if self.started else "todo"


def columns(phases: Sequence[str]) -> list[tuple[float, float]]:
    """Left and right edge (0..1) of each phase's column."""
    room = 1.0 - GAP * (len(phases) - 1)
    total = sum(WEIGHTS.get(phase, 1.0) for phase in phases)
    edges, left = [], 0.0
    for phase in phases:
        right = left + room * WEIGHTS.get(phase, 1.0) / total
        edges.append((round(left, 5), round(min(right, 1.0), 5)))
        left = right + GAP
    return edges


def curves(events: Iterable[Event], phases: Sequence[str]) -> list[Curve]:
    """The curves of each phase. A resumed run repeats steps: the later point replaces the earlier ones."""
    by_phase = {phase: Curve(phase) for phase in phases}
    for event in events:
        curve = by_phase.get(getattr(event, "phase", ""))
        if curve is None:
            continue
        if isinstance(event, PhaseStarted):
            curve.started, curve.steps, curve.done = event, event.steps, None
        elif isinstance(event, Point):
            _add_point(curve, event)
        elif isinstance(event, PhaseDone):
            curve.done = event
    return list(by_phase.values())


def _add_point(curve: Curve, point: Point) -> None:
    curve.steps = point.steps or curve.steps
    for name, (steps, values) in curve.series.items():
        while steps and steps[-1] >= point.step:
            steps.pop()
            values.pop()
        value = getattr(point, name)
        if value is not None:
            steps.append(point.step)
            values.append(value)


def training_figure(events: Iterable[Event], phases: Sequence[str]) -> dict[str, Any]:
    """The charts of a training run: {"data", "layout"} for plotly.js.

    layout.meta: phases (name, title, edges, state, ...), and traces: phase -> series -> index in data.
    """
    known = curves(events, phases)
    data: list[dict[str, Any]] = []
    where: dict[str, dict[str, int]] = {}
    for number, curve in enumerate(known):
        where[curve.phase] = {}
        for name in SERIES:
            where[curve.phase][name] = len(data)
            axes = _axes(name, number, len(known))
            data += [_line(curve, name) | axes, _end(curve, name) | axes]
    return {"data": data, "layout": _layout(known, where)}


def _axis(number: int) -> str:
    return "" if number == 0 else str(number + 1)


def _axes(name: str, number: int, count: int) -> dict[str, str]:
    """The axes of a series: the loss row takes axes 1..count, the accuracy row the next ``count``."""
    place = number + (count if name.endswith("accuracy") else 0)
    return {"xaxis": "x" + _axis(place), "yaxis": "y" + _axis(place)}


def _style(name: str) -> tuple[str, float, int]:
    """Colour, line width and end mark of a series: accent for check images, grey for training."""
    return ("var(--accent-mark)", 2.0, 8) if name.startswith("check") else ("var(--ink-3)", 1.5, 6)


def _template(name: str) -> str:
    who = "check images" if name.startswith("check") else "training"
    return f"step %{{x}}<br>{who} %{{y:{'.1%' if name.endswith('accuracy') else '.3f'}}}<extra></extra>"


def _line(curve: Curve, name: str) -> dict[str, Any]:
    colour, width, _ = _style(name)
    steps, values = curve.series[name]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(steps),
        "y": list(values),
        "line": {"color": colour, "width": width},
        "hovertemplate": _template(name),
    }


def _end(curve: Curve, name: str) -> dict[str, Any]:
    """The dot at the end of a line, its value in words and, when the phase is over, the interval's bar."""
    colour, _, size = _style(name)
    steps, values = curve.series[name]
    accuracy = name.endswith("accuracy")
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers+text",
        "x": steps[-1:],
        "y": values[-1:],
        "text": [f"{values[-1]:.1%}".replace("%", " %") if accuracy else f"{values[-1]:.2f}"] if values else [],
        "textposition": text_position(steps[-1] if steps else 0, curve.steps, values[-1] if values else 0.0, accuracy),
        "textfont": {"size": 12, "color": "var(--ink)", "weight": 600 if name.startswith("check") else 400},
        "marker": {"size": size, "color": colour, "line": {"width": 1, "color": "var(--surface)"}},
        "cliponaxis": False,
        "hoverinfo": "skip",
    }
    if name == "check_accuracy" and curve.done and curve.done.check_n and values:
        low, high = wilson(round(values[-1] * curve.done.check_n), curve.done.check_n)
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [high - values[-1]],
            "arrayminus": [values[-1] - low],
            "color": f"{colour}@50%",
            "thickness": 2,
            "width": 0,
        }
    return trace


def text_position(step: int, steps: int, value: float, accuracy: bool) -> str:
    """Beside the dot while there is room to its right; else above it, or below it near 100 %."""
    if step <= 0.7 * steps:
        return "middle right"
    return "bottom left" if accuracy and value > 0.9 else "top left"


def _layout(known: list[Curve], where: dict[str, dict[str, int]]) -> dict[str, Any]:
    count = len(known)
    edges = columns([curve.phase for curve in known])
    layout: dict[str, Any] = {
        "margin": {"l": 62, "r": 24, "t": 34, "b": 24},
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": "zoom",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 11, "color": "var(--ink-3)"},
        "uirevision": "kept",
        "shapes": [],
        "annotations": [],
    }
    for number, (curve, edge) in enumerate(zip(known, edges, strict=True)):
        for row in ("loss", "accuracy"):
            _add_axes(layout, curve, edge, number, count, row)
        if curve.state == "todo":
            _add_field(layout, curve.phase, edge)
    layout["meta"] = {
        "phases": [_meta(curve, edge) for curve, edge in zip(known, edges, strict=True)],
        "traces": where,
        "rows": {"loss": LOSS_ROW, "accuracy": ACCURACY_ROW},
    }
    return layout


def _add_axes(
    layout: dict[str, Any], curve: Curve, edge: tuple[float, float], number: int, count: int, row: str
) -> None:
    place = number + (count if row == "accuracy" else 0)
    first = count if row == "accuracy" else 0
    last = last_step(curve)
    x: dict[str, Any] = {
        "domain": list(edge),
        "anchor": "y" + _axis(place),
        "range": [0, last * 1.02],
        "tickvals": sorted({1, max(1, round(last / 2)), last}) if curve.state != "todo" else [],
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
    }
    x["ticktext"] = [f"step {v}" if 1 < v < last else str(v) for v in x["tickvals"]]
    if row == "accuracy":
        x["matches"] = "x" + _axis(number)
    y: dict[str, Any] = {
        "domain": list(ACCURACY_ROW if row == "accuracy" else LOSS_ROW),
        "anchor": "x" + _axis(place),
        "gridcolor": "var(--line)",
        "zerolinecolor": "var(--line)",
        "showticklabels": number == 0,
        "ticks": "",
    }
    if row == "accuracy":
        y |= {
            "range": [0, 1.02],
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "ticktext": [f"{v} %" for v in range(0, 101, 25)],
        }
    else:
        y |= {"rangemode": "tozero", "autorange": True, "nticks": 6, "tickformat": ".1f"}
    if place != first:
        y["matches"] = "y" + _axis(first)
    layout["xaxis" + _axis(place)], layout["yaxis" + _axis(place)] = x, y


def last_step(curve: Curve) -> int:
    """Where the phase's axis ends: at the planned step, or at the last one when it ended sooner."""
    reached = max((steps[-1] for steps, _ in curve.series.values() if steps), default=0)
    return max(1, reached if curve.done and reached else max(curve.steps, reached))


def _add_field(layout: dict[str, Any], phase: str, edge: tuple[float, float]) -> None:
    """A still field where a phase has not begun; the page writes the words into it."""
    for low, high in (LOSS_ROW, ACCURACY_ROW):
        layout["shapes"].append(
            {
                "type": "rect",
                "name": phase,
                "layer": "below",
                "xref": "paper",
                "yref": "paper",
                "x0": edge[0],
                "x1": edge[1],
                "y0": low,
                "y1": high,
                "fillcolor": "var(--bg)",
                "line": {"width": 0},
            }
        )


def _meta(curve: Curve, edge: tuple[float, float]) -> dict[str, Any]:
    choice = PHASES.get(curve.phase)
    reached = max((steps[-1] for steps, _ in curve.series.values() if steps), default=0)
    return {
        "name": curve.phase,
        "title": choice.title if choice else curve.phase,
        "edges": list(edge),
        "state": curve.state,
        "step": reached,
        "steps": last_step(curve) if curve.started else 0,
        "seconds": curve.done.seconds if curve.done else None,
        "seconds_expected": curve.started.seconds_expected if curve.started else None,
        "check_n": curve.done.check_n if curve.done else 0,
    }
