-- +goose Up
-- How long jobs are done in parts. The body is last: who asks for the digest reads none
-- of it.
CREATE TABLE specstar_plans (
	store  INTEGER NOT NULL,
	job    BLOB NOT NULL,
	digest BLOB NOT NULL,
	chunks INTEGER NOT NULL,
	total  INTEGER NOT NULL,
	body   BLOB NOT NULL,
	PRIMARY KEY (store, job)
) STRICT;

-- Suspended jobs are due like queued ones. The index of those stays as it is: programs of
-- the layout before go on working, and name it.
CREATE INDEX specstar_jobs_suspended ON specstar_jobs (store, not_before) WHERE not_before > 0 AND state = 'running';

PRAGMA user_version = 7;
