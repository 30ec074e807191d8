"""Every choice of the program: a name in a literal dict.

Nothing here imports torch. ``target`` ("module:function") is resolved only where the
work is done, so the page can show every choice at once. To add one, write the function
and its line in the file of this folder; ``tests/test_contracts.py`` and the tests beside each kind run over it.
"""

from __future__ import annotations

from fact_core.choices.any_timm import backbone_choice, canonical, is_of_timm, plain_name, used_networks
from fact_core.choices.backbones import BACKBONES, DEFAULT_BACKBONE
from fact_core.choices.choice import (
    TIMM,
    BackboneChoice,
    Choice,
    ExportChoice,
    GroupingChoice,
    HasTitle,
    PresetChoice,
    RecipeChoice,
    Source,
    StrategyChoice,
    named,
    resolve,
)
from fact_core.choices.groupings import GROUPINGS
from fact_core.choices.strategies import STRATEGIES
from fact_core.choices.text_sides import TEXT_SIDES, TextSide
from fact_core.choices.training import FROFA, PHASES, PRESETS, RECIPES
from fact_core.choices.views import AUTO, AUTO_VIEW, FAMILY_VIEWS, VIEWS, view_for
from fact_core.errors import ConfigError

__all__ = [
    "AUTO",
    "AUTO_VIEW",
    "BACKBONES",
    "DEFAULT_BACKBONE",
    "EXPORTS",
    "FAMILY_VIEWS",
    "FROFA",
    "GROUPINGS",
    "PHASES",
    "PRESETS",
    "RECIPES",
    "STRATEGIES",
    "TEXT_SIDES",
    "TIMM",
    "VIEWS",
    "BackboneChoice",
    "Choice",
    "ExportChoice",
    "GroupingChoice",
    "HasTitle",
    "PresetChoice",
    "RecipeChoice",
    "Source",
    "StrategyChoice",
    "TextSide",
    "adapter_error",
    "backbone_choice",
    "canonical",
    "check_fit",
    "is_of_timm",
    "named",
    "norms_error",
    "one_shot",
    "plain_name",
    "resolve",
    "unfit_recipes",
    "used_networks",
    "view_for",
]

#: In the order in which they are written: "model" stays first, it wants a new folder. The others write by
#: ``files.write_text``, which makes it. target: (project, training run, folder) -> a step that gives the files' names.
EXPORTS: dict[str, ExportChoice] = {
    "model": ExportChoice(
        "Model folder", "safetensors, ONNX, predict.py, model card", "fact_core.work.export:model_into"
    ),
    "predictions": ExportChoice(
        "Predictions", "one row an image, CSV", "fact_core.work.export:predictions_into", needs_predictions=True
    ),
    "probabilities": ExportChoice(
        "Probabilities",
        "predictions with a column for each class, CSV",
        "fact_core.work.export:probabilities_into",
        needs_predictions=True,
    ),
    "labels": ExportChoice("Labels", "what you labeled, CSV", "fact_core.work.export:labels_into"),
    "finished": ExportChoice(
        "Finished folder", "every image with its label, yours or accepted, CSV", "fact_core.work.export:finished_into"
    ),
}


def one_shot() -> tuple[str, ...]:
    """Strategies that need no labels."""
    return tuple(name for name, each in STRATEGIES.items() if not each.needs_labels)


def check_fit(recipe: str, backbone: str) -> None:
    """ConfigError in words when a phase of the recipe cannot work with the backbone."""
    for phase in named(RECIPES, recipe, "recipe").phases:
        if phase in ("prompt", "prefix") and not backbone_choice(backbone).prompts:
            raise adapter_error(phase, backbone)
        if phase in ("ln", "bitfit") and not backbone_choice(backbone).layer_norms:
            raise norms_error(phase, backbone)


def norms_error(phase: str, backbone: str) -> ConfigError:
    """LayerNorm tuning or BitFit does not fit a backbone: which ones it does fit."""
    fitting = [name for name, each in BACKBONES.items() if each.layer_norms]
    return _unfit(phase, backbone, "a network with layer norms", ", which has norms over the batch", fitting)


def adapter_error(phase: str, backbone: str) -> ConfigError:
    """Prompts or prefixes do not fit a backbone: which ones they do fit."""
    fitting = [name for name, each in BACKBONES.items() if each.prompts]
    return _unfit(phase, backbone, "a plain vision transformer", "", fitting)


def _unfit(phase: str, backbone: str, needed: str, what: str, fitting: list[str]) -> ConfigError:
    title = BACKBONES[backbone].title if backbone in BACKBONES else backbone
    listed = ", ".join(f"{BACKBONES[name].title} ({name})" for name in fitting)
    return ConfigError(
        f"{PHASES[phase].title} needs {needed}",
        f"You chose {title}{what}.",
        f"Choose another recipe, or one of these backbones: {listed}.",
    )


def unfit_recipes(backbone: str) -> list[str]:
    """The recipes of which a phase cannot work with the backbone."""
    found = []
    for recipe in RECIPES:
        try:
            check_fit(recipe, backbone)
        except ConfigError:
            found.append(recipe)
    return found
