-- +goose Up
-- Programs of the version before go on working: they leave these columns out.
ALTER TABLE specstar_jobs ADD COLUMN not_before timestamptz, ADD COLUMN unique_key text COLLATE "C";

CREATE INDEX specstar_jobs_due ON specstar_jobs (store, not_before) WHERE not_before IS NOT NULL AND state = 'queued';
CREATE UNIQUE INDEX specstar_jobs_unique ON specstar_jobs (store, unique_key) WHERE unique_key IS NOT NULL AND state IN ('queued', 'running');
