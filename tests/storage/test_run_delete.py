"""Names and notes of trainings, and deleting one."""

from __future__ import annotations

from pathlib import Path

import pytest

from fact_core.errors import InputError, RunError
from fact_core.storage import db, run_delete, run_queue
from fact_core.storage.project import Project
from fact_core.work.trained_model import needs_model
from tests.storage_help import flat_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return flat_project(tmp_path, 4)


def trained(project: Project) -> int:
    """A done training with a file."""
    run = run_queue.queue(project, "train", {})
    run_queue.finish(project, run, "done")
    file = project.run_folder(run) / "model" / "model.safetensors"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x" * 100)
    return run


def test_a_deleted_run_takes_its_files_and_leaves_the_numbers(project: Project) -> None:
    first, second = trained(project), trained(project)
    assert run_delete.size(project, first) == 100
    run_delete.delete(project, first)
    assert [run.id for run in run_queue.list_runs(project)] == [second]
    assert not project.run_folder(first).exists() and project.run_folder(second).exists()
    assert run_queue.places(project, "train")[second] == 2 == run_queue.place(project, run_queue.get(project, second))
    with db.connect(project.db) as con:
        assert [row["run"] for row in con.execute("SELECT run FROM runs")] == [second]
    with pytest.raises(RunError, match="was deleted"):
        needs_model(project, first)


def test_files_that_were_left_go_with_the_next_run(project: Project) -> None:
    first, second = trained(project), trained(project)
    run_delete.delete(project, first)
    project.run_folder(first).mkdir()
    run_delete.delete(project, second)
    assert not project.run_folder(first).exists()


def test_what_is_needed_is_not_deleted(project: Project) -> None:
    run = trained(project)
    export = run_queue.queue(project, "export", {"run": run})
    with pytest.raises(RunError, match="Another run needs this training") as caught:
        run_delete.delete(project, run)
    assert f"export (run {export}), queued" in caught.value.found
    run_queue.finish(project, export, "done")
    open_one = run_queue.queue(project, "train", {})
    with pytest.raises(RunError, match="not over"):
        run_delete.delete(project, open_one)
    with pytest.raises(RunError, match="Only trainings"):
        run_delete.delete(project, export)
    assert project.run_folder(run).exists()
    run_delete.delete(project, run)


def test_names_and_notes(project: Project) -> None:
    run = trained(project)
    run_delete.describe(project, run, " with flips ", "line\r\nand line")
    found = run_queue.get(project, run)
    assert (found.name, found.note) == ("with flips", "line\nand line")
    for name, note in (("a\nb", ""), ("x" * 300, ""), ("", "y" * 3000)):
        with pytest.raises(InputError):
            run_delete.describe(project, run, name, note)
    assert run_queue.get(project, run).name == "with flips"
    run_delete.describe(project, run, "", "")
    assert (run_queue.get(project, run).name, run_queue.get(project, run).note) == ("", "")
    with pytest.raises(RunError, match="no such run"):
        run_delete.describe(project, 99, "a", "")
