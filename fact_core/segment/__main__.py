"""Masks by a segmenter that ``launch.py bench segment --export DIR`` has written::

    python -m fact_core.segment predict MODEL IMAGES --out MASKS

MASKS gets a PNG for every image: the value of a pixel is its class (labels.txt in MODEL), the palette shows it.
Exit code: 0 all done, 1 some images could not be read (they are named), 2 wrong use.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fact_core.compute.device import device_named
from fact_core.errors import FactError
from fact_core.events import Event, Log
from fact_core.generators import finish
from fact_core.paths import absolute
from fact_core.segment import export, predict


def main(argv: list[str] | None = None) -> int:
    """Do what the arguments ask for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fact_core.segment", description=__doc__.split("::")[0])
    one = parser.add_subparsers(metavar="COMMAND", required=True).add_parser("predict", help="masks for a folder")
    one.add_argument("model", type=Path, metavar="MODEL", help="the exported folder")
    one.add_argument("images", type=Path, metavar="IMAGES", help="a folder of images, searched through")
    one.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder for the masks")
    one.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="auto takes the GPU there is")
    given = parser.parse_args(argv)
    try:
        model = export.read(absolute(given.model))
        writing = predict.write_masks(model, absolute(given.images), absolute(given.out), device_named(given.device))
        found = finish(writing, _show)
    except FactError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{found['masks']} masks in {found['folder']}")
    return 1 if found["failed"] else 0


def _show(event: Event) -> None:
    if isinstance(event, Log):
        print(f"{event.level}: {event.text}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
