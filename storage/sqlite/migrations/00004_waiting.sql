-- +goose Up
ALTER TABLE specstar_jobs ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE specstar_jobs ADD COLUMN unique_key TEXT NOT NULL DEFAULT '';

CREATE INDEX specstar_jobs_due ON specstar_jobs (store, not_before) WHERE not_before > 0 AND state = 'queued';
CREATE UNIQUE INDEX specstar_jobs_unique ON specstar_jobs (store, unique_key) WHERE unique_key <> '' AND state IN ('queued', 'running');

PRAGMA user_version = 4;
