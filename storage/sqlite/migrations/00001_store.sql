-- +goose Up
CREATE TABLE specstar_store (
	number       INTEGER PRIMARY KEY,
	id           BLOB NOT NULL UNIQUE,
	table_prefix TEXT NOT NULL UNIQUE,
	encoding     TEXT NOT NULL
) STRICT;

CREATE TABLE specstar_models (
	store         INTEGER NOT NULL,
	name          TEXT NOT NULL,
	table_name    TEXT NOT NULL UNIQUE,
	encoding      TEXT NOT NULL,
	indexed_paths TEXT NOT NULL,
	PRIMARY KEY (store, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE specstar_model_blobs (
	store   INTEGER NOT NULL,
	model   TEXT NOT NULL,
	file_id TEXT NOT NULL,
	PRIMARY KEY (store, model, file_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE specstar_jobs (
	store         INTEGER NOT NULL,
	id            BLOB NOT NULL,
	text          TEXT NOT NULL,
	kind          TEXT NOT NULL,
	model         TEXT NOT NULL,
	lane          TEXT NOT NULL,
	user          TEXT NOT NULL,
	parent        BLOB,
	state         TEXT NOT NULL,
	attempt       INTEGER NOT NULL,
	envelope      BLOB,
	envelope_hash BLOB,
	queue         BLOB,
	subject       TEXT NOT NULL,
	done          INTEGER NOT NULL,
	total         INTEGER NOT NULL,
	outcome       BLOB,
	error_code    TEXT NOT NULL,
	error_message TEXT NOT NULL,
	cancel        INTEGER NOT NULL,
	created       INTEGER NOT NULL,
	started       INTEGER NOT NULL,
	finished      INTEGER NOT NULL,
	lease_until   INTEGER NOT NULL,
	token         BLOB,
	PRIMARY KEY (store, id)
) STRICT;

CREATE INDEX specstar_jobs_created ON specstar_jobs (store, created, state);
CREATE INDEX specstar_jobs_open ON specstar_jobs (store, state, created) WHERE state <> 'done';
CREATE INDEX specstar_jobs_text ON specstar_jobs (store, text) WHERE text <> '';
CREATE INDEX specstar_jobs_parent ON specstar_jobs (store, parent) WHERE parent IS NOT NULL;

CREATE TABLE specstar_chunks (
	store   INTEGER NOT NULL,
	job     BLOB NOT NULL,
	no      INTEGER NOT NULL,
	outcome BLOB,
	staged  BLOB,
	PRIMARY KEY (store, job, no)
) STRICT;

CREATE INDEX specstar_chunks_staged ON specstar_chunks (store, job, no) WHERE staged IS NOT NULL;

PRAGMA application_id = 1397769556;
PRAGMA user_version = 1;
