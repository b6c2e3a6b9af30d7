package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/tablename"
)

// adopt takes in the models that others have made: columns that old tables lack are
// added, and what can be learned of each is remembered.
func (f *Factory) adopt(ctx context.Context) error {
	known, err := f.registered(ctx)
	if err != nil {
		return err
	}
	found, err := f.discover(ctx, known)
	if err != nil || len(found) == 0 {
		return err
	}
	for _, m := range found {
		if err := f.upgrade(ctx, tablesNamed(m.Name, m.base)); err != nil {
			return err
		}
		err := f.write(ctx, "remember model "+m.Name+" in", func(t *tx) error {
			if err := t.checkTables(tablesNamed(m.Name, m.base)); err != nil {
				return err
			}
			return t.saveModel(m)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// upgrade adds the columns that a meta table lacks and our own indexes, under the
// lock of the schema. What is there already costs no lock on the table.
func (f *Factory) upgrade(ctx context.Context, t tables) error {
	missing, err := f.missingColumns(ctx, t)
	if err != nil {
		return err
	}
	if f.noMigrate {
		if len(missing) > 0 {
			return fmt.Errorf("table %s of %s lacks the columns %s, and the store was told to make none", t.meta, f.place, strings.Join(missing, ", "))
		}
		return nil
	}
	return f.locked(ctx, func(conn *pgx.Conn) error {
		for _, c := range lateColumns {
			if !slices.Contains(missing, c.name) {
				continue
			}
			kind := c.native
			if f.layout == LayoutSQLAlchemy {
				kind = c.sqlAlchemy
			}
			if _, err := conn.Exec(ctx, `ALTER TABLE `+t.meta+` ADD COLUMN IF NOT EXISTS `+c.name+` `+kind); err != nil {
				return f.explain("add column "+c.name+" to "+t.meta+" of", err)
			}
		}
		return f.indexAdopted(ctx, conn, t)
	})
}

// indexedAtOnce is up to how many rows a table of others gets our indexes when it is
// taken in: making them stops its writers for a moment.
const indexedAtOnce = 200_000

func (f *Factory) indexAdopted(ctx context.Context, conn *pgx.Conn, t tables) error {
	var rows int64
	if err := conn.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM `+t.meta+` LIMIT $1) AS s`, indexedAtOnce+1).Scan(&rows); err != nil {
		return f.explain("count rows of "+t.meta+" in", err)
	}
	if rows > indexedAtOnce {
		return nil
	}
	for _, statement := range t.indexes() {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return f.explain("make indexes of "+t.meta+" in", err)
		}
	}
	return nil
}

// missingColumns returns the late columns that a meta table of the session's schema lacks.
func (f *Factory) missingColumns(ctx context.Context, t tables) ([]string, error) {
	there, err := collect(ctx, f, f.pool, "read the columns of "+t.meta+" in",
		`SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`, []any{t.meta}, scanText[string])
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, c := range lateColumns {
		if !slices.Contains(there, c.name) {
			missing = append(missing, c.name)
		}
	}
	return missing, nil
}

// metaTables are the tables that look like the original's metas, with their base names.
const metaTables = `SELECT left(c.relname, -5)::text FROM pg_class AS c
	WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) AND right(c.relname, 5) = '_meta' AND starts_with(c.relname, $1)
	AND (SELECT count(*) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND NOT a.attisdropped
		AND a.attname IN ('resource_id', 'data', 'created_time', 'updated_time', 'created_by', 'updated_by', 'is_deleted')) = 7
	ORDER BY 1`

// bases returns the base names of the metas' tables that may belong to this store:
// those of a longer prefix that is a store of its own do not.
func (f *Factory) bases(ctx context.Context) ([]string, error) {
	all, err := collect(ctx, f, f.pool, "look for models in", metaTables, []any{f.prefix}, scanText[string])
	if err != nil || len(all) == 0 {
		return nil, err
	}
	others, err := collect(ctx, f, f.pool, "list the stores of", `SELECT table_prefix FROM specstar_store WHERE length(table_prefix) > length($1)`,
		[]any{f.prefix}, scanText[string])
	if err != nil && !errors.Is(err, context.Canceled) && sqlState(err) != undefinedTable {
		return nil, err
	}
	return slices.DeleteFunc(all, func(base string) bool {
		return slices.ContainsFunc(others, func(prefix string) bool { return strings.HasPrefix(base, prefix) })
	}), nil
}

// discover returns the models that are in the database and not among the known ones.
func (f *Factory) discover(ctx context.Context, known []registered) ([]registered, error) {
	bases, err := f.bases(ctx)
	if err != nil {
		return nil, err
	}
	var found []registered
	for _, base := range bases {
		if slices.ContainsFunc(known, func(m registered) bool { return m.base == base }) {
			continue
		}
		m, ok, err := f.look(ctx, base)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, m)
		}
	}
	return found, nil
}

// look learns what it can of a model from its tables.
func (f *Factory) look(ctx context.Context, base string) (registered, bool, error) {
	m := registered{ModelInfo: storage.ModelInfo{Encoding: resource.JSON}, base: base}
	t := tablesNamed("", base)
	if f.medium == nil {
		var there bool
		err := f.pool.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL`, t.data, t.index).Scan(&there)
		if err != nil || !there {
			return m, false, f.explain("look for models in", err)
		}
	}
	metas, err := f.sample(ctx, t)
	if err != nil {
		return m, false, err
	}
	if m.Name, err = f.nameOf(ctx, base, metas); err != nil {
		return m, false, err
	}
	for _, meta := range metas {
		for path := range meta.IndexedData.Or(resource.Indexed{}).All() {
			m.IndexedPaths = append(m.IndexedPaths, path)
		}
	}
	slices.Sort(m.IndexedPaths)
	m.IndexedPaths = slices.Compact(m.IndexedPaths)
	if f.medium == nil {
		m.Encoding, err = f.sniffPayload(ctx, t)
	} else if len(metas) > 0 {
		m.Encoding, err = f.sniffOuter(ctx, m.Name, metas[0])
	}
	return m, true, err
}

// sampled is how many metas a model is learned from.
const sampled = 20

// sample returns some metas of a table.
func (f *Factory) sample(ctx context.Context, t tables) ([]resource.Meta, error) {
	return collect(ctx, f, f.pool, "look at "+t.meta+" in", `SELECT data FROM `+t.meta+` LIMIT $1`, []any{sampled}, func(rows pgx.Rows) (resource.Meta, error) {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return resource.Meta{}, err
		}
		return decodeMeta(data)
	})
}

// sniff tells JSON from msgpack: a map begins with no other byte.
func sniff(data []byte) resource.Encoding {
	if len(data) > 0 && data[0] == '{' {
		return resource.JSON
	}
	return resource.Msgpack
}

// nameOf returns the name that the model is registered under: what its ids begin
// with, or what the medium calls it, when that makes the table's name, else the kebab form.
func (f *Factory) nameOf(ctx context.Context, base string, metas []resource.Meta) (string, error) {
	snake := strings.TrimPrefix(base, f.prefix)
	for _, m := range metas {
		if name, _, found := strings.Cut(string(m.ResourceID), ":"); found && tablename.Snake(name) == snake {
			return name, nil
		}
	}
	if f.medium != nil {
		names, err := f.medium.Models(ctx)
		if err != nil {
			return "", err
		}
		for _, name := range names {
			if tablename.Snake(name) == snake {
				return name, nil
			}
		}
	}
	return tablename.Kebab(snake), nil
}

// sniffPayload returns the encoding of the model's payloads, as one of them shows.
func (f *Factory) sniffPayload(ctx context.Context, t tables) (resource.Encoding, error) {
	for first, err := range stream(ctx, f, f.pool, "look at "+t.data+" in", `SELECT substr(data, 1, 1) FROM `+t.data+` LIMIT 1`, nil, func(rows pgx.Rows) (b []byte, err error) {
		return b, rows.Scan(&b)
	}) {
		return sniff(first), err
	}
	return resource.JSON, nil
}

// sniffEncoding returns the encoding of the metas that are there; "" when there are
// no tables of metas, msgpack when all are empty.
func (f *Factory) sniffEncoding(ctx context.Context) (resource.Encoding, error) {
	bases, err := f.bases(ctx)
	if err != nil || len(bases) == 0 {
		return "", err
	}
	for _, base := range bases {
		for first, err := range stream(ctx, f, f.pool, "look for models in", `SELECT substr(data, 1, 1) FROM `+quote(base+metaSuffix)+` LIMIT 1`, nil, func(rows pgx.Rows) (b []byte, err error) {
			return b, rows.Scan(&b)
		}) {
			return sniff(first), err
		}
	}
	return resource.Msgpack, nil
}

// decodeMeta decodes a stored meta of either encoding.
func decodeMeta(data []byte) (resource.Meta, error) { return resource.DecodeMeta(sniff(data), data) }

// decodeInfo decodes a stored info of either encoding: one store may hold both.
func decodeInfo(data []byte) (resource.RevisionInfo, error) {
	return resource.DecodeRevisionInfo(sniff(data), data)
}
