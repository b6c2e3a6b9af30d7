package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// adopt takes in the models that others have made: columns that old tables lack are
// added, and what can be learned of each is remembered.
func (f *Factory) adopt(ctx context.Context) error {
	found, err := f.candidates(ctx)
	if err != nil {
		return err
	}
	for _, c := range found {
		m, ok, err := f.look(ctx, c)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := f.takeIn(ctx, m, c.missing()); err != nil {
			return err
		}
	}
	return nil
}

// takeIn remembers a model that others made, with the columns and indexes that its
// meta table lacks.
func (f *Factory) takeIn(ctx context.Context, m registered, missing []string) error {
	names := tablesNamed(m.Name, m.base)
	if f.noMigrate && len(missing) > 0 {
		return fmt.Errorf("table %s of %s lacks the columns %s, and the store was told to make none: open it once with a role that may",
			names.meta, f.place, strings.Join(missing, ", "))
	}
	return f.write(ctx, "take in model "+m.Name+" of", func(t *tx) error {
		if _, err := t.exec(`SELECT pg_advisory_xact_lock($1)`, int64(schemaLock)); err != nil {
			return err
		}
		if _, err := t.exec(leaveToLonger, m.base, f.identity.number); err != nil {
			return err
		}
		if err := t.checkTables(names); err != nil {
			return err
		}
		if !f.noMigrate {
			if err := t.upgrade(names); err != nil {
				return err
			}
		}
		return t.saveModel(m)
	})
}

// leaveToLonger forgets a table that a store of a shorter prefix took for one of its
// own while this store was not known.
const leaveToLonger = `DELETE FROM specstar_models AS m USING specstar_store AS theirs, specstar_store AS ours
	WHERE m.table_name = $1 AND m.store = theirs.number AND m.declaration IS NULL
	AND ours.number = $2 AND length(theirs.table_prefix) < length(ours.table_prefix)`

// everColumns are the columns that every release of the original makes in a meta table.
const everColumns = `'resource_id', 'data', 'created_time', 'updated_time', 'created_by', 'updated_by', 'is_deleted'`

// metaTables are the tables that look like the original's metas, by their base names,
// with their columns, and whether revisions are in tables beside them.
const metaTables = `SELECT base, columns,
	to_regclass(quote_ident(base || '_resource_data')) IS NOT NULL AND to_regclass(quote_ident(base || '_resource_index')) IS NOT NULL FROM (SELECT left(c.relname, -5)::text AS base, array_agg(a.attname::text) AS columns
	FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) AND right(c.relname, 5) = '_meta'
	GROUP BY c.oid, c.relname
	HAVING count(*) FILTER (WHERE a.attname IN (` + everColumns + `)) = 7) AS t
	WHERE starts_with(base, $1) AND base <> $1`

// notOurs leaves out what this store remembers, what another was told to be its own,
// and the tables of a longer prefix that is a store of its own.
const notOurs = ` AND NOT EXISTS (SELECT FROM specstar_models AS m WHERE m.table_name = base AND (m.store = $2 OR m.declaration IS NOT NULL))
	AND NOT EXISTS (SELECT FROM specstar_store AS s WHERE length(s.table_prefix) > length($1) AND starts_with(base, s.table_prefix))`

// candidate is a table that may hold the metas of a model that is not remembered.
type candidate struct {
	base    string
	columns []string
	inside  bool // its revisions are in tables
}

// missing returns the late columns that the table lacks.
func (c candidate) missing() (missing []string) {
	for _, late := range lateColumns {
		if !slices.Contains(c.columns, late.name) {
			missing = append(missing, late.name)
		}
	}
	return missing
}

// candidates returns the tables that others may have made, by their names.
func (f *Factory) candidates(ctx context.Context) ([]candidate, error) {
	query, args := metaTables, []any{pgx.QueryExecModeExec, f.prefix}
	if f.identity.made {
		// It is asked again and again, and planning takes most of its time.
		query, args = metaTables+notOurs, []any{f.prefix, f.identity.number}
	}
	return collect(ctx, f, pooled{f}, "look for models in", query+` ORDER BY base COLLATE "C"`, args, func(rows pgx.Rows) (c candidate, err error) {
		return c, rows.Scan(&c.base, &c.columns, &c.inside)
	})
}

// discover returns the models that are in the database and not remembered.
func (f *Factory) discover(ctx context.Context) ([]registered, error) {
	candidates, err := f.candidates(ctx)
	if err != nil {
		return nil, err
	}
	var found []registered
	for _, c := range candidates {
		m, ok, err := f.look(ctx, c)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, m)
		}
	}
	return found, nil
}
