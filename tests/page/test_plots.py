"""app.pages.train.curves and app.pages.train.plots: events of a run -> the charts' figure."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from app.pages.train import chart_axes, curves, plots
from fact_core.choices import RECIPES
from fact_core.events import Event, Log, PhaseDone, PhaseStarted, Point, from_row, to_row

FACT = ("lp", "ff", "lm")


def started(phase: str, steps: int = 10) -> PhaseStarted:
    return PhaseStarted(phase, FACT.index(phase), FACT, steps, 1.0, 100)


def point(phase: str, step: int, loss: float, check: float | None = None) -> Point:
    return Point(phase, step, 10, step / 10, loss, 1 - loss, check_accuracy=check)


def done(phase: str, check_n: int = 0) -> PhaseDone:
    return PhaseDone(phase, 41.0, 10, 10, 0.4, 0.9, check_n=check_n)


def test_the_finetune_takes_twice_the_probe_and_the_light_model_has_room_for_two_solvers() -> None:
    (a, b), (c, d), (e, f) = chart_axes.columns(FACT)
    assert (a, f) == (0.0, 1.0)
    assert f - e == pytest.approx(1.5 * (b - a), abs=1e-4)
    assert d - c == pytest.approx(2 * (b - a), abs=1e-4)
    assert c - b == pytest.approx(chart_axes.GAP, abs=1e-4)


@pytest.mark.parametrize("name", list(RECIPES))
def test_every_recipe_fills_the_width(name: str) -> None:
    phases = RECIPES[name].phases
    edges = chart_axes.columns(phases)
    assert len(edges) == len(phases)
    assert edges[0][0] == 0.0 and edges[-1][1] == pytest.approx(1.0)
    layout = plots.training_figure([], phases)["layout"]
    assert sum(key.startswith("xaxis") for key in layout) == 2 * len(phases)
    assert [phase["state"] for phase in layout["meta"]["phases"]] == ["todo"] * len(phases)


def test_points_land_in_the_trace_that_meta_names() -> None:
    figure = plots.training_figure([started("lp"), point("lp", 1, 0.9, 0.5), point("lp", 2, 0.8), Log("x")], FACT)
    where = figure["layout"]["meta"]["traces"]["lp"]
    assert figure["data"][where["loss"]]["x"] == [1, 2]
    assert figure["data"][where["loss"]]["y"] == [0.9, 0.8]
    assert figure["data"][where["check_accuracy"]]["x"] == [1]
    assert figure["data"][where["check_loss"]]["x"] == []
    assert figure["data"][where["loss"] + 1]["text"] == ["0.80"]
    assert figure["data"][where["check_accuracy"] + 1]["text"] == ["50.0 %"]


def test_accuracy_has_axes_of_its_own() -> None:
    figure = plots.training_figure([started("ff"), point("ff", 1, 0.9)], FACT)
    where = figure["layout"]["meta"]["traces"]["ff"]
    assert figure["data"][where["loss"]]["xaxis"] == "x2"
    assert figure["data"][where["accuracy"]]["yaxis"] == "y5"
    assert figure["layout"]["xaxis5"]["matches"] == "x2"
    assert figure["layout"]["yaxis5"]["matches"] == "y4"


def test_a_resumed_run_replaces_the_steps_it_repeats() -> None:
    events = [started("lp"), *(point("lp", s, 0.9) for s in (1, 2, 3, 4)), started("lp"), point("lp", 3, 0.5)]
    curve = curves.curves(events, FACT)[0]
    assert curve.series["loss"] == ([1, 2, 3], [0.9, 0.9, 0.5])


def test_a_phase_that_ends_early_ends_its_axis() -> None:
    events = [started("lp", 1000), Point("lp", 60, 1000, 1.0, 0.2, 1.0)]
    assert curves.last_step(curves.curves(events, FACT)[0]) == 1000
    assert curves.last_step(curves.curves([*events, done("lp")], FACT)[0]) == 60


def test_the_interval_is_drawn_when_the_phase_is_over() -> None:
    events = [started("lp"), point("lp", 10, 0.4, 0.7)]
    where = plots.training_figure(events, FACT)["layout"]["meta"]["traces"]["lp"]["check_accuracy"] + 1
    assert "error_y" not in plots.training_figure(events, FACT)["data"][where]
    bar = plots.training_figure([*events, done("lp", 40)], FACT)["data"][where]["error_y"]
    assert 0.7 + bar["array"][0] == pytest.approx(0.819, abs=2e-3)
    assert 0.7 - bar["arrayminus"][0] == pytest.approx(0.546, abs=2e-3)


def test_a_phase_not_begun_is_a_still_field() -> None:
    shapes = plots.training_figure([started("lp")], FACT)["layout"]["shapes"]
    assert [shape["name"] for shape in shapes] == ["ff", "ff", "lm", "lm"]


def test_the_figure_is_json_and_its_colours_are_names() -> None:
    text = json.dumps(plots.training_figure([started("lp"), point("lp", 1, 0.5, 0.5)], FACT), allow_nan=False)
    assert "#" not in text and "var(--accent-mark)" in text


def test_words_of_close_ends_part() -> None:
    assert plots.text_position(None) == plots.text_position(0.5) == "middle right"
    assert plots.text_position(0.01) == "top right"
    assert plots.text_position(-0.01) == "bottom right"
    data = plots.training_figure([started("lp"), point("lp", 10, 0.0, 1.0)], FACT)["data"]  # 1 - loss is right
    ends = [each["textposition"] for each in data if each.get("text") == ["100.0 %"]]
    assert sorted(ends) == ["bottom right", "top right"], "equal ones as well"


def test_a_solver_behind_the_planned_steps_makes_the_axis_longer() -> None:
    events = [started("lm", 200), Point("lm", 200, 200, 1.0, 0.5), *(Point("lm", s, s, 1.0, 0.4) for s in (201, 202))]
    curve = curves.curves(events, FACT)[2]
    assert curve.series["loss"][0] == [200, 201, 202] and curves.last_step(curve) == 202
    measured = Point("lm", 202, 202, 1.0, 0.3, check_loss=0.6)  # of the whole head, in place of the solver's last
    curve = curves.curves([*events, measured, done("lm")], FACT)[2]
    assert curve.series["loss"] == ([200, 201, 202], [0.5, 0.4, 0.3]) and curve.series["check_loss"] == ([202], [0.6])
    assert curves.last_step(curve) == 202


def test_what_a_phase_has_kept_is_marked_where_its_last_point_is_of_another_network() -> None:
    """Phase 2's weights are mixed with the pretrained ones behind its last step (ff.interpolation)."""
    events = [started("ff"), point("ff", 10, 0.4, 0.2), replace(done("ff", 20), check_accuracy=0.6)]
    figure = plots.training_figure(events, FACT)
    line = figure["layout"]["meta"]["traces"]["ff"]["check_accuracy"]
    assert figure["data"][line]["y"] == [0.2]
    mark = figure["data"][line + 1]
    assert (mark["x"], mark["y"], mark["text"]) == ([10], [0.6], ["60.0 %"])
    assert (mark["marker"]["symbol"], mark["meta"]) == ("diamond", "kept")
    assert 0.6 + mark["error_y"]["array"][0] == pytest.approx(0.781, abs=2e-3)
    same = plots.training_figure([*events[:2], replace(done("ff", 20), check_accuracy=0.2)], FACT)["data"][line + 1]
    assert (same["marker"]["symbol"], same["meta"]) == ("circle", "end")


def solvers() -> list[Event]:
    """Two attention steps, two iterations of one logistic regression and two of another, the finished head."""
    parts = (("map", 1), ("map", 2), ("lr_map", 3), ("lr_map", 4), ("lr_pooled", 5), ("lr_pooled", 6), ("whole", 6))
    return [started("lm", 2), *(replace(point("lm", step, 0.1 * step), steps=step, part=part) for part, step in parts)]


def test_each_solver_of_the_light_model_has_lines_of_its_own() -> None:
    attention, solver = curves.curves(solvers(), FACT)[2:]
    assert (attention.panel, solver.panel, solver.origin) == ("map", "solver", 2)
    assert attention.series["loss"][0] == [1, 2]
    assert solver.series["loss"][0] == [3, 4, 5, 5, 6, 6, 6]
    assert [value is None for value in solver.series["loss"][1]] == [False, False, True, False, False, True, False]
    layout = plots.training_figure(solvers(), FACT)["layout"]
    assert [(each["phase"], each["panel"]) for each in layout["meta"]["panels"][2:]] == [
        ("lm", "map"),
        ("lm", "solver"),
    ]
    assert len(layout["meta"]["phases"]) == 3
    assert layout["xaxis4"]["range"][0] == 2 and layout["xaxis4"]["ticktext"][-1] == "4"
    assert layout["xaxis4"]["domain"][0] > layout["xaxis3"]["domain"][1]


def test_a_resumed_solver_replaces_the_steps_it_repeats() -> None:
    again = replace(point("lm", 4, 0.7), part="lr_map")
    solver = curves.curves([*solvers(), started("lm", 2), again], FACT)[3]
    assert solver.series["loss"][0] == [3, 4] or solver.series["loss"][0] == [3, 4, 4]
    assert solver.series["loss"][1][-1] == 0.7


def test_events_stored_before_points_had_parts_are_read() -> None:
    kind, body = to_row(Point("lm", 1, 2, 1.0, 0.5))
    old = {name: value for name, value in json.loads(body).items() if name != "part"}
    assert from_row(kind, json.dumps(old)) == Point("lm", 1, 2, 1.0, 0.5)


def test_a_loss_that_diverges_leaves_the_others_their_shape() -> None:
    events = [started("lp"), point("lp", 1, 1.0), point("lp", 2, 0.5), started("lm")]
    events += [Point("lm", 1, 10, 1.0, 0.5, check_loss=30.0)]
    axis = plots.training_figure(events, FACT)["layout"]["yaxis"]
    assert axis["type"] == "log" and axis["range"][1] > math.log10(30)
    share = math.log10(1.0 / 0.5) / (axis["range"][1] - axis["range"][0])
    assert share > 0.1  # on a linear axis it would be 0.02
    assert chart_axes.loss_ticks(0.02, 40) == [0.03, 0.1, 0.3, 1, 3, 10, 30]
    assert chart_axes.loss_range([]) == pytest.approx((2 / 1.3, 2.8))
    assert chart_axes.loss_range([0.0, 1e-9, 0.5])[0] == pytest.approx(0.02 / 1.3)


def test_a_solver_on_its_way_does_not_raise_the_axis() -> None:
    """The light model's L-BFGS passed a loss of 400; without other phases it has the axis for itself."""
    assert chart_axes.loss_range([0.5, 2.0], [400.0, 0.3])[1] == pytest.approx(2.0 * chart_axes.ABOVE * 1.4)
    assert chart_axes.loss_range([0.5, 2.0], [400.0, 0.3])[0] == pytest.approx(0.3 / 1.3)
    assert chart_axes.loss_range([0.5, 2.0], [2.5])[1] == pytest.approx(2.5 * 1.4), "what is near is shown as it is"
    assert chart_axes.loss_range([], [400.0])[1] == pytest.approx(400 * 1.4)
