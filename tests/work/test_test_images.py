"""Images to measure with: what would make the figure wrong is left out, by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from fact_core.config import TrainConfig
from fact_core.errors import InputError
from fact_core.generators import finish
from fact_core.images.source import digest_of
from fact_core.labeling import classes, operations
from fact_core.labeling.history import Op
from fact_core.storage import items, run_queue
from fact_core.work.predict import _learned
from fact_core.work.scan import scan
from fact_core.work.test_images import honest
from fact_core.work.training_labels import labels_of_run
from tests.storage_help import flat_project, paint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {
        "cat/a.png": b"a", "cat/b.png": b"b", "cat/b again.png": b"b", "dog/c.png": b"c", "dog/a copy.png": b"a",
        "dog/d.png": b"d", "dog/empty.png": b"", "cat/empty.png": b"",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def given(folder: Path) -> tuple[list[Path], list[str]]:
    files = sorted(folder.rglob("*.png"))
    return files, [file.parent.name for file in files]


def test_what_was_trained_on_and_what_lies_in_two_classes_is_left_out_by_name(folder: Path) -> None:
    found = honest(*given(folder), {digest_of(b"d"): "train/x.png", digest_of(b"z"): "train/y.png"})
    kept = [file.relative_to(folder).as_posix() for file in found.files]
    assert kept == ["cat/b again.png", "cat/b.png", "cat/empty.png", "dog/c.png", "dog/empty.png"]
    assert found.names == ("cat", "cat", "cat", "dog", "dog")
    assert len(found.left) == 3
    both = [line for line in found.left if "two" not in line and "a copy.png" in line]
    assert len(both) == 2 and all("a.png" in line and "(cat)" in line and "(dog)" in line for line in both)
    assert any("d.png" in line and "train/x.png" in line and "trained on" in line for line in found.left)


def test_where_nothing_is_left_that_is_said(folder: Path) -> None:
    files = [folder / "dog" / "c.png"]
    with pytest.raises(InputError, match=r"None of the test images.*train/c\.png"):
        honest(files, ["dog"], {digest_of(b"c"): "train/c.png"})


def test_what_was_learned_and_moved_into_the_test_folder_is_no_test_image(tmp_path: Path) -> None:
    """Moved, or replaced in the pool by another picture since: the training knows which bytes it has learned."""
    project = flat_project(tmp_path, 4)
    classes.add_class(project, "a")
    operations.apply(project, "tab", [Op(item, "label", item, 1) for item in (1, 2, 3)])
    run = run_queue.queue(project, "train", {})
    labels_of_run(project, project.run_folder(run), TrainConfig(), items.pool(project))
    run_queue.finish(project, run, "done", result={"ids": [1, 2, 3]})
    before = dict(zip(items.pool(project).paths[:3], items.pool(project).digests[:3], strict=True))
    (project.images / "000.png").rename(tmp_path / "moved.png")
    paint(project.images / "001.png", 77)
    finish(scan(project))
    learned = _learned(project, run_queue.get(project, run))
    assert {digest: learned[digest] for digest in before.values()} == {each: path for path, each in before.items()}
    (project.run_folder(run) / "labels.json").unlink()  # as of an earlier version
    assert before["000.png"] in _learned(project, run_queue.get(project, run))
