"""What the Train page's form offers on this computer."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.pages.train import page
from app.pages.train.time_routes import _on_cpu
from app.shell.forms import form
from app.shell.server import Server
from fact_core import processor
from fact_core.config import TrainConfig, train_config


def offered(gpus: int) -> list[str]:
    """The devices in the list, of a computer with so many GPUs."""
    made = form(TrainConfig, ("device",))
    page._only_what_is_there(made, gpus)
    assert made.dropdown("device").value == "auto" and made.dropdown("device").allow_custom_value
    return [str(value) for _, value in made.dropdown("device").get_config()["choices"]]


def test_all_gpus_are_offered_where_there_are_several() -> None:
    assert "all" in offered(2) and "all" in offered(8)
    assert "all" not in offered(1) and "all" not in offered(0)
    assert {*offered(2)} - {*offered(1)} == {"all"}


def test_how_many_there_are_says_the_driver(fake_gpu: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (processor.gpus(), Server().gpus) == (1, 1)
    (fake_gpu / "nvidia-smi").write_text("#!/bin/sh\necho 'Tesla K80'\necho 'Tesla K80'\necho 'Tesla K80'\n")
    assert (processor.gpus(), Server().gpus) == (3, 3)
    for shown, count in (("1", 1), ("0,2", 2), ("", 0), ("-1", 0), ("0,1,2,3", 3)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
        assert processor.gpus() == count
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    (fake_gpu / "nvidia-smi").unlink()
    assert processor.gpus() == 0


def test_the_estimate_knows_where_several_devices_are() -> None:
    for device, gpu, cpu in (("cpu,cpu", "K80", True), ("cuda:0,cuda:1", "", False), ("all", "", True)):
        assert _on_cpu(train_config("quick", device=device), [], gpu) == cpu
    assert not _on_cpu(train_config("quick", device="all"), [], "Tesla K80")
