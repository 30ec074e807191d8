from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_core.errors import RunError, StorageError
from fact_core.storage.feature_store import FeatureStore
from tests.storage_help import rows


def test_rows_are_gathered_by_digest_in_any_order(tmp_path: Path) -> None:
    store = FeatureStore.open(tmp_path / "k", 3, {"backbone": "b"})
    store.append(["aa", "bb"], rows(1, 2))
    store.append(["cc"], rows(3))
    assert store.gather(["cc", "aa", "cc"]).tolist() == [[3, 6, 9], [1, 2, 3], [3, 6, 9]]
    assert store.gather(["aa"]).dtype == np.float32
    assert store.gather([]).shape == (0, 3)
    assert store.missing(["dd", "aa", "ee", "dd"]) == ["dd", "ee"]
    assert len(store) == 3
    with pytest.raises(KeyError):
        store.gather(["dd"])
    again = FeatureStore(tmp_path / "k")
    assert (again.dim, again.meta["backbone"], len(again)) == (3, "b", 3)
    assert again.gather(["bb"]).tolist() == [[2, 4, 6]]


def test_a_reader_sees_what_is_written_meanwhile_and_cannot_write(tmp_path: Path) -> None:
    store = FeatureStore.open(tmp_path / "k", 3)
    reader = FeatureStore(tmp_path / "k")
    assert reader.missing(["aa"]) == ["aa"]
    store.append(["aa"], rows(1))
    assert reader.missing(["aa"]) == []
    assert reader.gather(["aa"]).tolist() == [[1, 2, 3]]
    with pytest.raises(StorageError, match="reading only"):
        reader.append(["bb"], rows(2))


def test_a_folder_without_features_is_empty(tmp_path: Path) -> None:
    assert FeatureStore(tmp_path / "nothing").missing(["aa"]) == ["aa"]
    assert not (tmp_path / "nothing").exists()


def test_images_that_have_a_row_are_not_added_twice(tmp_path: Path) -> None:
    store = FeatureStore.open(tmp_path / "k", 3)
    store.append(["aa", "bb", "aa"], rows(1, 2, 9))
    store.append(["bb", "cc"], rows(8, 3))
    assert len(FeatureStore(tmp_path / "k")) == 3
    assert FeatureStore(tmp_path / "k").gather(["bb", "cc"]).tolist() == [[2, 4, 6], [3, 6, 9]]


def test_what_is_not_a_number_is_refused(tmp_path: Path) -> None:
    store = FeatureStore.open(tmp_path / "k", 3)
    for bad in (np.nan, np.inf):
        with pytest.raises(RunError, match="not numbers"):
            store.append(["aa", "bb"], rows(1, bad))
    with pytest.raises(ValueError, match="rows of 3"):
        store.append(["aa"], np.zeros((1, 4), np.float32))
    assert len(FeatureStore(tmp_path / "k")) == 0


@settings(max_examples=60, deadline=None)
@given(cut_x=st.integers(0, 40), cut_digests=st.integers(0, 12), extra=st.binary(max_size=20))
def test_any_cut_leaves_whole_and_right_rows(
    tmp_path_factory: pytest.TempPathFactory, cut_x: int, cut_digests: int, extra: bytes
) -> None:
    """kill -9 or a power cut: whatever is missing at the ends of the files, what is left is right."""
    folder = tmp_path_factory.mktemp("cut")
    names = ["aa", "bb", "cc"]
    FeatureStore.open(folder, 3).append(names, rows(1, 2, 3))
    for name, cut in (("x.f32", cut_x), ("digests.txt", cut_digests)):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: max(0, len(content) - cut)])
    if not cut_x:
        with open(folder / "x.f32", "ab") as file:
            file.write(extra)  # rows whose digests were never written
    store = FeatureStore.open(folder, 3)
    left = [name for name in names if name not in store.missing(names)]
    assert left == names[: len(left)]
    assert len(left) == min(3 - -(-cut_x // 12), 3 - -(-cut_digests // 3), 3) or len(left) == 0
    store.append([*names, "dd"], rows(1, 2, 3, 4))
    assert FeatureStore(folder).gather([*names, "dd"]).tolist() == rows(1, 2, 3, 4).tolist()


def test_another_width_starts_anew(tmp_path: Path) -> None:
    FeatureStore.open(tmp_path / "k", 3).append(["aa"], rows(1))
    store = FeatureStore.open(tmp_path / "k", 2)
    assert store.missing(["aa"]) == ["aa"]
    (tmp_path / "k" / "meta.json").write_text("{rubbish")
    assert FeatureStore(tmp_path / "k").missing(["aa"]) == ["aa"]
    assert FeatureStore.open(tmp_path / "k", 2).dim == 2


def spread(n: int, dim: int, seed: int = 0) -> np.ndarray:
    """Rows whose directions have clearly different spreads."""
    scales = np.linspace(5, 0.1, dim)
    return (np.random.default_rng(seed).normal(size=(n, dim)) * scales + 3).astype(np.float32)


@pytest.mark.parametrize(("n", "dim"), [(400, 5), (400, 200), (150, 640), (20, 300), (2, 9), (1, 9)])
def test_the_projection_is_a_pca(tmp_path: Path, n: int, dim: int) -> None:
    x = spread(n, dim)
    names = [f"{i:04x}" for i in range(len(x))]
    store = FeatureStore.open(tmp_path / "k", dim)
    store.append(names, x)
    found = store.projected(names)
    assert found.shape == (n, min(128, dim))
    with np.load(tmp_path / "k" / "pca.npz") as kept:
        basis = kept["basis"]
    assert basis.shape == (dim, min(128, dim)) and np.allclose(basis.T @ basis, np.eye(min(128, dim)), atol=1e-5)
    centred = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    literal = np.zeros_like(found)  # n rows have no more than n directions
    literal[:, : len(directions)] = (centred @ directions.T)[:, : found.shape[1]]
    literal *= np.sign(np.sum(literal * found, axis=0))  # the sign of a direction is free
    assert np.allclose(found, literal, atol=1e-3)
    assert np.array_equal(store.projected(names[7:9]), found[7:9])
    assert np.array_equal(FeatureStore(tmp_path / "k").projected(names), found)


def test_the_basis_stays_until_there_are_twice_as_many_rows(tmp_path: Path) -> None:
    x = spread(60, 6)
    names = [f"{i:04x}" for i in range(60)]
    store = FeatureStore.open(tmp_path / "k", 6)
    store.append(names[:20], x[:20])
    first = store.projected(names[:20])
    store.append(names[20:30], x[20:30])
    reader = FeatureStore(tmp_path / "k").projected(names[:30])  # 10 rows are not projected on disk yet
    assert np.array_equal(store.projected(names[:20]), first)
    assert np.allclose(store.projected(names[:30]), reader, atol=1e-5)
    store.append(names[30:], x[30:])
    assert not np.allclose(store.projected(names[:20]), first)
    assert len(list((tmp_path / "k").glob("pca-*.f32"))) == 1
    with open(next((tmp_path / "k").glob("pca-*.f32")), "ab") as file:
        file.write(b"torn")
    assert len(FeatureStore.open(tmp_path / "k", 6).projected(names)) == 60
    (tmp_path / "k" / "pca.npz").write_bytes(b"rubbish")
    assert len(FeatureStore(tmp_path / "k").projected(names)) == 60


def test_identical_images_and_a_single_one_have_a_projection(tmp_path: Path) -> None:
    store = FeatureStore.open(tmp_path / "k", 3)
    store.append(["aa"], rows(1))
    assert store.projected(["aa"]).tolist() == [[0, 0, 0]]
    store.append(["bb", "cc"], rows(1, 1))
    assert np.abs(store.projected(["aa", "bb", "cc"])).max() == 0
    with pytest.raises(StorageError, match="no features"):
        FeatureStore.open(tmp_path / "empty", 3).projected([])


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """The child may write files of at most 100 kB, as on a disk that becomes full."""
    code = (
        "import resource, sys; from pathlib import Path; import numpy as np\n"
        "from fact_core.errors import StorageError; from fact_core.storage.feature_store import FeatureStore\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "store = FeatureStore.open(Path(sys.argv[1]), 1000)\n"
        "try:\n"
        "    for i in range(30): store.append([f'{i:02x}'], np.full((1, 1000), i, np.float32))\n"
        "except StorageError as error: print(error, len(store))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "writing the features" in done.stdout
    assert done.stdout.split()[-1] == "25"
    assert (tmp_path / "x.f32").stat().st_size == 100_000
    store = FeatureStore.open(tmp_path, 1000)
    assert store.gather(["18"])[0, 0] == 24
    store.append(["19"], np.full((1, 1000), 25, np.float32))
    assert store.gather(["19"])[0, 0] == 25


def test_kill_9_while_features_are_written(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from fact_core.storage.feature_store import FeatureStore\n"
        "store = FeatureStore.open(Path(sys.argv[1]), 500)\n"
        "for i in range(100000):\n"
        "    store.append([f'{i:06x}'], np.full((1, 500), i, np.float32)); print(i, flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(50):
        child.stdout.readline()
    child.kill()
    rest = child.communicate()[0].split()
    said = int(rest[-1]) + 1 if rest else 50
    store = FeatureStore.open(tmp_path, 500)
    assert len(store) >= said
    names = [f"{i:06x}" for i in range(len(store))]
    assert np.array_equal(store.gather(names)[:, 499], np.arange(len(store), dtype=np.float32))
