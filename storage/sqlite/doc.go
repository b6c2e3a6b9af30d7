// Package sqlite keeps a whole store in one SQLite file: metas, revisions and
// the ledger of all models, so that one transaction covers a unit of work.
// Blobs lie beside it as plain files.
//
// # Layout
//
// DIR/specstar.db holds the tables, DIR/_blobs the blobs. Each model has three
// tables, named as the original's PostgreSQL tables, <p> being the table prefix
// and the model's name in snake case:
//
//   - <p>_meta: resource_id, data (the encoded meta, which is the truth) and the
//     columns that queries use: those of the original plus total_revision_count
//     and current_revision_id. Times are microseconds since 1970 in UTC, naive
//     times taken as UTC; is_deleted is 0 or 1; indexed_data is JSON text.
//   - <p>_resource_data: id, info (encoded, the uid in it), data (the payload as
//     given). Rows are appended; each belongs to one key, because uids do not
//     identify what is stored: a migration by the original keeps them.
//   - <p>_resource_index: resource_id, number, revision_id, schema_version, data_id.
//     The number is that of the revision id, 2147483648 when it has none, so
//     the primary key is the order of [storage.RevisionReader]. schema_version
//     is empty for none and begins with "v_" otherwise: none sorts first, and
//     no version can be mistaken for none.
//
// The tables specstar_store, specstar_models, specstar_model_blobs,
// specstar_garbage, specstar_jobs and specstar_chunks belong to all models. Their first key column
// is the number of the store: one file holds several stores when they have
// different table prefixes.
//
// # Layouts
//
// The file's user_version is the number of its layout. Opening a file of an older
// layout for writing upgrades it, each step in one transaction: a process that
// dies, or a disk that is full, leaves the old file. For reading it is taken as it
// is. A newer layout is refused. Steps only add: a program of the old layout that
// has the file open goes on working.
//
// # Transactions
//
// The journal is a write-ahead log with synchronous=FULL: a commit is on the
// disk when it returns. All writes of a process go through one connection and
// begin with BEGIN IMMEDIATE, so a transaction never fails half-way because
// another process wrote; processes wait for one another up to ten seconds.
// Readers have connections of their own and never wait for writers.
//
// # Metas and revisions outside
//
// With Config.Revisions the file holds jobs and what else is ours alone, and has no
// tables of models: metas are in the files of the original's FileSqliteMetaStore,
// DIR/<model>/meta.db, or in the medium Config.Metas, revisions in a medium. The file is then DIR/.worker/ledger.db,
// and what it commits is brought to the others by the table specstar_pending, see
// docs/adr/0014-one-commit-for-many-files.md.
package sqlite
