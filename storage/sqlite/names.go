package sqlite

import (
	"fmt"
	"strings"

	"github.com/specstar-worker/worker/storage/internal/tablename"
)

// tables are the quoted names of a model's tables.
type tables struct {
	model string
	base  string // unquoted, without suffix
	meta  string
	data  string
	index string
}

func tablesOf(prefix, model string) tables {
	return tablesNamed(model, prefix+tablename.Snake(model))
}

func tablesNamed(model, base string) tables {
	return tables{
		model: model,
		base:  base,
		meta:  quote(base + "_meta"),
		data:  quote(base + "_resource_data"),
		index: quote(base + "_resource_index"),
	}
}

// quote makes an SQL identifier of any text.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// checkModelName reports why no tables can be named after the model.
func checkModelName(model string) error {
	if model == "" || strings.ContainsRune(model, 0) {
		return fmt.Errorf("model name %q is empty or contains a NUL", model)
	}
	return nil
}

// unfilled selects metas that lack any rev_* field. Queries must spell it
// exactly so for the partial index to serve them.
const unfilled = `rev_status IS NULL OR rev_created_by IS NULL OR rev_updated_by IS NULL OR ` +
	`rev_created_time IS NULL OR rev_updated_time IS NULL`

// ddl returns the statements that make the model's tables.
func (t tables) ddl() []string {
	statements := []string{
		`CREATE TABLE IF NOT EXISTS ` + t.meta + ` (
	resource_id TEXT NOT NULL PRIMARY KEY,
	data BLOB NOT NULL,
	created_time INTEGER NOT NULL,
	updated_time INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	updated_by TEXT NOT NULL,
	is_deleted INTEGER NOT NULL,
	schema_version TEXT,
	indexed_data TEXT,
	rev_status TEXT,
	rev_created_by TEXT,
	rev_updated_by TEXT,
	rev_created_time INTEGER,
	rev_updated_time INTEGER,
	total_revision_count INTEGER NOT NULL,
	current_revision_id TEXT NOT NULL)`,
		`CREATE TABLE IF NOT EXISTS ` + t.data + ` (
	id INTEGER NOT NULL PRIMARY KEY,
	info BLOB NOT NULL,
	data BLOB NOT NULL)`,
		`CREATE TABLE IF NOT EXISTS ` + t.index + ` (
	resource_id TEXT NOT NULL,
	number INTEGER NOT NULL,
	revision_id TEXT NOT NULL,
	schema_version TEXT NOT NULL,
	data_id INTEGER NOT NULL,
	PRIMARY KEY (resource_id, number, revision_id, schema_version)) WITHOUT ROWID`,
	}
	for _, d := range t.defaultIndexes() {
		statements = append(statements, t.statement(d))
	}
	return statements
}
