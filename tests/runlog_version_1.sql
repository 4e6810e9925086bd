-- A log as version 1 wrote it: never change this file.
PRAGMA application_id = 1718579821;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE activities (
        run_id INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
        sha256 TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        format TEXT NOT NULL,
        started_utc_s REAL NOT NULL,
        utc_offset_s INTEGER NOT NULL,
        distance_m REAL,
        elapsed_s REAL NOT NULL,
        moving_s REAL NOT NULL,
        cadence_spm REAL
    ) STRICT
    ;
INSERT INTO "activities" VALUES(3,'a1','morning.fit','fit',1777739400.0,7200,9000.0,3100.0,3000.0,165.0);
CREATE TABLE pains (
        run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        place TEXT NOT NULL,
        level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 10),
        PRIMARY KEY (run_id, place)
    ) STRICT
    ;
INSERT INTO "pains" VALUES(1,'lower back',4);
CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,  -- a number is never given again
        uid TEXT NOT NULL UNIQUE,
        started_utc_s REAL NOT NULL,  -- since 1970
        utc_offset_s INTEGER NOT NULL,
        date_source TEXT NOT NULL
            CHECK (date_source IN ('stored', 'file', 'video', 'activity', 'given')),
        distance_m REAL CHECK (distance_m > 0),  -- as given
        duration_s REAL CHECK (duration_s > 0),  -- as given
        shoes_id INTEGER REFERENCES shoes (id),
        surface TEXT,
        notes TEXT
    ) STRICT
    ;
INSERT INTO "runs" VALUES(1,'aaa',1777653000.0,7200,'video',5000.0,1500.0,1,'treadmill','first line
second; it''s');
INSERT INTO "runs" VALUES(3,'bbb',1777739400.0,7200,'activity',NULL,NULL,1,NULL,NULL);
CREATE TABLE shoes (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL COLLATE NOCASE UNIQUE,
        since_date TEXT,  -- ISO 8601; NULL: since the first run
        before_m REAL NOT NULL DEFAULT 0 CHECK (before_m >= 0),  -- run before the log began
        retired INTEGER NOT NULL DEFAULT 0 CHECK (retired IN (0, 1))
    ) STRICT
    ;
INSERT INTO "shoes" VALUES(1,'blue ones','2026-01-10',120000.0,0);
CREATE TABLE videos (
        run_id INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
        sha256 TEXT NOT NULL UNIQUE,
        path TEXT NOT NULL,
        recorded_s REAL NOT NULL,
        view TEXT NOT NULL,
        verdict TEXT NOT NULL,
        spoilers TEXT NOT NULL,
        lean_change_deg REAL,
        lean_low_deg REAL,
        lean_high_deg REAL,
        lean_verdict TEXT NOT NULL,
        slouch_change_deg REAL,
        slouch_low_deg REAL,
        slouch_high_deg REAL,
        slouch_verdict TEXT NOT NULL,
        onset_s REAL,
        onset_low_s REAL,
        onset_high_s REAL,
        cadence_spm REAL NOT NULL,
        cadence_low_spm REAL NOT NULL,
        cadence_high_spm REAL NOT NULL,
        slow_motion_factor REAL NOT NULL,
        formcheck_version TEXT NOT NULL,
        result_path TEXT NOT NULL
    ) STRICT
    ;
INSERT INTO "videos" VALUES(1,'f1','run.mp4',1500.0,'side','degraded','',3.5,3.0,4.0,'increased',0.5,-0.5,1.5,'stable',600.0,500.0,700.0,165.0,164.5,165.5,1.0,'0','/nowhere/run');
CREATE INDEX runs_by_time ON runs (started_utc_s);
CREATE INDEX runs_by_shoes ON runs (shoes_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('runs',3);
COMMIT;
