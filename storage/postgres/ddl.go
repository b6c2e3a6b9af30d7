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
	statements := []string{t.metaTable(layout, ifNotThere, ` PRIMARY KEY`)}
	if revisions {
		references := ""
		if foreignKey {
			references = t.references()
		}
		statements = append(statements,
			t.dataTable(ifNotThere, ` PRIMARY KEY`),
			t.indexTable(ifNotThere, references+`, PRIMARY KEY `+indexKey))
	}
	for _, d := range t.defaultIndexes() {
		statements = append(statements, t.statement(d, ifNotThere))
	}
	return statements
}

// bare returns the statements that make the tables of ddl without their keys and
// indexes, which keys adds when they are filled.
func (t tables) bare(layout Layout) []string {
	return []string{t.metaTable(layout, "", ` NOT NULL`), t.dataTable("", ` NOT NULL`), t.indexTable("", "")}
}

// keys returns the statements that add to tables of bare what they lack. PostgreSQL
// names keys as it does those of tables that are made with them.
func (t tables) keys(foreignKey bool) []string {
	statements := []string{
		`ALTER TABLE ` + t.meta + ` ADD PRIMARY KEY (resource_id)`,
		`ALTER TABLE ` + t.data + ` ADD PRIMARY KEY (uid)`,
		`ALTER TABLE ` + t.index + ` ADD PRIMARY KEY ` + indexKey,
	}
	if foreignKey {
		statements = append(statements, `ALTER TABLE `+t.index+` ADD FOREIGN KEY (uid)`+t.references())
	}
	for _, d := range t.defaultIndexes() {
		statements = append(statements, t.statement(d, ""))
	}
	return statements
}

// indexKey is the key of an index table.
const indexKey = `(resource_id, revision_id, schema_version)`

// references is the original's foreign key from index to payload.
func (t tables) references() string { return ` REFERENCES ` + t.data + `(uid)` }

func (t tables) dataTable(option, key string) string {
	return `CREATE TABLE ` + option + t.data + ` (uid TEXT` + key + `, data BYTEA NOT NULL, info BYTEA NOT NULL)`
}

// indexTable makes an index table; more comes behind its last column.
func (t tables) indexTable(option, more string) string {
	return `CREATE TABLE ` + option + t.index + ` (
	resource_id TEXT COLLATE "C" NOT NULL,
	revision_id TEXT COLLATE "C" NOT NULL,
	schema_version TEXT COLLATE "C",
	uid TEXT NOT NULL` + more + `)`
}

func (t tables) metaTable(layout Layout, option, key string) string {
	text, version, status, at := "TEXT", "TEXT", "TEXT", "TIMESTAMP"
	if layout == LayoutSQLAlchemy {
		text, version, status, at = "VARCHAR(255)", "VARCHAR(100)", "VARCHAR(50)", "TIMESTAMP WITH TIME ZONE"
	}
	return strings.NewReplacer("$text", text, "$version", version, "$status", status, "$time", at).Replace(
		`CREATE TABLE ` + option + t.meta + ` (
	resource_id $text COLLATE "C"` + key + `,
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
