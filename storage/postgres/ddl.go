package postgres

import "strings"

// unfilled selects metas that lack any rev_* field. Queries must spell it exactly
// so for the partial index to serve them.
const unfilled = `rev_status IS NULL OR rev_created_by IS NULL OR rev_updated_by IS NULL OR ` +
	`rev_created_time IS NULL OR rev_updated_time IS NULL`

// lateColumns are the columns of meta tables that old releases of the original did
// not make, with their types in each layout.
var lateColumns = []struct{ name, native, sqlAlchemy string }{
	{"indexed_data", "JSONB", "JSONB"},
	{"schema_version", "TEXT", "VARCHAR(100)"},
	{"rev_status", "TEXT", "VARCHAR(50)"},
	{"rev_created_by", "TEXT", "VARCHAR(255)"},
	{"rev_updated_by", "TEXT", "VARCHAR(255)"},
	{"rev_created_time", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"},
	{"rev_updated_time", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"},
}

// ddl returns the statements that make the model's tables. Their columns are the
// original's. Ids are ordered bytewise, whatever the database's collation: the key
// then serves every iteration.
func (t tables) ddl(layout Layout, revisions, foreignKey bool) []string {
	statements := []string{t.metaTable(layout)}
	if revisions {
		references := ""
		if foreignKey {
			references = ` REFERENCES ` + t.data + `(uid)`
		}
		statements = append(statements,
			`CREATE TABLE IF NOT EXISTS `+t.data+` (uid TEXT PRIMARY KEY, data BYTEA NOT NULL, info BYTEA NOT NULL)`,
			`CREATE TABLE IF NOT EXISTS `+t.index+` (
	resource_id TEXT COLLATE "C" NOT NULL,
	revision_id TEXT COLLATE "C" NOT NULL,
	schema_version TEXT COLLATE "C",
	uid TEXT NOT NULL`+references+`,
	PRIMARY KEY (resource_id, revision_id, schema_version))`)
	}
	for _, d := range t.defaultIndexes() {
		statements = append(statements, t.statement(d, ifNotThere))
	}
	return statements
}

func (t tables) metaTable(layout Layout) string {
	text, version, status, at := "TEXT", "TEXT", "TEXT", "TIMESTAMP"
	if layout == LayoutSQLAlchemy {
		text, version, status, at = "VARCHAR(255)", "VARCHAR(100)", "VARCHAR(50)", "TIMESTAMP WITH TIME ZONE"
	}
	return strings.NewReplacer("$text", text, "$version", version, "$status", status, "$time", at).Replace(
		`CREATE TABLE IF NOT EXISTS ` + t.meta + ` (
	resource_id $text COLLATE "C" PRIMARY KEY,
	data BYTEA NOT NULL,
	created_time $time NOT NULL,
	updated_time $time NOT NULL,
	created_by $text NOT NULL,
	updated_by $text NOT NULL,
	is_deleted BOOLEAN NOT NULL,
	schema_version $version,
	indexed_data JSONB,
	rev_status $status,
	rev_created_by $text,
	rev_updated_by $text,
	rev_created_time $time,
	rev_updated_time $time)`)
}
