package postgres

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/uniquepath"
)

// heldAt is the value at a unique path as its index has it. Queries must spell it
// exactly so for the index to serve them.
func heldAt(path string) string { return `(indexed_data -> '` + path + `')` }

// uniquePrefix begins the names of the indexes of unique paths.
const uniquePrefix = "specstar_unique_"

// uniqueIndex names the index of a unique path. A path has more bytes than a name
// of PostgreSQL may have, so it is hashed.
func (t tables) uniqueIndex(path string) string {
	sum := xxh3.HashString128(t.base + "\x00" + path).Bytes()
	return uniquePrefix + hex.EncodeToString(sum[:])
}

// uniqueIndexes makes the indexes of the unique paths and drops those of paths that
// are unique no more. Equal values are found by them, not kept out: what a load or
// another program wrote may hold some. They are hash indexes, which take values of
// any length, and know equality alone: that of jsonb, to which 1 is 1.0.
func (t *tx) uniqueIndexes(names tables, paths []string) error {
	wanted := make(map[string]string, len(paths))
	for _, path := range paths {
		if err := uniquepath.Check(path); err != nil {
			return err
		}
		wanted[names.uniqueIndex(path)] = path
	}
	var old []string
	err := t.each(`SELECT c.relname::text FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
		WHERE i.indrelid = to_regclass($1) AND starts_with(c.relname, $2)`, []any{names.meta, uniquePrefix}, func(rows pgx.Rows) error {
		name, err := scanText[string](rows)
		if _, ok := wanted[name]; !ok {
			old = append(old, name)
		}
		delete(wanted, name)
		return err
	})
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := t.makeUniqueIndex(names, path, wanted); err != nil {
			return err
		}
	}
	if t.f.noMigrate {
		return nil // an index too many harms nobody
	}
	for _, name := range old {
		if _, err := t.exec(`DROP INDEX ` + quote(name)); err != nil {
			return err
		}
	}
	return nil
}

// makeUniqueIndex makes the index of a path when it is one of those that are missing.
func (t *tx) makeUniqueIndex(names tables, path string, missing map[string]string) error {
	name := names.uniqueIndex(path)
	if _, ok := missing[name]; !ok {
		return nil
	}
	delete(missing, name)
	statement := `CREATE INDEX ` + quote(name) + ` ON ` + names.meta + ` USING hash (` + heldAt(path) + `) WHERE NOT is_deleted`
	if t.f.noMigrate {
		return fmt.Errorf("model %s has no index of its unique path %s in %s, and the store was told to make none; it is made by %s",
			names.model, path, t.f.place, statement)
	}
	if _, err := t.exec(statement); err != nil {
		return err
	}
	_, err := t.exec(`COMMENT ON INDEX ` + quote(name) + ` IS 'unique path ` + path + `'`)
	return err
}

// holders returns the live resources of a model whose indexed value at a unique path
// equals value, by ascending id. The index finds those whose column has one of the
// forms that an equal value may have in JSON; the stored metas decide.
func (f *Factory) holders(ctx context.Context, q queryer, names tables, path string, value any) ([]resource.ID, error) {
	if value == nil {
		return nil, nil
	}
	keys, forms, err := f.wantedAt(path, value)
	if err != nil {
		return nil, fmt.Errorf("value of %s: %w", path, err)
	}
	if uniquepath.Check(path) != nil {
		return nil, fmt.Errorf("%s of model %s is not declared unique", path, names.model)
	}
	query, args := holdersQuery(names, path, forms, value)
	declared := false
	var ids []resource.ID
	_, err = scanRows(ctx, q, query, append([]any{f.identity.number, names.model, path}, args...), func(rows pgx.Rows) (none struct{}, err error) {
		declared = true
		var data pgtype.DriverBytes
		if err := rows.Scan(&data); err != nil || data == nil {
			return none, err
		}
		m, err := decodeMeta(data)
		if err != nil {
			return none, fmt.Errorf("model %s: stored meta: %w", names.model, err)
		}
		indexed := m.IndexedData.Or(resource.Indexed{})
		if held, ok := indexed.Lookup(path); ok && qb.Key(held) == keys[sniff(data)] {
			ids = append(ids, m.ResourceID)
		}
		return none, nil
	}, func(struct{}) bool { return true })
	if err == nil && !declared {
		err = fmt.Errorf("%s of model %s is not declared unique", path, names.model)
	}
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// holdersQuery selects the metas that may hold a value, and one row of NULL when
// there are none; no row when the path is not declared unique. Its first arguments
// are store, model and path. Where a list or object has more forms than are tried,
// all lists or objects are looked at.
func holdersQuery(names tables, path string, forms []string, value any) (string, []any) {
	from, args := `unnest($4::text[]) AS form (text) JOIN `+names.meta+` ON `+heldAt(path)+` = form.text::jsonb`, []any{forms}
	if forms == nil {
		kind := "array"
		if _, ok := value.(map[string]any); ok {
			kind = "object"
		}
		from, args = names.meta, nil
		path = ` AND jsonb_typeof` + heldAt(path) + ` = '` + kind + `'`
	} else {
		path = ""
	}
	return `SELECT held.data FROM specstar_models AS m LEFT JOIN LATERAL (SELECT data FROM ` + from + ` WHERE NOT is_deleted` + path + `) AS held ON true
		WHERE m.store = $1 AND m.name = $2 AND m.unique_paths ? $3`, args
}

// wantedAt returns the keys of the values that equal value, as metas of either
// encoding have it, and the forms of these in JSON. A value that equals nothing has
// an empty list of forms; nil means that there are too many.
func (f *Factory) wantedAt(path string, value any) (map[resource.Encoding]string, []string, error) {
	x, err := resource.NewIndexed(map[string]any{path: value})
	if err != nil {
		return nil, nil, err
	}
	keys := map[resource.Encoding]string{}
	for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
		v, err := uniquepath.Stored(enc, path, x)
		if err != nil {
			return nil, nil, err
		}
		if v != nil {
			keys[enc] = qb.Key(v)
		}
		if enc != f.encoding() {
			continue
		}
		if v == nil || !qb.Equal(v, v) {
			return keys, []string{}, nil
		}
		value = v
	}
	forms, ok := jsonForms(value)
	switch {
	case !ok:
		forms = nil
	case forms == nil:
		forms = []string{}
	}
	return keys, forms, nil
}
