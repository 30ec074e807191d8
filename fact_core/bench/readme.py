"""The README's tables, made from the files of measured rows: ``python3 launch.py bench readme``.

A table stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``; NAME.json is its file in ``results/``.
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
PICTURE = README.parent / "assets" / "strategies.svg"


def _selection(rows: Sequence[Any]) -> str:
    from fact_core.bench import selection  # torch, which the other tables do not need

    return selection.table(list(rows))


def _strategies(rows: Sequence[Any]) -> str:
    from fact_core.bench import strategies

    return strategies.table(rows)


def _expansion(rows: Sequence[Any]) -> str:
    from fact_core.bench import expansion

    return expansion.table(rows)


#: name of a file in results/ -> how its rows become a table
TABLES: dict[str, Callable[[Sequence[Any]], str]] = {
    "flowers-quick": tables.by_method,
    "tables-cifar10-standard": tables.readme_table,
    "tables-cifar10-paper": tables.readme_table,
    "tables-cifar10-lt": tables.readme_lt_table,
    "tables-cifar10-vit": tables.readme_table,
    "selection": _selection,
    "strategies-cifar10": _strategies,
    "expansion-cifar10": _expansion,
    "tables-cifar10-strategies": _strategies,
    "label": page_tables.label_table,
    "map": page_tables.map_table,
    "umap": page_tables.umap_table,
}


def run(full: bool) -> Step[dict[str, Any]]:
    """Write the tables into the README, and its plot."""
    before = README.read_text(encoding="utf-8")
    after = filled(before)
    yield Log("README.md is as it should be" if before == after else "README.md is written anew")
    README.write_text(after, encoding="utf-8")
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
            raise InputError("There is no such table for the README", name, f"Known: {', '.join(TABLES)}.")
        return f"<!-- {name} -->\n\n{TABLES[name](tables.rows(name))}\n\n<!-- /{name} -->"

    return re.sub(r"<!-- ([\w-]+) -->.*?<!-- /\1 -->", table, text, flags=re.S)
