-- +goose Up
CREATE TABLE specstar_store (
	number       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id           uuid NOT NULL UNIQUE,
	table_prefix text NOT NULL UNIQUE,
	encoding     text NOT NULL,
	-- revisions are in a bucket or a directory, not in tables
	revisions_outside boolean NOT NULL
);

CREATE TABLE specstar_models (
	store          integer NOT NULL,
	name           text COLLATE "C" NOT NULL,
	table_name     text COLLATE "C" NOT NULL UNIQUE,
	encoding       text NOT NULL,
	indexed_paths  jsonb NOT NULL,
	unique_paths   jsonb NOT NULL,
	schema_version text,
	declaration    bytea,
	PRIMARY KEY (store, name)
);

CREATE TABLE specstar_model_blobs (
	store   integer NOT NULL,
	model   text COLLATE "C" NOT NULL,
	file_id text COLLATE "C" NOT NULL,
	PRIMARY KEY (store, model, file_id)
);

CREATE TABLE specstar_jobs (
	store         integer NOT NULL,
	id            uuid NOT NULL,
	text          text COLLATE "C" NOT NULL,
	kind          text NOT NULL,
	model         text NOT NULL,
	lane          text NOT NULL,
	submitter     text NOT NULL,
	parent        uuid,
	state         text NOT NULL,
	attempt       integer NOT NULL,
	envelope      bytea,
	envelope_hash bytea,
	queue         uuid,
	subject       text NOT NULL,
	done          bigint NOT NULL,
	total         bigint NOT NULL,
	outcome       bytea,
	error_code    text NOT NULL,
	error_message text NOT NULL,
	cancel        boolean NOT NULL,
	created       timestamptz NOT NULL,
	started       timestamptz,
	finished      timestamptz,
	lease_until   timestamptz,
	token         uuid,
	PRIMARY KEY (id, store)
);

CREATE INDEX specstar_jobs_created ON specstar_jobs (created);
CREATE INDEX specstar_jobs_open ON specstar_jobs (store, state, created) WHERE state <> 'done';
CREATE INDEX specstar_jobs_text ON specstar_jobs (store, hashtextextended(text, 0)) WHERE text <> '';
CREATE INDEX specstar_jobs_parent ON specstar_jobs (store, parent) WHERE parent IS NOT NULL;

CREATE TABLE specstar_chunks (
	store   integer NOT NULL,
	job     uuid NOT NULL,
	no      integer NOT NULL,
	outcome bytea,
	staged  bytea,
	PRIMARY KEY (store, job, no)
);
ALTER TABLE specstar_chunks ALTER COLUMN staged SET STORAGE EXTERNAL;

CREATE TABLE specstar_garbage (
	store   integer NOT NULL,
	file_id text COLLATE "C" NOT NULL,
	model   text COLLATE "C" NOT NULL,
	PRIMARY KEY (store, file_id, model)
);

CREATE TABLE specstar_blobs (
	store        integer NOT NULL,
	file_id      text COLLATE "C" NOT NULL,
	size         bigint NOT NULL,
	content_type text,
	hash         bytea NOT NULL,
	content      uuid NOT NULL,
	touched      timestamptz NOT NULL,
	PRIMARY KEY (store, file_id)
);

CREATE TABLE specstar_blob_parts (
	store   integer NOT NULL,
	content uuid NOT NULL,
	no      integer NOT NULL,
	data    bytea NOT NULL,
	made    timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (store, content, no)
);
ALTER TABLE specstar_blob_parts ALTER COLUMN data SET STORAGE EXTERNAL;
