"""launch.py in a folder of its own, with a package index that lies on the disk: no network, seconds."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
POSIX = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX system")


def _wheel(folder: Path, name: str, files: dict[str, str]) -> None:
    """A wheel as pip wants it, with the given files."""
    info = f"{name}-1.0.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(text.encode())}\n"
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    _wheel(folder, "tinydep", {"tinydep.py": "WORD = 'hello'\n"})
    _wheel(folder, "tinytest", {"pytest.py": "import sys\nprint('tests ran', sys.argv[1:])\n"})
    return folder


class Clone:
    """A copy of launch.py with requirements of one small package."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder = folder
        folder.mkdir()
        shutil.copy(ROOT / "launch.py", folder)
        (folder / "requirements.txt").write_text("tinydep==1.0\n")
        (folder / "pyproject.toml").write_text('[project.optional-dependencies]\ntest = ["tinytest==1.0"]\n')
        for package in ("app", "fact_core"):
            (folder / package).mkdir()
        body = "import os, sys, tinydep\nprint(tinydep.WORD, sys.argv[1:], os.getcwd())\n"
        (folder / "fact_core" / "cli.py").write_text(body)
        (folder / "app" / "main.py").write_text(body)
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "FACT_STUDIO_"))}
        self.env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}
        self.env.pop("PYTHONPATH", None)

    def start(self, *arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(self.folder / "launch.py"), *arguments]
        return subprocess.run(
            command, cwd=cwd or self.folder, env={**self.env, **env}, capture_output=True, text=True, timeout=120
        )

    @property
    def site(self) -> Path:
        return next(self.folder.glob(".venv/[Ll]ib/**/site-packages"))


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Clone:
    """A clone that is set up already."""
    clone = Clone(tmp_path_factory.mktemp("ready") / "with a space", wheels)
    first = clone.start("doctor")
    assert first.returncode == 0, first.stderr
    assert "Setting up .venv" in first.stderr
    assert first.stdout.startswith("hello ['doctor']")
    return clone


@pytest.mark.slow
def test_a_later_start_runs_no_pip_and_takes_no_time(ready: Clone, tmp_path: Path) -> None:
    started = time.monotonic()
    later = ready.start("run", "--budget", "5", cwd=tmp_path)
    assert later.returncode == 0
    assert later.stderr == ""
    assert later.stdout == f"hello ['run', '--budget', '5'] {tmp_path}\n"  # the person's folder, not the program's
    assert time.monotonic() - started < 5


def test_no_command_serves_and_passes_its_options(ready: Clone) -> None:
    assert ready.start("--demo", "--port", "1").stdout.startswith("hello ['--demo', '--port', '1']")
    assert ready.start("serve", "--demo").stdout.startswith("hello ['--demo']")
    assert ready.start().stdout.startswith("hello []")


@pytest.mark.parametrize("asked", [("run", "--help"), ("bench", "-h"), ("serve", "--help"), ("--port", "1", "--help")])
def test_a_question_installs_nothing(tmp_path: Path, wheels: Path, asked: tuple[str, ...]) -> None:
    """Without .venv the options cannot be listed: what will be installed is said instead."""
    clone = Clone(tmp_path / "clone", wheels)
    answer = clone.start(*asked)
    command = asked[0] if asked[0] != "--port" else "serve"
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f'"python3 launch.py {command} --help"' in answer.stdout and "GB" in answer.stdout
    assert not (clone.folder / ".venv").exists()


def test_a_question_is_answered_by_the_command_where_it_can_be(ready: Clone) -> None:
    assert ready.start("run", "--help").stdout.startswith("hello ['run', '--help']")


def test_files_of_the_current_folder_do_not_shadow_modules(ready: Clone, tmp_path: Path) -> None:
    (tmp_path / "tinydep.py").write_text("raise SystemExit('shadowed')")
    assert ready.start("doctor", cwd=tmp_path).stdout.startswith("hello")


def test_other_requirements_are_installed_by_the_next_start(ready: Clone, wheels: Path) -> None:
    _wheel(wheels, "another", {"another.py": ""})
    requirements = ready.folder / "requirements.txt"
    requirements.write_text("tinydep==1.0\nanother==1.0\n")
    again = ready.start("doctor")
    assert again.returncode == 0 and "Installed." in again.stderr
    assert (ready.site / "another.py").exists()
    assert ready.start("doctor").stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["RECORD", "a file", "pip", "python"])
def test_an_interrupted_install_is_repaired(ready: Clone, lost: str) -> None:
    (ready.folder / ".venv" / "fact-studio.stamp").unlink()  # it is written last
    if lost == "RECORD":  # killed while pip copied the files of a package
        (ready.site / "tinydep-1.0.dist-info" / "RECORD").unlink()
        (ready.site / "tinydep.py").unlink()
    elif lost == "a file":
        (ready.site / "tinydep.py").unlink()
    elif lost == "pip":  # killed while the environment was made
        shutil.rmtree(ready.site / "pip")
    else:  # the Python that it was made of is gone
        for python in (ready.folder / ".venv").glob("[bS]*/python*"):
            python.unlink()
    repaired = ready.start("doctor")
    assert repaired.returncode == 0, repaired.stderr
    assert repaired.stdout.startswith("hello")
    assert ready.start("doctor").stderr == ""


@pytest.mark.slow
@POSIX
def test_killed_in_the_middle_and_started_again(tmp_path: Path, wheels: Path) -> None:
    clone = Clone(tmp_path / "clone", wheels)
    command = [sys.executable, str(clone.folder / "launch.py"), "doctor"]
    with subprocess.Popen(command, env=clone.env, stderr=subprocess.DEVNULL, start_new_session=True) as first:
        until = time.monotonic() + 30
        while not list(clone.folder.glob(".venv/lib/*/site-packages/pip")) and time.monotonic() < until:
            time.sleep(0.02)
        os.killpg(first.pid, signal.SIGKILL)
    again = clone.start("doctor")
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("hello")


@pytest.mark.slow
def test_two_starts_at_once_install_once(tmp_path: Path, wheels: Path) -> None:
    clone = Clone(tmp_path / "clone", wheels)
    command = [sys.executable, str(clone.folder / "launch.py"), "doctor"]
    both = [
        subprocess.Popen(command, env=clone.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [each.communicate(timeout=120) for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert sum("Installed." in stderr for _, stderr in said) == 1


def test_test_tools_are_an_extra_and_pytest_has_the_last_word(ready: Clone) -> None:
    ended = ready.start("test", "-k", "nothing")
    assert (ready.folder / ".venv" / "fact-studio-test.stamp").exists()
    assert "Checks that failed: ruff format" in ended.stderr  # this index has no ruff
    assert ended.stdout.splitlines()[-1] == "tests ran ['-k', 'nothing']"
    assert ended.returncode == 1


def test_the_quick_tests_leave_out_what_is_slow_and_what_needs_a_browser(ready: Clone) -> None:
    chosen = ["-m", "not browser and not slow"]
    asked = ready.start("test", "--quick", "-k", "nothing")
    assert asked.stdout.splitlines()[-1] == f"tests ran {['-k', 'nothing', *chosen]}"
    cores, ordered = os.cpu_count() or 1, ["--dist", "loadfile", "--no-loadscope-reorder"]
    plain = ready.start("test", "--quick")
    assert plain.stdout.splitlines()[-1] == f"tests ran {['-n', str(cores + 1), *ordered, *chosen]}"
    plain = ready.start("test")
    assert plain.stdout.splitlines()[-1] == f"tests ran {['-n', str(cores + 2), *ordered]}"


def test_no_network_is_said_in_words(ready: Clone) -> None:
    (ready.folder / "requirements.txt").write_text("tinydep==1.0\nfaraway==1.0\n")
    nowhere = {"PIP_NO_INDEX": "0", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    ended = ready.start("doctor", **nowhere, PIP_RETRIES="1")
    (ready.folder / "requirements.txt").write_text("tinydep==1.0\n")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("error: The packages could not be downloaded: no internet?")
    assert "Traceback" not in ended.stderr
    assert ready.start("doctor").returncode == 0  # and the next start goes on


def test_a_full_disk_is_said_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, launch: ModuleType) -> None:
    monkeypatch.setattr(launch, "VENV", tmp_path)
    monkeypatch.setattr(launch, "PYTHON", tmp_path / "bin" / "python")
    monkeypatch.setattr(
        launch.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**10, 10**10, 1_200_000_000)
    )
    with pytest.raises(launch.SetupError, match=r"Not enough disk space. Found: 1.2 GB free .* needed: about"):
        launch.make_venv()
    said = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    assert str(launch.in_words(said, "")).startswith("The disk is full. Free some space")


def test_no_venv_module_is_said_in_words(launch: ModuleType) -> None:
    debian = "The virtual environment was not created successfully because ensurepip is not available."
    assert "sudo apt install python3." in str(launch.in_words(debian, ""))


def test_another_failure_shows_the_last_line(launch: ModuleType) -> None:
    assert "Found: it went wrong." in str(launch.in_words("a\nb\nit went wrong\n", "No install"))


@pytest.mark.parametrize("version", [(3, 8), (3, 10)])
def test_an_old_python_is_refused(
    launch: ModuleType, version: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch.shutil, "which", lambda name: None)
    with pytest.raises(launch.SetupError, match=r"too old. Found: 3\.\d+, needed: 3.11 or newer. Install Python"):
        launch.check_python(version)
    monkeypatch.setattr(launch.shutil, "which", lambda name: name if name == "python3.12" else None)
    with pytest.raises(launch.SetupError, match=r"python3.12 launch.py"):
        launch.check_python(version)


def test_a_newer_python_is_a_warning(launch: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    launch.check_python((3, 14))
    assert "warning: Python 3.14 is newer" in capsys.readouterr().err
    launch.check_python((3, 13))
    assert capsys.readouterr().err == ""


def test_an_unknown_command_lists_the_known_ones(ready: Clone) -> None:
    ended = ready.start("rnu")
    assert ended.returncode == 2
    known = "serve, run, sort, bench, weights, pack, unpack, doctor, compare-backbones, shards, choose, test"
    assert ended.stderr == f"error: There is no command 'rnu'. Known: {known}.\n"


def test_no_venv_uses_this_python_and_installs_nothing(tmp_path: Path, wheels: Path) -> None:
    clone = Clone(tmp_path / "clone", wheels)
    ended = clone.start("doctor", FACT_STUDIO_NO_VENV="1", PYTHONPATH=str(wheels / "tinydep-1.0-py3-none-any.whl"))
    assert ended.stdout.startswith("hello ['doctor']"), ended.stderr
    assert not (clone.folder / ".venv").exists()


def test_the_exit_code_is_the_commands(ready: Clone) -> None:
    (ready.folder / "fact_core" / "cli.py").write_text("raise SystemExit(7)\n")
    assert ready.start("doctor").returncode == 7


def test_help_needs_no_setup(tmp_path: Path, wheels: Path) -> None:
    clone = Clone(tmp_path / "clone", wheels)
    assert "--labels-from" in clone.start("--help").stdout
    assert not (clone.folder / ".venv").exists()


@pytest.fixture
def launch() -> ModuleType:
    spec = importlib.util.spec_from_file_location("launch_under_test", ROOT / "launch.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("gpu", "windows", "older", "told"),
    [
        (("H100", 9.0, 580), False, "", ""),
        (("GTX 1080", 6.1, 580), False, "", "CUDA 12.6"),  # the wheels that pip finds know it no more
        (("V100", 7.0, 550), False, "", "CUDA 12.6"),
        (("RTX 3090", 8.6, 550), False, "2.11", "PyTorch before 2.11"),  # its driver knows CUDA 12 alone
        (("RTX 3090", 8.6, 470), False, "", "driver is too old"),
        (("RTX 4090", 8.9, 581), True, "", "CUDA 13.0"),  # on Windows pip finds one for the CPU
        (("RTX 4090", 8.9, 550), True, "", "CUDA 12.6"),
    ],
)
def test_which_pytorch_fits_a_gpu(
    launch: ModuleType, gpu: tuple[str, float, int], windows: bool, older: str, told: str
) -> None:
    weaker = ("GT 710", 3.5, gpu[2])
    for found in ([gpu], [weaker, gpu]):  # the best of several decides
        bound, said = launch.torch_for(found, windows)
        assert bound == older and told in said and (bool(said) == bool(told)) and (not said or gpu[0] in said)
        if "CUDA 1" in told and not older:
            assert "FACT_STUDIO_TORCH" in said  # what the person can do


def test_without_a_gpu_nothing_is_told(launch: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert launch.torch_for([], False) == launch.torch_for([], True) == ("", "")
    monkeypatch.setattr(launch.shutil, "which", lambda name: None)
    assert launch.gpus() == []


@POSIX
def test_the_driver_is_asked_and_a_strange_answer_is_none(
    launch: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nvidia-smi"
    monkeypatch.setattr(launch.shutil, "which", lambda name: str(tool))
    for answer, found in (
        ("NVIDIA RTX A, B, 8.6, 550.54.15", [("NVIDIA RTX A, B", 8.6, 550)]),
        ("No devices were found", []),
    ):
        tool.write_text(f"#!/bin/sh\necho '{answer}'\n")
        tool.chmod(0o755)
        assert launch.gpus() == found


@pytest.mark.slow
@POSIX
def test_the_persons_own_index_of_pytorch_is_asked_first(tmp_path: Path, wheels: Path) -> None:
    """Told before, and asked again by the next start when it is another one."""
    clone = Clone(tmp_path / "clone", wheels)
    _wheel(wheels, "torch", {"torch.py": "BUILD = 'own'\n"})
    (clone.folder / "requirements.txt").write_text("tinydep==1.0\ntorch==1.0\n")
    ended = clone.start("doctor", FACT_STUDIO_TORCH="http://127.0.0.1:9/own")
    assert ended.returncode == 0, ended.stderr
    lines = ended.stderr.splitlines()
    told = lines.index("PyTorch comes from http://127.0.0.1:9/own (FACT_STUDIO_TORCH).")
    assert told < lines.index("Installed.") and lines.count("Installed.") == 2  # PyTorch, then all else
    assert "Setting up" not in clone.start("doctor", FACT_STUDIO_TORCH="http://127.0.0.1:9/own").stderr
    assert "Setting up" in clone.start("doctor").stderr


def test_the_files_that_come_first_are_there() -> None:
    from tests.conftest import LONGEST

    names = [name for several in LONGEST.values() for name in several]
    assert all((ROOT / "tests" / name).is_file() for name in names) and len(names) == len(set(names))
