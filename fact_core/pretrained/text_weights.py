"""Where the text side of a backbone lies: its weights and its tokenizer, two files that belong together.

The person's own copy counts before the model hub's cache. Looks at files only, as ``fact_core.pretrained.weights``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fact_core.choices import BACKBONES, TEXT_SIDES, Source, TextSide, plain_name
from fact_core.errors import ConfigError, WeightsError, storage_error
from fact_core.folders import cache_folder
from fact_core.pretrained.weights import WeightsStatus, in_hub_cache, recorded


@dataclass(frozen=True)
class TextFiles:
    """The two files of a text side. own: the person gave them."""

    weights: Path
    tokenizer: Path
    own: bool = False


def text_side(name: str) -> TextSide:
    """The text side of a backbone. ConfigError, which lists those that have one, where it has none."""
    if name not in TEXT_SIDES:
        title = BACKBONES[name].title if name in BACKBONES else name
        listed = ", ".join(f"{BACKBONES[each].title} ({each})" for each in TEXT_SIDES if each in BACKBONES)
        raise ConfigError(
            "Words need a backbone that was trained on pictures with captions", f"{title} was not.", f"These: {listed}."
        )
    return TEXT_SIDES[name]


def text_status(name: str) -> WeightsStatus:
    """Whether the text side of a backbone is ready offline, and where it is or would come from. ConfigError: none."""
    side, found = text_side(name), _look(name)
    if found is not None:
        source = "file" if found.own else "hub"
        place = "your files" if found.own else "in the model hub's cache"
        return WeightsStatus(True, source, f"Ready ({place}).", 0)
    first = side.weights[0]
    size = sum(each[0].bytes for each in lacking(side))
    detail = f"Not here. About {size / 1e6:.0f} MB from the model hub ({first.where}), licence {side.licence}."
    return WeightsStatus(False, "", detail, size)


def locate_text(name: str) -> TextFiles:
    """The files of the text side. WeightsError in words when they are not here, ConfigError where there is none."""
    text_side(name)
    found = _look(name)
    if found is None:
        told = text_status(name).detail.removeprefix("Not here. ")
        raise WeightsError(f"The text side of {name} is not on this machine", told, how_to_get_text(name))
    return found


def how_to_get_text(name: str) -> str:
    """What to do when a text side is missing and cannot be downloaded."""
    command = f"python3 launch.py weights {name} --text"
    own = f"{command} --file FOLDER, a folder with the weights and tokenizer.json."
    return f"With the internet: {command}. Without: {own}"


def lacking(side: TextSide) -> list[tuple[Source, ...]]:
    """Of the two files those that the hub's cache lacks, each as the places that it may come from."""
    return [sources for sources in (side.weights, side.tokenizer) if not any(in_hub_cache(each) for each in sources)]


def own_text_files(name: str) -> TextFiles:
    """Where the copies lie of a text side that a person gave; the record of the weights lies beside them as .json."""
    folder = cache_folder() / "weights"
    return TextFiles(
        folder / f"{plain_name(name)}.text.safetensors", folder / f"{plain_name(name)}.tokenizer.json", own=True
    )


def forget_text(name: str) -> None:
    """Remove the text side that a person gave. WeightsError without any."""
    own = own_text_files(name)
    files = (own.weights.with_suffix(".json"), own.weights, own.tokenizer)  # without the record they count for nothing
    if not any(each.exists() for each in files):
        raise WeightsError(f"There are no files of your own for the text side of {name}", do="Nothing was changed.")
    try:
        for each in files:
            each.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, "removing the weights") from error


def _look(name: str) -> TextFiles | None:
    own, side = own_text_files(name), TEXT_SIDES[name]
    if recorded(own.weights, "file") is not None and own.tokenizer.is_file():
        return own
    weights, tokenizer = (
        next((path for each in sources if (path := in_hub_cache(each)) is not None), None)
        for sources in (side.weights, side.tokenizer)
    )
    return TextFiles(weights, tokenizer) if weights is not None and tokenizer is not None else None
