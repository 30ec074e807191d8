"""Which backbone is proposed: by what is ready, by the device, by the number of images."""

from __future__ import annotations

import re

import pytest

from app.shell.computer import seconds_per_image
from fact_core.choices import BACKBONES, DEFAULT_BACKBONE
from fact_core.pretrained.proposal import Offer, propose

S, B = "vit_small_patch14_reg4_dinov2.lvd142m", "vit_base_patch14_reg4_dinov2.lvd142m"
PAPER = "vit_small_patch16_224.dino"


def offers(ready: tuple[str, ...] = (DEFAULT_BACKBONE,), gpu: bool = False, cores: int = 2) -> list[Offer]:
    return [
        Offer(
            name, each.linear, each.parameters, seconds_per_image(each, cores, gpu), not each.conditions, name in ready
        )
        for name, each in BACKBONES.items()
    ]


def test_the_strongest_that_the_device_can_finetune() -> None:
    assert propose(offers(), 1_000, gpu=False).other == S
    assert propose(offers(gpu=True), 1_000, gpu=True).other == B
    assert propose(offers(), 0, gpu=False).other == S, "before any images are known"


def test_a_large_pool_takes_a_quicker_one_or_none() -> None:
    quick = {name for name in BACKBONES if seconds_per_image(BACKBONES[name], 2, False) * 12_000 <= 1800}
    found = propose(offers(), 12_000, gpu=False).other
    assert found in quick and S not in quick
    assert propose(offers(), 1_000_000, gpu=False).other == ""


def test_what_is_here_is_recommended_and_nothing_else_proposed() -> None:
    found = propose(offers((DEFAULT_BACKBONE, PAPER)), 1_000, gpu=False)
    assert (found.ready, found.other) == (PAPER, "")
    assert propose(offers((PAPER, S)), 1_000, gpu=False).ready == S
    found = propose(offers((PAPER, S)), 1_000_000, gpu=False)
    assert (found.ready, found.other) == ("", ""), "it would look for hours"


def test_nothing_with_conditions_is_proposed() -> None:
    tied = [Offer("tied", 99.0, 1, 0.0, False, True), Offer("free", 50.0, 1, 0.0, True, False)]
    assert propose(tied, 10, gpu=False).other == "free"


def test_of_equal_ones_the_quicker() -> None:
    equal = [Offer("slow", 80.0, 1, 0.2, True, False), Offer("quick", 80.0, 1, 0.1, True, False)]
    assert propose(equal, 10, gpu=False).other == "quick"


@pytest.mark.parametrize("name", BACKBONES)
def test_the_figure_is_the_published_one(name: str) -> None:
    """The number that orders them is the one that the page shows, with its source."""
    choice = BACKBONES[name]
    told = re.match(r"([\d.]+) % with a linear head", choice.published)
    on_other_labels = "ReaL" in choice.published
    assert choice.linear == (float(told[1]) if told and not on_other_labels else 0.0)
