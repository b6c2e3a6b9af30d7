-- +goose Up
-- How long jobs are done in parts. The body is last: who asks for the digest reads none
-- of it.
CREATE TABLE specstar_plans (
	store  integer NOT NULL,
	job    uuid NOT NULL,
	digest bytea NOT NULL,
	chunks integer NOT NULL,
	total  bigint NOT NULL,
	body   bytea NOT NULL,
	PRIMARY KEY (store, job)
);
ALTER TABLE specstar_plans ALTER COLUMN body SET STORAGE EXTERNAL;

-- Suspended jobs are due like queued ones. Queries of programs of the version before are
-- answered by the new index, too: they ask for some of its rows.
DROP INDEX specstar_jobs_due;
CREATE INDEX specstar_jobs_due ON specstar_jobs (store, not_before) WHERE not_before IS NOT NULL AND state IN ('queued', 'running');
