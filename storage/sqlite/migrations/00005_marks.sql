-- +goose Up
ALTER TABLE specstar_jobs ADD COLUMN origin BLOB;

-- Up to where the saves of resources have come; at is when the last one was submitted.
CREATE TABLE specstar_marks (
	store INTEGER NOT NULL,
	key   BLOB NOT NULL,
	major INTEGER NOT NULL,
	minor INTEGER NOT NULL,
	at    INTEGER NOT NULL,
	PRIMARY KEY (store, key)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 5;
