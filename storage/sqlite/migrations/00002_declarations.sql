-- +goose Up
ALTER TABLE specstar_models ADD COLUMN unique_paths TEXT NOT NULL DEFAULT '[]';
ALTER TABLE specstar_models ADD COLUMN schema_version TEXT;
ALTER TABLE specstar_models ADD COLUMN declaration BLOB;

CREATE TABLE specstar_garbage (
	file_id TEXT NOT NULL,
	store   INTEGER NOT NULL,
	model   TEXT NOT NULL,
	PRIMARY KEY (file_id, store, model)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 2;
