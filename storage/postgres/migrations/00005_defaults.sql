-- +goose Up
-- Rows of jobs that have ended leave out what most of them do not have.
ALTER TABLE specstar_jobs
	ALTER COLUMN text SET DEFAULT '',
	ALTER COLUMN done SET DEFAULT 0,
	ALTER COLUMN total SET DEFAULT 0,
	ALTER COLUMN error_code SET DEFAULT '',
	ALTER COLUMN error_message SET DEFAULT '',
	ALTER COLUMN cancel SET DEFAULT false;
