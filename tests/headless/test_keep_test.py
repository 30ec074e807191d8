"""``--keep-test``: what folders call val or test is never trained on, and measures the result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fact_core.cli import main
from fact_core.labeling import labels_now, selections
from fact_core.storage import items, run_queue
from fact_core.storage import project as projects
from tests.conftest import MakeImages, Run


def parted(folder: Path, make_images: MakeImages) -> Path:
    """train/red/000.png ... val/red/006.png ... test/red/008.png, and two more classes; no picture twice."""
    for file in sorted(make_images(folder, ("red", "green", "blue"), each=9).glob("*/*")):
        number = int(file.stem)
        part = "train" if number < 6 else "val" if number < 8 else "test"
        (folder / part / file.parent.name).mkdir(parents=True, exist_ok=True)
        file.rename(folder / part / file.parent.name / file.name)
    return folder


def test_a_goal_cannot_rest_on_a_part_that_nobody_has_drawn(
    tmp_path: Path, make_images: MakeImages, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["run", "--images", str(make_images(tmp_path / "images", each=2)), "--budget", "2", "--keep-test"]
    given += ["--goal", "98%", "--check", "183", "--labels-from", "folders", "--project", str(tmp_path / "project")]
    assert main(given) == 2
    assert "--goal and --keep-test do not go together" in capsys.readouterr().err
    assert not (tmp_path / "project").exists()


@pytest.mark.slow
def test_folders_for_testing_check_the_result_and_teach_nothing(
    tmp_path: Path, make_images: MakeImages, cli_here: Run, small_network: str
) -> None:
    images = parted(tmp_path / "images", make_images)
    given: list[object] = ["run", "--images", images, "--project", tmp_path / "project", "--labels-from", "folders"]
    given += ["--budget", "5", "--recipe", "lp", "--preset", "quick", "--device", "cpu", "--backbone", small_network]
    given += ["--json", tmp_path / "out.json"]
    first = cli_here(*given)  # without the flag the parts are told, and all images are one pool
    assert first.returncode == 0, first.stderr
    assert "train 18, val 6, test 3 (--keep-test" in first.stderr
    found = projects.open_project(tmp_path / "project")
    paths = {int(item): path for item, path in zip(items.pool(found).ids, items.pool(found).paths, strict=True)}
    for _ in range(2):
        done = cli_here(*given, "--keep-test")
        assert done.returncode == 0, done.stderr
        accuracy = json.loads((tmp_path / "out.json").read_text())["accuracy"]
        assert accuracy["check_n"] == 9 and "accuracy on the 9 check images" in done.stdout
        chosen = selections.latest(found)
        assert chosen is not None
        by_role = {
            role: sorted(
                paths[int(i)] for i, r in zip(chosen.selection.ids, chosen.selection.roles, strict=True) if r == role
            )
            for role in ("pick", "audit")
        }
        assert by_role["audit"] == sorted(path for path in paths.values() if not path.startswith("train/"))
        assert len(by_role["pick"]) == 5 and all(path.startswith("train/") for path in by_role["pick"])
        assert len(labels_now.snapshot(found, "audit", chosen.id).ids) == 9
    trained = run_queue.list_runs(found, "train")
    assert len(trained) == 2, "the same command trains nothing twice"
    assert all(paths[item].startswith("train/") for item in trained[0].result["ids"])
