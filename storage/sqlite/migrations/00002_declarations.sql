-- +goose Up
ALTER TABLE specstar_models ADD COLUMN unique_paths TEXT NOT NULL DEFAULT '[]';
ALTER TABLE specstar_models ADD COLUMN schema_version TEXT;
ALTER TABLE specstar_models ADD COLUMN declaration BLOB;

CREATE TABLE specstar_garbage (
	store   INTEGER NOT NULL,
	file_id TEXT NOT NULL,
	model   TEXT NOT NULL,
	found   INTEGER NOT NULL,
	PRIMARY KEY (store, file_id, model)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 2;
