"""The memory file's tables, version by version: one script each, applied in order, never edited once released."""

from __future__ import annotations

TALLY = """SELECT session, kind, count(*), max(max(t_ns), max(start_ns)),
    min(9223372036854775807, max(end_ns - start_ns + 2 * clock_ns)) FROM record GROUP BY session, kind"""
MIGRATIONS = (
    """
    CREATE TABLE session (
        name TEXT PRIMARY KEY,
        start_ns INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE stream_state (
        session TEXT NOT NULL,
        stream TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        sensor TEXT NOT NULL,
        first_ns INTEGER NOT NULL,
        watermark_ns INTEGER NOT NULL,
        ended INTEGER NOT NULL,
        PRIMARY KEY (session, stream, epoch)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE clip (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        session TEXT NOT NULL,
        stream TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        sensor TEXT NOT NULL,
        t_ns INTEGER NOT NULL,
        start_ns INTEGER NOT NULL,
        end_ns INTEGER NOT NULL,
        text TEXT NOT NULL,
        records TEXT NOT NULL -- JSON list of record keys
    ) STRICT;

    CREATE TABLE record (
        id INTEGER PRIMARY KEY, -- order of arrival
        key TEXT NOT NULL UNIQUE,
        session TEXT NOT NULL,
        stream TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        kind TEXT NOT NULL,
        t_ns INTEGER NOT NULL, -- when it was known
        start_ns INTEGER NOT NULL,
        end_ns INTEGER NOT NULL,
        text TEXT NOT NULL,
        box TEXT, -- JSON, fractions of the frame
        level REAL NOT NULL,
        trust TEXT NOT NULL,
        data TEXT NOT NULL, -- the message as it came, JSON without its payload
        clip_id INTEGER REFERENCES clip (id) -- NULL until its clip closes
    ) STRICT;
    -- Holds all that a scope asks, so that windows are counted and walked through without reading records.
    CREATE INDEX record_time ON record (session, start_ns, end_ns, t_ns, kind, stream);

    CREATE TABLE media (
        record_id INTEGER PRIMARY KEY REFERENCES record (id),
        jpeg BLOB NOT NULL
    ) STRICT;

    CREATE TABLE vec (
        id INTEGER PRIMARY KEY, -- order of arrival; the index follows it
        owner TEXT NOT NULL, -- key of a record or a clip
        space TEXT NOT NULL, -- model and version: another model is another space
        vector BLOB NOT NULL, -- float16
        UNIQUE (owner, space)
    ) STRICT;

    CREATE TABLE dead_letter (
        id INTEGER PRIMARY KEY,
        t_ns INTEGER NOT NULL,
        session TEXT NOT NULL,
        topic TEXT NOT NULL,
        reason TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        head_hex TEXT NOT NULL
    ) STRICT;

    CREATE VIRTUAL TABLE record_fts USING fts5 (
        text, content = 'record', content_rowid = 'id', tokenize = 'porter unicode61'
    );
    CREATE VIRTUAL TABLE record_word USING fts5vocab (record_fts, row); -- every stem
    CREATE VIRTUAL TABLE record_place USING fts5vocab (record_fts, instance); -- every place where a stem stands

    CREATE TRIGGER record_to_fts AFTER INSERT ON record BEGIN
        INSERT INTO record_fts (rowid, text) VALUES (new.id, new.text);
    END;
    CREATE TRIGGER clip_to_records AFTER INSERT ON clip BEGIN
        UPDATE record SET clip_id = new.id
        WHERE key IN (SELECT value FROM json_each(new.records)) AND clip_id IS NULL;
    END;
    """,
    """
    CREATE TABLE space (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE, -- model and version: another model is another space
        width INTEGER NOT NULL
    ) STRICT;
    INSERT INTO space (name, width) SELECT space, max(length(vector)) / 2 FROM vec GROUP BY space;

    -- Holds all that a scope asks, so that an index is built by one walk through this table.
    CREATE TABLE vec_2 (
        id INTEGER PRIMARY KEY, -- order of arrival; the index follows it
        owner INTEGER NOT NULL, -- id of a record, or minus the id of a clip
        space INTEGER NOT NULL REFERENCES space (id),
        session TEXT NOT NULL,
        stream TEXT NOT NULL,
        kind TEXT NOT NULL,
        start_ns INTEGER NOT NULL,
        end_ns INTEGER NOT NULL,
        t_ns INTEGER NOT NULL,
        trust TEXT NOT NULL, -- of a clip that of its least trusted record
        vector BLOB NOT NULL, -- float16
        UNIQUE (space, owner)
    ) STRICT;
    INSERT INTO vec_2 SELECT vec.id, coalesce(record.id, -clip.id), space.id, coalesce(record.session, clip.session),
        coalesce(record.stream, clip.stream), coalesce(record.kind, 'clip'), coalesce(record.start_ns, clip.start_ns),
        coalesce(record.end_ns, clip.end_ns), coalesce(record.t_ns, clip.t_ns), coalesce(record.trust, 'scene'),
        vec.vector
        FROM vec JOIN space ON space.name = vec.space LEFT JOIN record ON record.key = vec.owner
        LEFT JOIN clip ON clip.key = vec.owner WHERE coalesce(record.id, clip.id) IS NOT NULL ORDER BY vec.id;
    DROP TABLE vec;
    ALTER TABLE vec_2 RENAME TO vec;
    CREATE TRIGGER vec_has_width BEFORE INSERT ON vec
    WHEN length(new.vector) != 2 * (SELECT width FROM space WHERE id = new.space) BEGIN
        SELECT raise(ABORT, 'the vector has not the width of its space');
    END;

    CREATE TABLE segment (
        id INTEGER PRIMARY KEY,
        space INTEGER NOT NULL REFERENCES space (id),
        file TEXT NOT NULL UNIQUE,
        first_id INTEGER NOT NULL, -- of its keys
        last_id INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        units INTEGER NOT NULL,
        checksum INTEGER NOT NULL
    ) STRICT;
    CREATE TRIGGER segment_takes_up BEFORE INSERT ON segment BEGIN
        DELETE FROM segment WHERE space = new.space AND first_id >= new.first_id AND last_id <= new.last_id;
    END;
    """,
    """
    -- What was erased must not come back: digests of its ids, and ids of search keys that files of the index hold.
    CREATE TABLE tombstone (mark BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE erased_vec (
        id INTEGER PRIMARY KEY, -- leaves once no segment holds it
        space INTEGER NOT NULL REFERENCES space (id)
    ) STRICT;
    CREATE TRIGGER record_from_fts AFTER DELETE ON record BEGIN
        INSERT INTO record_fts (record_fts, rowid, text) VALUES ('delete', old.id, old.text);
    END;
    INSERT INTO record_fts (record_fts, rank) VALUES ('secure-delete', 1);

    -- What the columns say stands there alone, and how far the clock of the stream may be off widens every window.
    UPDATE record SET data = json_remove(data, '$.kind', '$.session', '$.stream', '$.epoch', '$.seq', '$.t_ns',
        '$.start_ns', '$.end_ns');
    ALTER TABLE record ADD COLUMN clock_ns INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE record ADD COLUMN checksum INTEGER; -- NULL: written by an older version
    ALTER TABLE media ADD COLUMN checksum INTEGER;
    DROP INDEX record_time;
    CREATE INDEX record_time ON record (session, start_ns, end_ns, t_ns, kind, stream, clock_ns);

    -- An id that was in the index must never stand for another vector: AUTOINCREMENT.
    CREATE TABLE vec_3 (
        id INTEGER PRIMARY KEY AUTOINCREMENT, -- order of arrival; the index follows it
        owner INTEGER NOT NULL, -- id of a record, or minus the id of a clip
        space INTEGER NOT NULL REFERENCES space (id),
        session TEXT NOT NULL,
        stream TEXT NOT NULL,
        kind TEXT NOT NULL,
        start_ns INTEGER NOT NULL, -- widened by clock_ns, as is the end
        end_ns INTEGER NOT NULL,
        t_ns INTEGER NOT NULL,
        trust TEXT NOT NULL, -- of a clip that of its least trusted record
        vector BLOB NOT NULL, -- float16
        UNIQUE (space, owner)
    ) STRICT;
    INSERT INTO vec_3 SELECT * FROM vec ORDER BY id;
    DROP TABLE vec; -- with its trigger
    ALTER TABLE vec_3 RENAME TO vec;
    CREATE TRIGGER vec_has_width BEFORE INSERT ON vec
    WHEN length(new.vector) != 2 * (SELECT width FROM space WHERE id = new.space) BEGIN
        SELECT raise(ABORT, 'the vector has not the width of its space');
    END;
    -- A file that was being written while its rows were erased holds them still: it has more rows than there are.
    CREATE TRIGGER segment_lost_erased AFTER INSERT ON segment
    WHEN EXISTS (SELECT 1 FROM erased_vec WHERE space = new.space AND id BETWEEN new.first_id AND new.last_id)
        AND (SELECT count(*) FROM vec WHERE +space = new.space AND id BETWEEN new.first_id AND new.last_id) = new.rows
    BEGIN
        DELETE FROM erased_vec WHERE space = new.space AND id BETWEEN new.first_id AND new.last_id;
    END;

    CREATE TABLE value (
        id INTEGER PRIMARY KEY,
        clip_id INTEGER NOT NULL REFERENCES clip (id),
        model TEXT NOT NULL, -- encoder and version
        tokens BLOB NOT NULL, -- float16 (N, C): what a reasoner reads of the clip; its search keys stand in vec
        weights BLOB NOT NULL, -- float16 (N,): how many tokens each stands for
        UNIQUE (clip_id, model)
    ) STRICT;

    CREATE TABLE rollup (
        id INTEGER PRIMARY KEY,
        session TEXT NOT NULL,
        level_s INTEGER NOT NULL, -- 60, 600, 3600 or 86400
        start_ns INTEGER NOT NULL,
        text TEXT NOT NULL,
        data TEXT NOT NULL, -- JSON: counts, and the ids of the records that are named
        model TEXT NOT NULL, -- who wrote the text
        UNIQUE (session, level_s, start_ns)
    ) STRICT;
    CREATE TABLE rollup_due ( -- windows into which a record came since they were rolled up
        session TEXT NOT NULL,
        level_s INTEGER NOT NULL,
        start_ns INTEGER NOT NULL,
        PRIMARY KEY (session, level_s, start_ns)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER record_is_due AFTER INSERT ON record BEGIN
        INSERT OR IGNORE INTO rollup_due
        VALUES (new.session, 60, new.start_ns - (new.start_ns % 60000000000 + 60000000000) % 60000000000);
    END;
    INSERT OR IGNORE INTO rollup_due
        SELECT DISTINCT session, 60, start_ns - (start_ns % 60000000000 + 60000000000) % 60000000000 FROM record;

    CREATE TABLE pin (
        owner TEXT PRIMARY KEY, -- key of a record or a clip: it stays as long as pinned ones do
        why TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    """
    -- What a session holds of each kind, so that nobody counts a year of records to answer one question.
    CREATE TABLE tally (
        session TEXT NOT NULL,
        kind TEXT NOT NULL,
        records INTEGER NOT NULL,
        latest_ns INTEGER NOT NULL, -- none began or became known later; stays when that one goes
        longest_ns INTEGER NOT NULL, -- none reaches further, clocks included; stays too
        PRIMARY KEY (session, kind)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER record_is_counted AFTER INSERT ON record BEGIN
        -- min: what 64 bits cannot hold becomes a float in SQLite.
        INSERT INTO tally VALUES (new.session, new.kind, 1, max(new.t_ns, new.start_ns),
            min(9223372036854775807, new.end_ns - new.start_ns + 2 * new.clock_ns))
        ON CONFLICT DO UPDATE SET records = records + 1, latest_ns = max(latest_ns, excluded.latest_ns),
            longest_ns = max(longest_ns, excluded.longest_ns);
    END;
    CREATE TRIGGER record_is_not_counted AFTER DELETE ON record BEGIN
        UPDATE tally SET records = records - 1 WHERE session = old.session AND kind = old.kind;
        DELETE FROM tally WHERE session = old.session AND kind = old.kind AND records = 0;
    END;
    INSERT INTO tally """
    + TALLY,
)
