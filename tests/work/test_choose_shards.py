"""The command that chooses from shards: names of the picks, also where memory holds a part of the pool."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from fact_core import cli
from fact_core.generators import finish
from fact_core.images.source import digest_of
from fact_core.select import activeft
from fact_core.storage import feature_shards
from fact_core.storage.feature_shards import write_shard
from fact_core.work.choose_shards import choose
from tests.storage_help import paint


@pytest.fixture
def pool(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """900 rows of 6 numbers in three shards."""
    x = np.random.default_rng(0).normal(size=(900, 6)).astype(np.float32)
    feature_shards.begin(tmp_path / "pool", {"dim": 6, "kind": "features"})
    for number in range(3):
        rows = range(300 * number, 300 * number + 300)
        about = [{"image": f"{row}.png", "digest": f"d{row}"} for row in rows]
        write_shard(tmp_path / "pool", f"{number}", about, x[rows])
    return tmp_path / "pool", x


@pytest.mark.parametrize("memory", [1.0, 400 * 6 * 4 * 2 / 1e9], ids=["all of it", "a part"])
def test_the_picks_are_told_by_name(pool: tuple[Path, np.ndarray], tmp_path: Path, memory: float) -> None:
    folder, x = pool
    (tmp_path / "labeled.txt").write_text("7.png\n300.png\n")
    to = tmp_path / "picks.csv"
    given = ["--labeled", tmp_path / "labeled.txt", "--memory", memory, "--device", "cpu"]
    assert cli.main([str(each) for each in ("choose", folder, "--budget", 12, "--to", to, *given)]) == 0
    with open(to, newline="") as file:
        rows = list(csv.DictReader(file))
    picks = [row for row in rows if row["role"] == "pick"]
    assert [int(row["place"]) for row in picks] == list(range(1, 13)) and len(rows) == 12 + 20
    assert all(row["digest"] == "d" + row["image"].removesuffix(".png") for row in rows)
    named = [int(row["image"].removesuffix(".png")) for row in rows]
    assert len(set(named)) == 32 and not {7, 300} & set(named)
    if memory == 1.0:
        step = activeft.select(x, 12, np.array([7, 300]), None, np.random.default_rng(0))
        assert named[:12] == finish(step).rows.tolist()


@pytest.mark.parametrize("memory", [10**9, 400 * 6 * 4 * 2], ids=["all of it", "a part"])
def test_a_picture_is_chosen_once_whatever_its_copies_are_called(tmp_path: Path, memory: int) -> None:
    x = np.random.default_rng(0).normal(size=(450, 6)).astype(np.float32)
    feature_shards.begin(tmp_path, {"dim": 6, "kind": "features"})
    for number in range(2):
        about = [{"image": f"{number}/\r{row}.png", "digest": f"d{row}"} for row in range(450)]
        write_shard(tmp_path, str(number), about, x)
    step = choose(tmp_path, 12, tmp_path / "picks.csv", memory=memory, labeled=["1/\r7.png"], device="cpu")
    told = finish(step)
    assert (told["images"], told["repeats"], told["picks"]) == (900, 450, 12)
    with open(tmp_path / "picks.csv", newline="") as file:
        digests = [row["digest"] for row in csv.DictReader(file)]
    assert len(set(digests)) == len(digests) == 32 and "d7" not in digests


def test_what_cannot_be_chosen_from_is_told(
    pool: tuple[Path, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = pool
    (tmp_path / "labeled.txt").write_text("unknown.png\n")

    def said(*arguments: object) -> str:
        assert cli.main([str(each) for each in ("choose", *arguments, "--to", tmp_path / "picks.csv")]) == 2
        return capsys.readouterr().err

    assert "no features" in said(tmp_path, "--budget", 3)
    assert "unknown.png" in said(folder, "--budget", 3, "--labeled", tmp_path / "labeled.txt")
    assert "--memory" in said(folder, "--budget", 300, "--memory", 1e-5)
    assert not (tmp_path / "picks.csv").exists()


def test_the_picks_are_copied(tmp_path: Path) -> None:
    files = [paint(tmp_path / "images" / f"{number}.png", number) for number in range(6)]
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    about = [{"image": str(each), "digest": digest_of(each.read_bytes())} for each in files]
    feature_shards.begin(tmp_path / "pool", {"dim": 3, "kind": "features"})
    write_shard(tmp_path / "pool", "0", about, x)
    words = ("choose", tmp_path / "pool", "--budget", 2, "--to", tmp_path / "a.csv", "--copy-to", tmp_path / "picks")
    assert cli.main([str(each) for each in words]) == 0
    with open(tmp_path / "a.csv", newline="") as file:
        named = [row["digest"] for row in csv.DictReader(file) if row["role"] == "pick"]
    assert [digest_of(each.read_bytes()) for each in sorted((tmp_path / "picks").iterdir())] == named
    for each in files:
        each.unlink()
    assert cli.main([str(each) for each in (*words[:-1], tmp_path / "again")]) == 1
