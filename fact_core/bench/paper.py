"""Numbers that the FACT paper prints (arXiv 2606.02079), as far as they are known here for certain.

All are of DINO ViT-S/16 at 224 pixels with images chosen by ActiveFT, in per cent. They are shown beside a
measured cell only where that is the same cell. What is not here is not known, and nothing is guessed.
"""

from __future__ import annotations

BACKBONE, PIXELS = "vit_small_patch16_224.dino", 224

#: (dataset, ratio in per cent, method) -> (accuracy in per cent, table)
PRINTED: dict[tuple[str, float, str], tuple[float, str]] = {
    **{
        ("cifar10", ratio, "lp-paper"): (accuracy, "I")
        for ratio, accuracy in zip((0.1, 0.2, 0.5, 1.0, 2.0), (76.30, 82.71, 86.35, 86.81, 90.46), strict=True)
    },
    **{
        ("cifar100", ratio, "lp-paper"): (accuracy, "I")
        for ratio, accuracy in zip((1.0, 2.0, 5.0, 10.0), (23.95, 51.16, 65.36, 71.57), strict=True)
    },
    **{
        ("imagenet", ratio, "lp-paper"): (accuracy, "I")
        for ratio, accuracy in zip((0.5, 1.0, 2.0), (53.01, 59.03, 63.74), strict=True)
    },
    # The row of full finetuning repeats ActiveFT's own for the shared budgets.
    **{
        ("cifar10", ratio, "ff"): (accuracy, "I")
        for ratio, accuracy in zip((0.5, 1.0, 2.0), (85.0, 88.2, 90.1), strict=True)
    },
    **{
        ("cifar100", ratio, "ff"): (accuracy, "I")
        for ratio, accuracy in zip((1.0, 2.0, 5.0, 10.0), (26.1, 40.7, 54.6, 71.0), strict=True)
    },
    ("imagenet", 1.0, "ff"): (50.1, "I"),
    ("cifar10", 0.1, "lp-ft"): (76.30, "I"),
    **{("cifar10-lt", 0.5, method): (84.38, "II") for method in ("lp-paper", "lp-ft", "lp-lora")},
    **{("cifar10-lt", 0.5, method): (90.92, "II") for method in ("fact", "l3fact")},
    **{("cifar10-lt", 1.0, method): (87.29, "II") for method in ("lp-ft", "lp-lora")},
    **{("cifar10-lt", 1.0, method): (91.93, "II") for method in ("fact", "l3fact")},
}

#: Table VI, 10 classes: method -> (trainable parameters where printed, share in per cent)
TRAINABLE: dict[str, tuple[int | None, float]] = {
    "ff": (21_669_514, 100.0),
    "l3fact": (151_306, 0.69),
    "fact-prefix": (None, 0.65),
    "fact-prompt": (None, 6.19),
}


def printed(dataset: str, ratio: float, method: str, backbone: str, pixels: int) -> tuple[float, str] | None:
    """The paper's accuracy (per cent) and its table for exactly this cell, None where there is none."""
    if backbone != BACKBONE or pixels != PIXELS:
        return None
    return PRINTED.get((dataset, round(ratio, 3), method))
