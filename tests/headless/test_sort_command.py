"""Sorting by the command line: preview, sort, go on, take back."""

from __future__ import annotations

from pathlib import Path

import pytest

from fact_core.cli import main
from fact_core.labeling import classes, operations
from fact_core.labeling.history import Op
from tests.conftest import Run
from tests.storage_help import flat_project


def test_sorts_and_takes_back(tmp_path: Path, cli: Run, capsys: pytest.CaptureFixture[str]) -> None:
    project, target = flat_project(tmp_path, 3), tmp_path / "sorted"
    ids = classes.ensure_classes(project, ["=rose"])
    operations.apply(project, "tab", [Op(1, "label", 1, ids["=rose"])])
    given = ("sort", project.folder, "--to", target)
    assert main([*map(str, given), "--preview"]) == 0
    told = capsys.readouterr().out
    assert "1  =rose\n" in told and "2  unsure (no class is known)" in told and not target.exists()
    done = cli(*given, "--as", "hardlink")
    assert done.returncode == 0 and "3 of 3 images" in done.stdout, done.stderr
    assert (target / "=rose" / "000.png").samefile(project.images / "000.png")
    assert main(["sort", "--undo", str(target / "undo.jsonl")]) == 0
    assert "3 files and the list removed, 0 kept" in capsys.readouterr().out and not target.exists()


def test_what_was_killed_in_its_last_step_is_ended_by_the_same_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = tmp_path / ".sorted.undone"
    left.mkdir()
    (left / "undo.jsonl").write_text("{}\n")
    assert main(["sort", "--undo", str(tmp_path / "sorted" / "undo.jsonl")]) == 0
    assert capsys.readouterr().out == "0 files removed, 0 kept\n" and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sort",), "needs a project and a folder"),
        (("sort", "--undo", "undo.jsonl"), "cannot be read"),
        (("sort", "--undo", "x.txt"), "no undo file"),
        (("sort", "nowhere", "--to", "x"), "no such folder"),
        (("sort", "nowhere", "--to", "x", "--threshold", "1.5"), "between 0 and 1"),
        (("sort", "nowhere", "--to", "x", "--as", "moved"), "invalid choice"),
    ],
)
def test_what_is_wrong_with_a_call(
    arguments: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(list(arguments)) == 2
    assert words in capsys.readouterr().err and list(tmp_path.iterdir()) == []
