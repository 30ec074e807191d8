"""Shared by all tests: nothing is read from or written to the person's own folders."""

from __future__ import annotations

import dataclasses
import gc
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import accumulate, count
from pathlib import Path
from typing import Any

# Tiny work: two threads on two busy cores wait for each other, and take up to ten times the processor's time for it.
# Said before numpy comes, whose library of linear algebra reads it once, when it is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import psutil
import pytest
from PIL import Image

from app.bench.browser import find_chromium
from fact_core.choices import BackboneChoice, any_timm
from fact_core.cli import main
from fact_core.folders import cache_folder
from fact_core.storage import run_process
from tests.ready_program import Asked, ReadyProgram

ROOT = Path(__file__).resolve().parents[1]
# Child processes (the worker, the command line) find the program from any folder, as under launch.py.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))

#: A file system in memory, and what it must have free: a whole run leaves 1 GB at most in it.
MEMORY_DISK, MEMORY_DISK_FREE, MEMORY_FREE = Path("/dev/shm"), 4 * 2**30, 8 * 2**30
SMALL = "timm:test_efficientnet.r160_in1k"
#: The process that forks itself for tests, and under which name those that run tests are told where it is.
READY, READY_AT = pytest.StashKey[ReadyProgram](), "ready"
FORKS = sys.platform.startswith("linux")
#: Where pytest makes the folders of its tests.
TEMPORARY = "PYTEST_DEBUG_TEMPROOT"

Run = Callable[..., "subprocess.CompletedProcess[str]"]
MakeImages = Callable[..., Path]


#: Rough seconds on two cores that do the other tests beside -> the files that take as long. Some are long by their
#: number of tests, not by slow ones. A long file that starts late keeps one core busy while the others have nothing.
LONGEST = {
    200: ("page/test_access.py", "page/test_label_page.py"),
    150: ("page/test_sorted_folder_page.py", "page/test_browser.py"),
    120: ("backbones/test_backbones.py", "compute/test_pretend_cuda.py", "page/test_crash.py"),
    90: ("page/test_app_bench.py", "page/test_no_network.py", "page/test_finish_page.py", "labeling/test_many_rows.py"),
    70: ("bench/test_gpu.py", "headless/test_cli.py", "headless/test_rounds.py", "finetune/test_self_training.py"),
    45: ("work/test_hostile_memory.py", "page/test_fuzz.py", "work/test_worker.py", "features/test_compiled_umap.py"),
    40: ("page/test_review_page.py", "page/test_by_hand_page.py", "page/test_label_rounds_page.py"),
    35: ("page/test_hostile.py", "backbones/test_recognise.py", "page/test_project_gone_page.py"),
    30: ("exchange/test_import_labels.py", "page/test_routes.py", "finetune/test_pipeline.py", "page/test_idle.py"),
    25: ("backbones/test_any_timm.py",),
    24: ("page/test_networks_page.py", "page/test_pictures_page.py", "page/test_browse_page.py"),
    20: ("headless/test_keep_test.py", "work/test_train.py", "backbones/test_prompt.py", "finetune/test_recipes.py"),
}
MARKED = 4  # seconds of a test that is marked slow or drives a browser


def pytest_configure(config: pytest.Config) -> None:
    """The tests' folders lie in memory where there is room: thousands of small databases wait for a disk that writes.

    Not where a program may not be started from it. ``--basetemp`` and the variable say otherwise.
    """
    if not config.getoption("numprocesses", None):  # this process collects the tests
        gc.disable()  # until it has: what that makes stays
    if TEMPORARY in os.environ or config.getoption("basetemp") or not os.access(MEMORY_DISK, os.W_OK):
        return
    told = os.statvfs(MEMORY_DISK)
    free = min(told.f_bavail * told.f_frsize - MEMORY_DISK_FREE, psutil.virtual_memory().available - MEMORY_FREE)
    if free >= 0 and not told.f_flag & os.ST_NOEXEC:
        os.environ[TEMPORARY] = str(MEMORY_DISK)


def spread(weights: Mapping[Path, int], files: AbstractSet[Path]) -> dict[Path, float]:
    """Each file's place from 0 to 1: the share of the files' seconds that lies before it, the longest first."""
    ordered = sorted(files, key=lambda file: (-weights[file], file))
    before = [0, *accumulate(weights[file] for file in ordered)]
    return {file: each / max(before[-1], 1) for file, each in zip(ordered, before[:-1], strict=True)}


def pytest_collection_finish() -> None:
    """What collecting has made stays to the end: later collections of garbage need not look through a million of it."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that no core waits for the last one, and all along some that drive a browser.

    These wait a third of their time, in which files that only reckon use the cores. Tests marked ``browser`` drive
    Chromium: where there is none they are left out, and say so.
    """
    known = {ROOT / "tests" / name: seconds for seconds, names in LONGEST.items() for name in names}
    weights = Counter(dict.fromkeys((item.path for item in items), 0) | known)
    driving = {item.path for item in items if item.get_closest_marker("browser")}
    for item in items:
        if item.path not in known and (item.get_closest_marker("slow") or item.path in driving):
            weights[item.path] += MARKED
    place = {**spread(weights, driving), **spread(weights, weights.keys() - driving)}
    items.sort(key=lambda item: place[item.path])  # stable: a file's own order stays
    if find_chromium() is None:
        missing = pytest.mark.skip(reason="there is no Chromium: apt-get install chromium")
        for item in items:
            if item.get_closest_marker("browser") is not None:
                item.add_marker(missing)


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders that are not there yet, one after the other: few tests of thousands need theirs."""
    root = tmp_path_factory.mktemp("homes")
    return (root / str(number) for number in count())


@pytest.fixture(scope="session", autouse=True)
def _modules_home(_homes: Iterator[Path]) -> Iterator[None]:
    """What a module's or the session's fixtures write lies in no folder of the person who runs the tests."""
    home = next(_homes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACT_STUDIO_HOME", str(home / "data"))
        patch.setenv("FACT_STUDIO_CACHE", str(home / "cache"))
        yield


@pytest.fixture(autouse=True)
def _own_home(_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Projects and downloaded weights of a test lie in a folder of its own."""
    home = next(_homes)
    monkeypatch.setenv("FACT_STUDIO_HOME", str(home / "data"))
    monkeypatch.setenv("FACT_STUDIO_CACHE", str(home / "cache"))


@pytest.fixture(scope="session", autouse=True)
def ask_timm() -> Iterator[Callable[[str], BackboneChoice]]:
    """How timm is asked about a network. Each test has a cache of its own, and timm says the same in a whole run.

    It takes half a second of the processor; so what it has said once is noted again where no note is yet.
    """
    ask, told = any_timm._asked, dict[str, BackboneChoice]()

    def asked(name: str) -> BackboneChoice:
        if name in told:
            any_timm.keep(name, dataclasses.asdict(told[name]))
        else:
            told[name] = ask(name)
        return told[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(any_timm, "_asked", asked)
        yield ask


@pytest.fixture(scope="session")
def make_images() -> MakeImages:
    """make_images(folder, ...): one sub-folder of noise a class, told apart by colour."""

    def make(folder: Path, classes: Sequence[str] = ("red", "green"), each: int = 12, pixels: int = 32) -> Path:
        rng = np.random.default_rng(len(classes))
        for index, name in enumerate(classes):
            (folder / name).mkdir(parents=True, exist_ok=True)
            colour = np.zeros(3)
            colour[index % 3] = 160
            for number in range(each):
                noise = rng.integers(0, 90, (pixels, pixels, 3)) + colour
                Image.fromarray(noise.astype(np.uint8)).save(folder / name / f"{number:03d}.png")
        return folder

    return make


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """All processes of a run ask the same one to fork itself. It imports while they collect."""
    if FORKS:
        stash = node.config.stash
        stash[READY] = stash.get(READY, None) or ReadyProgram()
        node.workerinput[READY_AT] = stash[READY].address


def pytest_unconfigure(config: pytest.Config) -> None:
    if (ready := config.stash.get(READY, None)) is not None:
        ready.end()


@pytest.fixture(scope="session")
def _ready(request: pytest.FixtureRequest) -> Iterator[Asked | None]:
    """None where a process with so much in it cannot safely fork itself."""
    given = getattr(request.config, "workerinput", {}).get(READY_AT)
    own = ReadyProgram() if FORKS and not given else None
    yield Asked(given) if given else own
    if own is not None:
        own.end()


@pytest.fixture
def ready_workers(_ready: Asked | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers of this test have imported what they need when they start."""
    if _ready is not None:
        monkeypatch.setattr(run_process, "spawn_worker", _ready.spawn_worker)


@pytest.fixture(scope="session")
def _small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from safetensors.torch import save_file

    from fact_core.backbones import load
    from fact_core.backbones.loading import adopt

    folder = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACT_STUDIO_CACHE", str(folder / "cache"))
        save_file(load(SMALL, random=True).network.state_dict(), folder / "random.safetensors")
        adopt(SMALL, folder / "random.safetensors")
    return folder / "cache"


@pytest.fixture
def small_network(_small_weights: Path, _own_home: None) -> str:
    """The name of a network of the default one's family that is ready, with a tenth of its weights, all random.

    For what does not ask how much it learns: the default one goes the whole way in tests/headless/test_cli.py.
    """
    shutil.copytree(_small_weights, cache_folder())
    return SMALL


@pytest.fixture(scope="module")
def networks_of_few_blocks() -> Iterator[None]:
    """In the whole module: see tests/few_blocks.py."""
    from tests.few_blocks import few_blocks

    with few_blocks():
        yield


@pytest.fixture
def fake_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in PATH with a driver's tool that names a GPU which torch here cannot use."""
    tools = tmp_path / "tools"
    tools.mkdir()
    tool = tools / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'Tesla K80'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(tools), os.environ["PATH"])))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tools


@pytest.fixture
def cli(tmp_path: Path) -> Run:
    """cli("run", "--images", ...): the command line in a process of its own, started in an empty folder."""

    def run(*arguments: object, timeout: float = 240, **environment: str) -> subprocess.CompletedProcess[str]:
        here = tmp_path / "started-here"
        here.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "fact_core.cli", *map(str, arguments)]
        env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1", **environment}
        return subprocess.run(command, cwd=here, env=env, capture_output=True, encoding="utf-8", timeout=timeout)

    return run


@pytest.fixture
def cli_here(capfd: pytest.CaptureFixture[str], ready_workers: None) -> Iterator[Run]:
    """The same in this process, with workers that start at once."""
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        words = [str(each) for each in arguments]
        capfd.readouterr()
        code = main(words)
        return subprocess.CompletedProcess(words, code, *capfd.readouterr())

    yield run
    signal.signal(signal.SIGTERM, before)
