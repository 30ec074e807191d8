"""``launch.py bench speed``: what takes how long on this device, beside the plain way and beside what it could take.

    sections.py     the table of parts, with the goals that the program has set itself
    measured.py     what a part tells; measuring two ways in turns; the device's own floor
    networks.py     parts that run a network: features, crops, a training step, naming and predictions
    solvers.py      parts that fit or choose: phases 1 and 3, phase 1's answers, ActiveFT, the map
    plain.py        yardsticks by timm alone
    way.py          the whole way from files to a model, and the start of the program
    table.py        the rows as a table

Both ways of a part run in one process, in turns, so that a busy machine is busy for both. The floor is arithmetic: the
operations that the work needs at the rate of this device's large matrix products, or its bytes at the rate at which it
copies, whichever takes longer. Nothing here imports torch before a part runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fact_core.bench.speed.sections import SECTIONS
from fact_core.types import Step


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``launch.py bench speed``."""
    give = parser.add_argument
    # Not "json": the rows are written one by one, not at the end.
    give("--json", type=Path, dest="out", metavar="FILE", help="the rows; what it holds already is not measured again")
    give("--device", default="auto", metavar="NAME", help="auto, cpu, cuda or cuda:1 (%(default)s)")
    give("--only", default="", metavar="NAME,...", help=f"of {', '.join(SECTIONS)}")
    give("--again", action="store_true", help="measure them though they are there already")
    give("--data", type=Path, metavar="DIR", help="labeled pictures: <class>/*, or train/<class>/* and test/<class>/*")


def run(given: argparse.Namespace) -> Step[dict[str, Any]]:
    """Measure what the rows lack."""
    from fact_core.bench.speed import runner

    return (yield from runner.run(given))
