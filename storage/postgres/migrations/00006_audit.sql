-- +goose Up
CREATE TABLE specstar_audit (
	store      integer NOT NULL,
	at         timestamptz NOT NULL,
	id         uuid NOT NULL,
	verb       text NOT NULL,
	job        uuid NOT NULL,
	text       text NOT NULL,
	kind       text NOT NULL,
	model      text NOT NULL,
	error_code text NOT NULL,
	actor      text NOT NULL,
	via        text NOT NULL,
	was        text NOT NULL,
	state      text NOT NULL,
	code       text NOT NULL,
	PRIMARY KEY (store, at, id)
);

CREATE INDEX specstar_audit_job ON specstar_audit (store, job, at);
