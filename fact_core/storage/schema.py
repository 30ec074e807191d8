"""The tables of a project's SQLite file, as a list of scripts.

A column or table is added by appending a script, never by editing an old one.
"""

from __future__ import annotations

from fact_core.storage.schema_apart import NEWER
from fact_core.storage.sql_views import FINISHED, FINISHED_SINCE, LABELS_NOW, RUNS_NAMED, VIEWS, made_again

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

    -- One image file. path: relative to the image folder, with "/". digest: of its bytes ("" where unreadable).
    -- status: ok, unreadable (reason says why), missing (was there at an earlier scan).
    -- duplicate_of: the first ok row with the same bytes.
    CREATE TABLE item (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path TEXT NOT NULL UNIQUE,
        digest TEXT NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        format TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('ok', 'unreadable', 'missing')),
        reason TEXT NOT NULL DEFAULT '',
        duplicate_of INTEGER REFERENCES item (id)
    );
    CREATE INDEX item_digest ON item (digest);

    -- folded: the name without upper case, so that names are unique but for case. deleted rows keep their labels.
    CREATE TABLE class (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        folded TEXT NOT NULL,
        position INTEGER NOT NULL,
        created REAL NOT NULL,
        deleted INTEGER NOT NULL DEFAULT 0
    );
    CREATE UNIQUE INDEX class_folded ON class (folded) WHERE NOT deleted;

    -- Append-only. op: what the person did. kind, class, flagged: the state of the item after it. Later steps below
    -- rebuild the table (label_new): they know more operations.
    -- target: the row that an undo or redo is about. One row per (client, seq): sending twice changes nothing.
    CREATE TABLE label (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        item INTEGER REFERENCES item (id),
        op TEXT NOT NULL CHECK (op IN ('label', 'skip', 'flag', 'clear', 'undo', 'redo')),
        kind TEXT NOT NULL CHECK (kind IN ('label', 'skip', 'none')),
        class INTEGER REFERENCES class (id),
        flagged INTEGER NOT NULL,
        target INTEGER REFERENCES label (id),
        client TEXT NOT NULL,
        seq INTEGER NOT NULL,
        at REAL NOT NULL,
        lead_time REAL,
        source TEXT NOT NULL,
        annotator TEXT NOT NULL,
        UNIQUE (client, seq)
    );
    CREATE INDEX label_item ON label (item, id);
    CREATE INDEX label_client ON label (client, id);

    -- parent: the run that asked for this one. waits_for: JSON list of runs that must be done first.
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        config TEXT NOT NULL,
        versions TEXT NOT NULL DEFAULT '{}',
        seed INTEGER NOT NULL DEFAULT 0,
        device TEXT NOT NULL DEFAULT '',
        status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'stopped', 'failed')),
        claimed_by TEXT NOT NULL DEFAULT '',
        heartbeat REAL,
        stop_requested INTEGER NOT NULL DEFAULT 0,
        created REAL NOT NULL,
        started REAL,
        ended REAL,
        reason TEXT NOT NULL DEFAULT '',
        result TEXT NOT NULL DEFAULT '{}',
        parent INTEGER REFERENCES run (id),
        waits_for TEXT NOT NULL DEFAULT '[]'
    );
    CREATE INDEX run_status ON run (status);

    CREATE TABLE event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL REFERENCES run (id),
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        body TEXT NOT NULL
    );
    CREATE INDEX event_run ON event (run, id);
    CREATE INDEX event_kind ON event (run, kind, id);

    CREATE TABLE selection (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER REFERENCES run (id),
        strategy TEXT NOT NULL,
        config TEXT NOT NULL,
        seconds REAL NOT NULL,
        created REAL NOT NULL
    );

    -- state: chosen (to be labeled), candidate (takes the place of a rejected pick), rejected.
    -- replaces: the item whose rank a candidate took. role audit: a check image.
    CREATE TABLE pick (
        selection INTEGER NOT NULL REFERENCES selection (id),
        item INTEGER NOT NULL REFERENCES item (id),
        role TEXT NOT NULL CHECK (role IN ('pick', 'audit')),
        rank INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('chosen', 'candidate', 'rejected')),
        replaces INTEGER REFERENCES item (id),
        PRIMARY KEY (selection, item)
    ) WITHOUT ROWID;
    CREATE INDEX pick_item ON pick (item);
    """,
    """
    -- batch: the seq of the first of the operations that were given in one step and are undone in one.
    ALTER TABLE label ADD COLUMN batch INTEGER;
    CREATE INDEX label_target ON label (target) WHERE target IS NOT NULL;

    -- colour: place in the palette; NULL: by its position. key: the key that gives it, beside its number.
    ALTER TABLE class ADD COLUMN colour INTEGER;
    ALTER TABLE class ADD COLUMN key TEXT NOT NULL DEFAULT '';

    -- Append-only too: the newest row of an image is its note ("" is none).
    CREATE TABLE note (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        item INTEGER NOT NULL REFERENCES item (id),
        text TEXT NOT NULL,
        at REAL NOT NULL,
        annotator TEXT NOT NULL
    );
    CREATE INDEX note_item ON note (item, id);
    """,
    """
    -- The newest answers of a training run's model for the pool, one row an image. name: the class as the model
    -- was taught it; class: its number, where the run knew one.
    CREATE TABLE prediction (
        run INTEGER NOT NULL REFERENCES run (id),
        item INTEGER NOT NULL REFERENCES item (id),
        class INTEGER REFERENCES class (id),
        name TEXT NOT NULL,
        confidence REAL NOT NULL,
        PRIMARY KEY (run, item)
    ) WITHOUT ROWID;
    """
    + VIEWS,
    """
    -- deep: the kind of pixels with more than 8 bits a value ("" has none, NULL: not looked at yet), which reach from
    -- low to high. The range of all images of a kind is meta "ranges".
    ALTER TABLE item ADD COLUMN deep TEXT;
    ALTER TABLE item ADD COLUMN low REAL NOT NULL DEFAULT 0;
    ALTER TABLE item ADD COLUMN high REAL NOT NULL DEFAULT 0;
    UPDATE item SET deep = '' WHERE status != 'ok' OR format NOT IN ('PNG', 'TIFF');
    """,
    """
    -- was: the digest that the file had before this one, until a scan has found where those bytes are now ("" is none).
    ALTER TABLE item ADD COLUMN was TEXT NOT NULL DEFAULT '';
    """,
    """
    -- ctime_ns: when the file was changed or renamed; 0 is not known.
    ALTER TABLE item ADD COLUMN ctime_ns INTEGER NOT NULL DEFAULT 0;
    """,
    """
    -- Grey with transparency, 16 bits each, was taken for 8 bits: PNG files are looked at again.
    UPDATE item SET deep = NULL WHERE status = 'ok' AND format = 'PNG' AND deep = '';
    """,
    """
    -- "fact" and "l3fact" learned from the pool where they had steps for it, by what phase 2 alone named. That is
    -- "fact+" and "l3fact+" now: runs keep their meaning. What a run has told of its phases counts, for "l3fact" once
    -- stored those steps without having the phase.
    UPDATE run SET config = json_set(
        config, '$.recipe', json_extract(config, '$.recipe') || '+', '$.st.rounds', 1, '$.st.names', 'network')
    WHERE kind = 'train' AND json_valid(config) AND json_extract(config, '$.recipe') IN ('fact', 'l3fact')
      AND json_extract(config, '$.st.steps') > 0
      AND coalesce(
        (SELECT body LIKE '%"st"%' FROM event
         WHERE event.run = run.id AND event.kind = 'phase_started' ORDER BY event.id DESC LIMIT 1), 1);
    """,
    """
    -- taken: when a photo was taken, seconds since 1970 by the camera's clock (0 is not said, NULL: not looked at yet).
    ALTER TABLE item ADD COLUMN taken REAL;
    ALTER TABLE item ADD COLUMN camera TEXT NOT NULL DEFAULT '';
    UPDATE item SET taken = 0 WHERE status != 'ok' OR format NOT IN ('JPEG', 'TIFF', 'WEBP');

    -- Which images belong together, by each way of choices.GROUPINGS that was asked for; name: of the group, "" is
    -- none. The way that counts is meta "groups".
    CREATE TABLE together (
        way TEXT NOT NULL,
        item INTEGER NOT NULL REFERENCES item (id),
        name TEXT NOT NULL,
        PRIMARY KEY (way, item)
    ) WITHOUT ROWID;
    """,
    """
    -- A question to the check images: which answers of a run keep a goal (0..1), but for a chance alpha. basis: what
    -- they said. threshold: as sure as this (NULL: none may be accepted); accepted, checks, wrong: what it rested on.
    CREATE TABLE look (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL REFERENCES run (id),
        goal REAL NOT NULL,
        alpha REAL NOT NULL,
        basis TEXT NOT NULL,
        threshold REAL,
        accepted INTEGER NOT NULL,
        checks INTEGER NOT NULL,
        wrong INTEGER NOT NULL,
        at REAL NOT NULL
    );

    -- A step that takes answers for labels. The newest one that is not undone (undone: when it was) counts, no other.
    CREATE TABLE acceptance (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        look INTEGER NOT NULL REFERENCES look (id),
        at REAL NOT NULL,
        annotator TEXT NOT NULL,
        undone REAL
    );
    CREATE TABLE accepted (
        acceptance INTEGER NOT NULL REFERENCES acceptance (id),
        item INTEGER NOT NULL REFERENCES item (id),
        class INTEGER NOT NULL REFERENCES class (id),
        confidence REAL NOT NULL,
        PRIMARY KEY (acceptance, item)
    ) WITHOUT ROWID;
    """
    + FINISHED,
    """
    -- "exclude": a person has left an image out of the pool. A check of a column can only be changed with its table.
    DROP VIEW finished;
    DROP VIEW labels_now;
    DROP VIEW label_history;
    DROP VIEW classes;
    CREATE TABLE label_new (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        item INTEGER REFERENCES item (id),
        op TEXT NOT NULL CHECK (op IN ('label', 'skip', 'flag', 'exclude', 'clear', 'undo', 'redo')),
        kind TEXT NOT NULL CHECK (kind IN ('label', 'skip', 'exclude', 'none')),
        class INTEGER REFERENCES class (id),
        flagged INTEGER NOT NULL,
        target INTEGER REFERENCES label_new (id),
        client TEXT NOT NULL,
        seq INTEGER NOT NULL,
        at REAL NOT NULL,
        lead_time REAL,
        source TEXT NOT NULL,
        annotator TEXT NOT NULL,
        batch INTEGER,
        UNIQUE (client, seq)
    );
    INSERT INTO label_new
    SELECT id, item, op, kind, class, flagged, target, client, seq, at, lead_time, source, annotator, batch FROM label
    ORDER BY id;
    DROP TABLE label;
    ALTER TABLE label_new RENAME TO label;
    CREATE INDEX label_item ON label (item, id);
    CREATE INDEX label_client ON label (client, id);
    CREATE INDEX label_target ON label (target) WHERE target IS NOT NULL;
    CREATE INDEX label_exclude ON label (item, id) WHERE kind = 'exclude';
    """
    + LABELS_NOW
    + made_again("label_history")
    + made_again("classes")
    + FINISHED_SINCE,
    """
    -- source: "by hand" where the person added the image to the choice, not the strategy. was, was_rank: how it stood
    -- in the selection before (candidate, rejected, "" not at all), which it is given back when that is undone.
    ALTER TABLE pick ADD COLUMN source TEXT NOT NULL DEFAULT '';
    ALTER TABLE pick ADD COLUMN was TEXT NOT NULL DEFAULT '';
    ALTER TABLE pick ADD COLUMN was_rank INTEGER NOT NULL DEFAULT 0;
    """,
    """
    -- own: JSON, the classes that were asked with goals of their own: [{class, goal, threshold, checks, wrong}]. The
    -- columns threshold, checks, wrong are of the other classes then.
    ALTER TABLE look ADD COLUMN own TEXT NOT NULL DEFAULT '[]';
    """,
    """
    -- name, note: what a person calls a run and says of it. deleted: when a person deleted it; its files are gone, its
    -- row stays, so that the number of no other run changes.
    ALTER TABLE run ADD COLUMN name TEXT NOT NULL DEFAULT '';
    ALTER TABLE run ADD COLUMN note TEXT NOT NULL DEFAULT '';
    ALTER TABLE run ADD COLUMN deleted REAL;
    DROP VIEW runs;
    """
    + RUNS_NAMED,
    """
    -- Groups that files of labels name, import by import: undoing one takes its groups back. step: the client of its
    -- labels ("" is all that came before there were steps). stands: whether its groups count. names: JSON, image to
    -- name.
    CREATE TABLE group_step (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        step TEXT NOT NULL UNIQUE,
        stands INTEGER NOT NULL,
        names TEXT NOT NULL
    );
    INSERT INTO group_step (step, stands, names)
    SELECT '', 1, json_group_object(item, name) FROM together WHERE way = 'column' AND name != '' HAVING count(*) > 0;
    """,
    """
    -- other: the class that holds what fits no other one; one at most.
    ALTER TABLE class ADD COLUMN other INTEGER NOT NULL DEFAULT 0;
    """,
    *NEWER,
)
