"""Start FACT Studio: ``python3 launch.py``.

    launch.py [--host H] [--port N] [--no-browser] [--project DIR] [--demo] [--browse DIR] [--certfile F] [--keyfile F]
    launch.py run --images DIR --project DIR --budget N|P% --labels-from folders|FILE.csv ...
    launch.py sort PROJECT --to DIR --as copy|hardlink|symlink|list     the images in folders, one a class
    launch.py bench NAME ...         measure; bench --help lists what, bench NAME --help what it takes
    launch.py weights NAME           fetch, check and convert pretrained weights (--file FILE: use your own)
    launch.py compare-backbones PROJECT     which backbone suits the project's labels
    launch.py shards PLACE --to DIR         features of millions of images, by Ray; choose DIR --budget N --to FILE
    launch.py pack PROJECT FILE      a project in one file (--images: with its images); unpack FILE --to FOLDER
    launch.py doctor                 versions, GPU, memory, where things lie
    launch.py test [--quick] [pytest arguments]      --quick: no browser and nothing slow, three minutes

The first start makes .venv and installs requirements.txt; later ones compare a stamp, and repair what was interrupted.
FACT_STUDIO_NO_VENV=1 uses this interpreter. FACT_STUDIO_TORCH=ADDRESS: PyTorch of that index. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST, NEWEST = (3, 11), (3, 13)
#: Free space that a fresh install takes: torch for CUDA is large, other systems get a small one.
NEEDED_GB = 1.5 if sys.platform == "darwin" else 6.5
CLI = "fact_core.cli"
#: command -> the module that does it; app.bench adds the page's measurements to the command line's.
COMMANDS = {"serve": "app.main", "run": CLI, "sort": CLI, "bench": "app.bench", "weights": CLI, "pack": CLI}
COMMANDS |= {"unpack": CLI, "doctor": CLI, "compare-backbones": CLI, "shards": CLI, "choose": CLI, "test": ""}
#: The person's own index of PyTorch's builds. What pip finds by itself serves GPUs from this compute capability and
#: driver on (CUDA 13; on Windows none), before a version of PyTorch older drivers too (CUDA 12), from that one on.
INDEX, CAPABILITY, DRIVER, BEFORE, OLDEST_DRIVER = "FACT_STUDIO_TORCH", 7.5, 580, "2.11", 525
LOCK = VENV / "fact-studio.lock"
STAMPS = {"base": VENV / "fact-studio.stamp", "test": VENV / "fact-studio-test.stamp"}

#: What pip and venv say when something outside of this program is wrong, and what that means.
REASONS = {
    r"no space left on device|errno 28\b|quota exceeded": "The disk is full. Free some space "
    f"(about {NEEDED_GB:g} GB), or let TMPDIR name a larger disk, and start again.",
    r"certificate_verify_failed": "The package server's certificate is not trusted. Let PIP_CERT name the right one.",
    r"connection ?error|new connection|name resolution|connection broken|timed out|proxyerror|network is unreachable": (
        "The packages could not be downloaded: no internet? Check the connection (behind a proxy, set HTTPS_PROXY; "
        "for a mirror, PIP_INDEX_URL) and start again: what is installed already is kept."
    ),
    r"permission denied": "No permission to write into .venv. Make this folder writable for you.",
    r"no matching distribution": "A package was not found: no internet, or none for this Python (use 3.11 to 3.13).",
    r"ensurepip|no module named venv": "This Python cannot make virtual environments: its venv module is missing. "
    "On Debian and Ubuntu: sudo apt install python{}-venv. Then start again.",
}

#: The options of a command stand in modules that need the packages: a question alone installs nothing.
HELP_LATER = """The options of "{command}" can be listed once the program is set up, and it is not yet.

The first start, such as "python3 launch.py doctor", downloads and installs the packages of requirements.txt
into {folder}: about {gb:g} GB, a few minutes. After that
"python3 launch.py {command} --help" lists every option. "python3 launch.py --help" lists the commands now."""


class SetupError(Exception):
    """Something outside of this program stops the set-up: what is wrong, what was found, what to do."""


def main(argv: list[str]) -> int:
    """Set up what the command needs, then become it. Returns the exit code."""
    if argv[:1] in (["-h"], ["--help"], ["help"]):
        print(__doc__)
        return 0
    command, rest = (argv[0], argv[1:]) if argv and not argv[0].startswith("-") else ("serve", argv)
    if command not in COMMANDS:
        print(f"error: There is no command {command!r}. Known: {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    if {"-h", "--help"} & set(rest) and os.environ.get("FACT_STUDIO_NO_VENV") != "1" and not PYTHON.exists():
        print(HELP_LATER.format(command=command, gb=NEEDED_GB, folder=VENV))
        return 0
    try:
        check_python(sys.version_info[:2])
        python = set_up(with_tests=command == "test")
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The next start goes on from here.", file=sys.stderr)
        return 130
    if command == "test":
        return run_tests(python, rest)
    line = [python, "-m", COMMANDS[command], *([] if command == "serve" else [command]), *rest]
    if os.name == "nt":
        return call(line)
    os.execve(python, line, environment())  # become the command, so that signals reach it


def check_python(version: tuple[int, ...]) -> None:
    """SetupError for a Python that is too old; a warning for one that is newer than what was tried."""
    if version < OLDEST:
        names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
        better = next((name for name in names if shutil.which(name)), "")
        do = f"Start it as: {better} launch.py" if better else "Install Python 3.11, 3.12 or 3.13 (python.org)."
        raise SetupError(f"This Python is too old. Found: {dotted(version)}, needed: {dotted(OLDEST)} or newer. {do}")
    if version > NEWEST:
        say(f"warning: Python {dotted(version)} is newer than what this was tried with ({dotted(NEWEST)}).")


def set_up(with_tests: bool = False) -> str:
    """Make .venv hold what is required; at once when the stamps say that it does. Returns its Python."""
    if os.environ.get("FACT_STUDIO_NO_VENV") == "1":
        return sys.executable
    if lacking(with_tests):
        try:
            with only_one():
                for name in lacking(with_tests):  # another start may have done it meanwhile
                    install(name)
        except OSError as error:
            raise SetupError(f"The folder {VENV} cannot be written. Found: {error.strerror or error}.") from error
    return str(PYTHON)


def lacking(with_tests: bool) -> list[str]:
    """Which of the two installs have no stamp, or one of other requirements."""
    names = STAMPS if with_tests else ["base"]
    return [name for name in names if not PYTHON.exists() or read(STAMPS[name]) != fingerprint(name)]


def install(name: str) -> None:
    """Install the requirements ("base") or the test tools ("test") and stamp them."""
    STAMPS[name].unlink(missing_ok=True)
    say(f"Setting up .venv ({name}). The first time this downloads some gigabytes and takes a few minutes.")
    make_venv()
    drop_half_installed()
    if name == "base":
        install_torch(os.environ.get(INDEX, ""))
    pip_install(wanted(name))
    STAMPS[name].write_text(fingerprint(name), encoding="utf-8")


def install_torch(index: str) -> None:
    """Have the build of PyTorch that fits this computer's GPU, where pip would take another one; said before."""
    lines = [line for line in read(ROOT / "requirements.txt").splitlines() if line.startswith("torch")]
    older, why = ("", f"PyTorch comes from {index} ({INDEX}).") if index else torch_for(gpus(), os.name == "nt")
    if why:
        say(why)
    if lines and (index or older):
        bound = f",<{older}" if older else ""
        pip_install([line + bound * line.startswith("torch>") for line in lines] + ["--index-url", index] * bool(index))


def gpus() -> list[tuple[str, float, int]]:
    """(name, compute capability, driver's main version) of the NVIDIA GPUs, as the driver's tool says."""
    command = [shutil.which("nvidia-smi") or "", "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout if command[0] else ""
        rows = [line.rsplit(",", 2) for line in said.splitlines()]
        return [(name.strip(), float(capability), int(driver.split(".")[0])) for name, capability, driver in rows]
    except (OSError, ValueError, subprocess.SubprocessError):
        return []


def torch_for(found: list[tuple[str, float, int]], windows: bool) -> tuple[str, str]:
    """("PyTorch must be older than this" or "", what to tell) for the best of these GPUs; nothing for none."""
    name, capability, driver = max(found, key=lambda each: each[1], default=("", CAPABILITY, DRIVER))
    about = f"The GPU {name} (compute capability {capability:g}, driver {driver})"
    if driver < OLDEST_DRIVER:
        return "", f"{about} cannot be used: its driver is too old. Install {OLDEST_DRIVER} or newer, then start again."
    if name and (capability < CAPABILITY or windows):
        build = "12.6" if capability < CAPABILITY or driver < DRIVER else "13.0"
        do = f"set {INDEX} to the address of PyTorch's builds for CUDA {build} (its page Get Started tells it)"
        return "", f"{about} needs another PyTorch than pip finds, so the CPU will work. Else {do} and start again."
    return (BEFORE, f"{about} has a driver for CUDA 12: PyTorch before {BEFORE}.") if driver < DRIVER else ("", "")


def make_venv() -> None:
    """A .venv of this Python with a working pip. A broken, half-made or other one is made anew."""
    own = (
        f"import sys; from importlib.metadata import files; assert sys.version_info[:2] == {sys.version_info[:2]}; "
        "assert all(each.locate().exists() for each in files('pip') if each.suffix != '.pyc')"
    )
    try:
        if subprocess.run([str(PYTHON), "-c", own], capture_output=True).returncode == 0:
            return
    except OSError:
        pass  # not there, or its base Python is gone
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GB:
        found = f"Found: {free:.1f} GB free at {ROOT}, needed: about {NEEDED_GB:g} GB."
        raise SetupError(f"Not enough disk space. {found} Free some space, or move this folder to a larger disk.")
    for each in VENV.iterdir():
        if each != LOCK:
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, errors="replace")
    if made.returncode:
        raise in_words(made.stdout + made.stderr, "The virtual environment could not be made")


def drop_half_installed() -> None:
    """Forget packages whose files are not all there, so that pip installs them again.

    pip writes RECORD last: after a kill in the middle it would otherwise hold such a package for installed.
    """
    for site in (*VENV.glob("lib/python*/site-packages"), *VENV.glob("Lib/site-packages")):
        for info in site.glob("*.dist-info"):
            names = [row.rsplit(",", 2)[0].strip('"') for row in read(info / "RECORD").splitlines()]
            if not names or not all((site / name).exists() for name in names if not name.endswith(".pyc")):
                say(f"Repairing {info.name.removesuffix('.dist-info')}.")
                shutil.rmtree(info)


def pip_install(what: list[str]) -> None:
    """Run pip; its progress stays visible, its errors are read and put into words."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *what]
    heard = []
    with subprocess.Popen(command, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, errors="replace") as pip:
        for line in pip.stderr or ():
            heard.append(line)
            sys.stderr.write(line)
    if pip.returncode:
        raise in_words("".join(heard), "The packages could not be installed")
    say("Installed.")


def in_words(said: str, what: str) -> SetupError:
    """What pip's or venv's output means."""
    for pattern, meaning in REASONS.items():
        if re.search(pattern, said.lower()):
            return SetupError(meaning.format(dotted(sys.version_info[:2])))
    return SetupError(f"{what}. Found: {(said.strip() or 'no message').splitlines()[-1]}. Remove .venv, start again.")


def run_tests(python: str, arguments: list[str]) -> int:
    """Formatter, linter and types first, pytest last: its closing line is the last one. Worst exit code."""
    scripts = ["--quiet", "--config", "assets/deno.json"]
    checks = (
        *(["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy", "--strict", "fact_core", "app"]),
        *(["deno", "fmt", "--check", *scripts], ["deno", "lint", *scripts], ["deno", "check", *scripts, "assets"]),
    )
    os.environ["DENO_NO_UPDATE_CHECK"] = "1"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes would each compile the program anew
    failed = [" ".join(check) for check in checks if call([python, "-m", *check], cwd=ROOT)]
    say(f"Checks that failed: {'; '.join(failed)}" if failed else "Format, lint and types are in order.")
    quick = ["-m", "not browser and not slow"] if "--quick" in arguments else []
    asked = [each for each in arguments if each != "--quick"]
    # A file on every core, in the order of tests/conftest.py; tests that drive a browser wait a third of their time.
    processes = (os.cpu_count() or 1) + (1 if quick else 2)
    chosen = asked or ["-n", str(processes), "--dist", "loadfile", "--no-loadscope-reorder"]
    return call([python, "-m", "pytest", *chosen, *quick], cwd=ROOT) or int(bool(failed))


def call(command: list[str], cwd: Path | None = None) -> int:
    """Run a command to its end; return its exit code."""
    try:
        return subprocess.run(command, cwd=cwd, env=environment()).returncode
    except KeyboardInterrupt:
        return 130


def environment() -> dict[str, str]:
    """The environment of the program: it is found from any folder, and that folder's files cannot shadow a module."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    # A crash in a library says where, in the program and in the processes that it starts.
    return {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1", "PYTHONUTF8": "1", "PYTHONFAULTHANDLER": "1"}


def only_one() -> IO[str]:
    """Hold .venv until the returned file is closed: a second start waits until the first has installed."""
    VENV.mkdir(exist_ok=True)
    lock = open(LOCK, "w", encoding="utf-8")  # noqa: SIM115
    if fcntl:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another start is installing; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def wanted(name: str) -> list[str]:
    """pip's arguments for one of the two installs."""
    if name == "base":
        return ["-r", str(ROOT / "requirements.txt")]
    import tomllib  # not in the Pythons that check_python refuses

    return list(tomllib.loads(read(ROOT / "pyproject.toml"))["project"]["optional-dependencies"]["test"])


def fingerprint(name: str) -> str:
    """What a stamp must say: the requirements and the Python they were installed for."""
    words = wanted(name) if name == "test" else read(ROOT / "requirements.txt") + os.environ.get(INDEX, "")
    return hashlib.sha256(json.dumps([sys.version_info[:2], words]).encode()).hexdigest()


def read(path: Path) -> str:
    """The text of a file, empty where there is none."""
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def dotted(version: tuple[int, ...]) -> str:
    """(3, 11) -> "3.11"."""
    return ".".join(map(str, version))


def say(text: str) -> None:
    """One line for the person; not on stdout, which belongs to the command."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
