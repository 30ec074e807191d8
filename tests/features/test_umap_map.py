"""Maps: shape, place, order, small pools."""

import sys
import threading
import time

import numpy as np
import pytest
import torch
from tqdm import tqdm

from fact_core.errors import InputError
from fact_core.events import Log, Progress
from fact_core.features import umap_map as maps
from fact_core.features.umap_map import map_key, pca2, umap_map
from tests.steps_help import heard


def test_pca_of_a_line_is_the_line():
    x = np.zeros((5, 3), np.float32)
    x[:, 1] = [0, 1, 2, 3, 4]
    xy = pca2(x)
    along = xy @ (xy[4] - xy[0])
    steps = np.diff(along)
    assert np.allclose(steps, steps[0], atol=1e-5) and xy.min() >= -1e-6 and xy.max() <= 1 + 1e-6


def test_fills_the_square():
    xy = pca2(np.random.default_rng(0).normal(size=(100, 20)).astype(np.float32))
    assert np.ptp(xy, axis=0).max() == pytest.approx(1, abs=1e-5)
    assert np.ptp(xy, axis=0).min() > 0.8


@pytest.mark.parametrize("n", [1, 2, 14])
def test_small_pools_fall_back_to_pca(n):
    """Hostile input 14: fewer than 15 images."""
    x = np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32)
    xy, events = heard(umap_map(x))
    assert xy.shape == (n, 2) and (xy == pca2(x)).all() and isinstance(events[0], Log)


def test_nan_is_refused():
    with pytest.raises(InputError):
        pca2(np.full((3, 4), np.nan, np.float32))


def test_key_names_everything():
    """Another picture under a name has another place: the images' bytes belong to it."""
    ids, bytes_of = np.arange(3), ("a" * 32, "b" * 32, "c" * 32)
    whole = ("f", ids, bytes_of, 15, 0.1, 0)
    assert map_key(*whole) == map_key(*whole)
    others = {0: "g", 1: ids[:2], 2: ("a" * 32, "d" * 32, "c" * 32), 3: 16, 4: 0.2, 5: 1}
    keys = {map_key(*(others[at] if at == place else each for at, each in enumerate(whole))) for place in others}
    assert len(keys | {map_key(*whole)}) == 7


@pytest.mark.slow
def test_umap_keeps_clumps_together():
    """Two far clumps stay apart; the same seed gives the same map; identical images do no harm."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(30, 10)), rng.normal(size=(30, 10)) + 20]).astype(np.float32)
    xy, events = heard(umap_map(x, seed=3))
    assert xy.shape == (60, 2) and xy.dtype == np.float32 and all(isinstance(each, Progress) for each in events)
    a, b = xy[:30].mean(0), xy[30:].mean(0)
    assert np.linalg.norm(a - b) > 2 * xy[:30].std()
    assert (heard(umap_map(x, seed=3))[0] == xy).all()
    same, _ = heard(umap_map(np.ones((20, 10), np.float32)))
    assert same.shape == (20, 2) and np.isfinite(same).all()


@pytest.mark.slow
def test_umap_tells_its_epochs_and_stops(monkeypatch):
    """Progress counts epochs; closing ends the thread; nothing is printed."""
    x = np.random.default_rng(0).normal(size=(400, 20)).astype(np.float32)
    _, events = heard(umap_map(x))
    assert not [each for each in events if isinstance(each, Log)]
    names = {each.step for each in events}
    assert names == {"neighbours", "umap"}
    step = umap_map(np.random.default_rng(0).normal(size=(6000, 20)).astype(np.float32))
    while next(step).unit != "epochs":
        pass
    step.close()
    until = time.monotonic() + 20
    while any(each.name == "umap" for each in threading.enumerate()):
        assert time.monotonic() < until, "the thread goes on"
        time.sleep(0.1)
    for lock in tqdm.get_lock().locks:  # of this thread, which is another one
        assert lock.acquire(True, 5), "the next map would wait for ever"
        lock.release()


@pytest.mark.slow
def test_a_large_pool_is_drawn_in_part(monkeypatch):
    """The rest lies among its nearest: a clump stays one clump."""
    rng = np.random.default_rng(0)
    kind = rng.integers(3, size=600)
    x = (rng.normal(size=(600, 10)) + 15 * np.eye(10)[kind]).astype(np.float32)
    monkeypatch.setattr(maps, "UMAP_MOST", 200)
    xy, events = heard(umap_map(x))
    assert any(isinstance(each, Log) and "200 of 600" in each.text for each in events)
    assert xy.shape == (600, 2) and np.isfinite(xy).all()
    centres = np.stack([xy[kind == each].mean(0) for each in range(3)])
    assert (np.linalg.norm(xy[:, None] - centres[None], axis=2).argmin(1) == kind).mean() > 0.98


CUML = """
class UMAP:
    def __init__(self, n_neighbors, min_dist, random_state, output_type):
        assert (n_neighbors, min_dist, random_state, output_type) == (15, 0.1, 3, "numpy")

    def fit_transform(self, x):
        if {broken}:
            raise MemoryError("out of memory")
        return x[:, [2, 3]] * [2, 1]
"""


@pytest.mark.slow
@pytest.mark.parametrize("broken", [False, True])
def test_a_gpu_draws_the_map_where_there_is_one(broken, monkeypatch, tmp_path):
    """A stand-in for cuML, which no machine without a CUDA GPU can import; its arguments are the real one's."""
    (tmp_path / "cuml").mkdir()
    (tmp_path / "cuml" / "__init__.py").write_text("")
    (tmp_path / "cuml" / "manifold.py").write_text(CUML.format(broken=broken))
    monkeypatch.syspath_prepend(str(tmp_path))
    x = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    assert not maps.on_gpu()
    on_cpu, _ = heard(umap_map(x, seed=3))
    monkeypatch.setattr(maps.device, "device_named", lambda name: torch.device("cuda"))
    xy, events = heard(umap_map(x, seed=3))
    for name in ("cuml", "cuml.manifold"):
        sys.modules.pop(name, None)
    warned = [each.text for each in events if isinstance(each, Log) and each.level == "warning"]
    if broken:
        assert np.array_equal(xy, on_cpu) and len(warned) == 1 and "out of memory" in warned[0]
    else:
        assert xy.shape == (40, 2) and not np.allclose(xy, on_cpu) and not warned
        assert not any(isinstance(each, Progress) and each.step == "neighbours" for each in events)
