"""Choose which images of a pool in shards to label, by ActiveFT, without holding the whole pool in memory.

What is written is a table of the picks, the most telling first, and of spares. Images that are labeled already are
named in a file, one a line.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fact_core.config import DEVICES
from fact_core.errors import InputError
from fact_core.generators import finish
from fact_core.headless.console import Console
from fact_core.paths import absolute


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``launch.py choose``."""
    give = parser.add_argument
    give("shards", type=Path, metavar="DIR", help="features, as launch.py shards has made them")
    give("--budget", type=int, required=True, metavar="N", help="how many images to choose")
    give("--to", type=Path, required=True, metavar="FILE", help="the table of picks (CSV)")
    give("--copy-to", type=Path, metavar="DIR", help="copy the picks into this folder, to make a project of them")
    give("--labeled", type=Path, metavar="FILE", help="names of images that are labeled already, one a line")
    give("--memory", type=float, default=4.0, metavar="GB", help="features held at a time (default 4)")
    give("--seed", type=int, default=0, help="the same seed gives the same picks")
    give("--device", default="auto", choices=DEVICES, help="auto takes the GPU where there is one")
    parser.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Choose, and say what came of it."""
    from fact_core.work.choose_shards import choose

    to = absolute(args.to)
    step = choose(
        absolute(args.shards),
        args.budget,
        to,
        memory=int(args.memory * 1e9),
        seed=args.seed,
        labeled=_named(args.labeled),
        device=args.device,
        copies=absolute(args.copy_to) if args.copy_to else None,
    )
    done = finish(step, Console(sys.stderr).show)
    print(f"{done['picks']:,} of {done['images']:,} images chosen: {to}")
    if args.copy_to:
        print(f"{done['copied']:,} of them copied: {absolute(args.copy_to)}")
    return 1 if args.copy_to and done["copied"] < done["picks"] else 0


def _named(file: Path | None) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines() if file else []
    except (OSError, ValueError) as error:
        raise InputError("The list of labeled images cannot be read", f"{file}: {error}") from error
