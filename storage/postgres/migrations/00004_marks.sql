-- +goose Up
-- Programs of the version before go on working: they leave the column out.
ALTER TABLE specstar_jobs ADD COLUMN origin bytea;

-- Up to where the saves of resources have come; at is when the last one was submitted.
-- It has no index, so that a mark that is raised changes no index at all.
CREATE TABLE specstar_marks (
	store integer NOT NULL,
	key   uuid NOT NULL,
	major bigint NOT NULL,
	minor bigint NOT NULL,
	at    timestamptz NOT NULL,
	PRIMARY KEY (key, store)
) WITH (fillfactor = 80);
