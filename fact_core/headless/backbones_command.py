"""Compare backbones on the labels of a project: how well each one's features tell its classes apart."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fact_core.choices import canonical
from fact_core.config import DEVICES, BackbonesConfig, from_flat, to_dict
from fact_core.files import write_text
from fact_core.headless.console import Console
from fact_core.headless.worker_client import WorkerClient
from fact_core.storage import project, sound


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``launch.py compare-backbones``."""
    give = parser.add_argument
    give("project", type=Path, metavar="PROJECT", help="the project's folder; some of its images are labeled")
    give("--backbones", default="", metavar="A,B", help="which, timm:NAME too (default: all whose weights are ready)")
    give("--device", default="auto", choices=DEVICES, help="auto takes the GPU where there is one")
    give("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Compare, and print the table."""
    names = ",".join(canonical(each.strip()) for each in args.backbones.split(",") if each.strip())
    config = from_flat(BackbonesConfig, {"names": names, "device": args.device})
    found = project.open_project(args.project)
    with sound.hold(found), WorkerClient(found, Console(sys.stderr)) as worker:
        worker.end_leftovers()
        done = worker.do("backbones", to_dict(config)).result
    if args.json:
        write_text(args.json, json.dumps(done, indent=1, ensure_ascii=False) + "\n", "writing the figures")
    print("\n".join(table(done)))
    return 0


def table(done: Mapping[str, Any]) -> list[str]:
    """The result of a run in lines for a person."""
    wide = max(len(row["name"]) for row in done["rows"])
    lines = [f"{done['labels']} labels of {done['classes']} classes, each named while it was held out:"]
    for row in done["rows"]:
        low, high = (100 * each for each in row["interval"])
        words = "" if not row["behind"] else f", {100 * row['behind']:.1f} points behind"
        if words:
            words += " (more than chance)" if row["worse"] else " (may be chance)"
        share = f"{100 * row['accuracy']:5.1f} % ({low:.0f} to {high:.0f})"
        lines.append(f"  {row['name']:{wide}}  {share}  {1000 * row['seconds']:6.1f} ms an image{words}")
    if done["left_out"]:
        lines.append(f"{done['left_out']} labels are left out: their class has no second one.")
    return [*lines, f"Proposed: {done['proposed']}, which is right most often; of equal ones the cheapest."]
