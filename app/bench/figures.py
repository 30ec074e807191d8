"""From what was seen in the page to figures. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

#: What an answer counts that never came, in ms: the bench waited so long for it.
NEVER_MS = 5000.0


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest measured value that at least ``share`` per cent of all do not exceed. None of nothing."""
    return round(float(np.percentile(values, share, method="inverted_cdf")), 1) if len(values) else None


def paint_times(seen: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]], part: str) -> list[float]:
    """ms from each input to when ``part`` of the page answered it, and the browser had painted a frame since.

    seen: {at, PART: time or None}. events: the browser's own entries {start, duration} of inputs; it gives none
    for those that it painted within 16 ms. Of both times the later one counts; NEVER_MS where ``part`` is None.
    """
    painted = {round(each["start"], 1): each["start"] + each["duration"] for each in events}
    times = []
    for each in seen:
        if each[part] is None:
            times.append(NEVER_MS)
        else:
            times.append(round(max(each[part], painted.get(round(each["at"], 1), 0.0)) - each["at"], 1))
    return times


def lost_and_reordered(given: Sequence[Hashable], stored: Sequence[Hashable]) -> tuple[int, int]:
    """How many given labels are not in the history, and how many stand there behind one that was given later.

    A label is (image, class), or whatever tells one from another.
    """
    lost = sum((Counter(given) - Counter(stored)).values())
    order = {label: place for place, label in enumerate(given)}
    latest, reordered = -1, 0
    for label in stored:
        place = order.get(label, latest)
        reordered += place < latest
        latest = max(latest, place)
    return lost, reordered


def label_row(
    pool: int,
    seen: Sequence[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
    stored: Sequence[tuple[int, int]],
    class_ids: Sequence[int],
    device: str,
) -> dict[str, Any]:
    """One row of the bench ``label``.

    seen: for each key {at, digit, id: of the image that was there when it was pressed, early: that image had not been
    painted yet, shown: when the next one was}. The page takes no early key, as a person cannot have meant it for an
    image that was not seen: these keys are counted and are no part of the other figures.
    stored: the label history, oldest first. class_ids: in the order of their keys 1 to 9, 0.
    """
    meant = [each for each in seen if not each["early"]]
    times = paint_times(meant, events, "shown")
    given = [(int(each["id"]), class_ids[(int(each["digit"]) - 1) % 10]) for each in meant]
    lost, reordered = lost_and_reordered(given, stored)
    return {
        "pool": pool,
        "keys": len(seen),
        "early": len(seen) - len(meant),
        "key_to_next_image_ms_p50": percentile(times, 50),
        "key_to_next_image_ms_p95": percentile(times, 95),
        "lost": lost,
        "reordered": reordered,
        "device": device,
    }


def frame_rate(frames: Sequence[float]) -> float | None:
    """Mean frames a second from the times (ms) at which something was drawn. None for fewer than two."""
    lasted = frames[-1] - frames[0] if len(frames) > 1 else 0
    return round(1000 * (len(frames) - 1) / lasted, 1) if lasted > 0 else None
