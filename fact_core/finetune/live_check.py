"""Check images that are looked at while it trains, and whether the weights that do best on them are kept."""

from __future__ import annotations

import torch
from torch import Tensor

from fact_core.compute.image_batches import Preprocess, load_eval
from fact_core.errors import ConfigError
from fact_core.events import Decision, Progress
from fact_core.finetune.loop import Measured
from fact_core.finetune.training_run import CheckSet
from fact_core.types import Step

LIVE_CHECK = 128  # check images that are looked at while it trains; all of them are at the end


def by_test(check: CheckSet | None, keep: str) -> bool:
    """Whether ``ff.keep`` asks for the weights that do best on the check images. ConfigError where there are none."""
    if keep == "last":
        return False
    if check is None:
        raise ConfigError("best_test needs check images", "there are none", "Keep the last weights (ff.keep=last).")
    return True


def live_check(check: CheckSet | None, preprocess: Preprocess, pixels: int, keep: str) -> Step[Measured | None]:
    """Some check images at the size of the loop, decoded once; all of them where the best weights are kept."""
    if check is None:
        return None
    pre = preprocess.at(pixels)
    count = len(check.files) if by_test(check, keep) else LIVE_CHECK
    files = check.files[:count]
    shapes: dict[tuple[int, ...], tuple[list[Tensor], list[int]]] = {}  # one for all, unless the view is whole
    for done, file in enumerate(files):
        picture = torch.from_numpy(load_eval(file, pre))
        pictures, y = shapes.setdefault(tuple(picture.shape), ([], []))
        pictures.append(picture)
        y.append(int(check.y[done]))
        yield Progress("check images", done + 1, len(files))
    return Measured(tuple((torch.stack(pictures), torch.tensor(y)) for pictures, y in shapes.values()))


def marked() -> Decision:
    """That the weights kept are those that did best on the check images."""
    reason = "chosen on the check images, to reproduce published numbers: they cannot say how good it is"
    return Decision("ff.keep", "best_test", reason)
