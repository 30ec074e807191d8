"""Whole trainings on the pretend device: every recipe, the gate, stop and resume, features, predictions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer

from fact_core.backbones import Backbone, Tokens
from fact_core.choices import RECIPES
from fact_core.classifier.predict import predict
from fact_core.compute.device_crops import Uploaded
from fact_core.compute.image_batches import Preprocess
from fact_core.config import TrainConfig
from fact_core.events import Decision, Event, Log, Saved
from fact_core.features.extract import extract
from fact_core.finetune.pipeline import Trained, train
from fact_core.finetune.training_run import CheckSet
from fact_core.generators import finish
from fact_core.types import FloatArray, Step
from fact_core.work.gpu_memory import memory_expected
from tests.finetune_help import DEFAULT, NAMES, Coloured, backbone, coloured, tiny
from tests.pretend_cuda.device import GPU, MEMORY, Device

CPU = torch.device("cpu")
TRANSFORMER = "vit_small_patch16_224.dino"
Y = [0, 1, 2] * 4
#: Between probabilities of the CPU and of the pretend device, whose crops differ by a grey level here and there.
CLOSE = 2e-2


def checks(device: Device) -> dict[str, Callable[[Path], Any]]:
    """name -> check."""
    found = {f"recipe/{name}": partial(_recipe, device, name) for name in RECIPES}
    found["convolutions"] = partial(_convolutions, device)
    more: dict[str, Callable[[Path], Any]] = {
        "gate": partial(_gate, device),
        "resume": partial(_resume, device),
        "resume in another format": partial(_formats, device),
        "features": partial(_features, device),
        "policy": partial(_policy, device),
        "crops": partial(_crops, device),
        "expected": partial(_expected, device),
    }
    return {**found, **more}


def recipe_config(name: str, **values: Any) -> TrainConfig:
    """A recipe of a second."""
    small = {"ff.steps": 2, "st.steps": 2, "st.images": 4, "lm.steps": 6, "amp": False, "lp.epochs": 1}
    return tiny(name, **{**small, "ff.pixels": 0, "backbone": TRANSFORMER, **values})


def network(name: str) -> Backbone:
    """A network with random weights: the default one for "convolutions", else a very small transformer."""
    if name == "convolutions":
        return backbone(name=DEFAULT)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = VisionTransformer(32, 8, num_classes=0, embed_dim=32, depth=2, num_heads=2, dynamic_img_size=True)
    return Backbone(TRANSFORMER, made, Preprocess(32), "small").eval()


def training(
    data: Coloured, config: TrainConfig, at: torch.device, net: Backbone, folder: Path | None = None, **more: Any
) -> Step[Trained]:
    """A training on three quarters of the images, with check images and a pool."""
    n = 3 * len(data.y) // 4
    x = data.x if data.x.shape[1] == net.dim else _features_of(net, data)
    return train(
        files=data.files[:n],
        y=data.y[:n],
        x=x[:n],
        classes=NAMES,
        backbone=net,
        check=CheckSet(data.files[n:], data.y[n:], x[n:]),
        pool_files=data.files[3:],
        unlabelled=data.files[6:],
        unlabelled_x=x[6:],
        config=config,
        device=at,
        folder=folder,
        **{"checkpoint_every": 1e9, **more},
    )


def answers(trained: Trained, data: Coloured) -> dict[str, FloatArray]:
    """Probabilities of every phase, computed on the CPU."""
    return finish(predict(trained.classifier, data.files, device=CPU)).answers


def same(found: dict[str, FloatArray], wanted: dict[str, FloatArray], within: float = CLOSE) -> float:
    """The largest difference of probabilities. AssertionError where it is too large."""
    assert found.keys() == wanted.keys()
    apart = max(float(np.abs(found[name] - wanted[name]).max()) for name in wanted)
    assert apart < within, f"probabilities differ by {apart}"
    return apart


def on_both(device: Device, data: Coloured, config: TrainConfig, name: str = "") -> tuple[Trained, float]:
    """The training on the pretend device, and how far its answers are from those of the CPU."""
    wanted = answers(finish(training(data, config, CPU, network(name))), data)
    with device:
        found = finish(training(data, config, GPU, network(name)))
    return found, same(answers(found, data), wanted)


def _features_of(net: Backbone, data: Coloured) -> FloatArray:
    from fact_core.features.extract import tokens

    return np.asarray(tokens(net, data.files, CPU)[0], dtype=np.float32)


def _recipe(device: Device, name: str, folder: Path) -> Any:
    data = coloured(folder, Y)
    trained, apart = on_both(device, data, recipe_config(name))
    return {"phases": [each.phase for each in trained.phases], "apart": apart}


def _convolutions(device: Device, folder: Path) -> Any:
    """Batch norm, and a probe by SGD on augmented pictures, on the default network."""
    config = recipe_config("fact", **{"lm.width": 8, "backbone": "tf_efficientnet_lite0", "lm.mode": "lr"})
    trained, apart = on_both(device, coloured(folder, Y), config, "convolutions")
    return {"phases": [each.phase for each in trained.phases], "apart": apart}


def _gate(device: Device, folder: Path) -> Any:
    config = recipe_config("lp-ft", **{"ff.gate": "choose"})
    trained, apart = on_both(device, coloured(folder, [0, 1] * 8), config)
    decided = [each for each in trained.decisions if isinstance(each, Decision) and each.name == "ff.interpolation"]
    assert decided[0].scores is not None, decided  # it has looked at both folds
    return {"scores": decided[0].scores, "apart": apart}


def _resume(device: Device, folder: Path) -> Any:
    """Stopped at a save of every part and begun again, it ends like an unbroken run."""
    data, config = coloured(folder, Y), recipe_config("fact+", **{"lm.mode": "both", "ff.gate": "choose"})
    stops = 0
    with device:
        wanted = answers(finish(training(data, config, GPU, network(""))), data)
        seen: set[str] = set()
        while True:
            run = training(data, config, GPU, network(""), folder / "kept", checkpoint_every=0.0)
            try:
                while True:
                    event = next(run)
                    if isinstance(event, Saved) and event.phase not in seen:
                        seen.add(event.phase)
                        stops += 1
                        run.close()
                        break
            except StopIteration as stop:
                found = stop.value
                break
    return {"stops": stops, "phases": sorted(seen), "apart": same(answers(found, data), wanted)}


class _Rows:
    """A store of features in memory."""

    def __init__(self) -> None:
        self.x: dict[str, FloatArray] = {}

    def missing(self, digests: Any) -> list[str]:
        return [each for each in digests if each not in self.x]

    def append(self, digests: Any, x: FloatArray) -> None:
        self.x |= dict(zip(digests, x, strict=True))


def features(data: Coloured, at: torch.device, told: Callable[[Event], object] = lambda event: None) -> FloatArray:
    """[N,D] of all images, five at a time; ``told`` gets each event."""
    store = _Rows()
    finish(extract(backbone(), [str(file) for file in data.files], data.files, store, device=at, batch=5), told)
    return np.stack([store.x[str(file)] for file in data.files])


def _features(device: Device, folder: Path) -> Any:
    data = coloured(folder, Y)
    wanted = features(data, CPU)
    with device:
        found = features(data, GPU)
        device.bfloat16 = True
        short = features(data, GPU)
    apart = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    cosine = float(((short * wanted).sum(1) / np.linalg.norm(short, axis=1) / np.linalg.norm(wanted, axis=1)).min())
    assert apart < 1e-4 and cosine > 0.999, (apart, cosine)
    return {"apart": apart, "cosine": cosine}


def _formats(device: Device, folder: Path) -> Any:
    """A training in bf16, stopped, goes on in fp16 and the other way round: drivers and cards change."""
    data, config = coloured(folder, Y), recipe_config("lp-ft", **{"amp": True, "ff.steps": 4})
    for first in (True, False):
        at = folder / str(first)
        with device:
            device.bfloat16 = first
            run = training(data, config, GPU, network(""), at, checkpoint_every=0.0)
            while not (isinstance(event := next(run), Saved) and event.phase == "ff"):
                pass
            run.close()
            device.bfloat16 = not first
            told: list[Event] = []
            finish(training(data, config, GPU, network(""), at, checkpoint_every=0.0), told.append)
        assert any(isinstance(each, Log) and "Going on at step" in each.text for each in told)
    return None


def _policy(device: Device, folder: Path) -> Any:
    """Whatever a network answers, and does not learn from, it answers by the one policy."""
    data = coloured(folder, [0, 1, 2] * 8)
    config = recipe_config("fact+", **{"ff.gate": "choose", "amp": True, "lm.mode": "lr"})
    seen: dict[bool, set[tuple[bool, ...]]] = {True: set(), False: set()}
    forward = Backbone.forward

    def noted(self: Backbone, x: torch.Tensor) -> Tokens:
        short = torch.is_autocast_enabled("cuda") or next(self.parameters()).dtype == torch.bfloat16
        cudnn = torch.backends.cudnn
        if not torch.is_grad_enabled() and x.is_cuda:
            exact = not cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32
            seen[device.bfloat16].add((device.counts.answering > 0, short, exact, cudnn.enabled))
        return forward(self, x)

    Backbone.forward = noted  # type: ignore[method-assign]
    try:
        with device:
            for device.bfloat16 in (True, False):
                trained = finish(training(data, config, GPU, network("")))
                finish(predict(trained.classifier, data.files, device=GPU))
                features(data, GPU)
    finally:
        Backbone.forward = forward  # type: ignore[method-assign]
    answering = {flag: {each[0] for each in found} for flag, found in seen.items()}
    assert answering == {True: {True}, False: {True}}, seen
    assert {(short, exact) for _, short, exact, _ in seen[False]} == {(False, True)}, seen  # float32, as it is
    # In bf16; in float32 only to see whether bf16 points the same way.
    assert {short for _, short, *_ in seen[True]} >= {True}, seen
    assert all(short or exact for _, short, exact, _ in seen[True]), seen
    assert all(enabled for found in seen.values() for *_, enabled in found), seen
    return {"kinds": len(seen[True] | seen[False])}


def _crops(device: Device, folder: Path) -> Any:
    """Pictures go up once; after that a step sends nothing but what it drew."""
    data, config = coloured(folder, Y), recipe_config("lp-ft", **{"ff.steps": 3})
    cuts: list[str] = []
    crops = Uploaded.crops

    def noted(self: Uploaded, *given: Any) -> torch.Tensor:
        cuts.append(self.pictures.device.type)
        return crops(self, *given)

    Uploaded.crops = noted  # type: ignore[method-assign]
    try:
        with device:
            finish(training(data, config, GPU, network("")))
    finally:
        Uploaded.crops = crops  # type: ignore[method-assign]
    assert cuts == ["cuda"] * 3, cuts
    return {"crops": len(cuts)}


def _expected(device: Device, folder: Path) -> Any:
    """Before a training it is said what it needs, and what is free."""
    with device:
        told = finish_logs(memory_expected(network(""), recipe_config("fact"), GPU, 20))
        device.free = 1_000
        little = finish_logs(memory_expected(network(""), recipe_config("fact"), GPU, 20))
        device.free = MEMORY
    assert [each.level for each in told] == ["info"] and "80" not in told[0].text.split(",")[0], told
    assert [each.level for each in little] == ["warning"] and "0.0 GB are free" in little[0].text, little
    return [each.text for each in told + little]


def finish_logs(step: Step[Any]) -> list[Log]:
    """The lines that a step tells."""
    told: list[Event] = []
    finish(step, told.append)
    return [each for each in told if isinstance(each, Log)]
