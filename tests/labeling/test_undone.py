"""Whether a row is undone, against the slow and literal form."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fact_core.labeling import classes, labels_now, operations
from fact_core.labeling.history import Op, desk_of, desk_rows
from fact_core.labeling.undone import UNDONE, decides, is_undone
from fact_core.storage import db
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.storage.synthetic import add_items

KINDS = st.sampled_from(["label", "skip", "flag", "clear", "undo", "undo", "undo", "redo", "redo"])
STEPS = st.lists(st.tuples(st.sampled_from(["one.a", "one.b", "two.a"]), KINDS, st.integers(1, 2)), max_size=25)


def slow(project: Project, row_id: int, counts: str) -> bool:
    """All undos and redos of a row in order; the last one that counts tells. counts: "changed" or a desk."""
    said = False
    with db.connect(project.db) as con:
        for row in con.execute("SELECT * FROM label ORDER BY id").fetchall():
            mine = row["item"] is not None if counts == "changed" else desk_of(row["client"]) == counts
            if row["target"] == row_id and mine:
                said = row["op"] == "undo"
    return said


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(STEPS, st.booleans())
def test_undone_is_what_the_newest_undo_or_redo_says(steps: list[tuple[str, str, int]], by_image: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "images").mkdir()
        project = projects.create(Path(folder) / "p", Path(folder) / "images")
        add_items(project, 2)
        cat = classes.add_class(project, "cat")
        for seq, (client, kind, item) in enumerate(steps, start=1):
            named = item if by_image or kind not in ("undo", "redo") else None
            op = Op(seq, kind, named, cat if kind == "label" else None)  # type: ignore[arg-type]
            operations.apply(project, client, [op])
        said = [row for row in labels_now.history(project) if row.op not in ("undo", "redo")]
        with db.connect(project.db) as con:
            sql = f"SELECT id, {UNDONE.format(row='mine')} AS undone FROM label AS mine"
            for row in con.execute(sql).fetchall():
                assert bool(row["undone"]) == slow(project, row["id"], "changed")
            for desk in ("one", "two"):
                settled: dict[int, str] = {}
                found = {}
                for row in desk_rows(con, desk + ".a"):
                    if row["op"] in ("undo", "redo"):
                        decides(settled, row)
                    else:
                        found[row["id"]] = is_undone(settled, row)
                assert found == {each.id: slow(project, each.id, desk) for each in said if desk_of(each.client) == desk}
