"""Plain tables of measured rows: what ``app/bench`` measures on the page, and the time until the map is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LABEL = {
    "pool": "images",
    "keys": "keys",
    "early": "before their image",
    "key_to_next_image_ms_p50": "ms to the next image, median",
    "key_to_next_image_ms_p95": "95 %",
    "lost": "lost",
    "reordered": "reordered",
    "device": "device",
}
MAP = {
    "pool": "dots",
    "first_paint_s": "first paint, s",
    "first_after_start_s": "the first after a start",
    "click_to_paint_ms_p95": "ms from a click to the mark, 95 %",
    "click_to_image_ms_p95": "to the image, 95 %",
    "lasso_points": "dots in the lasso",
    "lasso_paint_ms": "ms to paint them",
    "frames_per_s": "frames a second, dragging",
    "device": "device",
}
RESULTS = {
    "pool": "images",
    "results_ms": "Results, ms",
    "results_first_ms": "the very first time",
    "open_ms": "a cell's images",
    "open_first_ms": "the very first time",
    "filter_ms": "another class",
    "order_ms": "another order",
    "large_ms": "one at large",
    "next_ms": "the next",
    "back_ms": "back",
    "device": "device",
}
WINDOWS = {
    "what": "what",
    "labels": "labels",
    "trainings": "trainings",
    "lost": "lost",
    "reordered": "reordered",
    "mb_early": "MB, early",
    "mb_late": "MB, at the end",
    "device": "device",
}
CRASH = {
    "part": "what",
    "rounds": "projects",
    "server": "servers killed",
    "worker": "workers killed",
    "frozen": "frozen",
    "leave": "SIGTERM",
    "stop": "Stop",
    "full disk": "disk full",
    "labels": "labels acknowledged",
    "lost": "lost",
    "reordered": "reordered",
    "trainings": "trainings",
    "other_weights": "with other weights",
    "twice": "trained twice",
    "hung": "came to no end",
    "damaged": "damaged databases",
    "halves": "half files",
    "device": "device",
}
UMAP = {
    "images": "images",
    "width": "width",
    "seconds": "seconds",
    "neighbours_s": "of them neighbours",
    "umap_s": "UMAP",
    "device": "device",
}


def label_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: the rows of the bench ``label``."""
    return _table(rows, LABEL)


def map_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: the rows of the bench ``map``."""
    return _table(rows, MAP)


def results_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: the rows of the bench ``results``."""
    return _table(rows, RESULTS)


def windows_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: the rows of the bench ``windows``."""
    return _table(rows, WINDOWS)


def crash_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: the rows of the bench ``crash``."""
    return _table(rows, CRASH)


def umap_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: the rows of the bench ``umap``."""
    return _table(rows, UMAP)


def _table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    """A line a row: columns is key -> heading. What was not measured is "–"."""
    lines = [f"| {' | '.join(columns.values())} |", "|" + "---|" * len(columns)]
    lines += [f"| {' | '.join(_cell(row.get(key)) for key in columns)} |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
