"""Extraction: appended as it goes, resumed, thumbnails in the same pass, bad files told."""

import numpy as np
import pytest
import torch
from PIL import Image

from fact_core import backbones, processor
from fact_core.compute import device, less_memory
from fact_core.compute.image_batches import load_eval, normalise
from fact_core.compute.less_memory import LessMemory, out_of_memory
from fact_core.errors import DeviceError, WeightsError
from fact_core.events import Log, Progress
from fact_core.features import extract
from fact_core.storage.feature_store import FeatureStore
from tests.steps_help import heard

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def backbone():
    return backbones.load("tf_efficientnet_lite0", random=True, pixels=64)


@pytest.fixture
def images(tmp_path):
    files = []
    for i in range(7):
        pixels = np.random.default_rng(i).integers(0, 256, (70, 80, 3), dtype=np.uint8)
        files.append(tmp_path / f"{i}.png")
        Image.fromarray(pixels).save(files[-1])
    return [f"d{i}" for i in range(7)], files


def test_features_equal_one_by_one(tmp_path, backbone, images):
    digests, files = images
    store = FeatureStore.open(tmp_path / "store", backbone.dim)
    found, events = heard(extract.extract(backbone, digests, files, store, device=CPU, batch=3))
    assert found.n_new == 7 and found.n_bad == 0 and found.images_per_s > 0
    assert [e.done for e in events if isinstance(e, Progress)] == [0, 3, 6, 7] and events[-1].seconds_left == 0
    one = normalise(load_eval(files[4], backbone.preprocess)[None], backbone.preprocess, CPU)
    with torch.no_grad():
        wanted = backbone(one).pooled[0].numpy()
    kept = store.gather(["d4"])[0]
    assert float(kept @ wanted) > 0.999 * np.linalg.norm(kept) * np.linalg.norm(wanted)
    if found.precision == "float32":  # else the processor has matrix units for bf16
        assert np.allclose(kept, wanted, atol=1e-4)


def test_stopped_work_is_kept_and_not_done_again(tmp_path, backbone, images):
    digests, files = images
    store = FeatureStore.open(tmp_path / "store", backbone.dim)
    step = extract.extract(backbone, digests, files, store, device=CPU, batch=2)
    next(step), next(step)
    step.close()
    store = FeatureStore.open(tmp_path / "store", backbone.dim)
    assert store.missing(digests) == digests[2:]
    found, _ = heard(extract.extract(backbone, digests, files, store, device=CPU, batch=2))
    assert found.n_new == 5 and store.missing(digests) == []
    assert heard(extract.extract(backbone, digests, files, store, device=CPU))[0].n_new == 0


def test_the_same_bytes_are_computed_once(tmp_path, backbone, images):
    _digests, files = images
    store = FeatureStore.open(tmp_path / "store", backbone.dim)
    assert heard(extract.extract(backbone, ["a", "a"], files[:2], store, device=CPU))[0].n_new == 1


def test_bad_files_and_thumbnails(tmp_path, backbone, images):
    digests, files = images
    files[2].write_bytes(b"")
    store = FeatureStore.open(tmp_path / "store", backbone.dim)
    bad, seen = [], []
    found, _ = heard(
        extract.extract(
            backbone,
            digests,
            files,
            store,
            device=CPU,
            on_image=lambda digest, image: seen.append((digest, image.size)),
            on_bad=lambda digest, error: bad.append((digest, error.what)),
        )
    )
    assert found.n_bad == 1 and bad == [("d2", "The file is empty")] and store.missing(digests) == ["d2"]
    assert sorted(seen) == [(d, (80, 70)) for d in digests if d != "d2"]


class Picky(torch.nn.Module):
    """A network whose device runs out of memory above ``limit`` images."""

    def __init__(self, limit, value=1.0):
        super().__init__()
        self.limit, self.value, self.weight = limit, value, torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        if len(x) > self.limit:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return backbones.Tokens(torch.full((len(x), 4), self.value), torch.zeros(len(x), 1, 1, 4))


def test_full_memory_halves_the_batch(backbone, monkeypatch):
    """Hostile input 15: CUDA out of memory in features."""
    monkeypatch.setattr(less_memory, "on_cpu", lambda: 64)  # it stands for a GPU
    pictures, pre = np.zeros((10, 3, 64, 64), np.uint8), backbone.preprocess

    class Ready:
        def __init__(self, net):
            self.net = net

        def on(self, where, sample):
            return self.net

        def compiled_on(self, where):
            return False

    less = LessMemory(CPU)
    x, events = heard(extract._pooled(Ready(Picky(3)), pictures, pre, less, 10))
    assert x.shape == (10, 4) and less.sizes == {"features": 3} and len(events) == 1
    assert heard(extract._pooled(Ready(Picky(3)), pictures, pre, less, 10))[1] == []  # remembered, and told once
    with pytest.raises(DeviceError, match="Not even one image"):
        heard(extract._pooled(Ready(Picky(0)), pictures, pre, LessMemory(CPU), 10))
    with pytest.raises(WeightsError, match="not numbers"):
        heard(extract._pooled(Ready(Picky(99, np.nan)), pictures, pre, LessMemory(CPU), 10))


def test_tokens(backbone, images):
    pooled, patches = extract.tokens(backbone, images[1], CPU, batch=3)
    assert pooled.shape == (7, backbone.dim) and patches.shape == (7, 2, 2, backbone.token_dim)
    assert pooled.dtype == torch.float32 and patches.dtype == torch.float16
    none, empty = extract.tokens(backbone, [], CPU)
    assert none.shape == (0, backbone.dim) and empty.shape == (0, 2, 2, backbone.token_dim)


def test_key_names_what_features_depend_on(backbone):
    other = backbones.load(backbone.name, random=True, pixels=96)
    seeded = backbones.load(backbone.name, random=True, pixels=64, seed=1)
    keys = {extract.features_key(each) for each in (backbone, other, seeded)}
    assert len(keys) == 3 and extract.features_key(backbone).startswith(backbone.name)
    assert extract.features_key(backbone, version=99) not in keys


def test_device_in_words(monkeypatch):
    """Hostile input 15: no GPU."""
    monkeypatch.setattr(processor, "name", lambda: "AMD EPYC")
    assert device.device_named("cpu") == CPU and device.describe(CPU).startswith("CPU (AMD EPYC), ")
    monkeypatch.setattr(processor, "name", str)
    assert device.describe(CPU).startswith("CPU, ")
    assert device.amp_dtype(CPU) is None and device.peak_memory_mb(CPU) is None
    monkeypatch.setattr(device, "unusable", lambda: "PyTorch sees no CUDA device")
    assert device.device_named("auto") == CPU
    with pytest.raises(DeviceError, match="sees no CUDA"):
        device.device_named("cuda")
    with pytest.raises(DeviceError, match="auto, all, cpu, cuda, mps"):
        device.device_named("tpu")


@pytest.mark.parametrize(
    "said", ["CUDA error: no kernel image is available", "The NVIDIA driver on your system is too old"]
)
def test_a_gpu_that_is_seen_and_cannot_compute_is_not_taken(monkeypatch, said):
    """Hostile input 15: an unsupported GPU, or driver: "available" to PyTorch, and the first kernel fails."""

    def zeros(*_, **__):
        raise RuntimeError(f"{said}\nCompile with TORCH_USE_CUDA_DSA")

    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "zeros", zeros)
    assert device.device_named("auto") == CPU
    with pytest.raises(DeviceError, match=said):
        device.device_named("cuda")


def test_out_of_memory_is_known():
    assert out_of_memory(torch.cuda.OutOfMemoryError("x")) and out_of_memory(MemoryError())
    for said in (
        "CUDA out of memory. Tried",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you passed in a non-contiguous input.",
        "FIND was unable to find an engine to execute this computation",
        "MPS backend out of memory",
    ):
        assert out_of_memory(RuntimeError(said)), said
    assert not out_of_memory(ValueError()) and not out_of_memory(RuntimeError("CUDA error: misaligned address"))


def test_bf16_only_where_it_is_fast_and_faithful(backbone, monkeypatch):
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(device, "has_fast_bf16", lambda device: False)
    assert device.inference(backbone, CPU, x).dtype == torch.float32
    monkeypatch.setattr(device, "has_fast_bf16", lambda device: True)
    monkeypatch.setattr(device, "MIN_COSINE", 0.5)
    monkeypatch.setattr(device, "_seconds", lambda ready, sample: 2.0 if ready.dtype == torch.bfloat16 else 1.0)
    assert device.inference(backbone, CPU, x).dtype == torch.float32  # exactness wins where bf16 is not clearly quicker
    monkeypatch.setattr(device, "_seconds", lambda ready, sample: 0.7 if ready.dtype == torch.bfloat16 else 1.0)
    short = device.inference(backbone, CPU, x)
    assert short.dtype == torch.bfloat16 and 0.5 < short.cosine <= 1.001
    assert next(backbone.parameters()).dtype == torch.float32 and next(backbone.parameters()).requires_grad
    monkeypatch.setattr(device, "MIN_COSINE", 1.1)
    assert device.inference(backbone, CPU, x).dtype == torch.float32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_gpu_features_point_the_same_way(tmp_path, backbone, images):
    digests, files = images
    stores = [FeatureStore.open(tmp_path / name, backbone.dim) for name in ("cpu", "cuda")]
    for store in stores:
        heard(extract.extract(backbone, digests, files, store, device=torch.device(store.folder.name)))
    a, b = (store.gather(digests) for store in stores)
    assert ((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min() > 0.99


def test_log_when_the_batch_shrinks(tmp_path, backbone, images, monkeypatch):
    digests, files = images
    store = FeatureStore.open(tmp_path / "store", 4)
    monkeypatch.setattr(device, "inference", lambda *args: device.Ready(Picky(2), CPU, torch.float32))
    found, events = heard(extract.extract(backbone, digests, files, store, device=CPU))
    assert found.n_new == 7 and any(isinstance(each, Log) and "memory" in each.text for each in events)


def test_what_did_not_fit_once_is_not_tried_again(tmp_path, backbone, images, monkeypatch):
    """Hostile input 15: each attempt costs seconds on a GPU, and a run has thousands of batches."""
    digests, files = images
    store, sizes = FeatureStore.open(tmp_path / "store", 4), []
    net = Picky(1)
    net.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    monkeypatch.setattr(device, "inference", lambda *args: device.Ready(net, CPU, torch.float32))
    found, events = heard(extract.extract(backbone, digests, files, store, device=CPU, batch=3))
    assert found.n_new == 7 and sizes == [3, 2, *[1] * 7]
    assert len([each for each in events if isinstance(each, Log) and "memory" in each.text]) == 1


def test_processor_is_named_as_the_system_names_it(tmp_path, monkeypatch):
    listing = tmp_path / "cpuinfo"
    listing.write_text(
        "processor\t: 0\nmodel name\t: \nmodel name\t: AMD EPYC 9654\nprocessor\t: 1\nmodel name\t: other\n"
    )
    assert processor.name(listing) == "AMD EPYC 9654"
    monkeypatch.setattr(processor.platform, "processor", str)
    monkeypatch.setattr(processor.platform, "machine", lambda: "arm64")
    assert processor.name(tmp_path / "none") == "arm64"
