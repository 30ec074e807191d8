"""``launch.py bench segment`` on a miniature of CamVid: rows, what is not done twice, tables, export, bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fact_core import cli
from fact_core.backbones import load
from fact_core.bench import segment, segment_cache, segment_table
from fact_core.bench.segment_cache import Trained
from fact_core.errors import RunError, WeightsError
from fact_core.generators import finish
from fact_core.segment import __main__ as command
from fact_core.segment import export, folders, masks
from fact_core.segment.network import Segmenter
from fact_core.segment.settings import SegmentConfig
from tests.segment import miniature

FEW = {"short": 36, "crop": 32, "channels": 8, "batch": 2, "views": 1, "pixels": 100}
FEW |= dict.fromkeys(("lp_steps", "ff_steps", "lm_steps"), 2)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return miniature.camvid(tmp_path_factory.mktemp("bench") / "d", train=6)


def start(root: Path, out: Path, *more: str, methods: str = "lp,ff,fact-pixels,fact-fused") -> int:
    words = ["bench", "segment", "--data", str(root), "--out", str(out), "--cache", str(root.parent / "cache")]
    sets = [word for name, value in FEW.items() for word in ("--set", f"{name}={value}")]
    return cli.main([*words, "--methods", methods, "--device", "cpu", *sets, *more])


@pytest.mark.slow
def test_rows_resume_export_and_picture(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rows.json"
    assert start(root, out, "--budgets", "4", "--seed-list", "0", methods="lp,fact-pixels") == 0
    first = json.loads(out.read_text())
    assert [row["method"] for row in first] == ["lp", "fact-pixels"]
    assert "4 frames (67 %)" in capsys.readouterr().out
    one = first[1]
    assert one["answers"] == ["pixels"] and list(one["phases"]) == ["lp", "ff", "pixels"]
    assert 0 <= one["miou"] <= one["aacc"] <= 1 and len(set(one["rows"])) == 4 and one["frames"] == 2
    assert one["iou"]["sky"] is not None and one["iou"]["bicyclist"] in (None, 0.0)
    # More methods of the same cell: its rows stay, and the network of LP and FF is taken from the cache.
    networks = {file.name: file.stat().st_mtime_ns for file in (root.parent / "cache" / "networks").iterdir()}
    more = ("--budgets", "4", "--seed-list", "0", "--export", str(tmp_path / "m"), "--picture", str(tmp_path / "p.jpg"))
    assert start(root, out, *more) == 0
    rows = json.loads(out.read_text())
    assert rows[:2] == first and [row["method"] for row in rows[2:]] == ["ff", "fact-fused"]
    assert rows[3]["phases"]["lp"] == one["phases"]["lp"] and rows[3]["phases"]["ff"] == one["phases"]["ff"]
    assert rows[2]["steps"]["alone"] == 6 and list(rows[2]["phases"]) == ["alone"]
    after = {file.name: file.stat().st_mtime_ns for file in (root.parent / "cache" / "networks").iterdir()}
    assert all(after[name] == networks[name] for name in networks if name.endswith("-lp.safetensors"))
    with Image.open(tmp_path / "p.jpg") as drawn:
        assert drawn.size[0] == 4 * 224 - 4
    capsys.readouterr()
    assert start(root, out, "--budgets", "4", "--seed-list", "0") == 0
    assert "0 rows from 0 networks to do" in capsys.readouterr().err and json.loads(out.read_text()) == rows
    _exported(root, tmp_path)


@pytest.mark.slow
def test_other_masks_are_another_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither rows nor networks of masks that were mended since count for them."""
    root, out, networks = miniature.own(tmp_path / "d", 8), tmp_path / "rows.json", tmp_path / "cache" / "networks"
    words = ("--dataset", "own", "--budgets", "4", "--seed-list", "0")
    assert start(root, out, *words, methods="lp") == 0 and len(list(networks.iterdir())) == 1
    capsys.readouterr()
    assert len({finish(folders.mark(folders.own(root, value))) for value in (255, 7, -1)}) == 3
    for mask in (root / "masks").iterdir():
        miniature.write(tmp_path / "unused.png", mask, 50)
    assert start(root, out, *words, methods="lp") == 2 and "rows of other data" in capsys.readouterr().err
    assert start(root, tmp_path / "new.json", *words, methods="lp") == 0 and len(list(networks.iterdir())) == 2
    old, new = (json.loads(each.read_text()) for each in (out, tmp_path / "new.json"))
    assert old[0]["rows"] == new[0]["rows"] and old[0]["phases"]["lp"]["loss"] != new[0]["phases"]["lp"]["loss"]


def _exported(root: Path, tmp_path: Path) -> None:
    """The folder that was written answers: masks of the images' own sizes, in a process of its own."""
    given = export.read(tmp_path / "m")
    assert given.net.final == ("fused",) and set(given.net.heads) == {"ff", "fused"} and given.short == 36
    images = tmp_path / "images"
    (images / "sub").mkdir(parents=True)
    for name, size in (("a.png", (48, 36)), ("a.jpg", (60, 40)), ("sub/b.png", (20, 50))):
        Image.fromarray(miniature.frame(1, size=size)[0]).save(images / name)
    (images / "broken.png").write_bytes(b"no picture")
    words = [sys.executable, "-m", "fact_core.segment", "predict", tmp_path / "m", images, "--out", tmp_path / "o"]
    done = subprocess.run([*map(str, words), "--device", "cpu"], capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 1 and "broken.png" in done.stderr and "3 masks" in done.stdout, done.stderr
    found = {str(file.relative_to(tmp_path / "o")) for file in (tmp_path / "o").rglob("*.png")}
    assert found == {"a.png.png", "a.jpg.png", "sub/b.png"}
    assert masks.indices(tmp_path / "o" / "sub" / "b.png").shape == (50, 20)
    assert masks.read(tmp_path / "o" / "a.jpg.png", given.coding).max() < 11
    assert command.main(["predict", str(tmp_path / "m"), str(images), "--out", str(tmp_path / "o")]) == 2
    assert command.main(["predict", str(tmp_path / "none"), str(images), "--out", str(tmp_path / "o2")]) == 2
    assert not (tmp_path / "o2").exists() and not list(tmp_path.glob(".*"))
    _onnx_is_compared(tmp_path, given)
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    for change in ({"kind": "other"}, {"width": 16}, {"final": ["lp"]}, {"backbone": "none"}):
        (tmp_path / "m" / "config.json").write_text(json.dumps({**config, **change}))
        with pytest.raises(WeightsError, match="no whole segmenter"):
            export.read(tmp_path / "m")


def _onnx_is_compared(tmp_path: Path, given: export.Exported) -> None:
    """ONNX answers like PyTorch for any number of pictures; one with other weights is refused."""
    pictures = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 3, 36, 48), dtype=np.uint8))
    assert export.compare(tmp_path / "m" / "model.onnx", given.net, pictures) < export.TOLERANCE
    with torch.no_grad():
        for each in given.net.heads.parameters():
            each.add_(0.1)
    with pytest.raises(RunError, match="does not answer like"):
        export.compare(tmp_path / "m" / "model.onnx", given.net, pictures)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--budgets", "7"], "larger than"),
        (["--methods", "lp,other"], "no method called 'other'"),
        (["--set", "steps=3"], "--set needs NAME=VALUE of an option"),
        (["--set", "crop=many"], "neither a number"),
        (["--set", "crop=1"], "Crop must be between 32 and 4,096"),
        (["--seed-list", "a"], "whole numbers"),
        (["--data", "nowhere"], "no such data folder"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(
    words: list[str], message: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.json"
    assert start(root, out, *words) == 2
    assert message in capsys.readouterr().err and not out.exists()


def test_masks_that_cannot_be_used_stop_it_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = miniature.camvid(tmp_path / "d")
    Image.fromarray(np.full((36, 48), 12, np.uint8)).save(root / "testannot" / "test1.png")
    assert start(root, tmp_path / "rows.json", "--budgets", "2") == 2
    assert "testannot/test1.png: The mask has values that are no class" in capsys.readouterr().err
    assert not (tmp_path / "rows.json").exists() and not (tmp_path / "cache" / "networks").exists()


def row(method: str, labels: int, seed: int, miou: float, **more: Any) -> dict[str, Any]:
    about = {"dataset": "camvid", "backbone": "n", "short": 180, "effort": "quick", "strategy": "activeft"}
    steps = {"lp": 1, "ff": 2, "lm": 3, "alone": 6}
    figures = {
        "miou": miou,
        "macc": miou,
        "aacc": 0.9,
        "processor_seconds": 90.0,
        "seconds": 120.0,
        "trainable_parameters": 1000,
    }
    own = {"labels": labels, "ratio": labels / 3.67, "seed": seed, "method": method, "part": "test", "frames": 233}
    return {**about, **figures, **own, "overrides": {}, "options": {}, "steps": steps, "device": "CPU", **more}


def test_the_table_says_means_gains_and_what_is_missing() -> None:
    rows = [
        row(method, 18, seed, 0.3 + 0.1 * (method == "fact") + seed / 100)
        for method in ("ff", "fact")
        for seed in (0, 1)
    ]
    text = segment_table.table([*rows, row("ff", 36, 0, 0.5)])
    assert "| method | 18 frames (5 %) | 36 frames (10 %) |" in text
    assert "| `ff` | 30.5 ± 0.7 (2 of 3 seeds) | 50.0 (1 of 3 seeds) |" in text
    assert "| `fact` | 40.5 ± 0.7 (2 of 3 seeds) | not run |" in text
    assert "`fact` +10.0 with 18 frames (2 seeds)" in text and "+4.8 with 5 % and +1.8 with 10 %" in text
    assert "- 18 frames, seed 2: `ff`, `fact`" in text and "- 36 frames, seed 1, 2: `ff`" in text
    others = ", ".join(f"`{name}`" for name in segment_table.METHODS)
    assert f"- 73 frames, seed 0, 1, 2: {others}" in text
    every = [(name, n, seed) for name in segment_table.METHODS for n in (18, 36, 73) for seed in (0, 1, 2)]
    whole = segment_table.table([row(name, n, seed, 0.5) for name, n, seed in every])
    assert "Not measured" not in whole and whole.count("| 1,000 | 1.5 | 1.5 | 1.5 |") == len(segment_table.METHODS)
    assert "| 1,000 | 2.0 |" in segment_table.table([row("ff", 18, 0, 0.5, device="GPU")])
    assert segment_table.table([row("ff", 18, 0, 0.5), row("ff", 18, 0, 0.5, effort="paper")]).count("mIoU in per") == 2


def test_ways_of_choosing_frames_stand_side_by_side() -> None:
    """Whole for the one that has most; of the others what they have, beside its own, and no list of what they lack."""
    rows = [row(method, n, 0, 0.4, strategy="activeft") for method in ("ff", "fact") for n in (18, 36)]
    text = segment_table.table([row("fact", 18, 1, 0.3, strategy="random"), *rows])
    whole, beside = text.split("mIoU in per cent by how frames are chosen:")
    assert whole.count("Not measured:") == 1 and "frames chosen by activeft" in whole
    assert beside.split("\n")[2:] == [
        "| frames chosen by | method | 18 frames |",
        "|---|---|---|",
        "| activeft | `fact` | 40.0 (1 of 3 seeds) |",
        "| random | `fact` | 30.0 (1 of 3 seeds) |",
    ]


def test_choices_are_shown_by_what_was_changed() -> None:
    rows = [row("ff", 18, 9, 0.412), row("fact", 18, 9, 0.3), row("fact", 18, 9, 0.31, overrides={"strength": 1.0})]
    rows.append(row("lp", 18, 9, 0.2, overrides={"together": True}))
    assert segment_table.choices(rows).splitlines() == [
        "| options | `lp` | `ff` | `fact` |",
        "|---|---|---|---|",
        "| as they are | not run | 41.2 | 30.0 |",
        "| strength 1 | not run | not run | 31.0 |",
        "| together yes | 20.0 | not run | not run |",
    ]


def test_damaged_rows_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.json").write_text('[{"labels": 3}]')
    assert cli.main(["bench", "segment", "--show", str(tmp_path / "rows.json")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    segment.write_rows(tmp_path / "rows.json", [row("ff", 18, 0, 0.5)])
    assert cli.main(["bench", "segment", "--show", str(tmp_path / "rows.json")]) == 0
    assert "| `ff` | 50.0 (1 of 3 seeds) |" in capsys.readouterr().out
    assert SegmentConfig().alone_steps == sum(
        (SegmentConfig().lp_steps, SegmentConfig().ff_steps, SegmentConfig().lm_steps)
    )


def test_a_kept_network_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    """Hostile input 11: a file that was cut off is no network, and options of phase 3 share the one before it."""

    def empty() -> Trained:
        return Trained(Segmenter(load("tf_efficientnet_lite0", random=True), 3, 8))

    found, config = empty(), SegmentConfig()
    found.net.add("lp", 0)
    found.net.add("head", 1)
    found.spent["lp"] = {"seconds": 1.0}
    file = segment_cache.file_of(tmp_path, ["camvid", 0], config, "lp")
    segment_cache.keep(file, found)
    again = empty()
    assert segment_cache.fill(file, again) and again.spent == found.spent and set(again.net.heads) == {"lp", "head"}
    other = again.net.state_dict()
    assert all(torch.equal(each, other[name]) for name, each in found.net.state_dict().items())
    file.write_bytes(file.read_bytes()[:-9])
    assert not segment_cache.fill(file, empty()) and not segment_cache.fill(tmp_path / "none", empty())
    light, longer = replace(config, strength=0.1, together=True), replace(config, ff_steps=1)

    def name(config: SegmentConfig, stage: str = "lp", head: str = "") -> str:
        return segment_cache.file_of(tmp_path, ["camvid", 0], config, stage, head).name

    apart = replace(config, together=True)
    assert name(light) == name(config) != name(longer) and name(config, "ff") != name(config)
    assert name(apart, "ff", "head") == name(config, "ff", "head") != name(light, "ff", "head")
    assert name(replace(config, lm_steps=1), "alone") != name(config, "alone")  # its steps are those of all phases
