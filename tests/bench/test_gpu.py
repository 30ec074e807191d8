"""The bench of the GPU: every section's short form on the CPU, what is done again, what fails, what is carried."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fact_core import cli
from fact_core.backbones import load
from fact_core.bench import gpu
from fact_core.bench.gpu import child, given, pictures, quick_step, right_several, runner, sections, table, way
from fact_core.bench.gpu.runner import Order, Task
from fact_core.bench.gpu.sections import SECTIONS, Section
from fact_core.choices import DEFAULT_BACKBONE, resolve
from fact_core.errors import ConfigError, InputError, RunError
from fact_core.events import Log, Progress
from fact_core.generators import finish
from fact_core.images.decode import probe
from fact_core.types import Step
from tests.bench_gpu_help import CLASSES, pictures_in
from tests.conftest import MakeImages
from tests.few_blocks import few_blocks

HERE = "tests.bench.test_gpu"
SMALL = "vit_small_patch16_224.dino"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_images: MakeImages) -> Path:
    return pictures_in(tmp_path_factory.mktemp("bench"), make_images)


def quick(bench: given.Bench, value: float = 1.0) -> dict[str, Any]:
    """A section of a moment."""
    return bench.row("Done.", figures={"value": value})


def wrong(bench: given.Bench) -> dict[str, Any]:
    checks = given.Checks()
    checks.below("this", 2.0, 1.0)
    return checks.row(bench)


def broken(bench: given.Bench) -> dict[str, Any]:
    raise ValueError("this went wrong")


def killed(bench: given.Bench) -> dict[str, Any]:
    import os
    import signal

    print("the last words", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def endless(bench: given.Bench) -> dict[str, Any]:
    """With a process of its own, which has to end with it."""
    import time

    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(f"child {child.pid}", flush=True)
    time.sleep(600)
    return {}


def _section(name: str, seconds: float = 60, kind: Any = "quick", **values: Any) -> Section:
    return Section(name, kind, f"{HERE}:{name}", seconds, values)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> dict[str, Section]:
    """Small sections in place of the real ones."""
    found = {"device": SECTIONS["device"], "one": _section("quick"), "two": _section("quick", value=2.0)}
    for module in (sections, runner, table):
        monkeypatch.setattr(module, "SECTIONS", found)
    return found


def _run(order: Order) -> tuple[dict[str, Any], list[Any]]:
    events: list[Any] = []
    return finish(runner.run(order), events.append), events


def _rows(order: Order) -> dict[str, dict[str, Any]]:
    return {row["section"]: row for row in json.loads(order.out.read_text("utf-8"))}


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_has_a_short_form_that_runs_on_the_cpu(name: str, folder: Path) -> None:
    """The contract of a section: a row that JSON holds, with words, and with checks or figures."""
    section = SECTIONS[name]
    with few_blocks():
        row = resolve(section.target)(given.opened("cpu", True, folder), **section.given)
    assert row == json.loads(json.dumps(row)) and row["words"].endswith(".")
    assert row["status"] in runner.DONE and row["status"] != "failed", row["words"]
    needs_gpu = name.startswith("memory-") or name.endswith("gb") or name == "several"
    assert (row["status"] == "skipped") == needs_gpu
    if section.kind == "right" and not needs_gpu:
        assert row["checks"] and all(each["ok"] for each in row["checks"].values())
    elif not needs_gpu:
        assert row["figures"]
        for value in (row["figures"].get("images_per_s"), row["figures"].get("seconds")):
            assert value is None or value > 0
    if "backbone" in row and section.kind != "plain":
        assert row["weights"][row["backbone"]] == ("real" if row["backbone"] == DEFAULT_BACKBONE else "random")


@pytest.mark.slow
@pytest.mark.weights
def test_several_devices_beside_one(folder: Path) -> None:
    """Two processes on the CPU in place of two GPUs."""
    cpu = torch.device("cpu")
    row = right_several.compared(given.opened("cpu", True, folder), (cpu, cpu))
    assert row["status"] == "passed", row["words"]
    assert {f"{what}, seconds, {count}" for what in ("ff", "st", "fact+") for count in (1, 2)} <= row["figures"].keys()


def test_sections_are_told_apart_and_the_valuable_ones_come_first() -> None:
    kinds = [section.kind for section in SECTIONS.values()]
    assert kinds[: kinds.count("right")] == ["right"] * kinds.count("right")
    assert next(iter(SECTIONS)) == sections.FIRST
    assert next(name for name, each in SECTIONS.items() if each.kind == "quick") == "fact"
    for section in SECTIONS.values():
        assert callable(resolve(section.target)) and 0 < section.seconds <= 120


@pytest.mark.slow
def test_rows_come_at_once_and_what_is_there_is_not_measured_again(
    few: dict[str, Section], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = Order(tmp_path / "rows.json", "cpu", seconds=100.0, only=("one",), carried=folder)
    steps = runner.run(order)
    at_the_first = None
    for event in steps:
        if isinstance(event, Log) and event.text.startswith("one:"):
            at_the_first = _rows(order)
            break
    steps.close()
    assert at_the_first is not None and at_the_first["one"]["figures"] == {"value": 1.0}
    whole = Order(order.out, "cpu", seconds=100.0, carried=folder)
    told, _ = _run(whole)
    rows = _rows(whole)
    assert list(rows) == ["one", "device", "two"] and told["left"] == told["failed"] == 0
    assert rows["one"] == at_the_first["one"]  # not measured again
    assert rows["two"]["figures"] == {"value": 2.0} and rows["two"]["short"] and rows["two"]["kind"] == "quick"
    for row in rows.values():
        assert {*runner.KEY, "status", "seconds", "limit", "at", "torch", "words"} <= set(row)
    again, events = _run(Order(order.out, "cpu", seconds=100.0, again=("two",), only=("two",), carried=folder))
    assert [event.text for event in events if isinstance(event, Log) and event.text.startswith("two:")]
    assert again["rows"] == 3  # the newer row stands for the older one
    monkeypatch.setattr(runner, "code_version", lambda: "another")
    assert _run(whole)[0]["rows"] == 6  # other code is measured anew


@pytest.mark.slow
def test_what_fails_is_a_row_and_the_others_go_on(few: dict[str, Section], folder: Path, tmp_path: Path) -> None:
    few["one"] = _section("broken")
    few["wrong"] = _section("wrong", kind="right")
    few["killed"] = _section("killed")
    few["late"] = _section("endless", seconds=0.5)
    few["last"] = _section("quick")
    order = Order(tmp_path / "rows.json", "cpu", seconds=100.0, carried=folder)
    told, _ = _run(order)
    rows = _rows(order)
    assert {name: row["status"] for name, row in rows.items()} == {
        "device": "passed",
        "one": "error",
        "two": "measured",
        "wrong": "failed",
        "killed": "error",
        "late": "timeout",
        "last": "measured",
    }
    assert told["failed"] == 4
    assert rows["one"]["words"] == "ValueError: this went wrong" and "in broken" in rows["one"]["log"]
    assert rows["wrong"]["checks"]["this"] == {"found": 2.0, "limit": 1.0, "ok": False}
    assert "SIGKILL" in rows["killed"]["words"] and rows["killed"]["log"] == "the last words"
    assert rows["late"]["seconds"] < 30 and "2 seconds" in rows["late"]["words"]  # four times in the short form
    pid = int(rows["late"]["log"].split()[1])
    assert not Path(f"/proc/{pid}").exists() or "zombie" in Path(f"/proc/{pid}/status").read_text()
    # A wrong answer is an answer. What broke comes again, after what was never tried.
    few["new"] = _section("quick")
    shared = {"device": rows["two"]["device"], "short": True, "code": rows["two"]["code"]}
    assert runner.missing([*rows.values()], order, shared) == ["new", "one", "killed", "late"]


@pytest.mark.slow
def test_the_seconds_are_kept(few: dict[str, Section], folder: Path, tmp_path: Path) -> None:
    """A section under way is cut off, and those after it are left for the next call."""
    few["one"] = _section("endless", seconds=100)
    first = runner.in_process(few["device"], Task("device", "cpu", True, folder, Path()), 60)  # torch is imported
    assert first["status"] == "passed"
    order = Order(tmp_path / "rows.json", "cpu", seconds=15.0, carried=folder)
    told, events = _run(order)
    rows = _rows(order)
    assert [*rows] == ["device", "one"] and rows["one"]["status"] == "cut"
    assert told["left"] == 1 and told["failed"] == 0
    assert any("The same command goes on from here" in event.text for event in events if isinstance(event, Log))
    shared = {"device": rows["one"]["device"], "short": True, "code": rows["one"]["code"]}
    assert runner.missing([*rows.values()], order, shared) == ["two", "one"]


@pytest.mark.slow
def test_a_device_that_cannot_be_used_is_said(few: dict[str, Section], folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be used"):
        _run(Order(tmp_path / "rows.json", "tpu", carried=folder))


@pytest.mark.slow
@pytest.mark.weights
def test_what_is_carried_fits_and_is_read(
    make_images: MakeImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real sizes: weights as large as DINO's ViT-S, in 16 bits, with 3,000 pictures of a data set."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from safetensors.torch import save_file

    from fact_core.backbones.loading import adopt

    tensors = load(SMALL, random=True).network.state_dict()
    save_file(tensors, tmp_path / "small.safetensors")
    adopt(SMALL, tmp_path / "small.safetensors")
    data = make_images(tmp_path / "data", [f"class {number}" for number in range(10)], each=301)
    target = tmp_path / "carried"
    told = finish(pictures.carry(target, data))
    held = pictures.Pictures.read(target)
    assert len(held.train) + len(held.test) > 2_500 and len(held.large) == 64
    assert told["json"]["bytes"] == pictures.size_of(target) <= 60 * 2**20
    assert f"{len(held.test):,} more to test on" in told["text"]
    assert list(told["json"]["left_out"]) == ["vit_base_patch16_224.dino"]
    monkeypatch.setenv("FACT_STUDIO_CACHE", str(tmp_path / "elsewhere"))  # a machine that has no such weights
    bench = given.opened("cpu", True, target)
    found = bench.backbone(SMALL, 224).network.state_dict()
    assert bench.weights == {SMALL: "real, carried in 16 bits"}
    assert all(torch.allclose(found[name], tensors[name], atol=1e-3) for name in tensors)
    assert (bench.backbone(SMALL).preprocess.pixels, bench.pictures.classes[0]) == (32, "class 0")
    with pytest.raises(InputError, match="empty folder"):
        finish(pictures.carry(tmp_path / "data", None))


def test_what_does_not_fit_is_left_out(
    make_images: MakeImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(pictures, "LIMIT", 2 * 2**20)
    told = finish(pictures.carry(tmp_path / "carried", make_images(tmp_path / "data", each=4)))
    assert told["json"]["bytes"] <= 8 * 2**20 and DEFAULT_BACKBONE in told["json"]["left_out"]
    assert "would be more than" in told["text"] or "Not here" in told["text"]
    assert not (tmp_path / "carried" / "weights").exists()


def test_pictures_without_data_are_real_ones(tmp_path: Path) -> None:
    finish(pictures.make(tmp_path / "made", None))
    found = pictures.Pictures.read(tmp_path / "made")
    assert len(found.train) + len(found.test) == 1_797 and len(found.classes) == 10
    sizes = {probe(found.root / name) for name in (*found.train[:5], *found.large)}
    assert sizes == {(32, 32, "PNG"), (512, 384, "JPEG")}
    assert found.files("large", 130)[64] == found.files("large", 1)[0]
    assert found.said("small") == "898 of 32 x 32, handwritten digits of scikit-learn"
    with pytest.raises(InputError, match="no folder of pictures"):
        pictures.Pictures.read(tmp_path)


def test_a_data_set_is_halved_and_its_large_pictures_are_taken(make_images: MakeImages, tmp_path: Path) -> None:
    data = make_images(tmp_path / "data", CLASSES, each=6, pixels=520)
    finish(pictures.make(tmp_path / "made", data))
    found = pictures.Pictures.read(tmp_path / "made")
    assert (sorted(found.classes), len(found.train), len(found.test)) == (sorted(CLASSES), 9, 9)
    assert found.large_of == "from data" and len(found.large) == len(found.train)
    assert set(found.train_y[:5].tolist()) == {0, 1, 2}  # the first ones are of all classes


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("gradio", "umap", "sqlite_utils", "plotly"):
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, Blocked())
"""


@pytest.mark.slow
@pytest.mark.weights
def test_it_runs_without_the_packages_that_a_bench_does_not_need(folder: Path, tmp_path: Path) -> None:
    """As a command, in all of its processes: sitecustomize is imported by each of them."""
    import os

    (tmp_path / "sitecustomize.py").write_text(BLOCKED)
    path = os.pathsep.join((str(tmp_path), os.environ["PYTHONPATH"]))
    names = "device,features-right,solvers-right,memory-selection,activeft-250,umap"
    words = ["bench", "gpu", "--only", names, "--json", str(tmp_path / "rows.json"), "--from", str(folder)]
    ended = subprocess.run(
        [sys.executable, "-m", "fact_core.cli", *words, "--device", "cpu", "--seconds", "200"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert ended.returncode == 0, ended.stderr
    rows = {row["section"]: row for row in json.loads((tmp_path / "rows.json").read_text())}
    assert sorted(rows) == sorted(names.split(",")), ended.stderr
    assert rows["umap"]["status"] == "skipped" and "umap-learn is not installed" in rows["umap"]["words"]
    assert {row["status"] for row in rows.values()} <= {"passed", "measured", "skipped"}
    checked = subprocess.run(
        [sys.executable, "-c", "import gradio"], env={**os.environ, "PYTHONPATH": path}, capture_output=True
    )
    assert checked.returncode == 1  # they are blocked indeed


def test_the_table_says_what_is_missing_and_which_form_was_measured() -> None:
    row = {"section": "fact", "status": "measured", "words": "1 | 2.", "device": "CPU", "short": True, "seconds": 2.0}
    lines = table.table([row]).splitlines()
    assert lines[2].startswith("| fact | fact, CIFAR-10 2 %") and "| measured | 1 / 2. | CPU, short form |" in lines[2]
    assert lines[3].startswith("| device, features-right") and "not measured" in lines[3] and len(lines) == 4
    assert table.sentence(row) == "fact: measured (2 s). 1 | 2."


def test_the_command_knows_its_sections(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["bench", "gpu", "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(SECTIONS)
    assert cli.main(["bench", "gpu", "--only", "fats"]) == 2
    assert "There is no section called 'fats'" in capsys.readouterr().err
    assert cli.main(["bench", "gpu", "--seconds", "0"]) == 2
    parser = argparse.ArgumentParser()
    gpu.add_arguments(parser)
    order = runner.read(parser.parse_args(["--only", "fact,map", "--json", str(tmp_path / "a.json"), "--short"]))
    assert order.names == ["fact", "map"] and order.short and order.out == tmp_path / "a.json"
    with pytest.raises(ConfigError):
        runner.read(parser.parse_args(["--again", "none"]))


def test_a_rate_is_counted_once_it_is_steady() -> None:
    """Compiling takes a tenth of a second before the first units; they do not count."""
    import time

    def step() -> Step[None]:
        time.sleep(0.2)
        for done in range(1, 200):
            time.sleep(0.002)
            yield Progress("features", 10 * done, 2_000)

    rate, units = given.steady(step(), "features", 0.1, 10)
    assert units >= 100 and 1_000 < rate < 5_000
    assert given.steady(step(), "another", 0.1, 10) == (0.0, 0)


def test_numbers_by_hand() -> None:
    assert quick_step.union([(0, 2), (1, 3), (5, 6)]) == 4.0
    a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 4.0]])
    assert given.apart(a, b) == 0.5 and given.apart(torch.tensor([float("nan")]), b[0, :1]) == float("inf")
    assert given.cosine(a, 3 * a) == pytest.approx(1.0) and given.cosine(a * float("nan"), a) == 0.0
    one = {"lp": np.zeros((2, 2), dtype=np.float32)}
    assert given.between(one, {"lp": one["lp"] + 0.25}) == 0.25 and given.between(one, {}) == float("inf")
    checks = given.Checks()
    checks.below("a", float("nan"), 1.0)
    checks.least("b", 3.0, 2.0)
    assert [each["ok"] for each in checks.found.values()] == [False, True]


def test_a_pool_of_few_pictures_is_looked_at_over_and_over(folder: Path) -> None:
    held = pictures.Pictures.read(folder)
    n = len(held.train)
    task = way.task_of(held, 3 * n, 5, 4)
    assert len(task.pool) == 3 * n and task.of.tolist() == [*range(n)] * 3 and len(task.test) == 5
    assert task.pool[n] == task.pool[0] and (task.pool_y[:n] == held.train_y).all()
    assert len(set(way.task_of(held, 6, 5, 4).pool_y.tolist())) == 3  # spread over the classes


def test_an_unexpected_error_is_a_row(folder: Path) -> None:
    found = child.row_of(f"{HERE}:broken", {}, Task("broken", "cpu", True, folder, Path()))
    assert found["status"] == "error" and found["words"] == "ValueError: this went wrong"
    found = child.row_of(f"{HERE}:quick", {}, Task("quick", "cuda:99", True, folder, Path()))
    assert found["status"] == "error" and found["words"].startswith("No GPU can be used")


def test_code_is_told_apart_by_what_runs() -> None:
    version = runner.code_version()
    assert len(version) == 12 and version == runner.code_version()
    root = Path(runner.fact_core.__file__).parent
    named = {file.relative_to(root).as_posix() for file in runner._sources(root)}
    assert {"bench/gpu/way.py", "finetune/loop.py", "types.py"} <= named
    assert not {"bench/tables.py", "storage/db.py", "work/worker.py"} & named
