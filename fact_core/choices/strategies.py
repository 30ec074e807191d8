"""How the images to label are chosen. To add a strategy, write the function and one line here.

A strategy is ``select(x, budget, labeled_rows, labeled_y, rng, **options) -> Step[Picks]``: features [N,D] in,
row numbers in labeling order out; see ``fact_core.select.picks``. It is run through ``fact_core.select.choose``.

What a strategy says of itself here (``StrategyChoice``) is what ``tests/test_contracts.py`` holds it to. One that
learns from labels says in its help how it chooses the first images ("second round", or "approximation" of what it is
called after; ``tests/select/test_labels.py``). An option of its own is a field of ``SelectConfig`` that
``for_strategies`` names; it comes in ``**options``.
"""

from __future__ import annotations

from fact_core.choices.choice import StrategyChoice

STRATEGIES: dict[str, StrategyChoice] = {
    "activeft": StrategyChoice(
        "ActiveFT",
        "Picks images that together look like the whole pool, spread out, without near repeats.",
        "fact_core.select.activeft:select",
    ),
    "random": StrategyChoice(
        "Random",
        "Draws images by lot. The yardstick that every strategy has to beat.",
        "fact_core.select.random:select",
        prefix=True,
        covers=False,
    ),
    "kmeans": StrategyChoice(
        "k-means",
        "Sorts the pool into as many groups as you label images and picks the middle one of each.",
        "fact_core.select.kmeans:select",
    ),
    "kcenter": StrategyChoice(
        "k-center",
        "Picks each next image as unlike all picked ones as possible: finds the odd ones out first.",
        "fact_core.select.kcenter:select",
        prefix=True,
        chance=False,
    ),
    "typiclust": StrategyChoice(
        "TypiClust",
        "Sorts the pool into groups and picks the most typical image of each: good with very few labels.",
        "fact_core.select.typiclust:select",
    ),
    "probcover": StrategyChoice(
        "ProbCover",
        "Picks, one by one, the image with the most look-alikes that no pick stands for yet. Good with few labels.",
        "fact_core.select.probcover:select",
        prefix=True,
        most=50_000,
    ),
    "maxherding": StrategyChoice(
        "MaxHerding",
        "Picks, one by one, the image that makes the picks resemble the whole pool most. Nothing is left to chance.",
        "fact_core.select.herding:maxherding",
        prefix=True,
        chance=False,
        most=50_000,
    ),
    "facility": StrategyChoice(
        "Facility location",
        "Picks images so that every image of the pool has a picked one that is like it.",
        "fact_core.select.facility:select",
        prefix=True,
        chance=False,
        most=50_000,
    ),
    "bilaf": StrategyChoice(
        "BiLAF",
        "Picks some typical images by ActiveFT, then images at the borders between their groups.",
        "fact_core.select.bilaf:select",
        covers=False,
    ),
    "margin": StrategyChoice(
        "Margin",
        "Picks images that lie between two classes, judged by the labels so far. For a second round.",
        "fact_core.select.uncertainty:margin",
        prefix=True,
        chance=False,
        needs_labels=True,
    ),
    "entropy": StrategyChoice(
        "Entropy",
        "Picks images whose class is most open, judged by the labels so far. For a second round.",
        "fact_core.select.uncertainty:entropy",
        prefix=True,
        chance=False,
        needs_labels=True,
    ),
    "uherding": StrategyChoice(
        "UHerding",
        "Like MaxHerding, where images whose class is unsure count more. For a second round.",
        "fact_core.select.herding:uherding",
        most=50_000,
        needs_labels=True,
    ),
    "next": StrategyChoice(
        "Label next",
        "For a second round: picks images that the trained model is unsure of, unlike each other and the labeled ones.",
        "fact_core.select.label_next:select",
        most=50_000,
        needs_labels=True,
        answers=True,
    ),
    "alfamix": StrategyChoice(
        "ALFA-Mix",
        "Picks images whose class changes when they are mixed a little with labeled ones. For a second round.",
        "fact_core.select.alfamix:select",
        most=250_000,
        needs_labels=True,
    ),
    "vecaf": StrategyChoice(
        "VeCAF",
        "ActiveFT where images that the trained model is unsure of count more, each drawn to the name of the class "
        "that it seems to have. For a second round.",
        "fact_core.select.vecaf:select",
        needs_labels=True,
        answers=True,
        words=True,
    ),
    "vecaf-lite": StrategyChoice(
        "VeCAF-lite",
        "ActiveFT where unsure images count more; an approximation of VeCAF that reads no names.",
        "fact_core.select.vecaf:lite",
        needs_labels=True,
    ),
}
