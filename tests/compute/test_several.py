"""Several devices: which are meant, that batches come back in order, and that answers are those of one device."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from fact_core.choices.devices import is_several
from fact_core.classifier.model import Classifier
from fact_core.classifier.predict import predict
from fact_core.compute import device as devices
from fact_core.compute import several
from fact_core.compute.device import exact_float32
from fact_core.compute.several import answered, describe_all, devices_named, left_out
from fact_core.config import PredictConfig, from_flat
from fact_core.errors import ConfigError, DeviceError
from fact_core.events import Log
from fact_core.features.extract import extract
from fact_core.finetune.training_run import linear
from fact_core.generators import finish
from fact_core.storage.feature_store import FeatureStore
from fact_core.types import FloatArray, Step
from tests.finetune_help import CPU, NAMES, Coloured, backbone, coloured
from tests.steps_help import heard


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Coloured:
    return coloured(tmp_path_factory.mktemp("images"), [0, 1, 2] * 4 + [0])


@pytest.mark.parametrize(
    "name", ["cuda:0,cpu", "cuda:0,cuda:0", "cpu,", "cuda,cuda", "mps,mps", "all,cpu", "cuda:1,gpu"]
)
def test_devices_that_cannot_work_together_are_refused_before_anything_runs(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot work together"):
        from_flat(PredictConfig, {"device": name})


def test_several_devices_are_an_option_like_one() -> None:
    assert is_several("cuda:0,cuda:1") and is_several("cpu,cpu") and not is_several("cuda:0")
    assert from_flat(PredictConfig, {"device": "cuda:3,cuda:11"}).device == "cuda:3,cuda:11"
    assert from_flat(PredictConfig, {"device": "all"}).device == "all"
    with pytest.raises(ConfigError, match="Known: auto, cpu"):
        from_flat(PredictConfig, {"device": "both"})


def test_all_are_those_that_can_be_used_and_the_others_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    why = {0: "", 1: "it is too old", 2: ""}
    for module in (devices, several):
        monkeypatch.setattr(
            module, "unusable", lambda number=0: why.get(number, f"there are {len(why)}: cuda:0 to cuda:2")
        )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(why))
    assert devices_named("all") == (torch.device("cuda", 0), torch.device("cuda", 2))
    assert left_out("all") == ["cuda:1: it is too old"] and left_out("cuda:0,cuda:2") == []
    with pytest.raises(DeviceError, match=r"there are 3: cuda:0 to cuda:2"):
        devices_named("cuda:0,cuda:7")
    why.clear()
    why[0] = ""
    assert devices_named("all") == devices_named("auto") == (torch.device("cuda"),) and left_out("all") == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU that can be used")
def test_without_a_gpu_all_is_the_cpu() -> None:
    assert devices_named("all") == (CPU,) and devices_named("cpu,cpu") == (CPU, CPU)
    assert describe_all((CPU, CPU)).endswith(" x 2") and describe_all((CPU,)).startswith("CPU")


def slow(batch: int) -> Step[int]:
    """The first batch is done last."""
    yield Log(f"batch {batch}")
    time.sleep(0.2 if batch == 0 else 0.0)
    if batch == 7:
        raise DeviceError("The memory is full")
    return 10 * batch


def test_batches_come_back_in_their_order_with_what_was_told() -> None:
    for asks in ([slow], [slow, slow], [slow] * 3):
        found = [(batch, *heard(step)) for batch, step in answered(range(5), asks)]
        assert [(batch, answer, [e.text for e in told]) for batch, answer, told in found] == [
            (batch, 10 * batch, [f"batch {batch}"]) for batch in range(5)
        ]


def test_an_error_of_one_device_is_the_steps_and_no_thread_stays() -> None:
    before, seen = threading.active_count(), []
    with pytest.raises(DeviceError, match="memory is full"):
        for batch, step in answered(range(20), [slow, slow]):
            seen.append((batch, finish(step)))
    assert [batch for batch, _ in seen] == list(range(7)) and threading.active_count() == before
    stopped = answered(range(20), [slow, slow])
    next(stopped)
    stopped.close()
    assert threading.active_count() == before


def features(data: Coloured, folder: Path, *others: torch.device) -> FloatArray:
    network = backbone()
    store, digests = FeatureStore.open(folder, network.dim), [f"d{row}" for row in range(len(data.files))]
    found = finish(extract(network, digests, data.files, store, device=CPU, others=others, batch=3))
    assert (found.n_new, found.n_bad) == (len(digests), 0)
    return store.gather(digests)


def test_features_and_predictions_are_those_of_one_device_to_the_bit(data: Coloured, tmp_path: Path) -> None:
    one, two = features(data, tmp_path / "one"), features(data, tmp_path / "two", CPU)
    assert np.array_equal(one, two) and len(np.unique(one, axis=0)) == len(one)
    network = backbone()
    head = linear(torch.randn(3, network.dim, generator=torch.Generator().manual_seed(1)), torch.zeros(3))
    classifier = Classifier(network, {"ff": head}, "ff", NAMES)
    said = [finish(predict(classifier, data.files, device=CPU, others=each, batch=3)) for each in ((), (CPU,))]
    assert np.array_equal(said[0].answers["ff"], said[1].answers["ff"]) and np.isfinite(said[1].answers["ff"]).all()


def test_tf32_stays_off_until_the_last_thread_has_answered() -> None:
    """Two GPUs that answer in threads: the first one to end must not switch rounding on beneath the second."""
    products = torch.backends.cuda.matmul
    gpu, within, ends, seen = torch.device("cuda"), threading.Event(), threading.Event(), list[bool]()

    def second() -> None:
        with exact_float32(gpu):
            within.set()
            ends.wait(10)
            seen.append(products.allow_tf32)

    thread, before = threading.Thread(target=second), products.allow_tf32
    products.allow_tf32 = True
    try:
        with exact_float32(gpu):
            thread.start()
            within.wait(10)
        ends.set()
        thread.join()
        assert seen == [False] and products.allow_tf32
    finally:
        products.allow_tf32 = before
