-- +goose Up
-- Programs of the version before go on working: they leave these columns out.
ALTER TABLE specstar_jobs ADD COLUMN epoch bigint, ADD COLUMN sequence bigint;
