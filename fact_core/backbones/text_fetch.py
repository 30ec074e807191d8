"""Getting the text side of a backbone: from the model hub, or from a folder that the person brings."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

from fact_core.backbones.download import from_hub, save_at, try_sources
from fact_core.backbones.text_names import text_tensors
from fact_core.backbones.text_tower import TextTower, load_text, read_text
from fact_core.choices.text_sides import OPEN_CLIP, TOKENIZER
from fact_core.errors import WeightsError, storage_error
from fact_core.events import Log
from fact_core.pretrained.digests import file_sha256
from fact_core.pretrained.text_weights import (
    how_to_get_text,
    lacking,
    locate_text,
    own_text_files,
    text_side,
    text_status,
)
from fact_core.pretrained.weights import weights_file
from fact_core.staging import staging
from fact_core.types import Step


def fetch_text(name: str) -> Step[TextTower]:
    """Make sure that both files of the text side lie on this machine and fit. WeightsError, ConfigError in words."""
    side = text_side(name)
    if not text_status(name).ready:
        yield Log(f"The text side of {name}, licence {side.licence}.")
        for sources in lacking(side):
            if reasons := (yield from try_sources(sources, from_hub)):
                raise WeightsError(f"The text side of {name} could not be fetched", reasons, how_to_get_text(name))
    return load_text(name)


def adopt_text(name: str, path: Path) -> None:
    """Make a person's files the text side of a backbone from now on: a folder, or the weights beside tokenizer.json.

    Checked against the network, and copied into the cache. WeightsError when they do not fit; then nothing changes.
    """
    text_side(name)
    given = Path(os.path.expanduser(path))
    # Beside it timm keeps the image side alone under the usual name.
    weights = given / OPEN_CLIP if (given / OPEN_CLIP).is_file() else weights_file(given)
    tokenizer = weights.with_name(TOKENIZER)
    if not tokenizer.is_file():
        raise WeightsError("The tokenizer is not there", str(tokenizer), f"Bring {TOKENIZER} beside the weights.")
    read_text(name, weights, tokenizer)
    own = own_text_files(name)
    origin = {"file": weights.name, "file_sha256": file_sha256(weights)}
    tensors = {f"text_model.{key}": each.clone() for key, each in text_tensors(weights).items()}
    try:
        with staging(own.tokenizer) as half:
            shutil.copyfile(tokenizer, half)
            place = partial(os.replace, half, own.tokenizer)  # those that were there stay until all is written
            save_at(own.weights, tensors, "files of one's own", origin, place)
    except OSError as error:
        raise storage_error(error, "saving the tokenizer") from error
    locate_text(name)
