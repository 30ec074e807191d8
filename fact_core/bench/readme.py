"""The tables of README.md and RESULTS.md, made from the files of measured rows: ``python3 launch.py bench readme``.

A table stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``. ``TABLES`` says which file in ``results/`` it is of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fact_core.bench import page_tables, tables
from fact_core.errors import InputError
from fact_core.events import Log
from fact_core.types import Step

README = Path(__file__).resolve().parents[2] / "README.md"
RESULTS = Path(__file__).with_name("RESULTS.md")
DOCUMENTS = (README, RESULTS)
PICTURE = README.parent / "assets" / "strategies.svg"


def _selection(rows: Sequence[Any]) -> str:
    from fact_core.bench import selection  # torch, which the other tables do not need

    return selection.table(list(rows))


def _strategies(rows: Sequence[Any]) -> str:
    from fact_core.bench import strategies

    return strategies.table(rows)


def _backbones(rows: Sequence[Any]) -> str:
    from fact_core.bench import backbones

    return backbones.table(rows)


def _views(rows: Sequence[Any]) -> str:
    from fact_core.bench import views

    return views.table(rows)


def _intervals(rows: Sequence[Any]) -> str:
    from fact_core.bench import intervals

    return intervals.table(rows)


def _promise(rows: Sequence[Any]) -> str:
    from fact_core.bench import promise

    return promise.table(rows)


def _confidences(rows: Sequence[Any]) -> str:
    from fact_core.bench import confidences

    return confidences.table(rows)


def _finish(rows: Sequence[Any]) -> str:
    from fact_core.bench import finish

    return finish.table(rows)


def _rounds(rows: Sequence[Any]) -> str:
    from fact_core.bench import rounds

    return rounds.table(rows)


def _expansion(rows: Sequence[Any]) -> str:
    from fact_core.bench import expansion

    return expansion.table(rows)


def _segment(rows: Sequence[Any]) -> str:
    from fact_core.bench import segment_table

    return segment_table.table(rows)


def _segment_choices(rows: Sequence[Any]) -> str:
    from fact_core.bench import segment_table

    return segment_table.choices(rows)


def _gpu(rows: Sequence[Any]) -> str:
    from fact_core.bench.gpu import table

    return table.results(rows)


#: name of a table -> (its file in results/, how the rows become a table)
TABLES: dict[str, tuple[str, Callable[[Sequence[Any]], str]]] = {
    "headline": ("tables-cifar10-standard", tables.headline),
    "flowers-quick": ("flowers-quick", tables.by_method),
    "tables-cifar10-standard": ("tables-cifar10-standard", tables.readme_table),
    "tables-cifar10-one-round": ("tables-cifar10-one-round", tables.readme_table),
    "tables-cifar10-paper": ("tables-cifar10-paper", tables.readme_table),
    "tables-cifar10-lt": ("tables-cifar10-lt", tables.readme_lt_table),
    "tables-cifar10-vit": ("tables-cifar10-vit", tables.readme_table),
    "selection": ("selection", _selection),
    "strategies-cifar10": ("strategies-cifar10", _strategies),
    "expansion-cifar10": ("expansion-cifar10", _expansion),
    "tables-cifar10-strategies": ("tables-cifar10-strategies", _strategies),
    "segment-camvid": ("segment-camvid", _segment),
    "segment-validation": ("segment-validation", _segment_choices),
    "label": ("label", page_tables.label_table),
    "map": ("map", page_tables.map_table),
    "results": ("results", page_tables.results_table),
    "windows": ("windows", page_tables.windows_table),
    "crash": ("crash", page_tables.crash_table),
    "umap": ("umap", page_tables.umap_table),
    "intervals": ("intervals", _intervals),
    "promise": ("promise", _promise),
    "confidences": ("confidences", _confidences),
    "finish": ("finish", _finish),
    "rounds": ("rounds", _rounds),
    "views": ("views", _views),
    "backbones": ("backbones", _backbones),
    "gpu": ("gpu", _gpu),
}


def run(full: bool) -> Step[dict[str, Any]]:
    """Write the tables into both documents, and the plot."""
    for file in DOCUMENTS:
        before = file.read_text(encoding="utf-8")
        after = filled(before)
        yield Log(f"{file.name} is as it should be" if before == after else f"{file.name} is written anew")
        file.write_text(after, encoding="utf-8")
    PICTURE.write_text(picture(), encoding="utf-8")
    return {"text": ""}


def picture() -> str:
    """The plot of what strategies are worth, as SVG."""
    from fact_core.bench.strategies_plot import svg

    return svg(tables.rows("strategies-cifar10"))


def filled(text: str) -> str:
    """The text with every table made anew. InputError for a name that is not in ``TABLES``."""

    def table(found: re.Match[str]) -> str:
        name = found[1]
        if name not in TABLES:
            raise InputError("There is no such table", name, f"Known: {', '.join(TABLES)}.")
        file, made = TABLES[name]
        return f"<!-- {name} -->\n\n{made(tables.rows(file))}\n\n<!-- /{name} -->"

    return re.sub(r"<!-- ([\w-]+) -->.*?<!-- /\1 -->", table, text, flags=re.S)
