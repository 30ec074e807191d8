"""``launch.py bench NAME ...``: the measurements of fact_core, and those of the page."""

from __future__ import annotations

from fact_core import cli
from fact_core.bench import BENCHES
from fact_core.choices import Choice

PAGE: dict[str, Choice] = {
    "crash": Choice(
        "Crash", "Labels, files and weights after some hundred kills of server and worker.", "app.bench.crash:run"
    ),
    "label": Choice(
        "Label", "Milliseconds from a key to the next image, in Chromium, in large pools.", "app.bench.label:run"
    ),
    "map": Choice(
        "Map", "First paint, click, lasso and panning of the Label page's map, in Chromium.", "app.bench.map:run"
    ),
    "results": Choice(
        "Results",
        "Milliseconds of each step through the images behind a figure, in Chromium, in large pools.",
        "app.bench.results:run",
    ),
    "tour": Choice("Tour", "The pictures of README's tour, taken anew of a folder of images.", "app.bench.tour:run"),
    "windows": Choice(
        "Windows", "Eight windows label at once; memory over many labels and trainings.", "app.bench.windows:run"
    ),
}


def main(argv: list[str] | None = None) -> int:
    """Do one of all benches; returns the exit code."""
    return cli.main(argv, dict(sorted({**BENCHES, **PAGE}.items())))


if __name__ == "__main__":
    raise SystemExit(main())
