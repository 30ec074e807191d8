"""The newer scripts of ``schema``: check images nobody drew, what was seen wrong, who gave a label, the named gate."""

from __future__ import annotations

from fact_core.storage.sql_views import FINISHED_MERGED, GIVEN, MERGED

#: Earlier versions marked the selection that an import had made; one that only adds drawn check images has kept the
#: mark, and differs by its run.
KEPT_APART = """
-- Check images that nobody has drawn: an import called them val or test, or kept a share of what it labeled. step: the
-- client of its labels. stands: whether they are check images; undoing the labels ends that. Their picks have the
-- source "import".
CREATE TABLE kept_apart (
    step TEXT NOT NULL,
    item INTEGER NOT NULL REFERENCES item (id),
    stands INTEGER NOT NULL,
    PRIMARY KEY (step, item)
) WITHOUT ROWID;
CREATE INDEX kept_apart_item ON kept_apart (item);
INSERT INTO kept_apart (step, item, stands)
SELECT json_extract(selection.config, '$.import'), pick.item, 1
FROM selection JOIN pick ON pick.selection = selection.id
WHERE json_valid(selection.config) AND json_extract(selection.config, '$.import') IS NOT NULL
  AND selection.run IS (SELECT run FROM selection AS older WHERE older.id < selection.id ORDER BY id DESC LIMIT 1)
  AND pick.role = 'audit' AND pick.state = 'chosen' AND pick.replaces IS NULL
  AND NOT EXISTS (
    SELECT 1 FROM pick AS older WHERE older.item = pick.item AND older.selection < pick.selection
    AND older.role = 'audit' AND older.state = 'chosen');
UPDATE pick SET source = 'import'
WHERE role = 'audit' AND state = 'chosen' AND item IN (SELECT item FROM kept_apart);
"""

#: Once an accepted answer is one about bytes, also while a scan has yet to say whose bytes lie under a name.
OF_BYTES = "DROP VIEW finished;" + FINISHED_MERGED.replace(
    "AND said.image IS NULL",
    "AND said.image IS NULL\n    AND accepted.item NOT IN (SELECT id FROM item WHERE was NOT IN ('', digest))",
)
#: Some TIFFs were seen wrong (``images.pixels.seen_anew``): the next scan reads all of them again.
SEEN_ANEW = "UPDATE item SET mtime_ns = -1 WHERE format = 'TIFF' AND status = 'ok';"
#: "Never worse" was once yes or no, and yes chose the share; so stored, a run could not be resumed, nor begun.
GATE_NAMED = """
UPDATE run SET config = json_set(
    config, '$.ff.gate', CASE json_type(config, '$.ff.gate') WHEN 'true' THEN 'choose' ELSE 'off' END)
WHERE kind = 'train' AND json_valid(config) AND json_type(config, '$.ff.gate') IN ('true', 'false');
"""
#: In their order; a new one comes behind them.
NEWER = (KEPT_APART, MERGED, OF_BYTES, SEEN_ANEW, GIVEN, GATE_NAMED)
