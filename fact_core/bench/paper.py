"""Numbers that the FACT paper prints (arXiv 2606.02079), as far as they are known here.

All are of DINO ViT-S/16 at 224 pixels with images chosen by ActiveFT, in per cent. They are shown beside a
measured cell only where that is the same cell. What is not here is not known, and nothing is guessed: of Tables III,
V and IX and Figure 4 no number is; of Table I most of the rows ``lp-ft``, ``lp-lora``, ``fact`` and ``l3fact`` are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fact_core.bench.order import brought_by

BACKBONE, PIXELS, STRATEGY = "vit_small_patch16_224.dino", 224, "activeft"
#: How many test images its numbers rest on.
TEST_IMAGES = {"cifar10": 10_000, "cifar100": 10_000, "imagenet": 50_000, "cifar10-lt": 2478, "cifar100-lt": 2131}
Numbers = dict[tuple[str, str], dict[tuple[int, float], float]]


@dataclass(frozen=True)
class Cell:
    """accuracy in per cent; sure: False where it was not read in the paper itself."""

    accuracy: float
    table: str
    sure: bool = True

    @property
    def text(self) -> str:
        """As it stands in a bracket."""
        return f"{self.accuracy:.2f} in Table {self.table}" if self.sure else f"about {self.accuracy:.1f} in Table I"


#: (dataset, method) -> {(labels, ratio in per cent): accuracy in per cent}
TABLE_I: Numbers = {
    ("cifar10", "lp-paper"): {
        (50, 0.1): 76.30,
        (100, 0.2): 82.71,
        (250, 0.5): 86.35,
        (500, 1.0): 86.81,
        (1000, 2.0): 90.46,
    },
    ("cifar100", "lp-paper"): {(500, 1.0): 23.95, (1000, 2.0): 51.16, (2500, 5.0): 65.36, (5000, 10.0): 71.57},
    ("imagenet", "lp-paper"): {(6405, 0.5): 53.01, (12_811, 1.0): 59.03, (25_623, 2.0): 63.74},
    ("cifar10", "lp-ft"): {(50, 0.1): 76.30},
}
#: The row of full finetuning repeats ActiveFT's own table for these budgets, which is known from memory only.
TABLE_I_FF: Numbers = {
    ("cifar10", "ff"): {(250, 0.5): 85.0, (500, 1.0): 88.2, (1000, 2.0): 90.1},
    ("cifar100", "ff"): {(500, 1.0): 26.1, (1000, 2.0): 40.7, (2500, 5.0): 54.6, (5000, 10.0): 71.0},
    ("imagenet", "ff"): {(12_811, 1.0): 50.1},
}
TABLE_II: Numbers = {
    ("cifar10-lt", "lp-paper"): {(62, 0.5): 84.38},
    ("cifar10-lt", "lp-ft"): {(62, 0.5): 84.38, (124, 1.0): 87.29},
    ("cifar10-lt", "lp-lora"): {(62, 0.5): 84.38, (124, 1.0): 87.29},
    ("cifar10-lt", "fact"): {(62, 0.5): 90.92, (124, 1.0): 91.93},
    ("cifar10-lt", "l3fact"): {(62, 0.5): 90.92, (124, 1.0): 91.93},
}

#: Of Table IV only this is known.
MINUTES = (
    "In Table IV `fact` takes 5 minutes where `ff` takes 13; it is 2.6 to 4.9 times as fast in eight of nine cells, "
    "and 1.3 times in the ninth."
)

#: Table VI, 10 classes: method -> (trainable parameters where printed, share in per cent)
TRAINABLE: dict[str, tuple[int | None, float]] = {
    "ff": (21_669_514, 100.0),
    "l3fact": (151_306, 0.69),
    "fact-prefix": (None, 0.65),
    "fact-prompt": (None, 6.19),
}

#: Of Table VIII only this is known.
FROFA = "In Table VIII FroFA adds -0.18 to +1.78 points in 24 cells, half of them below +0.30."


def trainable(row: Mapping[str, Any], method: str) -> tuple[int | None, float]:
    """The paper's trainable parameters of a method and their share in per cent; (None, 0) where none are known."""
    # With prompts the number depends on their length and width, which the preset "paper" takes from the paper.
    same = (row["backbone"], row["image_size"]) == (BACKBONE, PIXELS) and _unchanged(row)
    same = same and row["dataset"] in ("cifar10", "cifar10-lt")  # of 10 classes
    same = same and (method != "fact-prompt" or row["preset"] == "paper")
    return TRAINABLE.get(method, (None, 0.0)) if same else (None, 0.0)


def printed(row: Mapping[str, Any]) -> Cell | None:
    """The paper's accuracy for exactly the cell of a row, None where there is none.

    All test images, no option changed but by the data set itself, with FroFA; the effort is free, as it is what a
    reader compares.
    """
    dataset = str(row["dataset"])
    plain = _unchanged(row) and row["frofa"] != "none" and row["test_images"] == TEST_IMAGES.get(dataset)
    if not plain or (row["strategy"], row["backbone"], row["image_size"]) != (STRATEGY, BACKBONE, PIXELS):
        return None
    place = int(row["labels"]), round(float(row.get("ratio") or 0.0), 3)
    for table, numbers, sure in (("I", TABLE_I, True), ("I", TABLE_I_FF, False), ("II", TABLE_II, True)):
        found = numbers.get((dataset, str(row["method"])), {}).get(place)
        if found is not None:
            return Cell(found, table, sure)
    return None


def _unchanged(row: Mapping[str, Any]) -> bool:
    """Whether no option was set but those that the data set brings itself."""
    return bool(row["overrides"] == brought_by(str(row["dataset"])))
