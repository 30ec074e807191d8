"""What the process of a section does: it runs the section and sends its row."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from fact_core.bench.rows import Row
from fact_core.choices import resolve
from fact_core.errors import FactError

if TYPE_CHECKING:
    from fact_core.bench.gpu.runner import Task

#: What nearly every section imports. The device is not touched by it.
PRELOADED = ("fact_core.bench.gpu.given", "fact_core.finetune.pipeline", "fact_core.select.choose")


def main(out: Connection, target: str, given: Mapping[str, Any], task: Task) -> None:
    """Run the section ``target`` and send its row; what it prints goes into the task's log."""
    if hasattr(os, "setsid"):
        os.setsid()  # so that all that it starts ends with it
    log = os.open(task.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    out.send_bytes(json.dumps(row_of(target, given, task)).encode())
    out.close()


def row_of(target: str, given: Mapping[str, Any], task: Task) -> Row:
    """The section's row: its own values with the device and torch, or its error in words."""
    try:
        import torch

        from fact_core.bench.gpu.given import opened
        from fact_core.compute.device import describe

        bench = opened(task.device, task.short, task.folder)
        if bench.at.type == "cpu":
            torch.set_num_threads(1)  # a busy CPU is slower with more, and the short form says nothing of speed
        found: Row = resolve(target)(bench, **given)
        return {**found, "device": describe(bench.at), "torch": str(torch.__version__)}
    except FactError as error:
        return {"status": "error", "words": str(error)}
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        words = f"{type(error).__name__}: {first}"
        return {"status": "error", "words": words, "log": traceback.format_exc()[-3000:]}
