"""Memory that is full once, in each part of the program on the pretend device: the right result, and one notice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fact_core.classifier.predict import predict
from fact_core.events import Event, Log
from fact_core.generators import finish
from fact_core.lightweight import logistic
from tests.finetune_help import coloured
from tests.pretend_cuda import pipelines, strategies
from tests.pretend_cuda.device import GPU, Device

CPU = torch.device("cpu")
#: name -> recipe, its options, and the place in the program at whose third launch memory is full
PARTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "tokens": ("lm", {"lm.mode": "lr"}, "features/extract.py"),
    "phase 2": ("lp-ft", {}, "finetune/loop_state.py:_piece"),
    "the whole network": ("lp-ft", {}, "finetune/loop_state.py:__init__"),
    "gate": ("lp-ft", {"ff.gate": "choose"}, "finetune/weight_mix.py:_answers"),
    "naming": ("fact+", {"lm.mode": "lr"}, "finetune/naming.py:_said"),
    "live check": ("lp-ft", {}, "finetune/loop.py:said"),
    "PCA": ("lm", {"lm.mode": "map_lr"}, "lightweight/map_train.py:reduction"),
    "attention pooling": ("lm", {"lm.mode": "map_lr"}, "lightweight/map_train.py:_learn"),
    "FroFA": ("lm", {"lm.mode": "map_lr"}, "lightweight/frofa.py:augment"),
    "joint L-BFGS": ("lm", {"lm.mode": "joint_lbfgs"}, "lightweight/joint.py:_evaluated"),
    "crops": ("lp-ft", {}, "compute/device_crops.py:crops"),
    "light model": ("lm", {"lm.mode": "lr"}, "lightweight/readings.py:pooled_line"),
    "logistic regression": ("lp", {}, "lightweight/logistic.py:_fitted"),
}


def checks(device: Device) -> dict[str, Callable[[Path], Any]]:
    """name -> check."""
    found = {f"memory/{name}": partial(_part, device, *about) for name, about in PARTS.items()}
    more: dict[str, Callable[[Path], Any]] = {
        "memory/features": partial(_features, device),
        "memory/predictions": partial(_predictions, device),
        "memory/selection": partial(_selection, device),
    }
    return {**found, **more}


def _notices(events: Sequence[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Log) and "emory" in event.text]


def _one(device: Device, events: Sequence[Event]) -> str:
    """Where memory was full, when it was told once. AssertionError otherwise."""
    told = _notices(events)
    assert device.counts.full_at, "memory was never full"
    assert len(told) == 1, told
    return f"{device.counts.full_at}: {told[0]}"


def _part(device: Device, recipe: str, options: dict[str, Any], file: str, folder: Path) -> Any:
    logistic.WORTH_A_GPU = 0
    y = [0, 1] * 8 if recipe == "lp-ft" else pipelines.Y
    data, config = coloured(folder, y), pipelines.recipe_config(recipe, **options)
    wanted = pipelines.answers(finish(pipelines.training(data, config, CPU, pipelines.network(""))), data)
    events: list[Event] = []
    with device:
        device.counts.full_once(file, 3)
        trained = finish(pipelines.training(data, config, GPU, pipelines.network("")), events.append)
    return {"told": _one(device, events), "apart": pipelines.same(pipelines.answers(trained, data), wanted)}


def _features(device: Device, folder: Path) -> Any:
    data, events = coloured(folder, pipelines.Y), list[Event]()
    wanted = pipelines.features(data, CPU)
    with device:
        device.counts.full_once("compute/device.py", 100)
        found = pipelines.features(data, GPU, events.append)
    apart = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    assert apart < 1e-4, apart
    return {"told": _one(device, events), "apart": apart}


def _predictions(device: Device, folder: Path) -> Any:
    data, events = coloured(folder, pipelines.Y), list[Event]()
    trained = finish(pipelines.training(data, pipelines.recipe_config("lp-ft"), CPU, pipelines.network("")))
    wanted = pipelines.answers(trained, data)
    with device:
        device.counts.full_once("compute/device.py", 30)
        found = finish(predict(trained.classifier, data.files, device=GPU), events.append).answers
    return {"told": _one(device, events), "apart": pipelines.same(found, wanted)}


def _selection(device: Device, folder: Path) -> Any:
    told = {}
    for name in ("activeft", "kcenter", "maxherding"):
        wanted, events = strategies.picked(name, CPU), list[Event]()
        with device:
            device.counts.full_once("select/", 20)
            found = strategies.picked(name, GPU, told=events.append)
        assert found.rows.tolist() == wanted.rows.tolist(), name
        told[name] = _one(device, events)
    return told
