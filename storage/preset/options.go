package preset

import "github.com/specstar-worker/worker/resource"

// Options are settings of a store apart from where it is. The zero value opens it
// for writing, with the encodings of the original's factory.
type Options struct {
	// TablePrefix is put in front of the tables' names. Stores with different
	// prefixes may share a database or a directory; a store in memory has none.
	TablePrefix string
	// Encoding is how metas are written, and the infos of revisions where the
	// original's factory lets one choose: everywhere but on disk, where they are
	// JSON. Empty means as the store was made, msgpack for a new one.
	Encoding resource.Encoding
	// ReadOnly opens the store for reading: nothing is made or changed. One that is
	// not there gives storage.ErrNotFound.
	ReadOnly bool
	// NoMigrate makes no tables and columns in PostgreSQL, for a role that may not.
	NoMigrate bool
	// Reached, unless nil, is called once when a store in PostgreSQL is known to be one
	// that can be used, before what is not there is made.
	Reached func()
	// NoForeignKey makes new tables in PostgreSQL without the original's foreign key
	// from index to payload, see postgres.Config.
	NoForeignKey bool
	// Connections is the most connections to PostgreSQL; 0 means the default of
	// package postgres, or pool_max_conns of the URL.
	Connections int
	// Schema is the schema in PostgreSQL whose tables are used; empty means the
	// search_path of the connection.
	Schema string
}
