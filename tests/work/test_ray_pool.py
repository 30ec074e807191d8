"""A large pool by Ray Data: two workers, one killed on the way; every kind of place; only what is missing is done."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from fact_core.backbones import Backbone, load
from fact_core.errors import InputError, RunError
from fact_core.events import Event, Log, Progress
from fact_core.features.extract import extract
from fact_core.generators import finish
from fact_core.storage.feature_shards import FeatureShards, shard_names
from fact_core.storage.feature_store import FeatureStore
from fact_core.work import ray_pool
from fact_core.work.pool_sources import all_found, found
from tests.conftest import SMALL, MakeImages

WITHOUT = f"Ray Data is an extra, and not installed: pip install '{ray_pool.WANTED}'. It runs where it is."
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason=WITHOUT),
    pytest.mark.filterwarnings("default"),  # Ray's own
]
EACH = 60


@pytest.fixture(scope="module")
def pool(make_images: MakeImages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_images(tmp_path_factory.mktemp("pool"), each=EACH)
    (folder / "red" / "damaged.png").write_bytes((folder / "red" / "000.png").read_bytes()[:90])
    return folder


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load(SMALL, random=True)


@pytest.fixture(scope="module")
def cluster() -> Iterator[ray_pool.Cluster]:
    with pytest.MonkeyPatch.context() as patch, ray_pool.connected(workers=2, device="cpu") as made:
        patch.setattr(ray_pool, "GIVEN", 10)
        patch.setattr(ray_pool, "ASK_SECONDS", 0.05)
        yield made


@pytest.fixture(scope="module")
def alone(pool: Path, backbone: Backbone, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Image -> its features, by one process."""
    files = sorted(pool.rglob("*.png"))
    store = FeatureStore.open(tmp_path_factory.mktemp("alone"), backbone.dim)
    step = extract(backbone, [str(each) for each in files], files, store, device=torch.device("cpu"))
    assert finish(step).n_bad == 1
    kept = [str(each) for each in files if each.name != "damaged.png"]
    return dict(zip(kept, store.gather(kept), strict=True))


def same(folder: Path, alone: dict[str, np.ndarray], name: int = 0) -> bool:
    """Whether the rows are those of one process, each once. name: parts at the end of an image's name that count."""
    rows = FeatureShards(folder)
    by_name = {"/".join(each.split("/")[-name:]): x for each, x in alone.items()}
    named = ["/".join(line["image"].split("/")[-name:]) for line in rows.each()]
    wanted = np.stack([by_name[each] for each in named])
    return sorted(named) == sorted(by_name) and np.allclose(rows.rows(np.arange(len(rows))), wanted, atol=1e-5)


def test_one_of_two_workers_dies(
    pool: Path, tmp_path: Path, backbone: Backbone, cluster: ray_pool.Cluster, alone: dict[str, np.ndarray]
) -> None:
    killed: list[int] = []

    def kill(event: Event) -> None:
        names = {}
        for each in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                names[each.pid] = each.name()
        workers = [each for each, name in names.items() if "MapWorker" in name]
        if isinstance(event, Progress) and 0 < event.done < 2 * EACH and not killed and workers:
            killed.append(event.done)
            os.kill(workers[0], signal.SIGKILL)

    order = ray_pool.Order((found(str(pool)),), tmp_path, rows=10, device="cpu")
    done = finish(ray_pool.run(order, backbone, cluster), kill)
    assert killed and (done["new"], done["failed"]) == (2 * EACH, 1) and same(tmp_path, alone)
    assert "cut off" in done["first_failed"][str(pool / "red" / "damaged.png")]
    lost = shard_names(tmp_path)[0]
    names = [line["image"] for line in FeatureShards(tmp_path).each()]
    (tmp_path / "shards" / f"{lost}.jsonl").unlink()
    again = finish(ray_pool.run(order, backbone, cluster))
    assert 0 < again["new"] < 2 * EACH and again["rows"] == 2 * EACH and same(tmp_path, alone)
    assert FeatureShards(tmp_path).failed().keys() == done["first_failed"].keys()
    assert sorted(names) == sorted(line["image"] for line in FeatureShards(tmp_path).each())
    with pytest.raises(InputError, match="something else"):
        finish(ray_pool.run(order, load(SMALL, random=True, pixels=96), cluster))


def test_archives_one_of_which_is_cut_off(
    pool: Path, tmp_path: Path, backbone: Backbone, cluster: ray_pool.Cluster, alone: dict[str, np.ndarray]
) -> None:
    for colour in ("red", "green"):
        with tarfile.open(tmp_path / f"{colour}.tar", "w") as archive:
            for file in sorted((pool / colour).glob("0*.png")):
                archive.add(file, f"{colour}/{file.name}")
                archive.addfile(tarfile.TarInfo(f"{colour}/{file.stem}.cls"), io.BytesIO(b""))
    whole = (tmp_path / "red.tar").read_bytes()
    (tmp_path / "red.tar").write_bytes(whole[: len(whole) // 2])
    order = ray_pool.Order((found(str(tmp_path), "webdataset"),), tmp_path / "to", rows=20, device="cpu")
    done = finish(ray_pool.run(order, backbone, cluster))
    assert EACH < done["rows"] < 2 * EACH and "to its end" in done["first_failed"][str(tmp_path / "red.tar")]
    with tarfile.open(tmp_path / "odd.tar", "w", errors="surrogateescape") as archive:
        archive.add(pool / "green" / "000.png", "caf\udce9.png")
    order = ray_pool.Order(tuple(all_found([str(tmp_path)], "webdataset")), tmp_path / "to", rows=20, device="cpu")
    done = finish(ray_pool.run(order, backbone, cluster))
    assert "not valid text" in done["first_failed"][str(tmp_path / "odd.tar" / "caf\\xe9.png")]
    (tmp_path / "odd.tar").unlink()
    (tmp_path / "red.tar").write_bytes(whole)
    order = ray_pool.Order((found(str(tmp_path), "webdataset"),), tmp_path / "to", rows=20, device="cpu")
    done = finish(ray_pool.run(order, backbone, cluster))
    assert done["failed"] in (0, 1) and done["rows"] == 2 * EACH and same(tmp_path / "to", alone, 2)


def test_a_table_of_paths(
    pool: Path, tmp_path: Path, backbone: Backbone, cluster: ray_pool.Cluster, alone: dict[str, np.ndarray]
) -> None:
    import pyarrow
    from pyarrow import parquet

    paths = [os.path.relpath(each, tmp_path) if "green" in each else each for each in alone]
    parquet.write_table(pyarrow.table({"file": [*paths, "gone.png"]}), tmp_path / "list.parquet")
    source = (found(str(tmp_path / "list.parquet")),)
    with pytest.raises(InputError, match="no such column"):
        finish(ray_pool.run(ray_pool.Order(source, tmp_path / "to"), backbone, cluster))
    order = ray_pool.Order(source, tmp_path / "to", rows=50, column="file", device="cpu")
    done = finish(ray_pool.run(order, backbone, cluster))
    assert done["first_failed"] == {"gone.png": "The file is gone"} and same(tmp_path / "to", alone, 2)
    assert finish(ray_pool.run(order, backbone, cluster))["new"] == 0


def test_other_bytes_under_a_name_get_a_row_of_their_own(
    make_images: MakeImages, tmp_path: Path, backbone: Backbone, cluster: ray_pool.Cluster
) -> None:
    images = make_images(tmp_path / "images", each=6)
    order = ray_pool.Order((found(str(images)),), tmp_path / "to", rows=4, device="cpu")
    first = finish(ray_pool.run(order, backbone, cluster))
    edited, source = images / "red" / "003.png", images / "green" / "001.png"
    edited.write_bytes(source.read_bytes())
    said = list[str]()

    def note(event: Event) -> None:
        if isinstance(event, Log):
            said.append(event.text)

    again = finish(ray_pool.run(order, backbone, cluster), note)
    assert again["rows"] == first["rows"] and any("other bytes" in text and edited.name in text for text in said)
    rows = FeatureShards(tmp_path / "to")
    named = [line["image"] for line in rows.each()]
    x = rows.rows(np.array([named.index(str(edited)), named.index(str(source))]))
    assert len(set(named)) == len(named) and np.allclose(x[0], x[1], atol=1e-5)
    said.clear()
    assert finish(ray_pool.run(order, backbone, cluster), note)["new"] == 0
    assert not any("other bytes" in text for text in said)


def test_a_node_that_is_not_up_in_time_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray ends a start on a busy machine by a plain Exception."""

    def late(**options: object) -> None:
        raise Exception("The current node timed out during startup")

    monkeypatch.setattr("ray.init", late)
    with pytest.raises(RunError, match="Ray cannot be started"), ray_pool.connected(device="cpu"):
        pass
