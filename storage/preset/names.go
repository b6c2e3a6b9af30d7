package preset

import (
	"fmt"
	"regexp"
)

// original is a storage factory of the original by its name.
type original struct {
	// removed: it is not in the original any more since 0.9.
	removed bool
	// use says how to name such a store here.
	use string
}

const (
	usePostgres       = "--store postgres://HOST/DATABASE"
	usePostgresS3     = usePostgres + " --objects s3://BUCKET"
	usePostgresDisk   = usePostgres + " --revisions disk:DIR"
	usePostgresDiskS3 = usePostgresDisk + " --objects s3://BUCKET"
)

// originals are the factories of the original. What replaces the removed ones is
// in the table of its upgrade page, §1.
var originals = map[string]original{
	"PostgreSQLStorageFactory": {removed: true, use: "PostgreSQLS3StorageFactory, which is " + usePostgresS3 +
		", or PostgresStorageFactory, which is " + usePostgres},
	"PostgreSQLDiskS3StorageFactory": {removed: true, use: "PostgresDiskS3StorageFactory, which is " + usePostgresDiskS3},
	"PostgresStorageFactory":         {use: usePostgres},
	"PostgreSQLS3StorageFactory":     {use: usePostgresS3},
	"PostgresDiskStorageFactory":     {use: usePostgresDisk},
	"PostgresDiskS3StorageFactory":   {use: usePostgresDiskS3},
	"DiskStorageFactory":             {use: "--store disk:DIR"},
	"MemoryStorageFactory":           {use: "--store memory:"},
}

var factoryName = regexp.MustCompile(`\w+StorageFactory\b`)

// Explain says how to write what a text means that names a storage factory of the
// original: the replacement of one that was removed in 0.9, or the settings that
// stand for one. It is empty for any other text.
func Explain(text string) string {
	for _, name := range factoryName.FindAllString(text, -1) {
		f, known := originals[name]
		switch {
		case !known:
		case f.removed:
			return fmt.Sprintf("%s was removed in 0.9; use %s", name, f.use)
		default:
			return fmt.Sprintf("%s is %s", name, f.use)
		}
	}
	return ""
}
