"""Which part of a picture a network sees."""

from fact_core.choices.choice import Choice

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
