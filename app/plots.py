"""Events of a training run -> one plotly figure. Pure functions: no plotly import, no storage.

The figure has two rows (loss, accuracy) and one column a phase; the columns' widths are those of
the phase rail above it. Colours are written as names of CSS variables ("var(--accent-mark)"): the page
fills them in ("@50%": half opaque), so light and dark need no new figure. The page appends later points in place;
``layout.meta`` says which trace takes what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from app.curves import SERIES, TWINS, Curve, curves, last_step
from fact_core.choices import PHASES
from fact_core.evaluate import wilson
from fact_core.events import Event

#: Share of the width that a phase takes.
WEIGHTS = {"lp": 1.0, "ff": 2.0, "lora": 2.0, "prompt": 2.0, "prefix": 2.0, "lm": 1.0}
#: The same where there are four: each has room for its name.
WEIGHTS_OF_FOUR = {**dict.fromkeys(WEIGHTS, 1.6), "lp": 1.25, "st": 1.5, "lm": 1.25}
ROOMY = 0.23  # share of the width from which a column has room for a step between its first and its last
GAP = 0.022
#: Bottom and top of the two rows, as shares of the plot's height.
ACCURACY_ROW, LOSS_ROW = (0.0, 0.44), (0.56, 1.0)
#: Ends of lines that are closer than this share of the axis would write over each other.
CLOSE = 0.06


def columns(phases: Sequence[str]) -> list[tuple[float, float]]:
    """Left and right edge (0..1) of each phase's column."""
    room = 1.0 - GAP * (len(phases) - 1)
    weights = WEIGHTS if len(phases) < 4 else WEIGHTS_OF_FOUR
    total = sum(weights.get(phase, 1.0) for phase in phases)
    edges, left = [], 0.0
    for phase in phases:
        right = left + room * weights.get(phase, 1.0) / total
        edges.append((round(left, 5), round(min(right, 1.0), 5)))
        left = right + GAP
    return edges


def training_figure(events: Iterable[Event], phases: Sequence[str]) -> dict[str, Any]:
    """The charts of a training run: {"data", "layout"} for plotly.js.

    layout.meta: phases (name, title, edges, state, ...), and traces: phase -> series -> index in data.
    """
    known = curves(events, phases)
    span = max((v for curve in known for v in (*curve.series["loss"][1], *curve.series["check_loss"][1])), default=1.0)
    data: list[dict[str, Any]] = []
    where: dict[str, dict[str, int]] = {}
    for number, curve in enumerate(known):
        where[curve.phase] = {}
        for name in SERIES:
            where[curve.phase][name] = len(data)
            axes = _axes(name, number, len(known))
            data += [_line(curve, name) | axes, _end(curve, name, span) | axes]
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
        "meta": "accuracy" if name.endswith("accuracy") else "loss",
        "x": list(steps),
        "y": list(values),
        "line": {"color": colour, "width": width},
        "hovertemplate": _template(name),
    }


def _end(curve: Curve, name: str, span: float) -> dict[str, Any]:
    """The dot at the end of a line, its value in words and, when the phase is over, the interval's bar."""
    colour, _, size = _style(name)
    steps, values = curve.series[name]
    accuracy = name.endswith("accuracy")
    twin = curve.series[TWINS[name]][1]
    apart = (values[-1] - twin[-1]) / (1.0 if accuracy else span) if values and twin else None
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers+text",
        "x": steps[-1:],
        "y": values[-1:],
        "text": [f"{values[-1]:.1%}".replace("%", " %") if accuracy else f"{values[-1]:.2f}"] if values else [],
        "textposition": text_position(
            steps[-1] if steps else 0, last_step(curve), accuracy and values[-1:] > [0.9], apart
        ),
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


def text_position(step: int, steps: int, high: bool, apart: float | None) -> str:
    """Beside the dot while there is room to its right; else above it, or below it when it is ``high``.

    apart: how far the other line's end is below this one, as a share of the axis; close ends part up and down.
    """
    room = step <= 0.7 * steps
    if apart is not None and abs(apart) < CLOSE:
        return f"{'top' if apart > 0 else 'bottom'} {'right' if room else 'left'}"
    return "middle right" if room else "bottom left" if high else "top left"


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
    middle = [max(1, round(last / 2))] if edge[1] - edge[0] >= ROOMY else []
    # Of four, side by side on a phone, the last step of one would run into the first of the next.
    first_step = [1] if number == 0 or count < 4 else []
    x: dict[str, Any] = {
        "domain": list(edge),
        "anchor": "y" + _axis(place),
        "range": [0, last * 1.02],
        "tickvals": sorted({*first_step, *middle, last}) if curve.state != "todo" else [],
        "tickangle": 0,
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
        "help": choice.help if choice else "",
        "edges": list(edge),
        "state": curve.state,
        "step": reached,
        "steps": last_step(curve) if curve.started else 0,
        "seconds": curve.done.seconds if curve.done else None,
        "check_n": curve.done.check_n if curve.done else 0,
    }
