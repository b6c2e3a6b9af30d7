package postgres

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// findTables tells whether there is something of the name of a meta table, whether it
// is one, and whether all tables of the model are there.
const findTables = `SELECT meta IS NOT NULL,
	EXISTS (SELECT FROM pg_class AS c WHERE c.oid = meta AND c.relkind IN ('r', 'p')
		AND (SELECT count(*) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname IN (` + everColumns + `)) = 7),
	meta IS NOT NULL AND ($3 OR to_regclass($2) IS NOT NULL)
	FROM (SELECT to_regclass($1) AS meta) AS named`

// makeTables makes the tables of a model that are not there. A role that may make
// none can use those that are.
func (t *tx) makeTables(names tables) error {
	var taken, meta, there bool
	err := t.conn.QueryRow(t.ctx, findTables, names.meta, names.index, t.f.medium != nil).Scan(&taken, &meta, &there)
	switch {
	case err != nil:
		return err
	case taken && !meta:
		return fmt.Errorf("model %s: %s in %s is of another program: use another model name or a table prefix: %w", names.model, names.meta, t.f.place, storage.ErrUnusableName)
	case there:
		return nil
	}
	if t.f.noMigrate {
		return fmt.Errorf("model %s has no tables in %s, and the store was told to make none", names.model, t.f.place)
	}
	return t.runAll(names.ddl(t.f.layout, t.f.medium == nil, !t.f.noForeignKey))
}

// checkTables refuses tables that belong to another model.
func (t *tx) checkTables(names tables) error {
	return t.each(`SELECT name FROM specstar_models WHERE table_name = $1 AND NOT (store = $2 AND name = $3)`,
		[]any{names.base, t.f.identity.number, names.model}, func(rows pgx.Rows) error {
			other, err := scanText[string](rows)
			if err != nil {
				return err
			}
			return fmt.Errorf("model %s would share the tables %s_… with model %s: rename one of them or use a table prefix: %w",
				names.model, names.base, other, storage.ErrUnusableName)
		})
}
