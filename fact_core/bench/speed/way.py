"""The whole way from files to a model, and the start of the program."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.request import urlopen

from fact_core.bench.gpu.given import LITE, Bench
from fact_core.bench.gpu.way import task_of, walk
from fact_core.bench.speed.measured import Found
from fact_core.config import train_config

POOL, TEST, BUDGET = 1_000, 200, 50
LAUNCH = Path(__file__).resolve().parents[3] / "launch.py"
STARTS, LONGEST = 2, 120.0  # times it is started; seconds that a start may take


def walked(bench: Bench) -> Found:
    """Features of the pool, ActiveFT, the three phases and the answers to a test, in seconds by part."""
    task = task_of(bench.pictures, *bench.pick((POOL, TEST, BUDGET), (24, 10, 12)))
    small = {"ff.steps": 2, "lm.steps": 6, "ff.batch": 8, "lm.choose": "none"}
    config = train_config("quick", recipe="fact", backbone=LITE, **bench.pick({}, small))
    found = walk(bench, task, bench.backbone(LITE), config, bench.at)
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in found.seconds.items())
    return Found("s", found.total, None, None, parts)


def start(bench: Bench) -> Found:
    """Seconds from ``launch.py`` to an answer of its first page, in a data folder of its own; the last start counts."""
    with tempfile.TemporaryDirectory(prefix="fact-speed-") as folder:
        took = [_started(Path(folder)) for _ in range(STARTS)]
    return Found("s", took[-1], None, None, f"the first start {took[0]:.1f} s; no browser")


def _started(folder: Path) -> float:
    """One start. TimeoutError where no address is told, or nothing answers there."""
    homes = {name: str(folder) for name in ("FACT_STUDIO_HOME", "FACT_STUDIO_CACHE")}
    began = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, str(LAUNCH), "--no-browser", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "FACT_STUDIO_NO_VENV": "1", **homes},
    )
    end = threading.Timer(LONGEST, child.kill)
    end.start()
    try:
        assert child.stdout is not None
        for line in child.stdout:
            if address := re.search(r"https?://\S+", line):
                with urlopen(address[0], timeout=LONGEST) as answer:
                    answer.read()
                return time.monotonic() - began
        raise TimeoutError("the program ended, or said no address")
    finally:
        end.cancel()
        child.terminate()
        child.wait(30)
