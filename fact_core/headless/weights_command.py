"""Fetch, check and convert pretrained weights, or use a file of your own; without a name it is found whose it is."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fact_core.choices import BACKBONES, canonical
from fact_core.errors import ConfigError
from fact_core.generators import finish
from fact_core.headless.console import Console
from fact_core.pretrained import text_weights, weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``launch.py weights``."""
    give = parser.add_argument
    give("name", metavar="NAME", nargs="?", default="", help=f"{', '.join(BACKBONES)}, or timm:NAME")
    own = parser.add_mutually_exclusive_group()
    words = "use this file, or that of this folder (safetensors, or a .pth of tensors)"
    own.add_argument("--file", type=Path, metavar="FILE", help=words)
    own.add_argument("--forget", action="store_true", help="remove the file that you gave")
    give(
        "--text", action="store_true", help="the text side: for words in place of labels, where the network knows some"
    )
    parser.set_defaults(do=do)


def do(args: argparse.Namespace) -> int:
    """Fetch, adopt or forget."""
    name = canonical(args.name) or ("" if args.text else _recognised(args.file))
    if args.text:
        print(f"{name}: {_text_side(name, args.file, args.forget)}")
    elif args.forget:
        print(f"{name}: your file is removed. {weights.forget(name).detail}")
    elif args.file:
        from fact_core import backbones  # seconds of torch that no other command waits for

        backbones.adopt(name, args.file)
        print(f"{name}: {weights.status(name).detail}")
    else:
        print(f"{name} is ready: {fetch(name)}")
    return 0


def _text_side(name: str, file: Path | None, forgotten: bool) -> str:
    """Fetch, adopt or forget the text side of a backbone; how it stands then. ConfigError where it has none."""
    text_weights.text_side(name)
    if forgotten:
        text_weights.forget_text(name)
    else:
        from fact_core.backbones.text_fetch import adopt_text, fetch_text

        if file:
            adopt_text(name, file)
        else:
            finish(fetch_text(name), Console(sys.stderr).show)
    return text_weights.text_status(name).detail


def fetch(name: str) -> Path:
    """Download, check and convert the weights of a backbone. Where they lie."""
    from fact_core import backbones

    return Path(finish(backbones.fetch(name), Console(sys.stderr).show).path)


def _recognised(file: Path | None) -> str:
    """The backbone whose weights the file has."""
    if file is None:
        raise ConfigError("The command needs a name or a file", do="launch.py weights NAME, or weights --file FILE")
    from fact_core.backbones.recognise import only_name, recognise

    return only_name(recognise(file.expanduser()))
