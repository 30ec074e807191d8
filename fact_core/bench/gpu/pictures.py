"""The folder of a bench: pictures, and the weights that a machine without network needs beside them.

about.json       what the pictures are of, their classes, which are trained on
small/*.png      at most 3,000 labeled pictures of 32 x 32
large/*.jpg      some of 512 x 384
weights/         of backbones, matrices in 16 bits (``carry``)
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from fact_core.bench.datasets import OWN, fixed_test, open_dataset
from fact_core.choices import DEFAULT_BACKBONE, plain_name
from fact_core.errors import ImageError, InputError, WeightsError, storage_error
from fact_core.events import Log, Progress
from fact_core.files import write_text
from fact_core.folders import cache_folder
from fact_core.images.decode import decode
from fact_core.pretrained.weights import status
from fact_core.types import IntArray, Step

SMALL, LARGE = (32, 32), (512, 384)  # width, height
TRAIN, TEST, MANY_LARGE = 2_000, 1_000, 64
#: What may be carried, in bytes.
LIMIT = 60 * 2**20
#: Whose weights are carried, as far as there is room.
CARRIED = (DEFAULT_BACKBONE, "vit_small_patch16_224.dino", "vit_base_patch16_224.dino")
ABOUT = "about.json"
LOOKED_AT = 2_000  # pictures of a data set that are asked for their size


@dataclass(frozen=True)
class Pictures:
    """What is in a folder: names below ``root``. small_of, large_of: what the pictures are, in words."""

    root: Path
    classes: tuple[str, ...]
    train: tuple[str, ...]
    train_y: IntArray
    test: tuple[str, ...]
    test_y: IntArray
    large: tuple[str, ...]
    small_of: str
    large_of: str

    @staticmethod
    def read(folder: Path) -> Pictures:
        """The pictures of a folder. InputError where it holds none."""
        try:
            told = json.loads((folder / ABOUT).read_text("utf-8"))
            names = {part: tuple(str(name) for name, _ in told[part]) for part in ("train", "test")}
            ys = {part: np.array([y for _, y in told[part]], dtype=np.int64) for part in ("train", "test")}
            words = str(told["small_of"]), str(told["large_of"])
            large = tuple(str(name) for name in told["large"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            do = "Let --carry write such a folder."
            raise InputError("This is no folder of pictures for the bench", f"{folder}: {error}", do) from error
        return Pictures(
            folder,
            tuple(told["classes"]),
            names["train"],
            ys["train"],
            names["test"],
            ys["test"],
            large,
            *words,
        )

    def files(self, size: str, n: int) -> list[Path]:
        """n files of the "small" pictures to train on or of the "large" ones, over and over where there are fewer."""
        names = self.large if size == "large" else self.train
        return [self.root / name for name in itertools.islice(itertools.cycle(names), n)]

    def said(self, size: str) -> str:
        """What pictures these are: "64 of 512 x 384, cut from ..."."""
        count = len(self.large) if size == "large" else len(self.train)
        sides = LARGE if size == "large" else SMALL
        return f"{count:,} of {sides[0]} x {sides[1]}, {self.large_of if size == 'large' else self.small_of}"


def prepared(carried: Path | None, data: Path | None) -> Step[Path]:
    """A folder of pictures: the carried one, or one in the cache that is made from the data. InputError in words."""
    if carried is not None:
        Pictures.read(carried)
        return carried
    mark = [str(data.resolve()), data.stat().st_mtime_ns] if data is not None and data.is_dir() else [str(data)]
    digest = hashlib.blake2b(json.dumps(mark).encode(), digest_size=8).hexdigest()
    folder = cache_folder() / "bench-gpu" / f"pictures-{digest}"
    if not (folder / ABOUT).is_file():
        yield from make(folder, data)
    return folder


def make(folder: Path, data: Path | None) -> Step[None]:
    """Write a folder of pictures, whole or not at all."""
    staged = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    try:
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        about = yield from _written(staged, data)
        write_text(staged / ABOUT, json.dumps(about, indent=0), "writing the bench's pictures")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(staged, folder)
    except OSError as error:
        raise storage_error(error, "writing the bench's pictures") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def carry(folder: Path, data: Path | None) -> Step[dict[str, Any]]:
    """Write pictures and weights into a new folder, at most ``LIMIT`` bytes. Figures: bytes, and what is left out."""
    if folder.exists() and any(folder.iterdir()) and not (folder / ABOUT).is_file():
        raise InputError("--carry needs an empty folder", str(folder), "Give another one.")
    yield from make(folder, data)
    left: dict[str, str] = {}
    for name in CARRIED:
        left[name] = yield from _carried(folder, name, LIMIT - size_of(folder))
    left = {name: why for name, why in left.items() if why}
    size, pictures = size_of(folder), Pictures.read(folder)
    tests = f"{len(pictures.test):,} more to test on"
    lines = [f"{size / 2**20:.1f} MiB in {folder}: {pictures.said('small')}, {tests}; {pictures.said('large')}."]
    lines += [f"Without the weights of {name}: {why}" for name, why in left.items()]
    lines += [f"There: python3 launch.py bench gpu --from {folder.name}"]
    return {"text": "\n".join(lines), "json": {"bytes": size, "left_out": left}}


def size_of(folder: Path) -> int:
    """Bytes of all files below it."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def weights_file(folder: Path, name: str) -> Path:
    """Where carried weights of a backbone lie."""
    return folder / "weights" / f"{plain_name(name)}.safetensors"


def _carried(folder: Path, name: str, room: int) -> Step[str]:
    """Write the weights of a backbone where they are to be had and fit; else why they are left out."""
    from safetensors.torch import save_file

    from fact_core.backbones import fetch, load

    if not status(name).ready and status(name).download_bytes < 4 * room:
        try:
            yield from fetch(name)
        except WeightsError as error:
            return str(error)
    if not status(name).ready:
        return status(name).detail
    # What is scaled or shifted by stays as it is: 16 bits would round small variances to 0.
    tensors = {key: each.half() if each.ndim > 1 else each for key, each in load(name).network.state_dict().items()}
    bytes_ = sum(each.numel() * each.element_size() for each in tensors.values()) + 200 * len(tensors)
    if bytes_ > room:
        return f"{bytes_ / 2**20:.0f} MiB would be more than {LIMIT / 2**20:.0f} MiB in all."
    file = weights_file(folder, name)
    file.parent.mkdir(exist_ok=True)
    save_file({key: each.contiguous() for key, each in tensors.items()}, file)
    yield Log(f"Weights of {name}: {file.stat().st_size / 2**20:.1f} MiB.")
    return ""


def _written(folder: Path, data: Path | None) -> Step[dict[str, Any]]:
    """Write the pictures; what is told of them."""
    for part in ("small", "large"):
        (folder / part).mkdir()
    if data is None:
        about = _digits(folder)
        large, words = list(_photos()), "cut from the two photos of scikit-learn"
    else:
        about = yield from _of_data(folder, data)
        found = yield from _large_of(data, [*about.pop("files")])
        enough = len(found) >= 8
        large = found if enough else list(_photos())
        words = f"from {data.resolve().name}" if enough else "cut from the two photos of scikit-learn"
    for number, picture in enumerate(large):
        picture.save(folder / "large" / f"{number:03}.jpg", quality=90)
    return {**about, "large": [f"large/{number:03}.jpg" for number in range(len(large))], "large_of": words}


def _of_data(folder: Path, data: Path) -> Step[dict[str, Any]]:
    """Small pictures of a labeled data set, spread over its classes."""
    found = yield from open_dataset(OWN, data, cache_folder() / "bench-gpu")
    test, test_y = found.tests["test"]
    about: dict[str, Any] = {"classes": list(found.classes), "small_of": f"from {data.resolve().name}"}
    parts = {"train": (found.train, found.train_y, TRAIN), "test": (test, test_y, TEST)}
    for part, (names, y, most) in parts.items():
        rows = np.random.default_rng(0).permutation(fixed_test(names, y, most))  # the first ones are of all classes
        about[part] = []
        for number, row in enumerate(rows):
            try:
                picture = ImageOps.fit(decode(data / names[row], min_side=64), SMALL, Image.Resampling.BICUBIC)
            except ImageError:
                continue
            about[part].append(_saved(folder, f"{part}-{number:04}", picture, int(y[row])))
            if number % 200 == 0:
                yield Progress("pictures", number, len(rows))
    return {**about, "files": found.train}


def _large_of(data: Path, names: Sequence[str]) -> Step[list[Image.Image]]:
    """Some pictures of a data set that are large enough, cut to the wanted shape."""
    found: list[Image.Image] = []
    spread = names[:: max(1, len(names) // LOOKED_AT)]
    for number, name in enumerate(spread):
        with Image.open(data / name) as opened:
            fits = opened.width >= LARGE[0] and opened.height >= LARGE[1]
        if fits:
            found.append(ImageOps.fit(decode(data / name), LARGE, Image.Resampling.BICUBIC))
            if len(found) == MANY_LARGE:
                break
        if number % 200 == 0:
            yield Progress("pictures", number, len(spread))
    return found


def _photos() -> Iterator[Image.Image]:
    """Parts of the two photos of 640 x 427 that come with scikit-learn."""
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(0)
    for number, photo in zip(range(MANY_LARGE), itertools.cycle(load_sample_images().images), strict=False):
        whole = Image.fromarray(photo)
        left, top = (int(rng.integers(a - b + 1)) for a, b in zip(whole.size, LARGE, strict=True))
        part = whole.crop((left, top, left + LARGE[0], top + LARGE[1]))
        yield part if number % 4 < 2 else ImageOps.mirror(part)


def _digits(folder: Path) -> dict[str, Any]:
    """The handwritten digits that come with scikit-learn, half of them for the test."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    half = len(order) // 2
    about: dict[str, Any] = {"classes": [str(each) for each in digits.target_names]}
    for part, rows in (("train", order[:half]), ("test", order[half:])):
        about[part] = []
        for number, row in enumerate(rows):
            grey = Image.fromarray((digits.images[row] * (255 / 16)).astype(np.uint8))
            picture = grey.resize(SMALL, Image.Resampling.BICUBIC).convert("RGB")
            about[part].append(_saved(folder, f"{part}-{number:04}", picture, int(digits.target[row])))
    return {**about, "small_of": "handwritten digits of scikit-learn"}


def _saved(folder: Path, name: str, picture: Image.Image, y: int) -> tuple[str, int]:
    picture.save(folder / "small" / f"{name}.png")
    return f"small/{name}.png", y
