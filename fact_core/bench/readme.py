"""The tables of README.md, RESULTS.md and SCALE.md, made from measured rows: ``python3 launch.py bench readme``.

A table stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``. ``TABLES`` says which file in ``results/`` it is of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from fact_core.bench import page_tables, tables
from fact_core.errors import InputError
from fact_core.events import Log
from fact_core.types import Step

README = Path(__file__).resolve().parents[2] / "README.md"
RESULTS = Path(__file__).with_name("RESULTS.md")
SCALE = Path(__file__).with_name("SCALE.md")
DOCUMENTS = (README, RESULTS, SCALE)
ASSETS = README.parent / "assets"


def _by(module: str, name: str = "table") -> Callable[[Sequence[Any]], str]:
    """What a bench's module makes of its rows. It is imported when it is asked: most need torch."""

    def made(rows: Sequence[Any]) -> str:
        return str(getattr(import_module(f"fact_core.bench.{module}"), name)(list(rows)))

    return made


#: name of a table -> (its file in results/, how the rows become a table)
TABLES: dict[str, tuple[str, Callable[[Sequence[Any]], str]]] = {
    "headline": ("tables-cifar10-standard", tables.headline),
    "flowers-quick": ("flowers-quick", tables.by_method),
    "tables-cifar10-standard": ("tables-cifar10-standard", tables.readme_table),
    "tables-cifar10-one-round": ("tables-cifar10-one-round", tables.readme_table),
    "tables-cifar10-paper": ("tables-cifar10-paper", tables.readme_table),
    "tables-cifar10-lt": ("tables-cifar10-lt", tables.readme_lt_table),
    "tables-cifar10-vit": ("tables-cifar10-vit", tables.readme_table),
    "tables-vit-self-training": ("tables-vit-self-training", tables.readme_tables),
    "selection": ("selection", _by("selection")),
    "strategies-cifar10": ("strategies-cifar10", _by("strategies")),
    "expansion-cifar10": ("expansion-cifar10", _by("expansion")),
    "tables-cifar10-strategies": ("tables-cifar10-strategies", _by("strategies")),
    "segment-camvid": ("segment-camvid", _by("segment_table")),
    "segment-validation": ("segment-validation", _by("segment_table", "choices")),
    "label": ("label", page_tables.label_table),
    "map": ("map", page_tables.map_table),
    "results": ("results", page_tables.results_table),
    "windows": ("windows", page_tables.windows_table),
    "crash": ("crash", page_tables.crash_table),
    "umap": ("umap", page_tables.umap_table),
    "intervals": ("intervals", _by("intervals")),
    "promise": ("promise", _by("promise")),
    "confidences": ("confidences", _by("confidences")),
    "other-class": ("other-class", _by("other_class")),
    "speed": ("speed", _by("speed.table")),
    "finish": ("finish", _by("finish")),
    "rounds": ("rounds", _by("rounds")),
    "forecast": ("forecast", _by("forecast")),
    "learning-curve": ("learning-curve", _by("learning_curve")),
    "views": ("views", _by("views")),
    "backbones": ("backbones", _by("backbones")),
    "gpu": ("gpu", _by("gpu.table", "results")),
    "scale-parts": ("scale", _by("scale_page", "parts_table")),
    "scale-choice": ("scale", _by("scale_page", "choice_table")),
    "scale-bytes": ("scale", _by("scale_page", "bytes_table")),
    "scale-rate": ("scale", _by("scale_page", "rate_words")),
    "scale-hours": ("scale", _by("scale_page", "hours_table")),
    "scale-choice-hours": ("scale", _by("scale_page", "choice_hours_table")),
}


def run(full: bool) -> Step[dict[str, Any]]:
    """Write the tables into the documents, and the plots."""
    for file in DOCUMENTS:
        before = file.read_text(encoding="utf-8")
        after = filled(before)
        yield Log(f"{file.name} is as it should be" if before == after else f"{file.name} is written anew")
        file.write_text(after, encoding="utf-8")
    for name, text in pictures().items():
        (ASSETS / name).write_text(text, encoding="utf-8")
    return {"text": ""}


def pictures() -> dict[str, str]:
    """File in ``assets`` -> the plot as SVG: what strategies are worth, and what rounds are."""
    from fact_core.bench import rounds_plot, strategies_plot

    rounds = tables.rows("rounds")
    return {
        "strategies.svg": strategies_plot.svg(tables.rows("strategies-cifar10")),
        "rounds-flowers.svg": rounds_plot.right(rounds, "flowers"),
        "rounds-caltech.svg": rounds_plot.right(rounds, "caltech51"),
        "rounds-finished.svg": rounds_plot.finished(rounds, "caltech51", "90%"),
    }


def filled(text: str) -> str:
    """The text with every table made anew. InputError for a name that is not in ``TABLES``."""

    def table(found: re.Match[str]) -> str:
        name = found[1]
        if name not in TABLES:
            raise InputError("There is no such table", name, f"Known: {', '.join(TABLES)}.")
        file, made = TABLES[name]
        return f"<!-- {name} -->\n\n{made(tables.rows(file))}\n\n<!-- /{name} -->"

    return re.sub(r"<!-- ([\w-]+) -->.*?<!-- /\1 -->", table, text, flags=re.S)
