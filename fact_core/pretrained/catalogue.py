"""The list of timm's networks that have weights: asked of timm once for each of its versions, then a file. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from fact_core.choices.any_timm import ask_library
from fact_core.errors import FactError
from fact_core.files import write_text
from fact_core.folders import cache_folder

MOST = 40  # networks that a search shows


@dataclass(frozen=True)
class Listed:
    """A network of timm, by its name there. licence: of its weights, as timm states it; pixels: side of its pictures.

    parameters: how many weights it has; None where that is not known without building it.
    """

    name: str
    licence: str
    pixels: int
    parameters: int | None


def search(words: str, most: int = MOST) -> tuple[list[Listed], int]:
    """(the first networks whose name has all the words, in their order of names, how many there are in all)."""
    wanted = words.lower().split()
    known = sizes()
    found = [each for each in _networks() if all(word in each["name"].lower() for word in wanted)]
    shown = [
        Listed(each["name"], each["licence"], int(each["pixels"]), known.get(each["name"].partition(".")[0]))
        for each in found[:most]
    ]
    return shown, len(found)


def _networks() -> list[dict[str, Any]]:
    """The whole list. FactError when timm cannot be asked."""
    file, version = cache_folder() / "timm-networks.json", metadata.version("timm")
    try:
        note = json.loads(file.read_text("utf-8"))
        if note["timm"] == version:
            return list(note["networks"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or half a file: as if nothing were there
    networks = list(ask_library("catalogue"))
    try:
        write_text(file, json.dumps({"timm": version, "networks": networks}), "keeping the list of networks")
    except FactError:
        pass  # it is asked again the next time
    return networks


def sizes() -> dict[str, int]:
    """Architecture -> number of its weights without a classifier (made from timm 1.0.31 by building each of them)."""
    known: dict[str, int] = json.loads((Path(__file__).parent / "timm_sizes.json").read_text("utf-8"))
    return known
