"""Processes of a crew: they end with the one that has started them, and a job that is nobody's is no reason to hang."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch

from fact_core.compute.crew import Crew
from fact_core.compute.group import Parted, Place, broken_off, grouped
from fact_core.generators import finish

HERE = f"{__name__}:adds"
#: A front process that is killed in the midst of a job, with all that it would do at its end left undone.
KILLED = """
import os, signal
import torch
from fact_core.compute.crew import Crew
from fact_core.generators import finish

if __name__ == "__main__":
    crew = Crew((torch.device("cpu"), torch.device("cpu")), "tests.compute.test_crew:adds")
    finish(crew.begin(2, lambda world: b"1"))
    print(crew.mates[0].process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def adds(job: bytes, place: Place, ready: Callable[[], bool]) -> str:
    """A mate's part: the sum over all processes of a number that the job gives to each."""
    if not ready():
        return "dropped"
    with grouped(place):
        told = torch.tensor([float(json.loads(job)) * place.rank])
        try:
            torch.distributed.all_reduce(told)
        except RuntimeError as error:
            if not broken_off(error):
                raise
            raise Parted(str(error)) from error
        return f"{float(told):g}"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills as Linux does")
def test_a_mate_ends_with_the_process_that_has_started_it(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert ended.returncode == -9, ended.stderr
    mate, until = int(ended.stdout), time.monotonic() + 20
    while psutil.pid_exists(mate) and psutil.Process(mate).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.slow
def test_one_job_after_the_other_also_behind_one_that_nobody_did() -> None:
    cpu = torch.device("cpu")
    with Crew((cpu, cpu), HERE) as crew:
        for number in (3, 5):
            place = finish(crew.begin(2, lambda world, number=number: str(number).encode()))  # type: ignore[misc]
            assert place is not None and (place.rank, place.world) == (0, 2)
            assert adds(str(number).encode(), place, lambda: True) == f"{number}"
            assert finish(crew.ended()) == [f"{number}"]
        assert finish(crew.begin(1, lambda world: b"")) is None  # a job for one
        with grouped(finish(crew.begin(2, lambda world: b"9")) or place):
            pass  # and off: the other is told by the broken group
        place = finish(crew.begin(2, lambda world: b"2"))
        assert place is not None and adds(b"2", place, lambda: True) == "2" and crew.devices == 2
    assert not crew.mates and finish(crew.begin(2, lambda world: b"1")) is None
