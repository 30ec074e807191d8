"""Gradio is imported without what only editors and its own site need."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

import pytest

from app.shell.gradio_import import IDLE

#: Prints the type stubs that importing the page opened, and how many of Gradio's own sources it parsed.
WATCH = """
import ast, sys
stubs, parsed = [], []
def hear(event, args):
    if event == "open" and str(args[0]).endswith(".pyi"):
        stubs.append(args[0])
sys.addaudithook(hear)
parse = ast.parse
ast.parse = lambda source, *rest, **more: parsed.append("gradio" in str(source)) or parse(source, *rest, **more)
import app.main
import gradio
print(len(stubs), sum(parsed))
"""


@pytest.mark.slow
def test_importing_the_page_parses_and_writes_no_stubs() -> None:
    said = subprocess.run([sys.executable, "-c", WATCH], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["0", "0"]


@pytest.mark.parametrize("module", IDLE)
def test_the_functions_are_there_and_are_nothing(module: str) -> None:
    """In the source that is installed: a release that names them otherwise would be slow again, unnoticed."""
    package = find_spec("gradio")
    assert package and package.submodule_search_locations
    found = PathFinder.find_spec(module, list(package.submodule_search_locations))
    assert found and found.origin
    named = {each.name for each in ast.walk(ast.parse(Path(found.origin).read_text("utf-8"))) if hasattr(each, "name")}
    assert set(IDLE[module].split(".")) <= named
