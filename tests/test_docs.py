"""The README is right: its files exist, its commands and options are known, its figures are those of the code."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import launch
from app.bench.__main__ import PAGE
from fact_core import cli
from fact_core.bench import BENCHES, readme, scale_page, tables
from fact_core.choices import BACKBONES, RECIPES, STRATEGIES, StrategyChoice
from fact_core.errors import InputError
from fact_core.events import Progress
from fact_core.generators import finish
from fact_core.headless import doctor
from fact_core.select.choose import choose_images
from fact_core.select.picks import Picks, candidates, spare, unit
from tests.test_contracts import TestStrategy as StrategyContract

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = readme.RESULTS.read_text(encoding="utf-8")
SCALE = readme.SCALE.read_text(encoding="utf-8")


#: Files of other projects (big_vision, Gradio, ONNX Runtime) that comments name, and what an export brings along.
ELSEWHERE = {"big_vision models/vit.py", "theme.css", "Privacy.md", "predict.py"}


def _named_files() -> list[tuple[str, str]]:
    """(file, another file that its comments name): paths below the repository, fact_core or app, or bare names."""
    found = []
    for source in (*(ROOT / "fact_core").rglob("*.py"), *(ROOT / "app").rglob("*.py"), ROOT / "launch.py"):
        text = source.read_text(encoding="utf-8")
        names = re.findall(r"(?:big_vision )?(?<![\w./{}*-])(?:\w+/)*\w+\.(?:py|js|css|md)\b(?!\.)", text)
        found += [(str(source.relative_to(ROOT)), name) for name in dict.fromkeys(names)]
    return found


@pytest.mark.parametrize(("source", "name"), _named_files())
def test_files_that_comments_name_exist(source: str, name: str) -> None:
    """So that nobody is sent to a file that has moved."""
    if name in ELSEWHERE:
        return
    roots = (ROOT, ROOT / "fact_core", ROOT / "app", ROOT / "assets", (ROOT / source).parent)
    here = [root / name for root in roots]
    if "/" not in name:
        here += [found for folder in ("fact_core", "app", "assets") for found in (ROOT / folder).rglob(name)]
    assert any(each.exists() for each in here), f"{source} names {name}"


def _commands() -> list[str]:
    """Every `launch.py ...` in a code block or in backticks."""
    text = README + RESULTS + SCALE
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()]
    return [each for each in lines + re.findall(r"`([^`\n]+)`", text) if "launch.py " in each]


@pytest.mark.parametrize("command", _commands())
def test_commands_exist(command: str) -> None:
    words = shlex.split(command)
    name = words[words.index("launch.py") + 1]
    assert name in launch.COMMANDS or name.startswith("--"), command


def test_options_of_run_exist() -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit), contextlib.redirect_stdout(out):
        cli.main(["run", "--help"])
    known = set(re.findall(r"--[a-z-]+", out.getvalue()))
    for command in _commands():
        if " run " in command:
            assert set(re.findall(r"--[a-z-]+", command)) <= known, command


def test_names_in_the_text_exist() -> None:
    for name in re.findall(r"launch\.py weights (\S+?)`", README):
        assert name in BACKBONES
    for name in re.findall(r"launch\.py bench ([\w]\S*?)`", README + RESULTS + SCALE):
        assert name in {**BENCHES, **PAGE}
    for names in re.findall(r"Finetuning \(([^)]*)\)", README):
        assert {each.strip(" `") for each in names.split(",")} <= set(RECIPES)


def test_disk_space_is_what_launch_asks_for() -> None:
    said = re.search(r"about ([\d.]+) GB of disk", README)
    assert said and float(said[1]) >= launch.NEEDED_GB


def test_files_named_in_the_table_exist() -> None:
    layout = README.split("## How the code is laid out")[1].split("\n## ")[0]
    for row in re.findall(r"^\|(.*`.*)\|$", layout, re.M):
        folder = ROOT
        for name in re.findall(r"`([\w./]+)`", row):
            if "/" in name.rstrip("/"):
                folder = (ROOT / name).parent
            assert (ROOT / name).exists() or (folder / name).exists(), name


@pytest.mark.parametrize("document", readme.DOCUMENTS, ids=lambda each: each.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text(encoding="utf-8"))
    assert targets and not [each for each in targets if not (document.parent / each).is_file()]


def test_the_readme_is_short_enough_to_read() -> None:
    assert README.count("\n") <= 200


def test_files_named_in_the_results_exist() -> None:
    named = set(re.findall(r"`([\w-]+\.json)`", RESULTS + SCALE))
    assert named and not [each for each in named if not (tables.RESULTS / each).is_file()]


def test_no_paths_of_a_machine() -> None:
    assert not re.search(r"(?<!\w)(?:/home/|/root/|/work/)|C:\\", README + RESULTS + SCALE)


def test_licence_is_apache() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text and "Version 2.0, January 2004" in text and len(text) > 11_000


@pytest.mark.parametrize("text", [README, RESULTS, SCALE], ids=["README", "RESULTS", "SCALE"])
def test_the_tables_are_made_from_the_measured_rows(text: str) -> None:
    assert readme.filled(text) == text, "Run python3 launch.py bench readme."


@pytest.mark.parametrize("name", readme.TABLES)
def test_every_measured_table_stands_in_a_document(name: str) -> None:
    assert (tables.RESULTS / f"{readme.TABLES[name][0]}.json").is_file()
    assert sum(f"<!-- {name} -->" in text for text in (README, RESULTS, SCALE)) == 1


def test_the_plots_are_made_from_the_measured_rows() -> None:
    for name, text in readme.pictures().items():
        assert (readme.ASSETS / name).read_text(encoding="utf-8") == text, "Run python3 launch.py bench readme."
        assert f"assets/{name})" in RESULTS


def test_from_which_size_more_machines_pay_is_what_was_measured() -> None:
    hours = scale_page.hours_of_a_million(tables.rows("scale"))
    assert f"Two cores take {hours:.1f} hours for a million images" in README


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(InputError, match="no such table"):
        readme.filled("<!-- none -->\n<!-- /none -->")
    assert readme.filled("<!-- flowers-quick -->old<!-- /flowers-quick -->").count("| `fact` |") == 1


def test_a_mean_needs_all_seeds() -> None:
    cells = [{"method": "a", "seed": 0, "accuracy": 0.5}, {"method": "a", "seed": 1, "accuracy": 0.6}]
    cells += [{"method": "b", "seed": 0, "accuracy": 0.7}]
    assert tables.by_method(cells).splitlines()[2:] == [
        "| `a` | 50.0% | 60.0% | 55.0% |",
        "| `b` | 70.0% | not run | – |",
    ]


def test_the_strategy_of_the_readme_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """One function and one line, as printed: it runs through ``choose`` like all others."""
    code = re.search(r"```python\n(.*?)```", README, re.S)
    assert code
    module = types.ModuleType("fact_core.select.outliers")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    given = {"np": np, "Picks": Picks, "Progress": Progress, "candidates": candidates, "unit": unit, "spare": spare}
    listed: dict[str, StrategyChoice] = {}
    module.__dict__.update(given, STRATEGIES=listed, StrategyChoice=StrategyChoice)
    exec(code[1], module.__dict__)
    monkeypatch.setitem(STRATEGIES, "outliers", listed["outliers"])
    x = np.array([[1, 0], [1, 0.1], [0.9, 0.2], [-1, 0], [0, 1]], dtype=np.float32)
    none = np.zeros(0, dtype=np.int64)
    picks = finish(choose_images("outliers", x, 2, none, none, np.random.default_rng(0)))
    assert picks.rows.tolist() == [3, 4]
    for name, test in vars(StrategyContract).items():  # "tests/test_contracts.py runs over it"
        if name.startswith("test_"):
            for values in given_to(test):
                with contextlib.suppress(pytest.skip.Exception):
                    test(StrategyContract(), "outliers", *values)


def given_to(test: Any) -> Iterator[tuple[Any, ...]]:
    """What a test is parametrized with, once: () where it is not."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    for values in marks[0].args[1] if marks else [()]:
        yield values if isinstance(values, tuple) else (values,)


def test_every_dependency_has_a_range_and_the_doctor_knows_its_lower_end() -> None:
    """Hostile input 17: the lower end of each dependency is checked by doctor."""
    lines = [line for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines() if line and line[0] != "#"]
    lines += tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["test"]
    ranges = {re.split(r"[<>=]", line)[0]: line for line in lines}
    for line in lines:
        assert re.fullmatch(r"[\w-]+(==[\d.]+|>=[\d.]+,<[\d.]+)", line), line
    for name, oldest in doctor.NEEDED.items():
        lower = re.search(r">=(\d+)\.(\d+)", ranges[name])
        assert lower and (int(lower[1]), int(lower[2])) == oldest, name


@pytest.mark.parametrize("number", range(1, 18))
def test_every_kind_of_hostile_input_has_a_test(number: int) -> None:
    """The kinds are numbered: 1 paths to files, 2 images over the network, 3 forged requests, 4 names as text, 5 names
    as folders, 6 tables, 7 image files, 8 weights, 9 commands, 10 the network, 11 kills and full disks, 12 two tabs,
    13 many rows, 14 small pools, 15 devices and pages that leave, 16 schemas, 17 dependencies."""
    files = (each.read_text(encoding="utf-8") for each in (ROOT / "tests").rglob("test_*.py"))
    assert any(f"Hostile input {number}:" in text for text in files)
