"""``launch.py pack`` and ``launch.py unpack``: a project in one file, to keep or to take to another computer."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from fact_core.generators import finish
from fact_core.headless.console import Console
from fact_core.paths import absolute
from fact_core.storage import pack as packing
from fact_core.storage import project as projects
from fact_core.storage.unpack import look, unpack


def given(text: str) -> Path:
    """The path of an argument; a relative one begins where the program was started, as in every command line."""
    return absolute(Path(text).expanduser())


def add(commands: Any) -> None:
    """Add both commands to a parser's own."""
    one: argparse.ArgumentParser = commands.add_parser("pack", help="a project in one file, for another computer")
    one.add_argument("project", type=given, metavar="PROJECT", help="the project's folder")
    one.add_argument("file", type=given, metavar="FILE", help="a new file, say flowers.zip")
    one.add_argument("--images", action="store_true", help="with the images; without, they must lie there already")
    one.set_defaults(do=_pack)
    one = commands.add_parser("unpack", help="a project from such a file")
    one.add_argument("file", type=given, metavar="FILE")
    one.add_argument(
        "--to", type=given, metavar="FOLDER", help="a new folder; without it one beside the other projects"
    )
    one.add_argument("--images", type=given, metavar="DIR", help="where the images lie, if they are not in the file")
    one.set_defaults(do=_unpack)


def _pack(args: argparse.Namespace) -> int:
    project = projects.open_project(args.project)
    about = finish(packing.pack(project, args.file, images=args.images), Console(sys.stderr).show)
    what = "with its images" if about.images else "without its images"
    print(f"{project.name} is packed, {what}: {args.file}, {args.file.stat().st_size / 1e6:,.0f} MB")
    return 0


def _unpack(args: argparse.Namespace) -> int:
    to: Path = args.to or projects.default_folder(look(args.file).name)
    project = finish(unpack(args.file, to, args.images), Console(sys.stderr).show)
    projects.remember(project)
    print(f"{project.name} is unpacked: {project.folder}\nIts images: {project.images}")
    return 0
