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
	return append(statements, t.indexes()...)
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

// indexes returns the statements for our own indexes of the meta table. Their names
// have the table's in them: the original's do not, so that only its first table gets
// them. resource_id, which breaks ties of every order, is the last column of each.
func (t tables) indexes() []string {
	return []string{
		t.metaIndex("rev", `rev_status COLLATE "C", rev_updated_by COLLATE "C", rev_created_time`, ""),
		t.metaIndex("updated", "updated_time", ""),
		t.metaIndex("created", "created_time", ""),
		t.metaIndex("unfilled", "", " WHERE "+unfilled),
	}
}

// metaIndex returns the statement for a secondary index of the meta table.
func (t tables) metaIndex(name, columns, where string) string {
	if columns != "" {
		columns += ", "
	}
	return `CREATE INDEX IF NOT EXISTS ` + quote(t.base+"_meta_"+name) + ` ON ` + t.meta + ` (` + columns + `resource_id COLLATE "C")` + where
}
