"""Which pretrained network to propose: by what is ready, by this computer, and by how many images it must look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PATIENCE = 1800.0  # seconds for a look at all images; the first of all steps waits for it
LARGEST_CPU = 30e6  # parameters: a step of a ViT-B takes four times that of a ViT-S, and a finetune hours
LARGEST_GPU = 100e6  # of a large network one step takes as long as four of a ViT-B


@dataclass(frozen=True)
class Offer:
    """A network. linear: BackboneChoice.linear; free: no condition goes with its weights; seconds: of one image."""

    name: str
    linear: float
    parameters: int
    seconds: float
    free: bool
    ready: bool


@dataclass(frozen=True)
class Proposal:
    """ready: the strongest of those whose weights are here; other: one to fetch where there is none. "" for none."""

    ready: str
    other: str


def propose(offers: Iterable[Offer], images: int, gpu: bool) -> Proposal:
    """The strongest network that looks at all ``images`` in half an hour and can be finetuned here.

    Strength is the published accuracy of a linear head on its features (ImageNet-1k), as that is what few labels are
    learned from. It orders networks; it does not tell how good one is on other images. Of equal ones the quicker.
    Networks with conditions are for the person alone to choose.
    """
    largest = LARGEST_GPU if gpu else LARGEST_CPU
    fit = [
        each
        for each in offers
        if each.linear and each.free and each.parameters <= largest and each.seconds * images <= PATIENCE
    ]
    best = sorted(fit, key=lambda each: (-each.linear, each.seconds))
    ready = next((each.name for each in best if each.ready), "")
    return Proposal(ready, "" if ready or not best else best[0].name)
