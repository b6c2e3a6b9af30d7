-- +goose Up
CREATE TABLE specstar_audit (
	store      INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	id         BLOB NOT NULL,
	verb       TEXT NOT NULL,
	job        BLOB NOT NULL,
	text       TEXT NOT NULL,
	kind       TEXT NOT NULL,
	model      TEXT NOT NULL,
	error_code TEXT NOT NULL,
	actor      TEXT NOT NULL,
	via        TEXT NOT NULL,
	was        TEXT NOT NULL,
	state      TEXT NOT NULL,
	code       TEXT NOT NULL,
	PRIMARY KEY (store, at, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX specstar_audit_job ON specstar_audit (store, job, at);

PRAGMA user_version = 6;
