"""A training run: the phases of a recipe one after the other, with a checkpoint behind each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fact_core.backbones import Backbone, adapters
from fact_core.choices import PHASES, pick, resolve
from fact_core.classifier.model import Classifier
from fact_core.config import TrainConfig, to_dict
from fact_core.errors import ImageError, InputError
from fact_core.events import Decision, Log, PhaseDone, Saved
from fact_core.finetune import light, weight_mix
from fact_core.finetune.checkpoint import Checkpoint, fingerprint
from fact_core.finetune.training import weights_of
from fact_core.finetune.training_run import CheckSet, Work, linear
from fact_core.images.decode import decode
from fact_core.lightweight.light import LightHead, LightPlan
from fact_core.types import FloatArray, IntArray, Step

FINISHED = "finished"  # the checkpoint's part that holds all finished phases


@dataclass(frozen=True)
class Trained:
    """The result of a run. probe: phase 1's layer on the PRETRAINED features, None without a phase 1."""

    classifier: Classifier
    probe: nn.Linear | None
    phases: tuple[PhaseDone, ...]
    decisions: tuple[Decision, ...]


def train(
    *,
    backbone: Backbone,
    files: Sequence[Path],
    y: IntArray,
    classes: Sequence[str],
    x: FloatArray,
    config: TrainConfig,
    device: torch.device,
    check: CheckSet | None = None,
    pool_files: Sequence[Path] = (),
    folder: Path | None = None,
    checkpoint_every: float = 30.0,
    reuse: Path | None = None,
    unlabelled: Sequence[Path] = (),
) -> Step[Trained]:
    """Train a classifier on n labelled images. ``backbone`` is finetuned in place.

    files n, y (n,) indexes ``classes``, x (n, D): pretrained pooled features of the files.
    check: held-out labels, measured but never trained on. pool_files: some images of the pool
    for the statistics of phase 3. folder: where checkpoints lie, at most ``checkpoint_every``
    seconds of work apart; one of the same labels and options is continued. reuse: where finished
    phases 2 are kept, each bound to its labels and options, and taken over from. unlabelled: images of
    the pool for self-training. The last weights count, never the best on the check images. InputError:
    nothing to learn from.
    """
    check_input(files, y, classes, x)
    check_adapters(backbone, config)
    mark = fingerprint(files, y.tolist(), classes, to_dict(config), backbone.key, device.type)
    work = Work(
        backbone=backbone.to(device).eval(),
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
        pretrained=weights_of(backbone) if "st" in config.phases else {},
    )
    done = restore(work)  # phases that an interrupted run finished
    if done:
        yield Log(f"Going on after: {', '.join(PHASES[each.phase].title for each in done)}.")
    for name in config.phases[len(done) :]:
        try:
            if name != "lp" and "lm" in config.phases:
                yield from light.prepare(work)
            work.checkpoint.begin(name)
            phase = yield from resolve(pick(PHASES, name, "phase").target)(work, name)
        except ImageError as error:
            raise _named(error, work) from error
        phase = replace(phase, interrupted=phase.interrupted or work.checkpoint.went_on())
        done.append(phase)
        yield phase
        keep(work, done)
        work.checkpoint.drop(name)  # what it held while under way
        yield Saved(name, phase.steps)
    return finish(work, done)


def finish(work: Work, done: Sequence[PhaseDone]) -> Trained:
    """The classifier of the last phase, on the CPU, in eval mode."""
    final = work.config.phases[-1]
    heads = dict(work.heads) or {final: _need(work.probe)}
    probe = work.probe if work.heads else None
    classifier = Classifier(work.backbone, heads, final, work.classes, probe)
    return Trained(classifier.cpu().eval().requires_grad_(False), work.probe, tuple(done), tuple(work.decisions))


def check_input(files: Sequence[Path], y: IntArray, classes: Sequence[str], x: FloatArray) -> None:
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


def keep(work: Work, done: Sequence[PhaseDone]) -> None:
    """Put all finished phases into the checkpoint."""
    modules: dict[str, nn.Module] = {f"head.{name}": head for name, head in work.heads.items()}
    if any(each.phase not in ("lp", "lm") for each in done):
        modules["backbone"] = work.backbone
    if work.probe is not None:
        modules["probe"] = work.probe
    tensors = {f"{name}:{key}": each for name, module in modules.items() for key, each in module.state_dict().items()}
    heads = {name: head.config() for name, head in work.heads.items() if isinstance(head, LightHead)}
    values: dict[str, Any] = {
        "step": done[-1].steps,
        "done": [asdict(each) for each in done],
        "decisions": [asdict(each) for each in work.decisions],
        "light": heads,
        # Also here: with phase 2 done it could not be decided again, for the features have seen the labels.
        "light_plan": work.light_plan.to_dict() if work.light_plan is not None else None,
        "light_seconds": work.light_seconds,
    }
    work.checkpoint.save(FINISHED, tensors, values, finished=True)


def restore(work: Work) -> list[PhaseDone]:
    """Take up the finished phases of an interrupted run."""
    stored = work.checkpoint.finished(FINISHED)
    if stored is None:
        return []
    for name in (each["phase"] for each in stored.values["done"]):
        about = adapters.planned(name, work.config.ff)
        if about is not None and not weight_mix.given_up(stored.values["decisions"]):
            adapters.add(work.backbone, about, work.generator(name))  # the tensors below replace what is drawn
    states: dict[str, dict[str, Tensor]] = {}
    for name, tensor in stored.tensors.items():
        module, _, key = name.partition(":")
        states.setdefault(module, {})[key] = tensor
    for module, state in states.items():
        kind, _, phase = module.partition(".")
        if kind == "backbone":
            work.backbone.load_state_dict(state)
        elif kind == "probe":
            work.probe = linear(state["weight"], state["bias"])
        elif phase in stored.values["light"]:
            head = LightHead.from_config(stored.values["light"][phase])
            head.load_state_dict(state)
            work.heads[phase] = head.to(work.device).eval().requires_grad_(False)
        else:
            work.heads[phase] = linear(state["weight"], state["bias"]).to(work.device)
    work.decisions = [Decision(**each) for each in stored.values["decisions"]]
    if stored.values["light_plan"] is not None:
        work.light_plan = LightPlan.from_dict(stored.values["light_plan"])
    work.light_seconds = stored.values["light_seconds"]
    return [PhaseDone(**each) for each in stored.values["done"]]


def _named(error: ImageError, work: Work) -> ImageError:
    """The same error with the name of the file that cannot be decoded any more."""
    for file in [*work.files, *(work.check.files if work.check is not None else ())]:
        try:
            decode(file)
        except ImageError as found:
            return ImageError(f"A labelled image cannot be read: {found.what}", str(file), "Put it back and resume.")
    return error  # an image of the pool: resumed, the run goes on without it


def _need(probe: nn.Linear | None) -> nn.Linear:
    assert probe is not None, "a recipe has at least one phase"
    return probe
