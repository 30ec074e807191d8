"""Masks for a folder of images, by an exported segmenter."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from PIL import Image

from fact_core.classifier.export import move_whole, must_be_new, staged
from fact_core.compute.device import placed
from fact_core.compute.image_batches import planes
from fact_core.errors import ImageError, InputError
from fact_core.events import Log, Progress
from fact_core.images import decode
from fact_core.images.folder import in_words, walk
from fact_core.segment.evaluate import classes_of
from fact_core.segment.export import Exported
from fact_core.segment.frames import seen
from fact_core.segment.masks import picture
from fact_core.segment.network import logits_of
from fact_core.types import IntArray, Step


def write_masks(given: Exported, images: Path, target: Path, device: torch.device) -> Step[dict[str, Any]]:
    """A mask NAME.png for every image of the folder, at the image's size, in a new folder with the same sub-folders.

    Two images of one name, such as a.jpg and a.png, get a.jpg.png and a.png.png. The folder appears when all is done.
    Returns {folder, masks, failed}: an image that cannot be read is told by a Log and has no mask.
    Errors: InputError when there is no image, or the target holds something.
    """
    if not images.is_dir():
        raise InputError("There is no such folder of images", str(images))
    listed = walk(images, images)
    if not listed.files:
        raise InputError("There are no images in the folder", in_words(images, listed))
    target = target.absolute()
    must_be_new(target)
    failed, names = 0, _names([each.path for each in listed.files])
    placed(given.net, device).eval()
    with staged(target, "writing the masks") as work:
        for done, each in enumerate(listed.files):
            try:
                if each.reason:
                    raise ImageError(each.reason)
                answer = classes(given, decode.decode(images / each.path), device)
            except (ImageError, OSError) as error:
                failed += 1
                yield Log(f"{each.path}: {error}", "warning")
                continue
            file = work / names[each.path]
            file.parent.mkdir(parents=True, exist_ok=True)
            picture(answer, given.coding).save(file)
            yield Progress("predict", done + 1, len(listed.files))
        move_whole(work, target)
    return {"folder": str(target), "masks": len(listed.files) - failed, "failed": failed}


def classes(given: Exported, image: Image.Image, device: torch.device) -> IntArray:
    """The class of every pixel (H, W) of an image at its own size."""
    small = torch.from_numpy(np.ascontiguousarray(planes(seen(image, given.short, given.net.maps))))
    logits = logits_of(given.net, small[None], given.net.final, device)
    found: IntArray = classes_of(logits, given.net.final, (image.height, image.width))[0]
    return found


def _names(paths: list[str]) -> dict[str, str]:
    """Path of an image -> that of its mask; the ending stays where two would have one name.

    Also where the name with its ending is another one's without: a.jpg and a.png beside a.jpg.png.
    """
    names = {path: str(PurePosixPath(path).with_suffix(".png")) for path in paths}
    while twice := {name for name, count in Counter(names.values()).items() if count > 1}:
        names = {path: f"{path}.png" if name in twice else name for path, name in names.items()}
    return names
