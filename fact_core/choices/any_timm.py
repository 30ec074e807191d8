"""Any network of timm with pretrained weights, beside those that are listed: ``timm:NAME``.

What it is (its licence, its width, what it sees) is asked of timm once, and then lies in the cache folder: so a page
that does not import torch knows it, too. Where the note is not there, or another version of timm has written it, timm
is asked again.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from fact_core.choices.backbones import BACKBONES
from fact_core.choices.choice import TIMM, BackboneChoice, Source, resolve
from fact_core.errors import ConfigError, FactError, WeightsError
from fact_core.files import write_text
from fact_core.folders import cache_folder

VERSION = 1  # of the notes
LIBRARY = "fact_core.backbones.timm_library"  # what asks timm
SECONDS = 300  # to import torch and timm on a busy machine, and to build one network without its weights


def backbone_choice(name: str) -> BackboneChoice:
    """What is known of a backbone, a listed one or one of timm's. ConfigError, WeightsError when it cannot be used."""
    if name in BACKBONES:
        return BACKBONES[name]
    if not name.startswith(TIMM):
        raise ConfigError(
            f"There is no backbone called {name!r}",
            do=f"Known: {', '.join(BACKBONES)}, and every network of timm that has weights, as {TIMM}NAME.",
        )
    checked_name(name)
    return _read(name) or _asked(name)


def is_of_timm(name: object) -> bool:
    """Whether it names a network of timm that can be used. ConfigError, WeightsError say why one cannot."""
    return isinstance(name, str) and name.startswith(TIMM) and bool(backbone_choice(name))


def canonical(name: str) -> str:
    """``timm:NAME`` as the listed backbone that is the same network with the same weights, where there is one."""
    wanted = name.removeprefix(TIMM)
    if wanted == name:
        return name
    return next((each for each, choice in BACKBONES.items() if choice.timm_name == wanted == each), name)


def used_networks() -> list[str]:
    """The networks of timm that somebody has asked for on this machine, by name."""
    names = (TIMM + path.stem for path in _folder().glob("*.json"))
    return sorted(name for name in names if _read(name) is not None)


def plain_name(name: str) -> str:
    """The name of a backbone as a part of a file's name: Windows takes no colon."""
    return name.replace(":", "-")


def checked_name(name: str) -> str:
    """The name after ``timm:``. ConfigError when it can be none."""
    if not re.fullmatch(r"timm:\w+(\.\w+)?", name, re.ASCII) or len(name) > 150:
        raise ConfigError("This is no name of a network", name[:150], f"They look like {TIMM}resnet50.a1_in1k.")
    return name.removeprefix(TIMM)


def keep(name: str, choice: dict[str, Any]) -> None:
    """Note what timm says of a network."""
    note = {"version": VERSION, "timm": metadata.version("timm"), "choice": choice}
    write_text(_note(name), json.dumps(note, indent=1), "noting what a network is")


def forget_network(name: str) -> None:
    """Take a network off the list of those that were asked for; a project that uses it brings it back."""
    checked_name(name)
    _note(name).unlink(missing_ok=True)


def ask_library(*words: str) -> Any:
    """What ``timm_library`` says, in a process of its own, so that this one stays without torch. FactError as there."""
    command = [sys.executable, "-m", LIBRARY, *words]
    try:
        done = subprocess.run(
            command, capture_output=True, cwd=Path(__file__).resolve().parents[2], timeout=SECONDS, check=False
        )
        told = json.loads(done.stdout.decode("utf-8").strip().splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        raise WeightsError("timm cannot be asked", type(error).__name__, "See what launch.py doctor says.") from error
    if problem := told.get("error"):
        kind = ConfigError if told.get("kind") == "ConfigError" else WeightsError
        raise kind(problem["what"], problem["found"], problem["do"])
    return told["told"]


def _asked(name: str) -> BackboneChoice:
    """What timm says now: in this process where it is imported already, which saves the seconds of importing it."""
    if "timm" in sys.modules:
        resolve(f"{LIBRARY}:describe")(name)
    else:
        ask_library("describe", name)
    found = _read(name)
    if found is None:
        raise WeightsError("What timm says of a network cannot be kept", str(_note(name)), "Is the disk full?")
    return found


def _folder() -> Path:
    return cache_folder() / "networks"


def _note(name: str) -> Path:
    return _folder() / f"{name.removeprefix(TIMM)}.json"


def _read(name: str) -> BackboneChoice | None:
    """The note of a network; None where there is none of this version."""
    try:
        note = json.loads(_note(name).read_text("utf-8"))
        if (note["version"], note["timm"]) != (VERSION, metadata.version("timm")):
            return None
        values = dict(note["choice"])
        values["sources"] = tuple(Source(**each) for each in values["sources"])
        values["takes"] = tuple(values["takes"])
        return BackboneChoice(**values)
    except (OSError, ValueError, KeyError, TypeError, FactError):
        return None
