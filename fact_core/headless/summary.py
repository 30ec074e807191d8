"""What ``launch.py run`` says at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fact_core.headless import odd_images


def summary(result: dict[str, Any]) -> list[str]:
    """The result in lines for a person."""
    accuracy, lines = result["accuracy"], [f"{result['labels']} labels, {len(result['classes'])} classes"]
    for each in result["phases"]:
        memory = f", peak GPU memory {each['peak_memory_mb']:,.0f} MB" if each["peak_memory_mb"] else ""
        lines.append(f"  {each['name']}: {each['seconds']:.1f} s{memory}")
    if accuracy["pool_rest"] is not None:
        low, high = accuracy["pool_rest_interval"]
        lines.append(
            f"accuracy on the {accuracy['pool_rest_n']:,} other images of the pool: "
            f"{accuracy['pool_rest']:.1%} (95 % interval {low:.1%} to {high:.1%})"
        )
        lines += _grouped(accuracy)
        if result["self_training_images"]:
            lines.append(f"  learned from {result['self_training_images']:,} images of the pool without labels as well")
        lines += [f"  after {name}: {share:.1%}" for name, share in accuracy["per_phase"].items()]
    if accuracy["check"] is not None:
        low, high = accuracy["check_interval"]
        lines.append(
            f"accuracy on the {accuracy['check_n']:,} check images: {accuracy['check']:.1%} "
            f"(95 % interval {low:.1%} to {high:.1%})"
        )
    if accuracy["test"] is not None:
        lines.append(f"accuracy on the test images: {accuracy['test']:.1%}")
    if result["goal"]:
        images, share = result["goal"]["images"], result["goal"]["goal"]
        lines.append(
            f"labeled {images['person']:,}, accepted {images['accepted']:,} so that {share:.1%} of them are right, "
            f"open {images['open']:,}: {result['goal']['finished']}"
        )
    lines += odd_images.told(result["odd"])
    if result["export"]:
        lines.append(f"classifier: {result['export']}")
    return [*lines, f"{result['seconds_total']:.0f} s on {result['device']}"]


def _grouped(accuracy: Mapping[str, Any]) -> list[str]:
    """What the figure owes to images that belong together, or look nearly the same."""
    lines = []
    if accuracy["pool_rest_groups"]:
        lines.append(f"  the interval counts the {accuracy['pool_rest_groups']:,} groups that these images lie in")
    if accuracy["pool_rest_leaks"]:
        clean = accuracy["pool_rest_clean"]
        rest = f": without them {clean:.1%}" if clean is not None else ""
        lines.append(
            f"  {accuracy['pool_rest_leaks']:,} of them look nearly the same as a labeled image, or belong together "
            f"with one{rest}"
        )
    return lines
