"""Which part of a picture a network sees."""

from __future__ import annotations

from fact_core.choices.any_timm import backbone_choice, is_of_timm
from fact_core.choices.backbones import BACKBONES
from fact_core.choices.choice import TIMM, Choice, named
from fact_core.errors import ConfigError

AUTO = "auto"  # the view of the backbone's family
AUTO_VIEW = Choice("Automatic", "What was measured to suit the backbone: the centre, so far, for all of them.", "")

VIEWS: dict[str, Choice] = {
    "crop": Choice(
        "Centre",
        "The square of the centre, as published: of a 4:3 photo 57 %.",
        "fact_core.compute.views:crop",
    ),
    "squash": Choice(
        "Squashed",
        "The whole picture, made square.",
        "fact_core.compute.views:squash",
        "Proportions are lost.",
    ),
    "whole": Choice(
        "Whole",
        "The whole picture at its own proportions.",
        "fact_core.compute.views:whole",
        "More time for long pictures; of those over 3:1 the middle is seen.",
    ),
}

#: What ``auto`` is, by how the name of a backbone begins; "" stands for all others. No other view was proved to be
#: better than the published crop: see "What the network sees of a picture" in RESULTS.md.
FAMILY_VIEWS: dict[str, str] = {"": "crop"}


def view_for(name: str, backbone: str) -> str:
    """The view of that name, or of the backbone's family for ``auto``.

    ConfigError when there is no such view, or the backbone needs pictures of one shape.
    """
    if name == AUTO:
        family = backbone.removeprefix(TIMM)
        return FAMILY_VIEWS[max((start for start in FAMILY_VIEWS if family.startswith(start)), key=len)]
    named(VIEWS, name, "view")
    known = name == "whole" and (backbone in BACKBONES or is_of_timm(backbone))
    if known and not (choice := backbone_choice(backbone)).any_shape:
        raise ConfigError(f"{choice.title} needs pictures of one shape", "You chose the view whole.", "Choose squash.")
    return name
