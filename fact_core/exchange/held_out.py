"""Which imported images are kept apart as check images, so that an honest figure follows."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence

import numpy as np

from fact_core.errors import InputError

SHARE = 0.2
WAYS = ("none", "share", "split")


def joined(*ways: Mapping[int, str]) -> dict[int, int]:
    """Image -> the number of its group, where images belong together that do so by any of the ways."""
    members: dict[tuple[int, str], list[int]] = {}
    for way, groups in enumerate(ways):
        for item, name in groups.items():
            members.setdefault((way, name), []).append(item)
    of: dict[int, int] = {}
    whole: dict[int, list[int]] = {}
    for number, items in enumerate(members.values()):
        others = {of[item] for item in items if item in of}
        whole[number] = [*items, *(each for other in others for each in whole.pop(other))]
        of.update(dict.fromkeys(whole[number], number))
    return of


def draw(
    items: Sequence[int],
    groups: Mapping[int, Hashable],
    test: Collection[int],
    way: str,
    seed: int = 0,
    learned: Collection[int] = (),
) -> list[int]:
    """The images to keep apart, ascending.

    way: "none"; "share": a fifth, drawn at random by whole groups, one image at the least and never all; "split":
    those of ``test``. groups: image -> what it belongs to, such as a patient; an image without one stands alone.
    learned: images whose labels may have been trained on; for a share none is kept apart from its group's.
    """
    if way not in WAYS:
        raise InputError("There is no such way to choose check images", repr(way)[:80], f"Known: {', '.join(WAYS)}.")
    if way == "none" or len(items) < 2:
        return []
    if way == "split":
        return sorted(set(items) & set(test))
    known = {groups[item] for item in learned if item in groups}
    parts: dict[Hashable, list[int]] = {}
    for item in sorted(items):
        if groups.get(item) not in known:
            parts.setdefault(groups.get(item, (item,)), []).append(item)
    order = list(parts.values())
    wanted = max(1, round(SHARE * len(items)))
    held: list[int] = []
    for at in np.random.default_rng(seed).permutation(len(order)):
        if len(held) < wanted and len(held) + len(order[at]) < len(items):
            held += order[at]
    return sorted(held)
