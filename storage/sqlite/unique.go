package sqlite

import (
	"database/sql"
	"fmt"
	"math"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/uniquepath"
)

// heldAt is the value at a unique path as its index has it. Queries must spell it
// exactly so for the index to serve them.
func heldAt(path string) string { return `json_extract(indexed_data, '$."` + path + `"')` }

// uniquePrefix begins the names of the indexes of a model's unique paths.
func (t tables) uniquePrefix() string { return t.base + "_meta_unique_" }

// uniqueIndex names the index of a unique path. Names that differ by case alone are one
// to SQLite, so a hash tells paths apart.
func (t tables) uniqueIndex(path string) string {
	return fmt.Sprintf("%s%s_%016x", t.uniquePrefix(), path, xxh3.HashString(path))
}

// uniqueIndexes makes the indexes of the unique paths and drops those of paths that
// are unique no more. Equal values are found by them, not kept out: what a load or
// another program wrote may hold some.
func (t *tx) uniqueIndexes(names tables, paths []string) error {
	wanted := make(map[string]bool, len(paths))
	for _, path := range paths {
		if err := uniquepath.Check(path); err != nil {
			return err
		}
		name := names.uniqueIndex(path)
		wanted[name] = true
		if _, err := t.w.conn.ExecContext(t.run, `CREATE INDEX IF NOT EXISTS `+quote(name)+
			` ON `+names.meta+` (`+heldAt(path)+`) WHERE is_deleted = 0`); err != nil {
			return err
		}
	}
	var old []string
	err := t.each(`SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND substr(name, 1, length(?2)) = ?2`,
		[]any{names.base + "_meta", names.uniquePrefix()}, func(rows *sql.Rows) error {
			var name string
			err := rows.Scan(&name)
			if !wanted[name] {
				old = append(old, name)
			}
			return err
		})
	for _, name := range old {
		if err == nil {
			_, err = t.w.conn.ExecContext(t.run, `DROP INDEX `+quote(name))
		}
	}
	return err
}

// Holders returns the live resources with a value at a unique path. The index finds
// what SQLite takes for equal, a few more than are; lists and objects are looked
// for among all rows, because their texts tell less.
func (v *view) Holders(model, path string, value any) ([]resource.ID, error) {
	if value == nil {
		return nil, nil
	}
	unique, err := v.uniquePaths(model)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(unique, path) {
		return nil, fmt.Errorf("%s of model %s is not declared unique", path, model)
	}
	x, err := resource.NewIndexed(map[string]any{path: value})
	if err == nil {
		value, err = uniquepath.Stored(v.f.encoding(), path, x)
	}
	if err != nil {
		return nil, fmt.Errorf("value of %s: %w", path, err)
	}
	where, args := heldAt(path)+` = json_extract(?, '$."`+path+`"')`, []any{string(x.AppendJSON(nil))}
	if !qb.Equal(value, value) {
		return nil, nil
	}
	switch v := value.(type) {
	case []any, map[string]any:
		where, args = heldAt(path)+` IS NOT NULL`, nil
	case float64:
		if math.IsInf(v, 0) {
			where, args = heldAt(path)+` IS NULL`, nil // JSON has no infinities
		}
	}
	return v.liveWith(model, path, qb.Key(value), `SELECT data FROM `+v.names[model].meta+` WHERE is_deleted = 0 AND `+where+` ORDER BY resource_id`, args)
}

// liveWith returns those of the rows whose value at path has the key.
func (v *view) liveWith(model, path, key, query string, args []any) ([]resource.ID, error) {
	var ids []resource.ID
	err := v.t.each(query, args, func(rows *sql.Rows) error {
		var data sql.RawBytes
		if err := rows.Scan(&data); err != nil {
			return err
		}
		m, err := resource.DecodeMeta(v.f.encoding(), data)
		if err != nil {
			return fmt.Errorf("model %s: stored meta: %w", model, err)
		}
		indexed := m.IndexedData.Or(resource.Indexed{})
		if held, ok := indexed.Lookup(path); ok && qb.Key(held) == key {
			ids = append(ids, m.ResourceID)
		}
		return nil
	})
	return ids, err
}

// uniquePaths returns the unique paths of a model of the unit of work, read once.
func (v *view) uniquePaths(model string) ([]string, error) {
	if paths, ok := v.unique[model]; ok {
		return paths, nil
	}
	if _, ok := v.names[model]; !ok {
		return nil, fmt.Errorf("model %s: %w", model, storage.ErrNotFound)
	}
	var paths []string
	err := v.t.each(`SELECT unique_paths FROM specstar_models WHERE store = ? AND name = ?`, []any{v.f.identity.number, model}, func(rows *sql.Rows) error {
		var b sql.RawBytes
		if err := rows.Scan(&b); err != nil {
			return err
		}
		var err error
		paths, err = scanPaths(b)
		return err
	})
	v.unique[model] = paths
	return paths, err
}
