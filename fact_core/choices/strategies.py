"""How the images to label are chosen. To add a strategy, write the function and one line here.

A strategy is ``select(x, budget, labeled_rows, labeled_y, rng, **options) -> Step[Picks]``: features [N,D] in,
row numbers in labeling order out; see ``fact_core.select.picks``. It is run through ``fact_core.select.choose``.
"""

from __future__ import annotations

from fact_core.choices.kinds import StrategyChoice

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
    ),
}
