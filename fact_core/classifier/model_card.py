"""The README.md of an exported classifier: a model card with the measured figures."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from fact_core.analysis.calibration import BINS
from fact_core.choices import RECIPES, BackboneChoice, backbone_choice
from fact_core.classifier.model import Classifier
from fact_core.compute.image_batches import Preprocess
from fact_core.errors import FactError
from fact_core.types import Report

#: Why no temperature was told (``work.temperature.lacking``) -> the words for it.
UNPROVED = {
    "few": "too few training labels could be held out to tell how sure it may be",
    "tuned": "the finetuned network has learned from all labels, and none was held out to tell how sure it may be",
    "sgd": "a probe by SGD would have to be trained again for each part of the labels that is held out",
    "joint": "the light model would have to be trained again for each part of the labels that is held out",
    "kept": "it was not too sure of training labels that were held out",
}


def card(
    classifier: Classifier, meta: Mapping[str, Any], report: Report | None, figures: Mapping[str, str | int | float]
) -> str:
    """Markdown with a YAML header. Class names are shown, and do nothing."""
    template = (Path(__file__).parent / "export_files" / "README.md.txt").read_text("utf-8")
    about = _about(classifier.backbone.name)
    recipe = str(meta.get("recipe", ""))
    pre = classifier.backbone.preprocess
    parts = {
        "LICENCE": (about.licence if about else "other").lower(),
        "BACKBONE": plain(about.title if about else classifier.backbone.name),
        "BACKBONE_NAME": code(classifier.backbone.name),
        "BACKBONE_LICENCE": plain(about.licence if about else "unknown"),
        "RECIPE": plain(RECIPES[recipe].title if recipe in RECIPES else recipe or "FACT"),
        "CLASS_COUNT": str(len(set(classifier.classes))),
        "CLASSES": _classes(tuple(dict.fromkeys(classifier.classes)), report),
        "FIGURES": _figures(report, {**figures, **_honest(meta)}),
        "SHAPE": f"batch, 3, {pre.pixels}, {pre.pixels}" if pre.square else "batch, 3, height, width",
        "SEEN": _seen(pre),
        "INTERPOLATION": pre.interpolation,
        "MEAN": ", ".join(f"{each:g}" for each in pre.mean),
        "STD": ", ".join(f"{each:g}" for each in pre.std),
        "LIMITS": _limits(str(meta.get("other_class", "")), classifier.classes),
        "DETAILS": _details(meta),
    }
    for name, value in parts.items():
        template = template.replace("{{" + name + "}}", value)
    return template


def _about(name: str) -> BackboneChoice | None:
    """What is known of the backbone; a model of another version may have one that nobody knows here."""
    try:
        return backbone_choice(name)
    except FactError:
        return None


def _seen(pre: Preprocess) -> str:
    """What is to be done to a picture before the model sees it, in words."""
    side = f"{pre.pixels} x {pre.pixels}"
    if pre.view == "crop":
        return f"make its short side {pre.resize} pixels, cut out the middle {side}"
    if pre.view == "squash":
        return f"make all of it {side} pixels, whatever its proportions"
    long = f"the long one the multiple of {pre.step} that keeps its proportions best"
    return f"make its short side {pre.pixels} pixels and {long}, of one longer than 3:1 the middle"


def plain(text: str) -> str:
    """Text that Markdown, HTML and a table cell show as it is: one line, no markup, no direction marks."""
    shown = []
    for letter in " ".join(text.split()):
        if unicodedata.category(letter) in ("Cc", "Cs") or unicodedata.bidirectional(letter) in _DIRECTIONS:
            continue
        if letter in "<>&":
            shown.append({"<": "&lt;", ">": "&gt;", "&": "&amp;"}[letter])
        elif letter in "\\`*_{}[]()#+-.!|~$:@^=\"'/":
            # as a number, because a backslash does not stop every dialect (links, e-mail, maths)
            shown.append(letter if letter in "-.'+" and shown else f"&#{ord(letter)};")
        else:
            shown.append(letter)
    # a brace pair could look like a field of the template
    return "".join(shown)


def code(text: str) -> str:
    """Text for a code span, where Markdown shows everything but backticks as it is: an escape would be seen."""
    shown = (letter for letter in " ".join(text.split()) if letter.isprintable() and letter not in "`{}")
    return "".join(letter for letter in shown if unicodedata.bidirectional(letter) not in _DIRECTIONS)


_DIRECTIONS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def _classes(classes: tuple[str, ...], report: Report | None) -> str:
    """The classes with the numbers of their outputs; none of those that are unknown."""
    numbers = {name: str(number) for number, name in enumerate(classes)}
    if report is None:
        rows = [f"| {number} | {plain(name)} |" for name, number in numbers.items()]
        return "\n".join(["| number | class |", "|---|---|", *rows])
    rows = [
        f"| {numbers.get(each.name, '–')} | {plain(each.name)} | {each.n} | "
        f"{_share(each.found, each.n, each.recall)} | "
        f"{each.named} | {_share(each.found, each.named, each.precision)} |"
        for each in report.per_class
    ]
    head = ["| number | class | checked images | found (recall) | answers of this class | right (precision) |"]
    head.append("|---|---|---|---|---|---|")
    return "\n".join([*head, *rows, "", "In brackets: 95 % intervals."])


def _limits(other: str, classes: Collection[str]) -> str:
    """What the answers cannot say. other: the class that holds what fits no other one, "" where there is none."""
    knows = "The classifier knows only these classes: it names one of them for every picture, whatever it shows."
    if other not in classes:
        return knows
    return (
        f"{knows} {plain(other)} stands for what fits none of the others. It was learned from the images that were "
        "given to it, so it catches what is like these, and not everything that is of no class."
    )


def _share(part: int, of: int, interval: tuple[float, float]) -> str:
    """Like "12, 80.0 % (55 to 93)"; the interval is rounded outwards, as on the page."""
    low, high = math.floor(100 * interval[0] + 1e-9), math.ceil(100 * interval[1] - 1e-9)
    return f"{part}, {part / of:.1%} ({low} to {high})" if of else "–"


def _figures(report: Report | None, figures: Mapping[str, str | int | float]) -> str:
    rows = []
    if report is not None:
        low, high = report.interval
        rows.append(f"| accuracy | {report.accuracy:.1%} ({low:.1%} to {high:.1%}, 95 % interval) |")
        rows += _measured(report)
    rows += [f"| {plain(str(name))} | {_value(value)} |" for name, value in figures.items()]
    if not rows:
        return "Nothing was measured: no held-out labels were there."
    note = (
        "" if report is not None else "\n\nNo held-out labels were there, so the accuracy on new images is not known."
    )
    return "\n".join(["| figure | value |", "|---|---|", *rows]) + note + _calibration(report)


def _measured(report: Report) -> list[str]:
    """Rows of the table: what the accuracy rests on, and figures beside it."""
    grouped = f", in {report.groups} groups, which the interval counts" if report.groups else ""
    rows = [f"| measured on | {plain(report.basis)} ({report.n} images{grouped}) |"]
    if report.leaks:
        right, n = report.clean or (0, 0)
        rest = f"; without them {right / n:.1%} of {n}" if n else ""
        rows.append(f"| of these nearly the same as a training image, or of its group | {report.leaks}{rest} |")
    if report.macro_f1 == report.macro_f1:
        rows.append(f"| macro F1 | {report.macro_f1:.1%} |")
    if report.ece == report.ece:
        rows.append(f"| calibration error ({BINS} bins) | {report.ece:.1%} |")
    if report.temperature == report.temperature:
        rows.append(
            f"| temperature, fitted without these images | {report.temperature:.2f}: "
            f"calibration error {report.ece_scaled:.1%} |"
        )
    return rows


def _calibration(report: Report | None) -> str:
    """Tables of how honest the confidences are, and of what the surest answers are worth."""
    if report is None or not report.bins:
        return ""
    bins = [
        f"| {each.low:.0%} to {each.high:.0%} | {each.n} | {each.confidence:.1%} | {each.accuracy:.1%} |"
        for each in report.bins
    ]
    lines = ["", "", "| confidence | answers | sure on average | right |", "|---|---|---|---|", *bins]
    if report.coverage:
        surest = [f"| {each.share:.0%} | {each.confidence:.1%} | {each.accuracy:.1%} |" for each in report.coverage]
        lines += ["", "| surest answers | as sure as | right |", "|---|---|---|", *surest]
    return "\n".join(lines)


def _value(value: str | int | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else plain(str(value))


def _honest(meta: Mapping[str, Any]) -> dict[str, str]:
    """By what the logits were divided so that confidences are honest, where they were."""
    told, why = meta.get("temperature"), str(meta.get("unproved") or "")
    if not told:
        return {"temperature": f"none: {UNPROVED[why]}"} if why in UNPROVED else {}
    fitted = f"fitted on {told['labels']} training labels that were held out in turn"
    return {"temperature": f"{told['value']:.2f}, {fitted}, which the weights hold already"}


def _details(meta: Mapping[str, Any]) -> str:
    """The meta of the run as indented code: nothing in it can be markup."""
    text = json.dumps(dict(meta), indent=1, ensure_ascii=True, default=str)
    return "\n".join("    " + line for line in text.splitlines())
