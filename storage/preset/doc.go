// Package preset opens stores that are made of several parts, one function for
// each storage factory of the upgrade page, with the original's tables, keys and
// directories:
//
//	original                        here
//	PostgresStorageFactory          [Postgres]
//	PostgreSQLS3StorageFactory      [PostgresS3]
//	PostgresDiskStorageFactory      [PostgresDisk]
//	PostgresDiskS3StorageFactory    [PostgresDiskS3]
//	DiskStorageFactory              [Disk]
//	MemoryStorageFactory            [Memory]
//
// [SQLite] is the worker's own default, [SQLiteDisk] what an app of the original pairs
// itself. [Parse] understands a store that is named
// by URLs, as the worker's flags --store, --objects and --revisions do.
//
// The factories own everything that they open: Close closes it.
package preset
