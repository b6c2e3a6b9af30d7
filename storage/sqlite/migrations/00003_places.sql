-- +goose Up
ALTER TABLE specstar_jobs ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE specstar_jobs ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;

PRAGMA user_version = 3;
