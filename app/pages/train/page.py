"""Page 4: one button trains; charts that grow; the settings, earlier runs, and what happens now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr

from app.shell.forms import Form, form, piece
from app.shell.server import Server
from app.shell.text import sentences
from fact_core.choices import (
    BACKBONES,
    DEFAULT_BACKBONE,
    PRESETS,
    RECIPES,
    HasTitle,
    backbone_choice,
    unfit_recipes,
    used_networks,
)
from fact_core.choices.devices import ALL_GPUS
from fact_core.config import TrainConfig, options, train_config, value_of
from fact_core.pretrained import weights
from fact_core.pretrained.weights import WeightsStatus

MAIN = ("recipe", "preset", "backbone")
#: (sentence, prefix of the options' names) of each fold under "More options"
FOLDS = (
    ("train.more_lp", "lp."),
    ("train.more_ff", "ff."),
    ("train.more_st", "st."),
    ("train.more_lm", "lm."),
    ("train.more_all", ""),
)
#: The choice of a selection is made on the Label page.
HIDDEN = ("selection",)
START_PRESET = "standard"
CHOICES: Mapping[str, Mapping[str, HasTitle]] = {"recipe": RECIPES, "preset": PRESETS, "backbone": BACKBONES}


def build(server: Server) -> None:
    """Head, then three panes: settings and earlier runs; phases and charts; now and log."""
    text = sentences()
    piece("train-head", elem_id="train-head")
    with gr.Row(elem_id="train-panes", elem_classes=["fs-panes"]):
        with gr.Column(elem_classes=["fs-pane", "train-left"]):
            piece("train-settings")
            settings = _settings(text)
            _only_what_is_there(settings, server.gpus)
            piece("train-runs", elem_id="train-earlier")
        piece("train-charts", elem_id="train-middle", elem_classes=["fs-pane"])
        piece("train-now", elem_id="train-right", elem_classes=["fs-pane"])
    # The button of the head presses this one: the form's values are only known to Gradio.
    go = gr.Button("", visible="hidden", elem_id="train-go")
    # The other way round: the form shows the settings of the run that is shown.
    fill = gr.Button("", visible="hidden", elem_id="train-fill")
    names = json.dumps(list(settings.names))
    own = {each: own_of(each) for each in PRESETS}
    known = json.dumps({"own": own, "plain": plain_values(), "fit": fits(), "free": free_values()})
    _take_efforts(settings)
    fill.click(
        None, settings.inputs, settings.inputs, js=f"(...values) => FactStudio.train.fill({names}, values, {known})"
    )
    go.click(None, settings.inputs, js=f"(...values) => {{ FactStudio.train.submit({names}, values); }}")
    chosen = [settings.dropdown(name) for name in ("recipe", "backbone")]
    for each in chosen:
        each.change(None, chosen, js=f"(recipe, backbone) => {{ FactStudio.train.choose(recipe, backbone, {known}); }}")
    # Whatever is changed, how long it takes changes; the values are weighed when the person has stopped.
    weigh = f"(...values) => {{ FactStudio.train.weigh({names}, values); }}"
    gr.on([each.change for each in settings.components], None, settings.inputs, js=weigh)  # type: ignore[attr-defined]
    # Pressed when a backbone's weights have come or gone: the list says which are here.
    nets = gr.Button("", visible="hidden", elem_id="train-nets")
    nets.click(partial(_with_weights, text), None, chosen[1], show_progress="hidden")


def _settings(text: dict[str, str]) -> Form:
    """The form: three choices, everything else under "More options".

    A preset fills in its values, those for the chosen backbone; another backbone only those that depend on it.
    """
    start = values_of(START_PRESET)
    with gr.Column(elem_id="train-form", elem_classes=["fs-form"]):
        parts = [form(TrainConfig, MAIN[:1], start)]
        piece("train-recipes")
        parts.append(form(TrainConfig, MAIN[1:2], start))
        piece("train-efforts")
        parts.append(form(TrainConfig, MAIN[2:], start))
        main = Form(MAIN, tuple(component for part in parts for component in part.components))
        for name, component in zip(MAIN, main.components, strict=True):
            component.info = help_of(name, str(start[name]))
        with gr.Accordion(text["train.more"], open=False, elem_id="train-more"):
            for title, prefix in FOLDS:
                with gr.Accordion(text[title], open=False, elem_id=f"train-fold-{prefix.strip('.') or 'all'}"):
                    parts.append(form(TrainConfig, fold_names(prefix), start))
    _say_what(main)
    names = tuple(name for part in parts for name in part.names)
    whole = Form(names, tuple(component for part in parts for component in part.components))
    # What the list of recipes presses: as if the person had chosen the recipe in its field.
    button, recipe = gr.Button("", visible="hidden", elem_id="train-recipe"), whole.dropdown("recipe")
    button.click(None, recipe, recipe, js="(recipe) => FactStudio.train.wantedRecipe() || recipe")
    return whole


def _only_what_is_there(settings: Form, gpus: int) -> None:
    """All GPUs are offered where there are several. A run from another machine that took them shows it all the same."""
    device = settings.dropdown("device")
    if gpus < 2:
        device.choices = [each for each in device.choices if each[1] != ALL_GPUS]


def _take_efforts(settings: Form) -> None:
    """An effort fills in its values, those for the chosen backbone; another backbone only those that depend on it.

    The browser knows them all: they are there at once, and what is typed next is not overwritten by an answer that
    comes late. A hidden button is what the list of efforts presses: as if the person had chosen it in its field.
    """
    preset, backbone = settings.dropdown("preset"), settings.dropdown("backbone")
    rest = [name for name in settings.names if name not in MAIN]
    values = {each: dict(zip(rest, common_values(rest, each), strict=True)) for each in PRESETS}
    known = json.dumps({"values": values, "own": {each: own_of(each) for each in PRESETS}})
    button = gr.Button("", visible="hidden", elem_id="train-effort")
    for chosen, call, changed in (
        (preset.input, "effort", rest),
        (backbone.input, "effort", own_names()),
        (button.click, "wantedEffort", rest),
    ):
        outputs = [settings.components[settings.names.index(name)] for name in changed]
        js = f"(preset, backbone) => FactStudio.train.{call}({json.dumps(changed)}, preset, backbone, {known})"
        chosen(None, [preset, backbone], [preset, *outputs] if call == "wantedEffort" else outputs, js=js)


def _say_what(main: Form) -> None:
    """The sentence above each of the three choices is that of what is chosen."""
    for name in main.names:
        component = main.dropdown(name)
        component.change(partial(_with_help, name), component, component, show_progress="hidden")


def _with_help(name: str, chosen: str) -> dict[str, Any]:
    return gr.update(info=help_of(name, chosen))


def help_of(name: str, chosen: str) -> str:
    """What a recipe, effort or backbone is, in its own words."""
    if name == "backbone" and chosen in used_networks():
        return backbone_choice(chosen).help
    return CHOICES[name][chosen].help if chosen in CHOICES[name] else ""


def _with_weights(text: dict[str, str]) -> dict[str, Any]:
    names = (*BACKBONES, *used_networks())
    return gr.update(choices=[(backbone_title(name, weights.status(name), text), name) for name in names])


def backbone_title(name: str, here: WeightsStatus, text: Mapping[str, str]) -> str:
    """A backbone in the list: its title, and what it lacks before it can be trained."""
    title = backbone_choice(name).title
    if here.ready:
        return title
    return text["train.needs_download" if here.download_bytes else "train.needs_file"].format(backbone=title)


def fits() -> dict[str, dict[str, Any]]:
    """Recipe -> its phases, the backbones that cannot be trained by it, and the options that it fixes."""
    return {
        recipe: {
            "phases": each.phases,
            "never": [name for name in BACKBONES if recipe in unfit_recipes(name)],
            "fixes": list(each.values),
        }
        for recipe, each in RECIPES.items()
    }


def free_values() -> dict[str, dict[str, Any]]:
    """Effort -> what it gives each option that some recipe fixes, for the recipes that do not."""
    names = list(dict.fromkeys(name for each in RECIPES.values() for name in each.values))
    return {effort: dict(zip(names, common_values(names, effort), strict=True)) for effort in PRESETS}


def fold_names(prefix: str) -> tuple[str, ...]:
    """The options of one fold: of a group ("ff."), or the plain ones that are not asked at the top ("")."""
    names = (name for name, _ in options(TrainConfig) if name not in MAIN + HIDDEN)
    return tuple(name for name in names if (name.startswith(prefix) if prefix else "." not in name))


def values_of(preset: str, backbone: str = DEFAULT_BACKBONE) -> dict[str, Any]:
    """The value of every option under a preset."""
    config = train_config(preset, backbone=backbone)
    return {name: value_of(config, name) for name, _ in options(TrainConfig)}


def own_names() -> list[str]:
    """The options to which some preset gives values that depend on the backbone."""
    return list(dict.fromkeys(name for each in PRESETS.values() for own in each.by_backbone.values() for name in own))


def own_of(preset: str) -> dict[str, dict[str, Any]]:
    """Backbone -> the preset's values of these options."""
    names = own_names()
    return {backbone: dict(zip(names, preset_values(names, preset, backbone), strict=True)) for backbone in BACKBONES}


def common_values(names: Sequence[str], preset: str) -> list[Any]:
    """The preset's values for a backbone that it has no values of its own for, in the order of ``names``."""
    values, plain, common = values_of(preset), plain_values(), PRESETS[preset].values_for("")
    return [common.get(name, plain[name]) if name in own_names() else values[name] for name in names]


def plain_values() -> dict[str, Any]:
    """The value of every option that nobody has set: what a run has that was stored before the option came."""
    config = TrainConfig()
    return {name: value_of(config, name) for name, _ in options(TrainConfig)}


def preset_values(names: Sequence[str], preset: str, backbone: str) -> list[Any]:
    """The preset's values for a backbone in the order of ``names``."""
    known = backbone in BACKBONES or backbone in used_networks()
    values = values_of(preset if preset in PRESETS else START_PRESET, backbone if known else DEFAULT_BACKBONE)
    return [values[name] for name in names]
