"""The rows of the bench of speed as sentences and as a table."""

from __future__ import annotations

from collections.abc import Sequence

from fact_core.bench.grids import line, rule
from fact_core.bench.rows import Row
from fact_core.bench.speed.sections import SECTIONS

HEADS = ("what", "here", "the plain way", "times as quick", "at best", "goal", "with")


def sentence(row: Row) -> str:
    """What a part found, for the person who waits."""
    if row["status"] != "measured":
        return f"{row['section']}: not measured, {row['words']}"
    beside = "" if row["ratio"] is None else f", {row['ratio']:.1f} times the plain way"
    return f"{SECTIONS[row['section']].title}: {_told(row, 'ours')}{beside} ({row['words']})"


def table(rows: Sequence[Row]) -> str:
    """Markdown, a part a device: each section, in their order."""
    parts = []
    for device in dict.fromkeys(row["device"] for row in rows):
        own = {row["section"]: row for row in rows if row["device"] == device}
        lines = [device, "", line(*HEADS), rule(len(HEADS))]
        lines += [line(*_cells(own[name])) for name in SECTIONS if name in own]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) or "nothing was measured"


def _cells(row: Row) -> list[str]:
    section = SECTIONS[row["section"]]
    if row["status"] != "measured":
        return [section.title, "not measured", "", "", "", "", row["words"]]
    ratio = "" if row["ratio"] is None else f"{row['ratio']:.1f}"
    cells = [section.title, *(_told(row, part) for part in ("ours", "plain"))]
    return [*cells, ratio, _told(row, "floor"), goal(row), row["words"]]


def goal(row: Row) -> str:
    """The goal, and whether it is reached; "" where there is none."""
    section = SECTIONS[row["section"]]
    if section.ratio:
        return f"{section.ratio:g} times: {'reached' if row['ratio'] >= section.ratio else 'missed'}"
    if section.seconds:
        return f"{section.seconds:g} s: {'reached' if row['ours'] <= section.seconds else 'missed'}"
    return ""


def _told(row: Row, part: str) -> str:
    """A number with its unit, in three digits."""
    if (value := row[part]) is None:
        return ""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f} {row['unit']}"
