"""Parts that run a network: features, crops, a training step, naming and predictions."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image

from fact_core.backbones import Backbone
from fact_core.bench import training
from fact_core.bench.gpu.given import LITE, SMALL, Bench, Rows, steady
from fact_core.bench.speed import plain
from fact_core.bench.speed.measured import Found, in_turns, rate, rates
from fact_core.choices import backbone_choice
from fact_core.classifier.model import Classifier
from fact_core.classifier.predict import predict
from fact_core.compute.training_images import ImageCache, training_batch
from fact_core.features.extract import extract
from fact_core.finetune.training_run import linear
from fact_core.generators import finish

NAMES = {"lite": LITE, "vit": SMALL}
FILES, MANY, LOOK, SECONDS, CROPS, CROPPED = 128, 100_000, 64, 6.0, 64, 96


def features(bench: Bench, which: str) -> Found:
    """Features of files as the program computes them, and by a loop over timm's model and transform.

    Ours are counted once the network is compiled, which a pool of thousands pays once.
    """
    backbone, n = bench.backbone(NAMES[which]), bench.pick(FILES, 4)
    many = bench.pictures.files("large", bench.pick(MANY, 40))
    names = [str(each) for each in range(len(many))]

    def ours() -> float:
        step = extract(backbone, names, many, Rows(), device=bench.at, batch=bench.pick(LOOK, 4))
        return steady(step, "features", bench.pick(SECONDS, 0.05), bench.pick(LOOK, 4))[0]

    found, other = in_turns(bench, ours, rate(plain.looped(bench, backbone, many[:n])))
    words = f"pictures of 512 x 384, {backbone.preprocess.pixels} px, {bench.weights[NAMES[which]]} weights"
    return Found("images/s", found, other, 1 / rates(bench).floor(_operations(backbone)), words)


def _operations(backbone: Backbone) -> float:
    """Of one picture through the network."""
    choice = backbone_choice(backbone.name)
    return 2e6 * choice.megaflops * (backbone.preprocess.pixels / choice.pixels) ** 2


def crops(bench: Bench) -> Found:
    """Random crops, mirrored or not, of pictures that are decoded already: ours, and by timm's training transform."""
    n = bench.pick(CROPS, 4)
    files = bench.pictures.files("large", n)
    cache, generator = ImageCache(files, CROPPED), torch.Generator().manual_seed(0)
    whole = [Image.open(file).convert("RGB") for file in files]
    transform = plain.training_transform(CROPPED)

    def ours() -> int:
        training_batch(cache, range(n), CROPPED, generator)
        return n

    def timms() -> int:
        torch.stack([transform(each) for each in whole])
        return n

    found, other = in_turns(bench, rate(ours), rate(timms))
    return Found("images/s", found, other, None, f"pictures of 512 x 384 to {CROPPED} px; ours are kept small once")


def phase_2(bench: Bench) -> Found:
    """A step of full finetuning, with what the loop puts around it and without (``bench training``)."""
    told: dict[str, Any] = finish(training.run(False))
    rows = told["rows"]
    choice = backbone_choice(LITE)
    work = 3 * 2e6 * choice.megaflops * (training.PIXELS / choice.pixels) ** 2  # backward is twice forward
    words = f"batches of {told['batch']}"
    if told["convolutions"]:
        words += f"; convolutions, the same in both, are {told['convolutions']:.0%} of ours"
    return Found("images/s", rows[-1]["images_per_s"], rows[0]["images_per_s"], 1 / rates(bench).floor(work), words)


def naming(bench: Bench) -> Found:
    """Answers of a finetuned network to files, as naming and predictions ask for them, and by the plain loop."""
    backbone, n = bench.backbone(LITE), bench.pick(FILES, 4)
    files = bench.pictures.files("large", n)
    head = linear(torch.zeros(10, backbone.dim), torch.zeros(10))
    classifier = Classifier(backbone, {"ff": head}, "ff", tuple(map(str, range(10))), None)

    def ours() -> int:
        finish(predict(classifier, files, device=bench.at))
        return n

    found, other = in_turns(bench, rate(ours), rate(plain.looped(bench, backbone, files)))
    words = f"pictures of 512 x 384, {backbone.preprocess.pixels} px"
    return Found("images/s", found, other, 1 / rates(bench).floor(_operations(backbone)), words)
