"""Tables made from measured rows: the README's, and those in the form of the paper's.

A row is a measured cell (``bench.rows``). Accuracies are shown in per cent, as mean and deviation over seeds.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from fact_core.bench.claims import claims_table
from fact_core.bench.grids import (
    SHARED,
    Row,
    Value,
    accuracy,
    budgets,
    caption,
    fewer,
    gain,
    grid,
    groups,
    line,
    methods,
    minutes,
    of,
    rule,
    seeds,
    share,
    shared_seeds,
    spread,
    with_frofa,
)
from fact_core.bench.paper import FROFA, MINUTES, TEST_IMAGES, trainable

RESULTS = Path(__file__).parent / "results"
ADAPTERS = ("lp-lora", "l3fact", "l3fact+", "fact-prompt", "fact-prefix")


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a result file, one a measured cell."""
    found: list[dict[str, Any]] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def by_method(cells: Sequence[Row]) -> str:
    """Markdown: one line a method in the order of the file, its accuracy for each seed, and their mean."""
    every = sorted(seeds(cells))
    lines = [line("method", *(f"seed {seed}" for seed in every), "mean"), rule(len(every) + 2)]
    for method in dict.fromkeys(str(each["method"]) for each in cells):
        found = {int(each["seed"]): float(each["accuracy"]) for each in cells if each["method"] == method}
        shown = [f"{found[seed]:.1%}" if seed in found else "not run" for seed in every]
        mean = f"{statistics.mean(found.values()):.1%}" if len(found) == len(every) else "–"
        lines.append(line(f"`{method}`", *shown, mean))
    return "\n".join(lines)


def readme_table(cells: Sequence[Row]) -> str:
    """One compact table: means over seeds, the best of a column in bold, and what it rests on."""
    (part,) = groups(with_frofa(cells))
    return f"{_compact(part, accuracy)}\n\n{caption(part)}"


def readme_tables(cells: Sequence[Row]) -> str:
    """The same for rows of several data sets: a table of each."""
    parts = groups(with_frofa(cells))
    return "\n\n".join(f"{_compact(part, accuracy)}\n\n{caption(part)}" for part in parts)


#: The rows of the README's table: names in words before the short ones.
HEADLINE = {
    "ff": "Full finetune alone",
    "lp-ft": "Probe, then full finetune",
    "fact": "The paper's three phases",
    "fact+": "**The same, learning from the pool too**",
}


def headline(cells: Sequence[Row]) -> str:
    """The README's table: a few methods in words, means over seeds in per cent."""
    (part,) = groups(with_frofa(cells))
    every = len(seeds(part))
    lines = [line("", *(f"{n} labels" for n in budgets(part))), rule(1 + len(budgets(part)))]
    for method, words in HEADLINE.items():
        found = [[value for value in map(accuracy, of(part, method, n)) if value is not None] for n in budgets(part)]
        shown = (f"{statistics.mean(each):.1f}{fewer(len(each), every)}" if each else "not run" for each in found)
        lines.append(line(f"{words} (`{method}`)", *shown))
    return "\n".join(lines)


def readme_lt_table(cells: Sequence[Row]) -> str:
    """The same for a long-tailed data set, on both of its tests."""
    (part,) = groups(with_frofa(cells))
    balanced = _compact(part, share("balanced_accuracy"))
    tailed = _compact(part, accuracy)
    return f"Balanced test:\n\n{balanced}\n\nThe paper's test:\n\n{tailed}\n\n{caption(part)}"


def _compact(part: Sequence[Row], value: Value) -> str:
    """Means over seeds, the best of a column in bold."""
    every = len(seeds(part))
    lines = [line("method", *(f"{n} labels" for n in budgets(part))), rule(1 + len(budgets(part)))]
    places = [(method, n) for method in methods(part) for n in budgets(part)]
    values = {place: [each for each in map(value, of(part, *place)) if each is not None] for place in places}
    means = {place: round(statistics.mean(each), 1) for place, each in values.items() if each}
    for method in methods(part):
        shown = []
        for n in budgets(part):
            best = max((each for (_, labels), each in means.items() if labels == n), default=0.0)
            text = f"{means[method, n]:.1f}" if (method, n) in means else "not run"
            text = f"**{text}**" if means.get((method, n), -1.0) >= best else text
            shown.append(text + fewer(len(values[method, n]), every))
        lines.append(line(f"`{method}`", *shown))
    return "\n".join(lines)


def main_table(cells: Sequence[Row]) -> str:
    """Tables I, III: methods by budgets, with the paper's number in brackets where it is of the same cell."""
    return _each(cells, lambda part: grid(part, accuracy, paper=True))


def lt_table(cells: Sequence[Row]) -> str:
    """Table II: accuracy on the paper's long-tailed test and on the balanced one, and the mean recall of classes."""
    tailed = [each for each in cells if str(each["dataset"]).endswith("-lt")]

    def all_three(part: Sequence[Row]) -> str:
        shown = (
            ("The paper's test:", grid(part, accuracy, paper=True)),
            ("Balanced test:", grid(part, share("balanced_accuracy"))),
            ("Mean recall of the classes in the paper's test:", grid(part, share("macro_recall"))),
        )
        return "\n\n".join(f"{title}\n\n{text}" for title, text in shown)

    return _each(tailed, all_three)


def efficiency_table(cells: Sequence[Row]) -> str:
    """Table IV: minutes of training, of each device."""
    tables = _each(cells, lambda part: grid(part, minutes, digits=2), "device")
    theirs = any(str(each["dataset"]) in TEST_IMAGES for each in cells)  # nobody else has measured a person's own
    return f"{tables}\n\n{MINUTES}" if tables and theirs else tables


def backbones_table(cells: Sequence[Row]) -> str:
    """Table V and Figure 4: the same methods and budgets with several backbones."""
    apart = tuple(name for name in SHARED if name not in ("backbone", "image_size"))

    def one(part: Sequence[Row]) -> str:
        lines = [line("backbone", "method", *(f"{n} labels" for n in budgets(part))), rule(2 + len(budgets(part)))]
        for net in groups(part):
            for method in methods(net):
                found = [[accuracy(each) for each in of(net, method, n)] for n in budgets(part)]
                shown = [spread(each, seeds=len(seeds(part))) for each in found]
                lines.append(line(f"{net[0]['backbone']} at {net[0]['image_size']} px", f"`{method}`", *shown))
        return "\n".join(lines)

    many = [part for part in groups(with_frofa(cells), apart) if len({each["backbone"] for each in part}) > 1]
    return "\n\n".join(f"{one(part)}\n\n{caption(part)}" for part in many)


def peft_table(cells: Sequence[Row]) -> str:
    """Table VI: trainable parameters beside the paper's, and accuracy."""

    def one(part: Sequence[Row]) -> str:
        lines = [line("method", "trainable parameters", "the paper's", *(f"{n} labels" for n in budgets(part)))]
        lines.append(rule(3 + len(budgets(part))))
        known = {method: learned for method in methods(part) if (learned := _parameters(part, method))}
        for method in methods(part):
            count, percent = trainable(part[0], method)
            theirs = (f"{count:,} ({percent:g} %)" if count else f"{percent:g} %") if percent else "–"
            found = [[accuracy(each) for each in of(part, method, n)] for n in budgets(part)]
            shown = [spread(each, seeds=len(seeds(part))) for each in found]
            ours = " or ".join(f"{each:,}" for each in known.get(method, ())) or "–"
            ours += _of_all(known, method)
            lines.append(line(f"`{method}`", ours, theirs, *shown))
        return "\n".join(lines)

    return _each(with_frofa(cells), one)


def frofa_table(cells: Sequence[Row]) -> str:
    """Table VIII: phase 3 with and without FroFA on the same phase 2, and the difference."""

    def one(part: Sequence[Row]) -> str:
        lines = [line("method", "labels", "with", "without", "difference"), rule(5)]
        for method in methods(part):
            for n in budgets(part):
                found = of(part, method, n)
                on = {each["seed"]: accuracy(each) for each in found if each["frofa"] not in (None, "none")}
                off = {each["seed"]: accuracy(each) for each in found if each["frofa"] == "none"}
                if shared := sorted(set(on) & set(off)):
                    mean = statistics.mean(on[seed] - off[seed] for seed in shared)
                    pair = (spread([side[seed] for seed in shared], seeds=len(seeds(part))) for side in (on, off))
                    lines.append(line(f"`{method}`", str(n), *pair, f"{mean:+.1f}"))
        return "\n".join(lines) if len(lines) > 2 else "not run"

    ablated = [part for part in groups(cells) if any(each["frofa"] == "none" for each in part)]
    tables = "\n\n".join(f"{one(part)}\n\n{caption(part)}" for part in ablated)
    return f"{tables}\n\n{FROFA}" if tables else ""


def steps_table(cells: Sequence[Row]) -> str:
    """Table IX: what each phase adds, in points. In the preset ``paper`` phase 1 is the paper's own probe."""

    def one(part: Sequence[Row]) -> str:
        lines = [line("steps", *(f"{n} labels" for n in budgets(part))), rule(1 + len(budgets(part)))]
        for step, each in groupby(
            increments(part), lambda each: f"{each['name']}: `{each['before']}` → `{each['after']}`"
        ):
            found = list(each)
            every = len(seeds(part))
            shown = [
                "not run" if each["points"] is None else f"{each['points']:+.1f}{fewer(each['seeds'], every)}"
                for each in found
            ]
            lines.append(line(step, *shown))
        return "\n".join(lines)

    return _each(with_frofa(cells), one)


def increments(cells: Sequence[Row]) -> list[dict[str, Any]]:
    """What each phase adds at each budget, in points (None: not run) and over how many seeds, in one table's rows."""
    part = with_frofa(cells)
    probe = "lp-paper" if part[0]["preset"] == "paper" else "lp"
    found = []
    chains = (("FACT", (probe, "lp-ft", "fact", "fact+")), ("L3FACT", (probe, "lp-lora", "l3fact", "l3fact+")))
    for name, chain in chains:
        for before, after in pairwise(chain):
            for n in budgets(part):
                about = {"name": name, "before": before, "after": after, "labels": n}
                shared = len(shared_seeds(part, n, after, before))
                found.append({**about, "points": gain(part, n, after, before), "seeds": shared})
    return found


def all_tables(cells: Sequence[Row]) -> str:
    """Every table that the rows have something for, as Markdown."""
    titled = (
        ("Accuracy", main_table([each for each in cells if not str(each["dataset"]).endswith("-lt")])),
        ("Long tail", lt_table(cells)),
        ("Minutes", efficiency_table(cells)),
        ("Backbones", backbones_table(cells)),
        ("What each phase adds", steps_table(cells)),
        ("Trainable parameters", peft_table(cells)),
        ("With and without FroFA", frofa_table(cells)),
        ("Claims", claims_table(cells)),
    )
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in titled if text)


def _parameters(part: Sequence[Row], method: str) -> list[int]:
    """How many weights learn, ascending: the light model chooses its reading, and its weights with it, cell by cell."""
    found = {each["trainable_parameters"] for each in part if each["method"] == method}
    return sorted(int(each) for each in found if each)


def _of_all(known: Mapping[str, Sequence[int]], method: str) -> str:
    """ " (0.69 %)": what an adapter and the head have of all parameters, the adapter's among them, as in the paper."""
    whole = next((known[each][0] for each in ("ff", "lp-ft", "fact") if each in known), None)
    head = next((known[each][0] for each in ("lp", "lp-paper") if each in known), None)
    own = known.get(method, ())
    if whole is None or head is None or method not in ADAPTERS or len(own) != 1:
        return ""
    return f" ({100 * own[0] / (whole + own[0] - head):.2f} %)"


def _each(cells: Sequence[Row], table: Callable[[Sequence[Row]], str], *more: str) -> str:
    return "\n\n".join(f"{table(part)}\n\n{caption(part)}" for part in groups(cells, (*SHARED, *more)))
