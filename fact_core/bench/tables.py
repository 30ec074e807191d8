"""Tables made from measured rows: the README's, and those in the form of the paper's.

A row is a measured cell (``bench.rows``). Accuracies are shown in per cent, as mean and deviation over seeds.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from fact_core.bench.paper import TRAINABLE, printed

RESULTS = Path(__file__).parent / "results"
METHODS = ("ff", "lp-paper", "lp", "lm", "lp-ft", "lp-lora", "fact", "l3fact", "fact-prompt", "fact-prefix")
FINE = ("cars", "aircraft")
Row = Mapping[str, Any]
Value = Callable[[Row], float | None]


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a result file, one a measured cell."""
    found: list[dict[str, Any]] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def by_method(cells: Sequence[Row]) -> str:
    """Markdown: one line a method in the order of the file, its accuracy for each seed, and their mean."""
    seeds = sorted({int(each["seed"]) for each in cells})
    lines = [_line("method", *(f"seed {seed}" for seed in seeds), "mean"), _rule(len(seeds) + 2)]
    for method in dict.fromkeys(str(each["method"]) for each in cells):
        found = {int(each["seed"]): float(each["accuracy"]) for each in cells if each["method"] == method}
        shown = [f"{found[seed]:.1%}" if seed in found else "not run" for seed in seeds]
        mean = f"{statistics.mean(found.values()):.1%}" if len(found) == len(seeds) else "–"
        lines.append(_line(f"`{method}`", *shown, mean))
    return "\n".join(lines)


def groups(cells: Iterable[Row]) -> list[list[Row]]:
    """Rows that may stand in one table: of one data set, backbone, side of pictures, preset and overrides."""
    found: dict[str, list[Row]] = {}
    for each in cells:
        names = ("dataset", "backbone", "image_size", "preset", "strategy", "test_images", "overrides")
        found.setdefault(json.dumps([each.get(name) for name in names], sort_keys=True), []).append(each)
    return list(found.values())


def caption(cells: Sequence[Row]) -> str:
    """What a table rests on, in one line."""
    one = cells[0]
    seeds = sorted({int(each["seed"]) for each in cells})
    devices = ", ".join(sorted({str(each["device"]) for each in cells}))
    told = f"{one['dataset']}, {one['backbone']} at {one['image_size']} px, effort {one['preset']}, {one['strategy']}"
    changed = f", {json.dumps(one['overrides'])}" if one.get("overrides") else ""
    tested = f"{one['test_images']:,} test images" if one.get("test_images") else "all test images"
    return f"{told}{changed}; {tested}; seeds {', '.join(map(str, seeds))}; {devices}"


def main_table(cells: Sequence[Row]) -> str:
    """Tables I, III: methods by budgets, with the paper's number in brackets where it is of the same cell."""
    return _each(cells, lambda part: grid(part, _accuracy, paper=True))


def lt_table(cells: Sequence[Row]) -> str:
    """Table II: accuracy on the paper's long-tailed test, and on the balanced one."""
    tailed = [each for each in cells if str(each["dataset"]).endswith("-lt")]

    def both(part: Sequence[Row]) -> str:
        balanced = grid(part, lambda row: _percent(row.get("balanced_accuracy")))
        return f"The paper's test:\n\n{grid(part, _accuracy, paper=True)}\n\nBalanced test:\n\n{balanced}"

    return _each(tailed, both)


def efficiency_table(cells: Sequence[Row]) -> str:
    """Table IV: minutes of training."""
    return _each(cells, lambda part: grid(part, lambda row: float(row["seconds"]) / 60, digits=2))


def peft_table(cells: Sequence[Row]) -> str:
    """Table VI: trainable parameters beside the paper's, and accuracy."""

    def one(part: Sequence[Row]) -> str:
        lines = [_line("method", "trainable parameters", "the paper's", *(f"{n} labels" for n in budgets(part)))]
        lines.append(_rule(3 + len(budgets(part))))
        for method in methods(part):
            found = [each for each in part if each["method"] == method]
            count, share = TRAINABLE.get(method, (None, 0.0))
            theirs = (f"{count:,} ({share:g} %)" if count else f"{share:g} %") if share else "–"
            shown = [_cell([each for each in found if each["labels"] == n], _accuracy, 1, len(_seeds(part)))
                     for n in budgets(part)]  # fmt: skip
            lines.append(_line(f"`{method}`", f"{int(found[0]['trainable_parameters']):,}", theirs, *shown))
        return "\n".join(lines)

    return _each(cells, one)


def frofa_table(cells: Sequence[Row]) -> str:
    """Table VIII: phase 3 with and without FroFA on the same phase 2, and the difference."""

    def one(part: Sequence[Row]) -> str:
        lines = [_line("method", "labels", "with", "without", "difference"), _rule(5)]
        for method in methods(part):
            for n in budgets(part):
                found = [each for each in part if each["method"] == method and each["labels"] == n]
                on = {each["seed"]: each for each in found if each["frofa"] not in (None, "none")}
                off = {each["seed"]: each for each in found if each["frofa"] == "none"}
                shared = sorted(set(on) & set(off))
                if shared:
                    pairs = [[float(side[seed]["accuracy"]) * 100 for seed in shared] for side in (on, off)]
                    gain = statistics.mean(a - b for a, b in zip(*pairs, strict=True))
                    lines.append(_line(f"`{method}`", str(n), *(_spread(each) for each in pairs), f"{gain:+.1f}"))
        return "\n".join(lines) if len(lines) > 2 else "not run"

    return _each(cells, one)


def steps_table(cells: Sequence[Row]) -> str:
    """Figure 4, Table IX: what each phase adds, in points."""

    def one(part: Sequence[Row]) -> str:
        lines = [_line("steps", *(f"{n} labels" for n in budgets(part))), _rule(1 + len(budgets(part)))]
        for name, chain in (("FACT", ("lp", "lp-ft", "fact")), ("L3FACT", ("lp", "lp-lora", "l3fact"))):
            for before, after in pairwise(chain):
                gains = [gain(part, n, after, before) for n in budgets(part)]
                shown = ["not run" if each is None else f"{each:+.1f}" for each in gains]
                lines.append(_line(f"{name}: `{before}` → `{after}`", *shown))
        return "\n".join(lines)

    return _each(_with_frofa(cells), one)


def all_tables(cells: Sequence[Row]) -> str:
    """Every table that the rows have something for, as Markdown."""
    from fact_core.bench.claims import claims_table

    titled = (
        ("Accuracy", main_table([each for each in cells if not str(each["dataset"]).endswith("-lt")])),
        ("Long tail", lt_table(cells)),
        ("Minutes", efficiency_table(cells)),
        ("What each phase adds", steps_table(cells)),
        ("Trainable parameters", peft_table(cells)),
        ("With and without FroFA", frofa_table(cells) if any(each["frofa"] == "none" for each in cells) else ""),
        ("Claims", claims_table(cells)),
    )
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in titled if text)


def as_json(cells: Sequence[Row]) -> list[dict[str, Any]]:
    """One entry a cell of the main table: means and deviations over seeds."""
    out = []
    for part in groups(_with_frofa(cells)):
        for method in methods(part):
            for n in budgets(part):
                found = [each for each in part if each["method"] == method and each["labels"] == n]
                if found:
                    one, values = found[0], [float(each["accuracy"]) for each in found]
                    entry = {name: one[name] for name in ("dataset", "backbone", "image_size", "preset", "labels")}
                    deviation = statistics.stdev(values) if len(values) > 1 else None
                    entry |= {"method": method, "seeds": len(values), "deviation": deviation}
                    entry |= {"accuracy": statistics.mean(values)}
                    entry |= {"minutes": statistics.mean(float(each["seconds"]) for each in found) / 60}
                    out.append(entry)
    return out


def readme_table(cells: Sequence[Row]) -> str:
    """One compact table: means over seeds, the best of a column in bold, and what it rests on."""
    (part,) = groups(_with_frofa(cells))
    lines = [_line("method", *(f"{n} labels" for n in budgets(part))), _rule(1 + len(budgets(part)))]
    means = {(m, n): mean(part, n, m) for m in methods(part) for n in budgets(part)}
    for method in methods(part):
        shown = []
        for n in budgets(part):
            value = means[method, n]
            best = max((each for (_, labels), each in means.items() if labels == n and each is not None), default=0.0)
            text = "not run" if value is None else f"{value:.1f}"
            shown.append(f"**{text}**" if value is not None and value >= best else text)
        lines.append(_line(f"`{method}`", *shown))
    return "\n".join([*lines, "", caption(part)])


def grid(cells: Sequence[Row], value: Value, *, digits: int = 1, paper: bool = False) -> str:
    """Methods by budgets: mean and deviation over seeds."""
    part = _with_frofa(cells)
    lines = [_line("method", *(f"{n} labels" for n in budgets(part))), _rule(1 + len(budgets(part)))]
    for method in methods(part):
        shown = []
        for n in budgets(part):
            found = [each for each in part if each["method"] == method and each["labels"] == n]
            text = _cell(found, value, digits, len(_seeds(part)))
            theirs = _printed(found[0]) if paper and found else None
            shown.append(f"{text} ({theirs[0]:.2f} in Table {theirs[1]})" if theirs else text)
        lines.append(_line(f"`{method}`", *shown))
    return "\n".join(lines)


def gain(cells: Sequence[Row], labels: int, method: str, other: str) -> float | None:
    """Mean accuracy of a method less that of another, in points, over the seeds that both have."""
    values: dict[str, dict[int, float]] = {method: {}, other: {}}
    for each in cells:
        if each["labels"] == labels and each["method"] in values:
            values[each["method"]][int(each["seed"])] = 100 * float(each["accuracy"])
    shared = set(values[method]) & set(values[other])
    return statistics.mean(values[method][seed] - values[other][seed] for seed in shared) if shared else None


def mean(cells: Sequence[Row], labels: int, method: str) -> float | None:
    """Mean accuracy over seeds in per cent, None where there is none."""
    found = [100 * float(each["accuracy"]) for each in cells if each["labels"] == labels and each["method"] == method]
    return statistics.mean(found) if found else None


def methods(cells: Iterable[Row]) -> list[str]:
    """The methods of the rows, in the paper's order."""
    found = {str(each["method"]) for each in cells}
    return [each for each in METHODS if each in found] + sorted(found - set(METHODS))


def budgets(cells: Iterable[Row]) -> list[int]:
    """The numbers of labels of the rows, ascending."""
    return sorted({int(each["labels"]) for each in cells})


def _each(cells: Sequence[Row], table: Callable[[Sequence[Row]], str]) -> str:
    return "\n\n".join(f"{table(part)}\n\n{caption(part)}" for part in groups(cells))


def _with_frofa(cells: Iterable[Row]) -> list[Row]:
    """Without the ablation's rows, unless there is nothing else."""
    every = list(cells)
    return [each for each in every if each["frofa"] != "none"] or every


def _cell(found: Sequence[Row], value: Value, digits: int, seeds: int) -> str:
    values = [each for each in map(value, found) if each is not None]
    if not values:
        return "not run"
    short = f" (of {len(values)})" if len(values) < seeds else ""
    return _spread(values, digits) + short


def _spread(values: Sequence[float], digits: int = 1) -> str:
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{spread}"


def _printed(row: Row) -> tuple[float, str] | None:
    ratio = float(row.get("ratio") or 0.0)
    return printed(str(row["dataset"]), ratio, str(row["method"]), str(row["backbone"]), int(row["image_size"]))


def _seeds(cells: Iterable[Row]) -> set[int]:
    return {int(each["seed"]) for each in cells}


def _accuracy(row: Row) -> float | None:
    return _percent(row.get("accuracy"))


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * float(share)


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _rule(columns: int) -> str:
    return "|" + "---|" * columns
