"""The tables of ``bench segment``: methods by budgets, beside what the paper's Table VII says."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fact_core.bench.grids import fewer, line, rule, spread

Row = Mapping[str, Any]
#: method -> (the network that it needs, the head that answers, what it is called)
METHODS: dict[str, tuple[str, str, str]] = {
    "lp": ("lp", "lp", "LP: decode head on the frozen network"),
    "ff": ("alone", "ff", "FF: everything, from a random head"),
    "lp-ft": ("ff", "ff", "LP, then FF"),
    "fact": ("ff", "head", "FACT: LP, FF, decode head anew with FroFA"),
    "fact-pixels": ("ff", "pixels", "FACT: LP, FF, logistic regression of pixels"),
    "fact-fused": ("ff", "fused", "FACT: the same, on the decode head's fused map too"),
    "lp-lora": ("lora", "ff", "LP, then LoRA"),
    "l3fact": ("lora", "head", "L3FACT: LP, LoRA, decode head anew with FroFA"),
    "l3fact-pixels": ("lora", "pixels", "L3FACT: LP, LoRA, logistic regression of pixels"),
    "l3fact-fused": ("lora", "fused", "L3FACT: the same, on the decode head's fused map too"),
}
#: What Table VII says as far as it is known here: points of mIoU between FACT and FF on ADE20K, share -> points.
PAPER_GAIN = {5: 4.8, 10: 1.8}
SEEDS, SHARES = (0, 1, 2), (5, 10, 20)
SHARED = ("dataset", "backbone", "short", "effort", "strategy", "part", "frames", "overrides", "options")


def table(rows: Sequence[Row]) -> str:
    """Markdown: for each data set, network and effort the figures, and which cells are missing.

    Strategies stand side by side: whole for the one with the most rows, of the others mIoU.
    """
    parts: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        shared = json.dumps([row[name] for name in SHARED if name != "strategy"], sort_keys=True)
        parts.setdefault(shared, {}).setdefault(row["strategy"], []).append(row)
    told = []
    for chosen in parts.values():
        most = max(chosen, key=lambda name: len(chosen[name]))
        told.append(_one(chosen[most]))
        if len(chosen) > 1:
            told.append(_strategies({most: chosen.pop(most), **chosen}))
    return "\n\n".join(told)


def _strategies(chosen: Mapping[str, Sequence[Row]]) -> str:
    """mIoU by how frames are chosen, the first strategy beside the cells that the others have."""
    others = [row for name in list(chosen)[1:] for row in chosen[name]]
    budgets = sorted({int(row["labels"]) for row in others})
    lines = [line("frames chosen by", "method", *(f"{n} frames" for n in budgets)), rule(2 + len(budgets))]
    for method in (each for each in METHODS if any(row["method"] == each for row in others)):
        for name, part in chosen.items():
            found = [[100 * row["miou"] for row in _of(part, method, n)] for n in budgets]
            if any(found):
                lines.append(line(name, f"`{method}`", *(spread(each, 1, len(SEEDS)) for each in found)))
    return "mIoU in per cent by how frames are chosen:\n\n" + "\n".join(lines)


def choices(rows: Sequence[Row]) -> str:
    """Markdown: options that differ from their defaults by methods, mIoU in per cent; what choices were made by."""
    methods = [method for method in METHODS if any(row["method"] == method for row in rows)]
    lines = [line("options", *(f"`{method}`" for method in methods)), rule(1 + len(methods))]
    for changed in dict.fromkeys(json.dumps(row["overrides"]) for row in rows):
        found = {row["method"]: f"{100 * row['miou']:.1f}" for row in rows if json.dumps(row["overrides"]) == changed}
        told = ", ".join(f"{name} {_plain(value)}" for name, value in json.loads(changed).items())
        lines.append(line(told or "as they are", *(found.get(method, "not run") for method in methods)))
    return "\n".join(lines)


def _one(part: Sequence[Row]) -> str:
    budgets = sorted({int(row["labels"]) for row in part})
    methods = [method for method in METHODS if any(row["method"] == method for row in part)]
    every = len(SEEDS) if part[0]["part"] == "test" else len({row["seed"] for row in part})

    def grid(value: Callable[[Row], float], digits: int = 1) -> str:
        lines = [line("method", *(f"{n} frames ({_share(part, n)})" for n in budgets)), rule(1 + len(budgets))]
        for method in methods:
            found = [[value(row) for row in _of(part, method, n)] for n in budgets]
            lines.append(line(f"`{method}`", *(spread(each, digits, every) for each in found)))
        return "\n".join(lines)

    shown = [
        f"mIoU in per cent:\n\n{grid(lambda row: 100 * row['miou'])}",
        _gains(part, budgets),
        f"mAcc and aAcc in per cent:\n\n{_both(part, methods, budgets, every)}",
        _costs(part, methods, budgets),
        _missing(part),
        _caption(part),
    ]
    return "\n\n".join(each for each in shown if each)


def _share(part: Sequence[Row], labels: int) -> str:
    return f"{next(row['ratio'] for row in part if row['labels'] == labels):.0f} %"


def _of(part: Sequence[Row], method: str, labels: int) -> list[Row]:
    """One row a seed; of a cell that was measured twice the later one."""
    found = {row["seed"]: row for row in part if (row["method"], row["labels"]) == (method, labels)}
    return [found[seed] for seed in sorted(found)]


def _both(part: Sequence[Row], methods: Sequence[str], budgets: Sequence[int], every: int) -> str:
    lines = [line("method", *(f"{n} frames" for n in budgets)), rule(1 + len(budgets))]
    for method in methods:
        cells = []
        for n in budgets:
            rows = _of(part, method, n)
            figures = [spread([100 * row[name] for row in rows]) for name in ("macc", "aacc")]
            cells.append(" / ".join(figures) + fewer(len(rows), every) if rows else "not run")
        lines.append(line(f"`{method}`", *cells))
    return "\n".join(lines)


def _costs(part: Sequence[Row], methods: Sequence[str], budgets: Sequence[int]) -> str:
    """Parameters that learn, and minutes of all phases."""
    head = ("method", "what", "parameters that learn", *(f"minutes, {n} frames" for n in budgets))
    lines = [line(*head), rule(len(head))]
    for method in methods:
        counts = {int(row["trainable_parameters"]) for row in part if row["method"] == method}
        minutes = [[_minutes(row) for row in _of(part, method, n)] for n in budgets]
        shown = (f"{statistics.mean(each):.1f}" if each else "not run" for each in minutes)
        lines.append(line(f"`{method}`", METHODS[method][2], " or ".join(f"{n:,}" for n in sorted(counts)), *shown))
    return "\n".join(lines)


def _plain(value: Any) -> str:
    """The value of an option as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:g}"


def _minutes(row: Row) -> float:
    """Minutes of training: on a CPU those that it worked for this process, whatever else it had to do."""
    on_cpu = str(row["device"]).startswith("CPU")
    return float(row["processor_seconds" if on_cpu else "seconds"]) / 60


def _gains(part: Sequence[Row], budgets: Sequence[int]) -> str:
    """FACT's points over FF over the seeds that both have, beside the paper's."""
    told = []
    for method in ("fact", "fact-pixels", "fact-fused", "l3fact", "l3fact-pixels", "l3fact-fused"):
        for n in budgets:
            ours, plain = ({row["seed"]: row["miou"] for row in _of(part, name, n)} for name in (method, "ff"))
            if shared := sorted(set(ours) & set(plain)):
                points = [100 * (ours[seed] - plain[seed]) for seed in shared]
                seeds = f"{len(shared)} seed{'' if len(shared) == 1 else 's'}"
                told.append(f"`{method}` {statistics.mean(points):+.1f} with {n} frames ({seeds})")
    if not told:
        return ""
    paper = " and ".join(f"+{points} with {share} %" for share, points in PAPER_GAIN.items())
    return f"Points of mIoU over `ff`: {', '.join(told)}. In Table VII, on ADE20K, FACT has {paper} of the images."


def _missing(part: Sequence[Row]) -> str:
    """The cells of the test that are not there, of all methods, three seeds and three shares of the frames."""
    if part[0]["part"] != "test":
        return ""
    pool = round(100 * part[0]["labels"] / part[0]["ratio"])
    budgets = {int(pool * share / 100) for share in SHARES} | {int(row["labels"]) for row in part}
    gaps: dict[tuple[int, tuple[int, ...]], list[str]] = {}
    for n in sorted(budgets):
        for method in METHODS:
            there = {row["seed"] for row in _of(part, method, n)}
            if seeds := tuple(seed for seed in SEEDS if seed not in there):
                gaps.setdefault((n, seeds), []).append(f"`{method}`")
    told = [f"{n} frames, seed {', '.join(map(str, seeds))}: {', '.join(names)}" for (n, seeds), names in gaps.items()]
    return "\n".join(("Not measured:", "", *(f"- {each}" for each in told))) if told else ""


def _caption(part: Sequence[Row]) -> str:
    one = part[0]
    devices = " and ".join(sorted({str(row["device"]) for row in part}))
    steps = "/".join(str(one["steps"][name]) for name in ("lp", "ff", "lm"))
    changed = f", {json.dumps(one['overrides'])}" if one["overrides"] else ""
    seen = f"frames seen with a short side of {one['short']} pixels and scored at their own size"
    how = f"effort {one['effort']}{changed} (steps of LP/FF/LM: {steps}; `ff`: {one['steps']['alone']})"
    scored = f"{one['frames']} {one['part']} frames"
    return (
        f"{one['dataset']}, {one['backbone']}, {seen}, {how}, frames chosen by {one['strategy']}; {scored}; {devices}"
    )
