"""Events of a training run -> one plotly figure. Pure functions: no plotly import, no storage.

The figure has two rows (loss, accuracy) and one column a phase; the columns' widths are those of
the phase rail above it. The light model's solvers have a panel each. Colours are written as names of CSS variables
("var(--accent-mark)"): the page fills them in ("@50%": half opaque), so light and dark need no new figure. The page
computes nothing anew: it asks for the whole figure when there are later points.

From the number to the pixels: the phase yields a ``Point`` (phase 2: finetune/meter.py), work/worker.py stores it
(storage/run_events.py), assets/train/follow.js asks for what is later than it has, routes.py ``chart_of`` reads the
events, curves.py sorts them into series, ``training_figure`` makes the figure, and assets/train/chart_pane.js gives it
to charts.js, which draws it by plotly.js.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from app.pages.train import chart_axes as axes
from app.pages.train.curves import SERIES, TWINS, Curve, curves, kept, last_step
from fact_core.analysis.evaluate import wilson
from fact_core.choices import PHASES
from fact_core.events import Event

#: Ends of lines that are closer than this share of the axis would write over each other.
CLOSE = 0.07
#: A phase's own last figure that is this far from the last point is another network's.
APART = 1e-3


def training_figure(events: Iterable[Event], phases: Sequence[str]) -> dict[str, Any]:
    """The charts of a training run: {"data", "layout"} for plotly.js.

    layout.meta: phases (name, title, edges, state, ...); panels (phase, panel, edges, ...); traces: phase -> series ->
    index in data of its line in the phase's last panel. A line's end follows it.
    """
    known = curves(events, phases)
    losses = axes.loss_range(_losses(known, solvers=False), _losses(known, solvers=True))
    data: list[dict[str, Any]] = []
    where: list[dict[str, int]] = []
    for number, curve in enumerate(known):
        where.append({})
        for name in SERIES:
            where[-1][name] = len(data)
            place = axes.axis(number + (len(known) if name.endswith("accuracy") else 0))
            on = {"xaxis": "x" + place, "yaxis": "y" + place}
            data += [_line(curve, name) | on, _end(curve, name, losses) | on]
    return {"data": data, "layout": _layout(known, where, losses)}


def _losses(known: Iterable[Curve], solvers: bool) -> list[float | None]:
    """All losses of the phases, or those that the light model's solvers pass on their way."""
    return [
        value
        for curve in known
        if bool(curve.panel) == solvers
        for name in ("loss", "check_loss")
        for value in (*curve.series[name][1], _end_at(curve, name))
    ]


def _style(name: str) -> tuple[str, float, int]:
    """Colour, line width and end mark of a series: accent for check images, grey for training."""
    return ("var(--accent-mark)", 2.0, 8) if name.startswith("check") else ("var(--ink-3)", 1.5, 6)


def _template(name: str, origin: int) -> str:
    who = "check images" if name.startswith("check") else "training"
    step = "iteration %{customdata}" if origin else "step %{x}"
    return f"{step}<br>{who} %{{y:{'.1%' if name.endswith('accuracy') else '.3f'}}}<extra></extra>"


def _line(curve: Curve, name: str) -> dict[str, Any]:
    colour, width, _ = _style(name)
    steps, values = curve.series[name]
    return {
        "type": "scatter",
        "mode": "lines",
        "meta": "accuracy" if name.endswith("accuracy") else "loss",
        "x": list(steps),
        "y": list(values),
        "customdata": [step - curve.origin for step in steps] if curve.origin else None,
        "line": {"color": colour, "width": width},
        "hovertemplate": _template(name, curve.origin),
    }


def _end_at(curve: Curve, name: str) -> float | None:
    """The value at the end of a series: as the finished phase tells it, else that of its last point."""
    told, values = kept(curve, name), curve.series[name][1]
    return told if told is not None else values[-1] if values else None


def _end(curve: Curve, name: str, losses: tuple[float, float]) -> dict[str, Any]:
    """The dot at the end of a line, its value in words and, when the phase is over, the interval's bar.

    A diamond where what was kept is not what the last point measured.
    """
    colour, _, size = _style(name)
    steps, values = curve.series[name]
    accuracy, value, twin = name.endswith("accuracy"), _end_at(curve, name), _end_at(curve, TWINS[name])
    told = kept(curve, name)
    far = apart(value, twin, None if accuracy else losses)
    if far == 0:  # equal ones part as well: one of the two goes up
        far = -CLOSE / 2 if name.startswith("check") else CLOSE / 2
    other = told is not None and (not values or values[-1] is None or abs(values[-1] - told) > APART)
    # Below the axis there is the other row, above it the words.
    shown = value if accuracy or value is None else min(max(value, losses[0]), losses[1])
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers+text" if curve.ends else "markers",
        "meta": "kept" if other else "end",
        "x": [last_step(curve) if told is not None else steps[-1]] if value is not None else [],
        "y": [shown] if value is not None else [],
        "text": [words(value, accuracy)] if value is not None and curve.ends else [],
        "textposition": text_position(far),
        "textfont": {"size": 12, "color": "var(--ink)", "weight": 600 if name.startswith("check") else 400},
        "marker": {
            "size": size + 2 if other else size,
            "symbol": "diamond" if other else "circle",
            "color": colour,
            "line": {"width": 1, "color": "var(--surface)"},
        },
        "cliponaxis": False,
        "hoverinfo": "skip",
    }
    if name == "check_accuracy" and curve.ends and curve.done and curve.done.check_n and value is not None:
        low, high = wilson(round(value * curve.done.check_n), curve.done.check_n)
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [high - value],
            "arrayminus": [value - low],
            "color": f"{colour}@50%",
            "thickness": 2,
            "width": 0,
        }
    return trace


def words(value: float, accuracy: bool) -> str:
    """The value beside an end mark."""
    return f"{value:.1%}".replace("%", " %") if accuracy else f"{value:.2f}"


def apart(value: float | None, twin: float | None, losses: tuple[float, float] | None) -> float | None:
    """How far the twin's end is below this one, as a share of the axis (of losses: a logarithmic one)."""
    if value is None or twin is None:
        return None
    if losses is None:
        return value - twin
    low, high = losses
    return math.log(max(value, low) / max(twin, low)) / math.log(high / low)


def text_position(far: float | None) -> str:
    """Right of the mark, where the page leaves room behind the last step; close ends part up and down."""
    if far is not None and abs(far) < CLOSE:
        return "top right" if far > 0 else "bottom right"
    return "middle right"


def _layout(known: list[Curve], where: list[dict[str, int]], losses: tuple[float, float]) -> dict[str, Any]:
    edges = axes.panel_edges(known)
    phases = list(dict.fromkeys(curve.phase for curve in known))
    layout: dict[str, Any] = {
        "margin": {"l": 62, "r": 24, "t": 48, "b": 24},
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
            place = axes.axis(number + (len(known) if row == "accuracy" else 0))
            layout["xaxis" + place] = axes.x_axis(curve, edge, number, len(known), row)
            layout["yaxis" + place] = axes.y_axis(number, len(known), row, losses)
        if curve.state == "todo":
            _add_field(layout, curve.phase, edge)
    layout["meta"] = {
        "phases": [
            _meta([curve for curve in known if curve.phase == phase], edge)
            for phase, edge in zip(phases, axes.columns(phases), strict=True)
        ],
        "panels": [_panel(*each) for each in zip(known, edges, strict=True)],
        "traces": {curve.phase: each for curve, each in zip(known, where, strict=True)},
        "rows": {"loss": axes.LOSS_ROW, "accuracy": axes.ACCURACY_ROW},
    }
    return layout


def _add_field(layout: dict[str, Any], phase: str, edge: tuple[float, float]) -> None:
    """A still field where a phase has not begun; the page writes the words into it."""
    for low, high in (axes.LOSS_ROW, axes.ACCURACY_ROW):
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


def _panel(curve: Curve, edge: tuple[float, float]) -> dict[str, Any]:
    return {
        "phase": curve.phase,
        "panel": curve.panel,
        "edges": list(edge),
        "origin": curve.origin,
        "last": last_step(curve),
        "ends": curve.ends,
    }


def _meta(known: Sequence[Curve], edge: tuple[float, float]) -> dict[str, Any]:
    last = known[-1]
    choice = PHASES.get(last.phase)
    return {
        "name": last.phase,
        "title": choice.title if choice else last.phase,
        "help": choice.help if choice else "",
        "edges": list(edge),
        "state": last.state,
        "step": max(curve.reached for curve in known),
        "steps": last_step(last) if last.started else 0,
        "seconds": last.done.seconds if last.done else None,
        "check_n": last.done.check_n if last.done else 0,
    }
