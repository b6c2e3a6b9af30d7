// Package postgres keeps a store in PostgreSQL, in the tables of the original's
// PostgresStorageFactory: a Python app and this package share them, live.
//
// For each model there are "<prefix><snake>_meta", "<prefix><snake>_resource_data"
// and "<prefix><snake>_resource_index", column by column as the original makes
// them; tables that it made are used as they are, and columns that old ones lack
// are added. Our own tables begin with specstar_; they hold the jobs, what is
// remembered of models, staged chunks and blobs.
//
// # Writing
//
// A unit of work is one READ COMMITTED transaction. It locks the metas that exist,
// in the order of their ids, computes, inserts new metas, replaces known ones,
// inserts payloads and index entries by binary COPY, and last writes the ledger.
// Every writer takes locks in this order, each step sorted bytewise, so they wait
// for each other and do not deadlock. An insert that meets a row somebody else
// made meanwhile ends the transaction, which is done again and then sees the row.
//
// COMMIT is sent with the last rows, and a unit of nothing but new rows is one message with
// its BEGIN; see docs/adr/0031-commit-with-the-rows.md.
//
// Numbers of new revisions come from the locked meta. When a number is taken
// although the meta does not count it (a writer died between a revision and its
// meta, or a meta was removed) the unit is computed again with what is stored.
//
// # Revisions elsewhere
//
// With [Config.Revisions] payloads and index are kept by a storage.RevisionMedium
// and only metas and ledger here. See medium.go for the order of writes.
//
// # Times
//
// The original's time columns have no zone: it sends instants and the server
// converts them to the time zone of the session. Sessions of this package keep the
// zone that the server gives them, as the original's do, so both write and compare
// alike. In UTC the conversion is nothing and metas are copied in bulk; elsewhere
// the server converts. Times that were written without a zone are in the columns as
// they are, and queries with such times compare them so.
package postgres
