"""The rows of the GPU's bench as sentences and tables."""

from __future__ import annotations

from collections.abc import Sequence

from fact_core.bench.gpu.sections import SECTIONS
from fact_core.bench.rows import Row

SIGNS = {
    "passed": "right",
    "failed": "WRONG",
    "measured": "measured",
    "skipped": "not measured",
    "error": "broke",
    "timeout": "too long",
    "cut": "cut off",
}


def sentence(row: Row) -> str:
    """What a section found, for the person who waits."""
    return f"{row['section']}: {SIGNS[row['status']]} ({row['seconds']:.0f} s). {row['words']}"


def table(rows: Sequence[Row]) -> str:
    """One line a section and device, in the order of the sections; which of them are missing for a device."""
    lines = ["| section | what | result | found | device |", "|---|---|---|---|---|"]
    place = {name: number for number, name in enumerate(SECTIONS)}
    known = [row for row in rows if row["section"] in place]
    for row in sorted(known, key=lambda row: (row["device"], row["short"], place[row["section"]])):
        lines.append("| " + " | ".join(map(_plain, _cells(row))) + " |")
    for device in dict.fromkeys(row["device"] for row in known):
        there = {row["section"] for row in known if row["device"] == device}
        if left := [name for name in SECTIONS if name not in there]:
            lines.append(f"| {', '.join(left)} | | not measured | | {_plain(device)} |")
    return "\n".join(lines)


def results(rows: Sequence[Row]) -> str:
    """For RESULTS.md: each section, what it found on a GPU, and how its short form ended on a CPU.

    The figures of a short form would mean nothing; they are not shown.
    """
    lines = ["| section | what | on a GPU | short form, on a CPU |", "|---|---|---|---|"]
    for name, section in SECTIONS.items():
        own = [row for row in rows if row["section"] == name]
        full = [f"{SIGNS[row['status']]}: {row['words']} ({row['device']})" for row in own if not row["short"]]
        short = [_ended(row) for row in own if row["short"]]
        cells = [name, section.title, " ".join(full) or "not measured", ", ".join(dict.fromkeys(short)) or "not run"]
        lines.append("| " + " | ".join(map(_plain, cells)) + " |")
    return "\n".join(lines)


def _ended(row: Row) -> str:
    """How a short form ended."""
    if row["status"] == "skipped":
        return "runs, and has nothing to say of a CPU"
    return {"measured": "runs", "passed": "runs, its checks hold"}.get(row["status"], SIGNS[row["status"]])


def _cells(row: Row) -> list[str]:
    form = ", short form" if row["short"] else ""
    section = SECTIONS[row["section"]]
    return [row["section"], section.title, SIGNS[row["status"]], row["words"], f"{row['device']}{form}"]


def _plain(text: str) -> str:
    """Text that cannot end a cell of the table."""
    return " ".join(str(text).replace("|", "/").split())
