"""What a person says of a training, and its end: a name, a note, deleting it with its files.

A deleted run keeps its row: the numbers of the others stay, and what was made by it still says by what. Its folder
goes: model, checkpoints, answers, log. What was exported lies elsewhere and stays.
"""

from __future__ import annotations

import shutil
import time

from sqlite_utils import Database

from fact_core.errors import RunError, storage_error
from fact_core.files import clean_name, clean_note
from fact_core.storage import db, run_queue
from fact_core.storage.project import Project
from fact_core.storage.run_queue import Run


def describe(project: Project, run_id: int, name: str, note: str) -> None:
    """Give a run a name and a note; empty takes them away. InputError: too long, or a character that cannot be."""
    title, words = clean_name(name, "name of the run") if name.strip() else "", clean_note(note)
    run_queue.get(project, run_id)
    with db.writing(project.db, project.id) as con:
        con.execute("UPDATE run SET name = ?, note = ? WHERE id = ?", (title, words, run_id))
        db.bump(con)


def size(project: Project, run_id: int) -> int:
    """Bytes of the files that go with a run."""
    folder = project.run_folder(run_id)
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) if folder.is_dir() else 0


def delete(project: Project, run_id: int) -> None:
    """Delete an ended training with its files. RunError says what still needs it; then nothing is changed.

    Files that could not be removed are tried again when the next run is deleted.
    """
    with db.shared(project.db), db.writing(project.db, project.id) as con:
        run = run_queue.get(project, run_id)
        if run.kind != "train":
            raise RunError("Only trainings can be deleted", f"run {run_id}, {run.kind}")
        if run.open:
            raise RunError("This training is not over", run.status, "Stop it first, or wait until it is done.")
        _refuse_needed(con, project, run)
        con.table("prediction").delete_where("run = ?", [run_id])
        # Steps that do not stand now, as they are undone or a later one counts: no undo or redo brings them back.
        steps = "(SELECT acceptance.id FROM acceptance JOIN look ON look.id = acceptance.look WHERE run = ?)"
        con.table("accepted").delete_where(f"acceptance IN {steps}", [run_id])
        con.table("acceptance").delete_where(f"id IN {steps}", [run_id])
        con.execute("UPDATE run SET deleted = coalesce(deleted, ?) WHERE id = ?", (time.time(), run_id))
        db.bump(con)
        gone = [int(row["id"]) for row in con.execute("SELECT id FROM run WHERE deleted IS NOT NULL")]
    for each in gone:
        folder = project.run_folder(each)
        try:
            if folder.is_dir():
                shutil.rmtree(folder)
        except OSError as error:
            raise storage_error(error, "removing the files of the run") from error


def _refuse_needed(con: Database, project: Project, run: Run) -> None:
    """RunError while another run works with this one's model, or answers that it gave stand accepted as labels."""
    for other in run_queue.list_runs(project):
        asks = (other.config.get("run"), other.config.get("model"), other.parent, *other.waits_for)
        if other.open and run.id in asks:
            found = f"{other.kind} (run {other.id}), {other.status}"
            raise RunError("Another run needs this training", found, "Stop it, or wait until it is done.")
    row = con.execute(
        "SELECT look.run, (SELECT count(*) FROM accepted WHERE accepted.acceptance = acceptance.id) AS n "
        "FROM acceptance JOIN look ON look.id = acceptance.look "
        "WHERE undone IS NULL ORDER BY acceptance.id DESC LIMIT 1"
    ).fetchone()
    if row is not None and row["run"] == run.id and row["n"]:
        do = "Undo that on Results first, or accept the answers of another training."
        raise RunError("Answers of this training stand accepted as labels", f"{row['n']:,} images", do)
