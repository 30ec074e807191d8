"""The tables of measured rows as plain values, for programs: what the Markdown shows, unrounded."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from fact_core.bench.claims import claims
from fact_core.bench.grids import SHARED, Row, Value, budgets, groups, methods, minutes, of
from fact_core.bench.paper import printed
from fact_core.bench.tables import increments


def as_json(cells: Sequence[Row]) -> dict[str, Any]:
    """{"cells": one entry a cell, "steps": what each phase adds, "claims"}, each with what its table shares.

    Accuracies and recalls are in 0..1, ``paper`` (the paper's accuracy for the same cell, else null) too; gains are in
    points. ``deviation`` is over seeds, null for one; ``trainable_parameters`` is null where they differ by seed.
    """
    parts = groups(cells)
    return {
        "cells": [each for part in parts for each in _cells(part)],
        "steps": _shared(parts, increments),
        "claims": _shared(parts, lambda part: [asdict(each) for each in claims(part)]),
    }


def _shared(parts: Sequence[Sequence[Row]], made: Callable[[Sequence[Row]], list[dict[str, Any]]]) -> list[Any]:
    return [{**_table(part), **each} for part in parts for each in made(part)]


def _cells(part: Sequence[Row]) -> list[dict[str, Any]]:
    """Mean and deviation of every cell, those without FroFA apart."""
    changes = list(dict.fromkeys(each["frofa"] for each in part))
    places = [(method, n, frofa) for method in methods(part) for n in budgets(part) for frofa in changes]
    found = {place: [each for each in of(part, *place[:2]) if each["frofa"] == place[2]] for place in places}
    return [
        {**_table(part), "labels": n, "method": method, "frofa": frofa, **_figures(found[method, n, frofa])}
        for method, n, frofa in places
        if found[method, n, frofa]
    ]


def _table(part: Sequence[Row]) -> dict[str, Any]:
    return {name: part[0][name] for name in SHARED}


def _figures(found: Sequence[Row]) -> dict[str, Any]:
    """The figures of one cell. found: its rows, one a seed."""
    values, theirs = [float(each["accuracy"]) for each in found], printed(found[0])
    numbers = {each["trainable_parameters"] for each in found}
    return {
        "seeds": len(values),
        "accuracy": statistics.mean(values),
        "deviation": statistics.stdev(values) if len(values) > 1 else None,
        "paper": theirs.accuracy / 100 if theirs else None,
        "balanced_accuracy": _mean(found, lambda each: each.get("balanced_accuracy")),
        "macro_recall": _mean(found, lambda each: each.get("macro_recall")),
        "minutes": _mean(found, minutes),
        "trainable_parameters": numbers.pop() if len(numbers) == 1 else None,
    }


def _mean(found: Sequence[Row], value: Value) -> float | None:
    known = [each for each in map(value, found) if each is not None]
    return statistics.mean(known) if known else None
