"""The project file as other programs read it: views with names and columns that stay as they are.

    sqlite-utils rows PROJECT/project.sqlite labels_now --csv

Tables may change with a new version; a view keeps its columns, and gets new ones at its end at most.
Times are in UTC as ISO text, paths relative to the image folder, shares 0 to 1.

    labels_now     one row an image that is labeled, skipped, left out or marked now
    label_history  everything that was said of images, oldest first; undo is one more row
    images         all files that a scan has seen
    classes        the classes in their order
    selections     what was selected: picks and check images, in labeling order
    runs           scans, selections, trainings, ... but for those deleted; config and result as JSON
    run_points     the points of the training charts
    predictions    the newest answers of each training run's model, for images of the pool
    finished       every image with its label, whoever gave it

Each text is part of a migration: once released it is not edited, a change is one more migration.
"""

from __future__ import annotations

VIEWS = """
-- kind: label, skip, or none (then it is only flagged). role: pick, check, or nothing where it was not selected.
CREATE VIEW labels_now AS
WITH newest AS (SELECT max(id) AS id FROM label WHERE item IS NOT NULL GROUP BY item),
roles AS (SELECT item, role, max(selection) FROM pick WHERE state = 'chosen' GROUP BY item),
notes AS (SELECT item, text, max(id) FROM note GROUP BY item)
SELECT
    item.id AS image,
    item.path,
    class.name AS class,
    CASE WHEN label.kind = 'label' AND class.id IS NULL THEN 'none' ELSE label.kind END AS kind,
    label.flagged,
    replace(roles.role, 'audit', 'check') AS role,
    coalesce(notes.text, '') AS note,
    strftime('%Y-%m-%dT%H:%M:%S+00:00', label.at, 'unixepoch') AS labeled_at,
    label.lead_time AS seconds,
    label.annotator,
    label.source
FROM newest
JOIN label ON label.id = newest.id
JOIN item ON item.id = label.item
LEFT JOIN class ON class.id = label.class AND NOT class.deleted
LEFT JOIN roles ON roles.item = item.id
LEFT JOIN notes ON notes.item = item.id
WHERE label.flagged OR label.kind = 'skip' OR class.id IS NOT NULL
ORDER BY item.id;

-- operation: label, skip, flag, clear, undo, redo. class, kind, flagged: how the image stood after it.
CREATE VIEW label_history AS
SELECT
    label.id,
    item.id AS image,
    item.path,
    label.op AS operation,
    class.name AS class,
    label.kind,
    label.flagged,
    label.target AS undone_or_redone,
    strftime('%Y-%m-%dT%H:%M:%S+00:00', label.at, 'unixepoch') AS labeled_at,
    label.lead_time AS seconds,
    label.annotator,
    label.source
FROM label
LEFT JOIN item ON item.id = label.item
LEFT JOIN class ON class.id = label.class
ORDER BY label.id;

-- status: ok, unreadable (reason says why), missing. repeat_of: the first image with the same bytes.
CREATE VIEW images AS
SELECT
    item.id AS image,
    item.path,
    item.status,
    item.reason,
    first.path AS repeat_of,
    item.width,
    item.height,
    item.format,
    item.bytes,
    item.digest
FROM item
LEFT JOIN item AS first ON first.id = item.duplicate_of
ORDER BY item.id;

-- images: how many have it as their label now.
CREATE VIEW classes AS
SELECT
    class.id,
    class.name AS class,
    class.key,
    coalesce(counts.images, 0) AS images,
    strftime('%Y-%m-%dT%H:%M:%S+00:00', class.created, 'unixepoch') AS created_at
FROM class
LEFT JOIN (SELECT class, count(*) AS images FROM labels_now WHERE kind = 'label' GROUP BY class) AS counts
ON counts.class = class.name
WHERE NOT class.deleted
ORDER BY class.position, class.id;

-- place: from 1, in labeling order. state: chosen, rejected (another takes its place), candidate (would).
CREATE VIEW selections AS
SELECT
    selection.id AS selection,
    selection.run,
    selection.strategy,
    pick.rank + 1 AS place,
    item.id AS image,
    item.path,
    replace(pick.role, 'audit', 'check') AS role,
    pick.state,
    replaced.path AS replaces,
    strftime('%Y-%m-%dT%H:%M:%S+00:00', selection.created, 'unixepoch') AS selected_at
FROM selection
JOIN pick ON pick.selection = selection.id
JOIN item ON item.id = pick.item
LEFT JOIN item AS replaced ON replaced.id = pick.replaces
ORDER BY selection.id, pick.state = 'candidate', pick.rank;

-- accuracy: of the run's report, where it has one. config, result: JSON.
CREATE VIEW runs AS
SELECT
    run.id AS run,
    run.kind,
    run.status,
    run.reason,
    strftime('%Y-%m-%dT%H:%M:%S+00:00', run.created, 'unixepoch') AS queued_at,
    strftime('%Y-%m-%dT%H:%M:%S+00:00', run.started, 'unixepoch') AS started_at,
    strftime('%Y-%m-%dT%H:%M:%S+00:00', run.ended, 'unixepoch') AS ended_at,
    run.ended - run.started AS seconds,
    run.device,
    run.seed,
    json_extract(run.result, '$.report.accuracy') AS accuracy,
    run.config,
    run.result
FROM run
ORDER BY run.id;

-- Losses in nats. check_loss, check_accuracy: on check images, where they were looked at.
CREATE VIEW run_points AS
SELECT
    event.run,
    strftime('%Y-%m-%dT%H:%M:%S+00:00', event.at, 'unixepoch') AS at,
    json_extract(event.body, '$.phase') AS phase,
    json_extract(event.body, '$.part') AS part,
    json_extract(event.body, '$.step') AS step,
    json_extract(event.body, '$.steps') AS steps,
    json_extract(event.body, '$.epoch') AS epoch,
    json_extract(event.body, '$.loss') AS loss,
    json_extract(event.body, '$.accuracy') AS accuracy,
    json_extract(event.body, '$.check_loss') AS check_loss,
    json_extract(event.body, '$.check_accuracy') AS check_accuracy,
    json_extract(event.body, '$.images_per_s') AS images_per_second
FROM event
WHERE event.kind = 'point'
ORDER BY event.id;

-- run: the training run whose model answered. class: under the name that it has now.
CREATE VIEW predictions AS
SELECT
    prediction.run,
    item.id AS image,
    item.path,
    coalesce(class.name, prediction.name) AS class,
    prediction.confidence
FROM prediction
JOIN item ON item.id = prediction.item
LEFT JOIN class ON class.id = prediction.class AND NOT class.deleted
ORDER BY prediction.run, prediction.item;
"""

FINISHED = """
-- source: person (who labeled it), accepted (a model's answer was taken for its label: ``labeling.acceptances``), ""
-- where it has none. confidence: of an accepted answer. kind: label, skipped, cannot tell, open. Repeats have what the
-- image has that they repeat.
CREATE VIEW finished AS
SELECT
    item.id AS image,
    item.path,
    coalesce(said.class, class.name, '') AS label,
    CASE WHEN said.kind = 'label' THEN 'person' WHEN class.id IS NOT NULL THEN 'accepted' ELSE '' END AS source,
    CASE WHEN class.id IS NOT NULL THEN accepted.confidence END AS confidence,
    CASE
        WHEN said.kind = 'skip' THEN 'skipped'
        WHEN said.kind = 'none' THEN 'cannot tell'
        WHEN said.kind = 'label' OR class.id IS NOT NULL THEN 'label'
        ELSE 'open'
    END AS kind
FROM item
LEFT JOIN labels_now AS said ON said.image = coalesce(item.duplicate_of, item.id)
LEFT JOIN accepted
    ON accepted.acceptance = (SELECT max(id) FROM acceptance WHERE undone IS NULL)
    AND accepted.item = coalesce(item.duplicate_of, item.id)
    AND said.image IS NULL
LEFT JOIN class ON class.id = accepted.class AND NOT class.deleted
WHERE item.status = 'ok'
ORDER BY item.id;
"""


def made_again(name: str) -> str:
    """The script that makes one of these views, for a migration that has to take it away."""
    return f"CREATE VIEW {name} AS{VIEWS.split(f'CREATE VIEW {name} AS')[1].split(';')[0]};"


#: Once images can be left out. kind: label, skip, exclude, or none (then it is only flagged).
LABELS_NOW = made_again("labels_now").replace("label.kind = 'skip'", "label.kind IN ('skip', 'exclude')")
FINISHED_SINCE = FINISHED.replace(
    "WHEN said.kind = 'skip' THEN 'skipped'",
    "WHEN said.kind = 'skip' THEN 'skipped'\n        WHEN said.kind = 'exclude' THEN 'left out'",
)
#: Once runs can be named and deleted.
RUNS_NAMED = made_again("runs").replace(
    "    run.result\nFROM run", "    run.result,\n    run.name,\n    run.note\nFROM run\nWHERE run.deleted IS NULL"
)

#: SQL: each class that there is, and each that was merged away, beside the class that it is now.
BECAME = """WITH RECURSIVE became (id, now, name) AS (
    SELECT id, id, name FROM class WHERE NOT deleted
    UNION ALL
    SELECT class.id, became.now, became.name FROM class JOIN became ON class.merged = became.id WHERE class.deleted
)"""
#: Once a class knows which one it was merged into.
FINISHED_MERGED = FINISHED_SINCE.replace("CREATE VIEW finished AS", f"CREATE VIEW finished AS\n{BECAME}").replace(
    "LEFT JOIN class ON class.id = accepted.class AND NOT class.deleted",
    "LEFT JOIN became AS class ON class.id = accepted.class",
)
MERGED = (
    """
    -- merged: the class that a merge has put this one's labels into; NULL where it is there, or was deleted.
    ALTER TABLE class ADD COLUMN merged INTEGER REFERENCES class (id);
    DROP VIEW finished;
    DROP VIEW predictions;
    """
    + FINISHED_MERGED
    + made_again("predictions")
    .replace("CREATE VIEW predictions AS", f"CREATE VIEW predictions AS\n{BECAME}")
    .replace(
        "LEFT JOIN class ON class.id = prediction.class AND NOT class.deleted",
        "LEFT JOIN became AS class ON class.id = prediction.class",
    )
)

#: Who gave an image what it has now, when, how and in how long, as ``labels_now.givers`` says it: not who has taken
#: something else back since, or has marked it. given: from the newest row of each image to ever older ones.
GIVEN = """
DROP VIEW labels_now;
""" + LABELS_NOW.replace(
    "WITH newest AS (SELECT max(id) AS id FROM label WHERE item IS NOT NULL GROUP BY item),",
    """WITH RECURSIVE newest AS (SELECT max(id) AS id FROM label WHERE item IS NOT NULL GROUP BY item),
given (newest, id) AS (
    SELECT id, id FROM newest
    UNION ALL
    SELECT given.newest, CASE
        WHEN label.op = 'redo' THEN label.target
        ELSE (SELECT max(id) FROM label AS older
              WHERE older.item = label.item AND older.id < coalesce(label.target, label.id))
    END
    FROM given JOIN label ON label.id = given.id
    WHERE label.target IS NOT NULL OR label.op = 'flag' AND label.kind != 'none'
),
givers AS (SELECT newest, min(id) AS id FROM given GROUP BY newest),""",
).replace(
    "label.at, 'unixepoch') AS labeled_at,\n    label.lead_time AS seconds,\n    label.annotator,\n    label.source",
    "giver.at, 'unixepoch') AS labeled_at,\n    giver.lead_time AS seconds,\n    giver.annotator,\n    giver.source",
).replace(
    "JOIN label ON label.id = newest.id\n",
    "JOIN label ON label.id = newest.id\nJOIN givers ON givers.newest = newest.id\n"
    "JOIN label AS giver ON giver.id = givers.id\n",
)
