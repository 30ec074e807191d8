"""Where a run works, and that a GPU which is there and cannot be used is told: in the run and its log."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from app.routes.state import _device
from fact_core import processor
from fact_core.errors import DeviceError
from fact_core.events import Log
from fact_core.generators import finish
from fact_core.headless import doctor
from fact_core.storage import project as projects
from fact_core.storage import run_queue
from fact_core.storage.project import Project
from fact_core.work.where import devices_of
from tests.steps_help import heard
from tests.storage_help import paint

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU that can be used")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    paint(tmp_path / "images" / "one.png", 1)
    return projects.create(tmp_path / "project", tmp_path / "images")


def asked(project: Project, name: str) -> tuple[run_queue.Run, list[Log]]:
    """(the run, what its log says) after it asked for that device."""
    run = run_queue.queue(project, "features", {"device": name})
    _, told = heard(devices_of(project, run_queue.get(project, run), name))
    return run_queue.get(project, run), [each for each in told if isinstance(each, Log)]


def test_a_computer_without_a_gpu_is_told_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hostile input 15: no GPU."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    run, told = asked(project, "auto")
    assert run.device.startswith("CPU") and "GPU" not in run.device and told == []


def test_a_gpu_that_is_left_alone_is_told_in_the_run_and_in_its_log(project: Project, fake_gpu: Path) -> None:
    """Hostile input 15: an unsupported GPU."""
    run, told = asked(project, "auto")
    assert run.device.startswith("CPU") and "GPU not used: " in run.device
    assert [each.level for each in told] == ["warning"] and "The GPU is not used" in told[0].text
    run, told = asked(project, "cpu")
    assert "GPU" not in run.device and told == []


def test_the_run_the_header_and_the_doctor_say_the_same_reason(project: Project, fake_gpu: Path) -> None:
    """The name is the driver's tool's, the reason torch's; the header has both from the run."""
    run, told = asked(project, "auto")
    reason = run.device.partition("GPU not used: ")[2]
    assert reason and reason in told[0].text
    shown = _device(processor.gpu_name(), run_queue.list_runs(project))
    assert shown == {"device": "CPU", "device_note": run.device}
    assert any(f"GPU: Tesla K80, not used: {reason}" in line for line in doctor.report()[0])


def test_a_gpu_that_was_asked_for_is_never_replaced(project: Project, fake_gpu: Path) -> None:
    run = run_queue.get(project, run_queue.queue(project, "features", {}))
    with pytest.raises(DeviceError, match="No GPU"):
        finish(devices_of(project, run, "cuda"))
