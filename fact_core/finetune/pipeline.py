"""A training run: the phases of a recipe one after the other, with a checkpoint behind each.

What it was given (``TrainingInputs``) stays as it is; what it has so far (``TrainingState``) is added to by each phase.
``choices.PHASES`` names the function of a phase: ``probe.run``, ``finetune.run``, ``self_training.run``, ``light.run``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fact_core.backbones import Backbone, adapters
from fact_core.choices import PHASES, named, resolve
from fact_core.classifier.model import Classifier
from fact_core.compute.crew import Crew
from fact_core.config import FfConfig, TrainConfig, to_dict
from fact_core.errors import ImageChanged, ImageError, InputError
from fact_core.events import Decision, Log, PhaseDone, Saved
from fact_core.finetune import light
from fact_core.finetune.checkpoint import Checkpoint, fingerprint
from fact_core.finetune.loop_state import weights_of
from fact_core.finetune.probe import with_words
from fact_core.finetune.resume import keep, restore
from fact_core.finetune.together import FOLLOW
from fact_core.finetune.training_run import CheckSet, TrainingInputs, TrainingState
from fact_core.images.decode import decode
from fact_core.types import FloatArray, IntArray, Source, Step


@dataclass(frozen=True)
class Trained:
    """The result of a run. probe: phase 1's layer on the PRETRAINED features, None without a phase 1.

    words (K, D): toward which the probe was pulled, None for toward zero.
    """

    classifier: Classifier
    probe: nn.Linear | None
    phases: tuple[PhaseDone, ...]
    decisions: tuple[Decision, ...]
    words: Tensor | None = None


def train(
    *,
    backbone: Backbone,
    files: Sequence[Source],
    y: IntArray,
    classes: Sequence[str],
    x: FloatArray,
    config: TrainConfig,
    device: torch.device,
    check: CheckSet | None = None,
    pool_files: Sequence[Source] = (),
    folder: Path | None = None,
    checkpoint_every: float = 30.0,
    reuse: Path | None = None,
    unlabelled: Sequence[Source] = (),
    unlabelled_x: FloatArray | None = None,
    groups: IntArray | None = None,
    other: int = -1,
    words: Tensor | None = None,
    others: Sequence[torch.device] = (),
) -> Step[Trained]:
    """Train a classifier on n labelled images, phase after phase. ``backbone`` is finetuned in place.

    files n; y (n,) indexes ``classes``; x (n, D): pretrained pooled features of the files. check: held-out
    labels, measured but never trained on: the last weights count, not the best on these. pool_files: images of the
    pool for the statistics of phase 3. unlabelled: those that may be learned from, with their pretrained features
    unlabelled_x (m, D), without which no frozen features of the pool are learned from. folder: where checkpoints lie,
    ``checkpoint_every`` seconds apart; one of the same labels and options is continued. reuse: where finished
    phases 2 are kept, each bound to labels and options. groups (n,): what belongs together. other: the class
    that holds what fits no other one, -1 for none. words (K, D), others: see ``TrainingInputs``. InputError.
    """
    check_input(files, y, classes, x)
    check_adapters(backbone, config)
    mark = _mark(backbone, files, y, classes, config, device, groups, other, words)
    inputs = TrainingInputs(
        files=tuple(files),
        y=torch.as_tensor(y).long(),
        classes=tuple(classes),
        x=torch.as_tensor(x).float(),
        check=check if check is not None and len(check.y) else None,
        pool_files=tuple(pool_files),
        config=config,
        device=device,
        checkpoint=Checkpoint(folder, mark, checkpoint_every),
        reuse=reuse,
        unlabelled=tuple(unlabelled),
        pool_x=torch.zeros(0, backbone.dim) if unlabelled_x is None else torch.as_tensor(unlabelled_x).float(),
        pretrained=weights_of(backbone) if "st" in config.phases else {},
        groups=groups,
        other=other,
        words=words,
        others=tuple(others),
        crew=Crew((device, *others), FOLLOW) if others else None,
    )
    state = restore(inputs, backbone.to(device).eval())  # with the phases that an interrupted run finished
    inputs = yield from with_words(inputs, state)
    with inputs.crew or nullcontext():
        yield from _phases(inputs, state)
    return trained_of(inputs, state)


def bound_options(config: TrainConfig) -> dict[str, Any]:
    """The options that a checkpoint is bound to, in the words of the versions that knew fewer: theirs are continued.

    An option that is new is left out here at its usual value (``tests/finetune/test_pipeline.py`` holds the list).
    """
    plain = to_dict(config)
    del plain["lp"]["words"]  # the words themselves are in the mark, where some count
    del plain["view"]  # what the network sees is in its preprocessing
    if "st" not in config.phases or (config.st.rounds, config.st.names) == (1, "network"):
        plain["recipe"] = config.recipe if "st" not in config.phases else config.recipe.removesuffix("+")
        del plain["st"]["rounds"], plain["st"]["names"]
    if not config.lm.pool:
        del plain["lm"]["pool"]
    for name in ("lora_rslora", "lora_dora", "few_lr"):
        if getattr(config.ff, name) == getattr(FfConfig, name):
            del plain["ff"][name]
    if not config.deterministic:
        del plain["deterministic"]
    return plain


def _phases(inputs: TrainingInputs, state: TrainingState) -> Step[None]:
    """The phases that are left to do, with a checkpoint behind each."""
    if state.done:
        yield Log(f"Going on after: {', '.join(PHASES[each.phase].title for each in state.done)}.")
    for name in inputs.config.phases[len(state.done) :]:
        state.done.append((yield from _one_phase(inputs, state, name)))
        yield state.done[-1]
        keep(inputs, state)
        inputs.checkpoint.drop(name)  # what it held while under way
        yield Saved(name, state.done[-1].steps)


def _one_phase(inputs: TrainingInputs, state: TrainingState, name: str) -> Step[PhaseDone]:
    """The function that ``choices.PHASES`` names for it: it changes ``state``. ImageError names the labelled file."""
    try:
        if name != "lp" and "lm" in inputs.config.phases:
            yield from light.prepare(inputs, state)
        inputs.checkpoint.begin(name)
        done: PhaseDone = yield from resolve(named(PHASES, name, "phase").target)(inputs, state, name)
    except ImageError as error:
        checked = inputs.check.files if inputs.check is not None else ()
        raise _named(error, [*inputs.files, *checked]) from error
    return replace(done, interrupted=done.interrupted or inputs.checkpoint.went_on())


def _mark(
    backbone: Backbone,
    files: Sequence[Source],
    y: IntArray,
    classes: Sequence[str],
    config: TrainConfig,
    device: torch.device,
    groups: IntArray | None,
    other: int,
    words: Tensor | None,
) -> str:
    """What a checkpoint is bound to. What came with a later version is left out where it is not used: marks stay."""
    pre = backbone.preprocess
    seen = [list(each) for each in pre.ranges]  # nothing where no image is deep
    about = [bound_options(config), backbone.key, device.type, *([seen] if seen else [])]
    about += [pre.view] if pre.view != "crop" else []
    about += [] if groups is None else [groups.tolist()]
    about += [] if other < 0 else [{"other": other}]
    about += [] if words is None or config.lp.words == "none" else [{"words": words.tolist()}]
    return fingerprint(files, y.tolist(), classes, *about)


def trained_of(inputs: TrainingInputs, state: TrainingState) -> Trained:
    """The classifier of the last phase, on the CPU, in eval mode."""
    final = inputs.config.phases[-1]
    heads = dict(state.heads) or {final: _need(state.probe)}
    probe = state.probe if state.heads else None
    classifier = Classifier(state.backbone, heads, final, inputs.classes, probe)
    classifier.cpu().eval().requires_grad_(False)
    return Trained(classifier, state.probe, tuple(state.done), tuple(state.decisions), inputs.words)


def check_input(files: Sequence[Source], y: IntArray, classes: Sequence[str], x: FloatArray) -> None:
    """Say in words why nothing can be learned, before any work is done."""
    if not len(y):
        raise InputError("There are no labels to learn from", do="Label some images of at least two classes.")
    if not len(files) == len(y) == len(x):
        raise InputError("Files, labels and features differ in number", f"{len(files)}, {len(y)} and {len(x)}")
    if y.min() < 0 or y.max() >= len(classes):
        raise InputError("A label is of an unknown class", f"class {int(y.max())} of {len(classes)}")
    if len(set(y.tolist())) == 1:
        raise InputError(
            f"All {len(y)} labels are of one class ({classes[int(y[0])]})" if len(y) > 1 else "There is only one label",
            do="Label at least one image of a second class.",
        )
    broken = [file.name for file, row in zip(files, x, strict=True) if not math.isfinite(float(row.sum(dtype="f8")))]
    if broken:
        raise InputError(
            "The features of some images are not numbers",
            f"{len(broken)} images, the first is {broken[0]}",
            "Delete the project's cache folder, so that features are computed again, or choose another backbone.",
        )


def check_adapters(backbone: Backbone, config: TrainConfig) -> None:
    """ConfigError where prompts or prefixes of the recipe do not fit the backbone."""
    for phase in config.phases:
        about = adapters.planned(phase, config.ff)
        if about is not None:
            adapters.check(backbone, about)


def _named(error: ImageError, files: Sequence[Source]) -> ImageError:
    """The same error with the name of the one of these files that cannot be decoded any more."""
    for file in files:
        try:
            decode(file)
        except ImageChanged as found:
            return ImageChanged(f"A labelled image cannot be used: {found.what}", str(file), "Scan, then train anew.")
        except ImageError as found:
            return ImageError(f"A labelled image cannot be read: {found.what}", str(file), "Put it back and resume.")
    return error  # an image of the pool: resumed, the run goes on without it


def _need(probe: nn.Linear | None) -> nn.Linear:
    assert probe is not None, "a recipe has at least one phase"
    return probe
