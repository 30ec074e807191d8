"""Finished phases 2, kept so that another run on the very same labels need not repeat them.

``fact`` goes on from the network of ``lp-ft``, ``l3fact`` from that of ``lp-lora``, and a run that changes
options of phase 3 only starts there. A network that has seen labels may never serve another label set,
so each file says which images, labels, options and weights it was made from, and another binding is refused.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fact_core.backbones import Backbone, adapters
from fact_core.choices import RECIPES
from fact_core.config import FfConfig
from fact_core.errors import InputError
from fact_core.files import write_file
from fact_core.finetune.checkpoint import image_digest
from fact_core.finetune.loop_state import LoopPlan
from fact_core.finetune.training_run import TrainingInputs

ABANDONED = 3600  # seconds after which a half-written file is nobody's
VERSION = 3  # 2: the share of phase 2 is decided by another rule; 3: prompts and prefixes may go
Binding = Mapping[str, Any]


class Damaged(InputError):
    """A kept network that cannot be read, or is gone."""


@dataclass(frozen=True)
class Tuned:
    """Weights of backbone and head after phase 2, and plain values: its seconds, the gate's decision."""

    tensors: dict[str, Tensor]
    values: dict[str, Any]


def binding(inputs: TrainingInputs, backbone: Backbone, plan: LoopPlan) -> dict[str, Any]:
    """All that phase 2 depends on, in plain values. Images count by their bytes, whatever their names.

    ImageError: one is gone.
    """
    config, added = inputs.config, adapters.planned(plan.phase, inputs.config.ff)
    digests = [image_digest(file) for file in inputs.files]
    groups = inputs.groups if config.ff.gate == "choose" else None  # else nothing is parted
    return {
        "version": VERSION,
        "phase": plan.phase,
        "labelled": labelled_digest(digests, inputs.y.tolist(), inputs.classes),
        "backbone": [backbone.name, backbone.key, backbone.preprocess.to_dict()],
        "random_head": RECIPES[config.recipe].random_head,
        "lp": _probe(inputs),
        "plan": asdict(plan),
        "gate": config.ff.gate,
        "start_C": config.ff.start_C if added is None else None,
        "lora": _lora(config.ff) if plan.phase == "lora" else None,
        "seed": config.seed,
        "device": inputs.device.type,
        **({"adapters": asdict(added)} if added is not None else {}),
        **({"groups": _grouped(digests, groups.tolist())} if groups is not None else {}),
    }


def _probe(inputs: TrainingInputs) -> dict[str, Any]:
    """What the probe depends on; where no names of classes count, in the words of versions that knew none."""
    plain = asdict(inputs.config.lp)
    del plain["words"]
    if inputs.words is not None:
        plain["words"] = hashlib.blake2b(inputs.words.float().numpy().tobytes(), digest_size=8).hexdigest()
    return plain


def _lora(config: FfConfig) -> list[Any]:
    """What LoRA depends on; at their usual values the options of later versions say nothing."""
    more = [name for name in ("lora_rslora", "lora_dora") if getattr(config, name)]
    return [config.lora_rank, config.lora_alpha, *more]


def _grouped(digests: Sequence[str], groups: Sequence[int]) -> list[list[str]]:
    """The images that belong together, by their bytes, in whatever order they come."""
    by_group: dict[int, list[str]] = {}
    for digest, group in zip(digests, groups, strict=True):
        by_group.setdefault(group, []).append(digest)
    return sorted(sorted(each) for each in by_group.values() if len(each) > 1)


def labelled_digest(digests: Sequence[str], y: Sequence[int], classes: Sequence[str]) -> str:
    """Digest of the labelled images' own digests and their classes, in whatever order they come."""
    pairs = [f"{digest} {int(each)}" for digest, each in zip(digests, y, strict=True)]
    return hashlib.blake2b(json.dumps([list(classes), sorted(pairs)]).encode(), digest_size=16).hexdigest()


def file_for(folder: Path, bound: Binding) -> Path:
    """Where the network of this binding lies."""
    text = json.dumps(bound, sort_keys=True)
    return folder / f"{bound['phase']}-{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}.safetensors"


def store(folder: Path, bound: Binding, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> Path:
    """Keep a finished phase 2. StorageError when the disk is full."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    note = {"binding": json.dumps(bound, sort_keys=True), "values": json.dumps(dict(values))}
    file = file_for(folder, bound)
    write_file(file, save(plain, note), "keeping the finetuned network")
    return file


def load(file: Path, bound: Binding) -> Tuned:
    """The network of exactly this binding. InputError when the file was made from anything else, or is damaged."""
    try:
        with safe_open(file, framework="pt") as opened:  # type: ignore[no-untyped-call]
            note = opened.metadata()
            found, values = json.loads(note["binding"]), json.loads(note["values"])
            _same(file, found, json.loads(json.dumps(bound)))
            return Tuned({key: opened.get_tensor(key) for key in opened.keys()}, values)  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise Damaged("The finetuned network cannot be read", f"{file}: {error}", "Delete the file.") from error


def find(folder: Path | None, bound: Binding) -> Tuned | None:
    """The kept network of this binding; None where there is none that can be read: it can be made again."""
    if folder is None or not file_for(folder, bound).is_file():
        return None
    try:
        return load(file_for(folder, bound), bound)
    except Damaged:
        return None


def prune(folder: Path, size: int) -> None:
    """Delete the oldest networks of a folder until the others take no more than ``size`` bytes. The newest stays.

    What a killed process left half-written goes as well.
    """
    for half in folder.glob(".*.new"):
        with suppress(OSError):
            if time.time() - half.stat().st_mtime > ABANDONED:
                half.unlink()
    found = []
    for file in folder.glob("*.safetensors"):
        with suppress(OSError):  # another run may delete them as well
            found.append((file, file.stat()))
    found.sort(key=lambda each: each[1].st_mtime, reverse=True)
    taken = 0
    for place, (file, about) in enumerate(found):
        taken += about.st_size
        if place and taken > size:
            with suppress(OSError):
                file.unlink()


def _same(file: Path, found: Binding, wanted: Binding) -> None:
    """InputError that names what differs, the labels first."""
    differing = [name for name in wanted if found.get(name) != wanted[name]]
    if "labelled" in differing:
        raise InputError(
            "This network was finetuned on other labels",
            str(file),
            "It would know images that it must not know. Train phase 2 anew.",
        )
    if differing:
        raise InputError(
            "This network was finetuned in another way", f"{file}: other {', '.join(differing)}", "Delete the file."
        )
