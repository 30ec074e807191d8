"""``launch.py bench gpu``: whether the program is right and quick on a GPU, by one command of ten minutes.

    sections.py     the table of sections, the most valuable first
    runner.py       a process for each section, its time limit, its row; what is there is not measured again
    child.py        what such a process does
    given.py        what a section is given: device, pictures, weights; how it waits, counts and answers
    pictures.py     the folder of pictures, and what is carried to a machine without network
    right_*.py      sections that pass or fail; right_memory.py: those with little memory
    quick_*.py      sections that measure
    plain.py        yardsticks, as the libraries' documentation shows them
    table.py        the rows as tables

Works without gradio, plotly, umap-learn and sqlite-utils. Nothing here imports torch before a section runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fact_core.bench.gpu.sections import SECTIONS
from fact_core.types import Step

SECONDS = 540.0  # of a machine that is lent for ten minutes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench gpu``."""
    give = parser.add_argument
    give("--seconds", type=float, default=SECONDS, metavar="S", help="end after so many (%(default)g)")
    # Not "json": the rows are written one by one, not at the end.
    give("--json", type=Path, dest="out", metavar="FILE", help="the rows; what it holds already is not measured again")
    give("--device", default="auto", metavar="NAME", help="auto, cpu, cuda or cuda:1 (%(default)s)")
    give("--short", action="store_true", help="all of it small, as it always is on a CPU")
    give("--only", default="", metavar="NAME,...", help="these sections")
    give("--again", default="", metavar="NAME,...", help="these sections, though they are measured already")
    give("--list", action="store_true", help="only say which sections there are")
    give("--data", type=Path, metavar="DIR", help="labeled pictures: <class>/*, or train/<class>/* and test/<class>/*")
    give("--from", type=Path, dest="carried", metavar="DIR", help="pictures and weights that --carry wrote")
    give("--carry", type=Path, metavar="DIR", help="write what a machine without network needs there, 60 MiB at most")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Measure what the rows lack, or write what is carried, or say which sections there are."""
    if given.list:
        lines = [f"{name:<28} {each.kind:<6} {each.seconds:>3.0f} s  {each.title}" for name, each in SECTIONS.items()]
        return {"text": "\n".join(lines)}
    if given.carry:
        from fact_core.bench.gpu import pictures

        return (yield from pictures.carry(given.carry, given.data))
    from fact_core.bench.gpu import runner

    return (yield from runner.run(runner.read(given)))
