"""The picture of ``bench segment``: a line a frame with the image, its mask, and the answers of two methods."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from fact_core.compute.device import placed
from fact_core.files import write_file
from fact_core.segment.evaluate import classes_of
from fact_core.segment.frames import Frames
from fact_core.segment.masks import Coding, picture
from fact_core.segment.metric import UNLABELLED
from fact_core.segment.network import Segmenter, logits_of

WIDTH, GAP = 220, 4  # pixels of one tile, and between two
#: Which frames of the test: at these shares of it, whatever they show.
PLACES = (1 / 6, 1 / 2, 5 / 6)


def draw(
    file: Path,
    nets: Mapping[str, tuple[Segmenter, tuple[str, ...]]],
    frames: Frames,
    coding: Coding,
    device: torch.device,
) -> None:
    """Write a JPEG: image, mask and each network's answer, of the heads that are averaged. Black is unlabelled."""
    lines = []
    for _, whole in frames.wholes([int(len(frames) * place) for place in PLACES]):
        tiles = [Image.fromarray(whole.picture.permute(1, 2, 0).numpy()), _coloured(whole.mask, coding)]
        for net, heads in nets.values():
            placed(net, device).eval()
            logits = logits_of(net, whole.picture[None], heads, device)
            answer = classes_of(logits, heads, whole.mask.shape)[0]
            tiles.append(_coloured(np.where(whole.mask == UNLABELLED, UNLABELLED, answer), coding))
        height = round(WIDTH * whole.mask.shape[0] / whole.mask.shape[1])
        lines.append([tile.resize((WIDTH, height), Image.Resampling.BILINEAR) for tile in tiles])
    heights = [each[0].height for each in lines]
    size = ((WIDTH + GAP) * len(lines[0]) - GAP, sum(heights) + GAP * (len(lines) - 1))
    canvas, top = Image.new("RGB", size, (255, 255, 255)), 0
    for tiles, height in zip(lines, heights, strict=True):
        for place, tile in enumerate(tiles):
            canvas.paste(tile, (place * (WIDTH + GAP), top))
        top += height + GAP
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=85)
    write_file(file, out.getvalue(), "drawing the frames")


def _coloured(mask: np.ndarray, coding: Coding) -> Image.Image:  # type: ignore[type-arg]
    """The colours of a mask's classes, one further in the palette, so that black is left for what is unlabelled."""
    return picture(mask, Coding(coding.classes, (0,), first=1)).convert("RGB")
