"""Each sentence that the page asks for is there, and each that is there is asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.shell.text import sentences
from fact_core.work.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]
WORDS = sentences()
SCRIPTS = [each for each in ROOT.glob("assets/*/*.js") if not each.name.endswith(".test.js")]
MODULES = list(ROOT.glob("app/**/*.py"))
#: t("key"), counted("key", n), text["key"].
ASKED = re.compile(r"""\b(?:t|counted)\(\s*"([^"]+)"|\btext\["([^"]+)"\]""")


def keys_in(file: Path) -> set[str]:
    return {first or second for first, second in ASKED.findall(file.read_text("utf-8"))}


def forms(key: str) -> set[str]:
    return {key, f"{key}_one", f"{key}_none"}


@pytest.mark.parametrize("file", [*SCRIPTS, *MODULES], ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_sentence_that_is_asked_for_exists(file: Path) -> None:
    """One that does not would be shown as its key."""
    assert not [key for key in keys_in(file) if not forms(key) & WORDS.keys()]


def test_a_sentence_that_exists_is_asked_for() -> None:
    """By its whole key, or by the front of it where the rest is put together (`train.before.${kind}`)."""
    code = [each.read_text("utf-8") for each in (*SCRIPTS, *MODULES)]
    whole = {key for text in code for key in re.findall(r"""["'`](\w+(?:\.[\w*]+)*)["'`](?!: ")""", text)}
    fronts = tuple(front for text in code for front in re.findall(r"""`(\w+\.[\w.]*)\$\{|f"(\w+\.[\w.]*)\{""", text))
    fronts = tuple(one or two for one, two in fronts)
    bare = {key: re.sub(r"_(?:one|none)$", "", key) for key in WORDS}
    assert not [key for key in WORDS if not {key, bare[key]} & whole and not key.startswith(fronts)]


@pytest.mark.parametrize("key", [key for key in WORDS if "{wrong}" in WORDS[key]])
def test_one_mistake_is_not_called_as_many_are(key: str) -> None:
    """Its number stands behind the words: one may be wrong, and none."""
    assert not re.search(r"\{wrong\} (are|is)\b", WORDS[key])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", ["run", "train.before"])
def test_every_kind_of_run_has_its_words(what: str, kind: str) -> None:
    """What it is called, and what a training says that waits for one."""
    assert f"{what}.{kind}" in WORDS
