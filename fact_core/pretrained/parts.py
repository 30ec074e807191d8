"""Weights that lie in several files, as transformers writes large ones: an index names the file of each tensor."""

from __future__ import annotations

import json
from pathlib import Path

from fact_core.errors import WeightsError, storage_error

INDEX = "model.safetensors.index.json"
LARGEST_INDEX = 50_000_000  # bytes


def is_index(path: Path) -> bool:
    """Whether the file names others instead of holding weights."""
    return path.name.endswith(".safetensors.index.json")


def parts_of(path: Path) -> tuple[Path, ...]:
    """The files that hold the weights: those that an index names, in order of their names, or the file itself.

    They lie beside the index: it cannot lead elsewhere. WeightsError where one is not there, or the index is damaged.
    """
    if not is_index(path):
        return (path,)
    try:
        if path.stat().st_size > LARGEST_INDEX:
            raise ValueError("it is too large for a list of tensors")
        named = sorted(set(json.loads(path.read_text("utf-8"))["weight_map"].values()))
        if not named or not all(isinstance(each, str) and each.endswith(".safetensors") for each in named):
            raise ValueError("it names no safetensors files")
        strange = [each for each in named if Path(each).name != each]
        if strange:
            raise ValueError(f"it leads out of its folder: {strange[0][:100]}")
    except OSError as error:
        raise storage_error(error, "reading the weights") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = "it has no weight_map" if isinstance(error, KeyError) else str(error)[:200]
        raise WeightsError("The list of the weights' files is damaged", f"{path}: {reason}") from error
    lacking = [each for each in named if not (path.parent / each).is_file()]
    if lacking:
        do = "Copy the whole folder."
        raise WeightsError("A part of the weights is not there", ", ".join(lacking[:5]), do)
    return tuple(path.parent / each for each in named)
