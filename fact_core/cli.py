"""The command line: ``launch.py run | sort | shards | choose | bench | weights | pack | unpack | doctor``.

What goes wrong is one line on stderr, "error: ...", and an exit code that is not 0; the
traceback goes to log.txt in the home folder. 2: something given cannot be used; 1: an error
that the program did not expect; 130: stopped by the person; 141: nobody reads the output any more.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from fact_core import bench
from fact_core.choices import AUTO, DEFAULT_BACKBONE, GROUPINGS, PRESETS, VIEWS, Choice, canonical
from fact_core.config import ImportConfig, SelectConfig, TrainConfig, add_arguments, from_flat, options, train_config
from fact_core.errors import ConfigError, FactError, storage_error
from fact_core.files import write_text
from fact_core.folders import data_folder
from fact_core.generators import finish
from fact_core.headless.console import Console
from fact_core.headless.parser import Parser
from fact_core.pretrained import weights

if TYPE_CHECKING:  # else where it is used: a bench needs nothing that stores
    from fact_core.headless import rounds

#: Options of a training run that have a flag of their own kind, or none.
_PLAIN = ("recipe", "preset", "backbone", "seed", "device")
#: How a file of labels is read.
_LABELS = tuple(name for name, _ in options(ImportConfig))
#: The groups of the other options of a training, by how their names begin.
_GROUPS = {
    "lp.": "phase 1, linear probe",
    "ff.": "phase 2, finetuning",
    "st.": "self-training (recipes with +)",
    "lm.": "phase 3, light model",
    "": "other options of training",
}
EXAMPLES = """examples:
  launch.py run --images PHOTOS --budget 50 --labels-from folders --preset quick --export MODEL
  launch.py run --images PHOTOS --budget 2% --labels-from labels.csv --check 30 --json result.json
  launch.py run --images PHOTOS --budget 100 --labels-from folders --recipe l3fact --ff-lora-rank 16 --seed 1
"""
MOST_LOG_BYTES = 5_000_000


def main(argv: list[str] | None = None, benches: Mapping[str, Choice] = bench.BENCHES) -> int:
    """Do a command, a bench being one of ``benches``; returns the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        args = parser(benches, argv if argv is not None else sys.argv[1:]).parse_args(argv)
        code = int(args.do(args))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # who reads the output, say ``head``, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at its end
        return 141
    except FactError as error:
        _log()
        return _fail(str(error), 2)
    except KeyboardInterrupt:
        print("Stopped. What is done is kept: the same command goes on from here.", file=sys.stderr)
        return 130
    except Exception as error:
        where = _log()
        return _fail(f"An error that the program did not expect: {type(error).__name__}: {error}. Details: {where}", 1)


def parser(benches: Mapping[str, Choice], argv: Sequence[str] = ()) -> argparse.ArgumentParser:
    """What reads the arguments; ``do`` of the result is what they ask for.

    argv: for a bench the other commands are left out, and with them the packages that these need.
    """
    made = Parser(prog="launch.py", description="FACT Studio without a page.")
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    if [*argv[:1]] != ["bench"]:
        _add_others(commands)
    one = commands.add_parser("bench", help="measure", description=f"Known: {', '.join(benches)}.")
    one.add_argument("name", metavar="NAME")
    one.add_argument(
        "rest", metavar="...", nargs=argparse.REMAINDER, help="its own options: launch.py bench NAME --help"
    )
    one.set_defaults(do=_bench, benches=benches)
    return made


def _add_others(commands: Any) -> None:
    """The commands that are no bench."""
    from fact_core.headless import backbones_command, packing, shards_command, sort_command, weights_command

    words = "the whole way, from a folder of images to a classifier"
    raw = argparse.RawDescriptionHelpFormatter
    _add_run(commands.add_parser("run", help=words, epilog=EXAMPLES, formatter_class=raw))
    words = "the images of a project in folders, one a class: copies, links, or a list"
    sort_command.add_arguments(commands.add_parser("sort", help=words, description=sort_command.__doc__))
    words = "which backbone tells the classes of a project's labels apart best, and at what cost"
    one = commands.add_parser("compare-backbones", help=words, description=backbones_command.__doc__)
    backbones_command.add_arguments(one)
    shards_command.add(commands)
    words = "fetch, check and convert pretrained weights, or use your own"
    weights_command.add_arguments(commands.add_parser("weights", help=words, description=weights_command.__doc__))
    packing.add(commands)
    one = commands.add_parser("doctor", help="versions, GPU, memory, where things lie, which backbones are ready")
    one.set_defaults(do=_doctor)


def _add_run(parser: argparse.ArgumentParser) -> None:
    give = parser.add_argument
    give("--images", type=Path, required=True, metavar="DIR", help="folder with images; they stay where they are")
    give("--project", type=Path, metavar="DIR", help="project folder, new or of these images (default: in the home)")
    give("--budget", required=True, metavar="N|P%", help="how many images may be labeled: 50, or 2%% of the pool")
    give(
        "--labels-from",
        required=True,
        metavar="folders|FILE",
        help="names of sub-folders, or a CSV, JSON or XML",
    )
    give(
        "--keep-test",
        action="store_true",
        help="images that their folder, or the file's column, calls val or test become check images: all of them are "
        "labeled, and none is trained on",
    )
    give("--test-images", type=Path, metavar="DIR", help="other images to score, one sub-folder a class")
    give(
        "--follow-links",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="read images that are links to below this folder; may be given more than once (kept with the project)",
    )
    give("--odd-images", action="store_true", help="also look for blurred, dark, tiny, repeated and strange images")
    give("--export", type=Path, metavar="DIR", help="write the classifier into this new folder")
    give("--json", type=Path, metavar="FILE", help="write the figures there")
    _add_kept(parser)
    more = parser.add_argument_group("rounds to a goal, each with the budget; they end once all can be accepted")
    more.add_argument("--goal", metavar="P%", help="such a share of what is accepted shall be right, such as 98%%")
    more.add_argument(
        "--goal-of",
        action="append",
        default=[],
        metavar="CLASS=P%",
        help="a goal of its own for a class, no lower; may be given more than once. Each takes more check images",
    )
    more.add_argument("--rounds", type=int, default=5, metavar="N", help="at most so many (default 5)")
    more.add_argument(
        "--finished", type=Path, metavar="FILE", help="the folder's list (default: in the project folder)"
    )
    add_arguments(parser, SelectConfig, ("strategy", "check"))
    add_arguments(parser, TrainConfig, _PLAIN)
    labels = parser.add_argument_group("how --labels-from is read, where that is not clear")
    add_arguments(labels, ImportConfig, _LABELS)
    efforts = {name: each.values_for(DEFAULT_BACKBONE) for name, each in PRESETS.items()}
    names = [name for name, _ in options(TrainConfig) if name not in (*_PLAIN, "selection", "view")]
    for start, title in _GROUPS.items():
        more = parser.add_argument_group(
            title, "What is not given, the effort says (--preset), here for the usual backbone."
        )
        own = [name for name in names if (name.startswith(start) if start else "." not in name)]
        add_arguments(more, TrainConfig, own, preset=efforts)
    parser.set_defaults(do=_run)


def _add_kept(parser: argparse.ArgumentParser) -> None:
    """What is kept with the project."""
    give = parser.add_argument
    give(
        "--view",
        default="",
        choices=(AUTO, *VIEWS),
        help="what the backbone sees of each picture; kept with the project",
    )
    give(
        "--groups",
        default="",
        choices=tuple(GROUPINGS),
        help="which images belong together, such as frames of a video: never of one group on both sides of a "
        "measurement; kept with the project",
    )
    give(
        "--other-class",
        default="",
        metavar="NAME",
        help="the class of the labels that holds what fits no other one: a share of each further round is looked for "
        "far from all that is labeled; kept with the project",
    )


def _run(args: argparse.Namespace) -> int:
    from fact_core.headless import first, weights_command
    from fact_core.headless.run_all import Order, run_all
    from fact_core.headless.summary import summary

    given = vars(args)
    given["backbone"] = canonical(args.backbone)
    shared = {name: given[name] for name in ("backbone", "seed", "device")}
    wanted = {name: given[name] for name, _ in options(TrainConfig) if name in given and name not in ("preset", "view")}
    chosen = {name: given[name] for name in ("budget", "strategy", "check")}
    train, labels, goal, *_ = first.together(
        lambda: train_config(args.preset, **wanted),
        lambda: from_flat(ImportConfig, {name: given[name] for name in _LABELS}),
        lambda: _goal(args),
        *first.places(args.images, args.labels_from, args.test_images, args.follow_links, args.budget),
    )
    shared["view"] = train.view  # that of the effort, where it says one
    order = Order(
        images=args.images,
        labels_from=args.labels_from,
        # As if nothing were labeled: the same command gives the same result in any project of these images.
        select=from_flat(SelectConfig, {**chosen, **shared, "restart": True}),
        train=train,
        project=args.project,
        test_images=args.test_images,
        labels=labels,
        export=args.export,
        follow_links=tuple(args.follow_links),
        view=args.view,
        keep_test=args.keep_test,
        odd_images=args.odd_images,
        groups=args.groups,
        other_class=args.other_class,
        goal=goal,
        finished=args.finished,
    )
    if args.json:
        _write_json(args.json, {}, check=True)
    if not weights.status(order.train.backbone).ready:
        weights_command.fetch(order.train.backbone)
    result = run_all(order, Console(sys.stderr))
    if args.json:
        _write_json(args.json, result)
    print("\n".join(summary(result)))
    return 0


def _goal(args: argparse.Namespace) -> rounds.Goal | None:
    """The goal of the arguments. ConfigError where it cannot be."""
    from fact_core.headless import rounds

    if args.goal is None:
        if args.goal_of:
            raise ConfigError("--goal-of needs a goal for all others", "--goal is not given", "Add --goal 90%.")
        return None
    if args.rounds < 1:
        raise ConfigError("--rounds must be at least 1", f"You gave {args.rounds}.")
    share = rounds.parse_goal(args.goal)
    return rounds.Goal(share, args.rounds, rounds.parse_own(args.goal_of, share))


def _bench(args: argparse.Namespace) -> int:
    parser = Parser(prog=f"launch.py bench {args.name}")
    bench.add_arguments(args.benches, args.name, parser)
    given = parser.parse_args(args.rest)
    figures = finish(bench.start(args.benches, args.name, given), Console(sys.stderr).show)
    text, failed = figures.pop("text", None), figures.get("failed")
    figures = figures.pop("json", figures)
    if getattr(given, "json", None):
        _write_json(given.json, figures)
    print(text if text is not None else json.dumps(figures, indent=1, ensure_ascii=False))
    return 1 if failed else 0


def _doctor(args: argparse.Namespace) -> int:
    from fact_core.headless import doctor

    lines, complete = doctor.report()
    print("\n".join(lines))
    return 0 if complete else 1


def _write_json(file: Path, figures: dict[str, Any], check: bool = False) -> None:
    """Write the figures whole or not at all; numbers that JSON cannot hold become null. check: only try the place."""
    try:
        if check:
            if file.is_dir():
                raise ConfigError("--json needs a file, and this is a folder", str(file))
            file.parent.mkdir(parents=True, exist_ok=True)
            return
    except OSError as error:
        raise storage_error(error, "writing the figures") from error
    plain = json.loads(json.dumps(figures), parse_constant=lambda _: None)
    write_text(file, json.dumps(plain, indent=1, ensure_ascii=False) + "\n", "writing the figures")


def _fail(message: str, code: int) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return code


def _log() -> str:
    """Append the traceback to the log in the home folder; its path, or why there is none."""
    file = data_folder() / "log.txt"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.exists() and file.stat().st_size > MOST_LOG_BYTES
        with open(file, "w" if fresh else "a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(sys.argv)}\n{traceback.format_exc()}\n")
    except OSError as error:
        return f"not written ({error.strerror})"
    return str(file)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
