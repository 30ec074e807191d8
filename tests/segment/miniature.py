"""Data sets of a few frames in every form: rectangles of colour, whose masks are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from fact_core.segment.masks import palette

COLOURS = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200], [200, 200, 30]])
SIZE = (48, 36)  # width, height


def frame(seed: int, classes: int = 3, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """A picture (H, W, 3) and its classes (H, W): class 0, and a rectangle of each other class."""
    rng, (width, height) = np.random.default_rng(seed), size
    mask = np.zeros((height, width), dtype=np.uint8)
    for each in range(1, classes):
        top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
        mask[top : top + height // 3, left : left + width // 2] = each
    picture = np.clip(COLOURS[mask] + rng.integers(-25, 26, (height, width, 3)), 0, 255).astype(np.uint8)
    return picture, mask


def write(image: Path, mask: Path, seed: int, *, shift: int = 0, void: int = 255, indexed: bool = False) -> None:
    """One image and its mask: value shift + class, the upper left corner ``void``; indexed: with a palette."""
    picture, classes = frame(seed)
    values = classes + np.uint8(shift)
    values[:3, :3] = void
    for file in (image, mask):
        file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(image)
    saved = Image.fromarray(values)
    if indexed:
        saved.putpalette(palette())
    saved.save(mask)


def camvid(root: Path, train: int = 4, others: int = 2) -> Path:
    for part, count in (("train", train), ("val", others), ("test", others)):
        for number in range(count):
            name = f"{part}{number}"
            write(root / part / f"{name}.png", root / f"{part}annot" / f"{name}.png", number + len(part), void=11)
    return root


def voc(root: Path) -> Path:
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for seed, (part, names) in enumerate((("train", ["a", "b"]), ("val", ["c"]))):
        for name in names:
            target = root / "SegmentationClass" / f"{name}.png"
            write(root / "JPEGImages" / f"{name}.jpg", target, seed, indexed=True)
        (lists / f"{part}.txt").write_text("\n".join(names) + "\n")
    return root


def ade20k(root: Path) -> Path:
    for seed, (part, name) in enumerate((("training", "ADE_train_1"), ("validation", "ADE_val_1"))):
        target = root / "annotations" / part / f"{name}.png"
        write(root / "images" / part / f"{name}.jpg", target, seed, shift=1, void=0)
    lines = ["Idx\tRatio\tTrain\tVal\tName", *(f"{n}\t0.1\t1\t1\tthing {n}, other" for n in range(1, 151))]
    (root / "objectInfo150.txt").write_text("\n".join(lines) + "\n")
    return root


def own(root: Path, count: int = 6) -> Path:
    for number in range(count):
        write(root / "images" / f"{number}.png", root / "masks" / f"{number}.png", number, indexed=number % 2 == 0)
    (root / "classes.txt").write_text("ground\ntree\nriver\n", encoding="utf-8")
    return root


MAKERS = {"camvid": camvid, "voc": voc, "ade20k": ade20k, "own": own}
