"""Sort the images of a project into folders by their classes, or take that back. The images stay where they are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fact_core.config import SORT_WAYS, SortConfig, from_flat, to_dict
from fact_core.errors import ConfigError, InputError
from fact_core.exchange import sort_folders, sort_undo
from fact_core.exchange.sort_plan import UNDO, Plan
from fact_core.exchange.sort_said import planned
from fact_core.generators import finish
from fact_core.headless.console import Console
from fact_core.headless.worker_client import WorkerClient
from fact_core.paths import absolute
from fact_core.storage import project, sound


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``launch.py sort``."""
    give = parser.add_argument
    give("project", type=Path, nargs="?", metavar="PROJECT", help="the project's folder")
    give("--to", type=Path, metavar="DIR", help="a new folder; the same command into it goes on where one was ended")
    give("--as", dest="way", choices=SORT_WAYS, default="copy", help="what lies in the folders (default copy)")
    give(
        "--threshold",
        type=float,
        default=0.0,
        metavar="P",
        help="where there is no label take answers of the model that are at least so sure, 0.9 for 90 %%; 0: none "
        "(default)",
    )
    give("--run", type=int, default=0, metavar="N", help="the training whose answers are taken (default: the newest)")
    give("--preview", action="store_true", help="say what would go where, and write nothing")
    give("--undo", type=Path, metavar="FILE", help=f"take back what a sorting has made: its {UNDO}")
    parser.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Sort, preview or take back. Returns the exit code: 1 where something was left out."""
    if args.undo:
        return _undo(absolute(args.undo))
    if not args.project or not args.to:
        raise ConfigError("The command needs a project and a folder", do="launch.py sort PROJECT --to DIR")
    values = {"run": args.run, "folder": str(absolute(args.to)), "way": args.way, "threshold": args.threshold}
    config = from_flat(SortConfig, values)
    found = project.open_project(args.project)
    console = Console(sys.stderr)
    if args.preview:
        room = sort_folders.checked(Path(config.folder), found.images.resolve(), found.folder.resolve())
        print("\n".join(told(planned(found, config.run, config.threshold), room.free)))
        return 0
    with sound.hold(found), WorkerClient(found, console) as worker:
        worker.end_leftovers()
        done = worker.do("sort", to_dict(config)).result
    print("\n".join(_summary(done)))
    return 1 if done["missed"] else 0


def told(plan: Plan, free: int) -> list[str]:
    """What would go where, in lines for a person."""
    lines = []
    for name, count in plan.counts().items():
        folder = plan.folders[name] if name else plan.unsure
        of = f" ({name})" if name and folder != name else " (no class is known)" if not name else ""
        lines.append(f"{count:8,}  {folder}{of}")
    if plan.renamed:
        lines.append(f"{plan.renamed:,} images get another file name: another one of their folder has theirs")
    return [*lines, f"{len(plan.places):,} images, {plan.bytes / 1e6:,.1f} MB; {free / 1e6:,.1f} MB are free there"]


def _summary(done: Mapping[str, Any]) -> list[str]:
    lines = [f"{done['files']:,} of {done['images']:,} images: {done['folder']}"]
    if done["way"] == "list":
        lines = [f"list of {done['images']:,} images: {done['folder']}"]
    lines += [f"{done['missed']:,} not sorted, such as {done['first'][0]}"] if done["missed"] else []
    return [*lines, f"launch.py sort --undo {Path(done['folder']) / UNDO} takes it back"]


def _undo(file: Path) -> int:
    if file.name != UNDO:
        raise InputError("This is no undo file of a sorting", str(file), f"Give the {UNDO} of its folder.")
    done = finish(sort_undo.take_back(file.parent), Console(sys.stderr).show)
    listed = " and the list" if done["list"] else ""
    print(f"{done['removed']:,} files{listed} removed, {done['kept']:,} kept")
    return 1 if done["kept"] else 0
