"""The finished phases of a training run in its checkpoint: a resumed run goes on behind them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from torch import Tensor, nn

from fact_core.backbones import Backbone, adapters
from fact_core.events import Decision, PhaseDone
from fact_core.finetune import weight_mix
from fact_core.finetune.training_run import TrainingInputs, TrainingState, linear
from fact_core.lightweight.light import LightHead, LightPlan

FINISHED = "finished"  # the checkpoint's part that holds all finished phases


def keep(inputs: TrainingInputs, state: TrainingState) -> None:
    """Put all finished phases into the checkpoint."""
    modules: dict[str, nn.Module] = {f"head.{name}": head for name, head in state.heads.items()}
    if any(each.phase not in ("lp", "lm") for each in state.done):
        modules["backbone"] = state.backbone
    if state.probe is not None:
        modules["probe"] = state.probe
    tensors = {f"{name}:{key}": each for name, module in modules.items() for key, each in module.state_dict().items()}
    heads = {name: head.config() for name, head in state.heads.items() if isinstance(head, LightHead)}
    values: dict[str, Any] = {
        "step": state.done[-1].steps,
        "done": [asdict(each) for each in state.done],
        "decisions": [asdict(each) for each in state.decisions],
        "light": heads,
        # Also here: with phase 2 done it could not be decided again, for the features have seen the labels.
        "light_plan": state.light_plan.to_dict() if state.light_plan is not None else None,
        "light_seconds": state.light_seconds,
        "pixels": state.backbone.preprocess.pixels,
    }
    inputs.checkpoint.save(FINISHED, tensors, values, finished=True)


def restore(inputs: TrainingInputs, backbone: Backbone) -> TrainingState:
    """The state after the finished phases of an interrupted run; without any that of the beginning.

    backbone: the pretrained one; its weights are replaced in place.
    """
    state, stored = TrainingState(backbone), inputs.checkpoint.finished(FINISHED)
    if stored is None:
        return state
    values = stored.values
    for name in (each["phase"] for each in values["done"]):
        about = adapters.planned(name, inputs.config.ff)
        if about is not None and not weight_mix.given_up(values["decisions"]):
            adapters.add(backbone, about, inputs.generator(name))  # the tensors below replace what is drawn
    modules: dict[str, dict[str, Tensor]] = {}
    for name, tensor in stored.tensors.items():
        module, _, key = name.partition(":")
        modules.setdefault(module, {})[key] = tensor
    for module, weights in modules.items():
        kind, _, phase = module.partition(".")
        if kind == "backbone":
            backbone.load_state_dict(weights)
        elif kind == "probe":
            state.probe = linear(weights["weight"], weights["bias"])
        elif phase in values["light"]:
            head = LightHead.from_config(values["light"][phase])
            head.load_state_dict(weights)
            state.heads[phase] = head.to(inputs.device).eval().requires_grad_(False)
        else:
            state.heads[phase] = linear(weights["weight"], weights["bias"]).to(inputs.device)
    if "pixels" in values:  # earlier versions saw all at the backbone's own side
        backbone.preprocess = backbone.preprocess.at(values["pixels"])
    state.decisions = [Decision(**each) for each in values["decisions"]]
    if values["light_plan"] is not None:
        state.light_plan = LightPlan.from_dict(values["light_plan"])
    state.light_seconds = values["light_seconds"]
    state.done = [PhaseDone(**each) for each in values["done"]]
    return state
