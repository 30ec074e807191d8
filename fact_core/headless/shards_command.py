"""Features, or a trained model's answers, of a pool too large for one program: by Ray Data, on one machine or many.

A place is a folder, a file, or an address such as s3://bucket/folder, with images, WebDataset archives (.tar), or
Parquet tables that name images in a column. The same command again goes on where it was ended, and makes the rows anew
of files that have other bytes by then; those that a table names are not looked at again.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fact_core.choices import AUTO, DEFAULT_BACKBONE, VIEWS, canonical, view_for
from fact_core.errors import ConfigError
from fact_core.files import write_text
from fact_core.generators import finish
from fact_core.headless import choose_command
from fact_core.headless.console import Console
from fact_core.paths import absolute

if TYPE_CHECKING:
    from fact_core.work.pool_rows import Model

#: How the images of a place may lie, as ``work.pool_sources.KINDS`` says it.
KINDS = ("auto", "images", "webdataset", "parquet")
SHOWN = 20  # files that failed, by name


def add(commands: Any) -> None:
    """``launch.py shards``, and ``launch.py choose``, which goes on from it."""
    words = "features or answers for a pool of millions of images, by Ray Data on one machine or many"
    add_arguments(commands.add_parser("shards", help=words, description=__doc__))
    words = "choose which images of such a pool to label, by ActiveFT, without holding all of it"
    choose_command.add_arguments(commands.add_parser("choose", help=words, description=choose_command.__doc__))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``launch.py shards``."""
    give = parser.add_argument
    give("places", nargs="+", metavar="PLACE", help="where the images are: folders, files, or addresses like s3://...")
    give("--to", type=Path, metavar="DIR", help="the folder of the shards, new or begun by the same command")
    give("--project", type=Path, metavar="DIR", help="instead of --to: into this project, whose images these are")
    give("--backbone", default="", metavar="NAME", help=f"features by this network (default {DEFAULT_BACKBONE})")
    give("--model", type=Path, metavar="DIR", help="instead: the answers of this model, an exported one or a run's")
    give("--view", default=AUTO, choices=(AUTO, *VIEWS), help="what the backbone sees of each picture")
    give("--kind", default="auto", choices=KINDS, help="how the images lie, where a place holds several kinds")
    give("--column", default="path", metavar="NAME", help="of a Parquet table: what names the images (default path)")
    give(
        "--workers", type=int, default=0, metavar="N", help="processes with a network (default: a GPU, or a core, each)"
    )
    give("--address", default="", metavar="auto|HOST:PORT", help="the Ray cluster of this machine (default: start one)")
    give("--device", default="auto", choices=("auto", "cpu", "cuda"), help="auto takes the GPUs where there are some")
    give("--batch", type=int, default=64, metavar="N", help="images that a network looks at together")
    give("--shard-rows", type=int, default=10_000, metavar="N", help="rows of a shard: what a kill loses at most")
    give("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Compute what is missing. Returns the exit code: 1 where files failed."""
    _checked(args)
    from fact_core.work import pool_models, pool_sources, ray_pool

    ray_pool.needed()
    sources = tuple(pool_sources.all_found(args.places, args.kind))
    name = canonical(args.backbone or DEFAULT_BACKBONE)
    with ray_pool.connected(args.address, args.workers, args.device) as cluster:
        on, folder = "cuda" if cluster.gpus else "cpu", absolute(args.to or args.project)
        model: Model
        if args.project:
            model, folder = pool_models.of_project(folder, name, on)
        elif args.model:
            model = pool_models.trained(absolute(args.model))
        else:
            model = pool_models.plain(name, on, view_for(args.view, name))
        order = ray_pool.Order(sources, folder, args.shard_rows, args.column, args.device, args.batch)
        done = finish(ray_pool.run(order, model, cluster), Console(sys.stderr).show)
    if args.json:
        write_text(args.json, json.dumps(done, indent=1, ensure_ascii=False) + "\n", "writing the figures")
    print("\n".join(_summary(done, folder)))
    return 1 if done["failed"] else 0


def _checked(args: argparse.Namespace) -> None:
    """ConfigError where the arguments do not go together."""
    do = "See launch.py shards --help."
    if bool(args.to) == bool(args.project):
        raise ConfigError("The command needs one place to write to: --to or --project", do=do)
    if args.model and (args.backbone or args.project):
        raise ConfigError("--model goes with neither --backbone nor --project", do=do)
    if args.workers < 0 or args.batch < 1 or args.shard_rows < 1:
        raise ConfigError("--workers, --batch and --shard-rows are numbers of 1 or more", do=do)


def _summary(done: dict[str, Any], folder: Path) -> list[str]:
    lines = [f"{done['rows']:,} images have a row, {done['new']:,} of them new: {folder}"]
    if done["failed"]:
        lines.append(f"{done['failed']:,} files gave none; they are listed in shards/*.bad.jsonl, and tried again:")
        lines += [f"  {image}: {why}" for image, why in list(done["first_failed"].items())[:SHOWN]]
    return lines
