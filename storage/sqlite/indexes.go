package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

var _ storage.Indexer = (*Factory)(nil)

// indexDef is an index of a meta table.
type indexDef struct {
	name     string // unquoted
	on       string // for people
	declared bool
	body     string // behind the table's name
}

func (t tables) statement(d indexDef) string {
	return `CREATE INDEX IF NOT EXISTS ` + quote(d.name) + ` ON ` + t.meta + ` ` + d.body
}

// defaultIndexes are those of every meta table, the same as in PostgreSQL; resource_id,
// which breaks ties of every order, is the last column of each.
func (t tables) defaultIndexes() []indexDef {
	plain := func(name, columns string) indexDef {
		return indexDef{name: t.base + "_meta_" + name, on: columns, body: `(` + columns + `, resource_id)`}
	}
	return []indexDef{
		plain("user", "rev_updated_by, rev_status, rev_created_time"),
		plain("status", "rev_status, rev_created_time"),
		plain("updated", "updated_time"),
		plain("created", "created_time"),
		{name: t.base + "_meta_unfilled", on: "rev_* that are unset", body: `(resource_id) WHERE ` + unfilled},
	}
}

// oldIndex is the name of an index that former versions made of every meta table.
func (t tables) oldIndex() string { return t.base + "_meta_rev" }

const oldIndexOn = "rev_status, rev_updated_by, rev_created_time"

// declaredPrefix begins the names of a model's declared indexes.
func (t tables) declaredPrefix() string { return t.base + "_meta_index_" }

// define returns a declared index. Names that differ by case alone are one to SQLite, so
// a hash tells indexes apart.
func (t tables) define(x storage.Index) (indexDef, error) {
	if err := x.Check(); err != nil {
		return indexDef{}, err
	}
	d := indexDef{name: fmt.Sprintf("%s%016x", t.declaredPrefix(), xxh3.HashString(x.String())), on: x.String(), declared: true}
	keys := x.Keys
	switch {
	case x.Elements != "":
		return d, errors.New("index on elements of data: SQLite has none of that kind")
	case x.Equal != "":
		keys = []storage.IndexKey{{Path: x.Equal}}
	}
	parts := make([]string, 0, len(keys)+1)
	for _, k := range keys {
		part := string(k.Attr)
		if k.Path != "" {
			at, ok := sqlgen.PathLiteral(sqlgen.SQLite, k.Path)
			if !ok {
				return d, fmt.Errorf("index on data.%q: no meta in SQLite can have that path", k.Path)
			}
			part = sqlgen.KeySQL(at)
		}
		parts = append(parts, part)
	}
	if !slices.Contains(parts, "resource_id") {
		parts = append(parts, "resource_id")
	}
	d.body = `(` + strings.Join(parts, ", ") + `)`
	return d, nil
}

// errNoIndexes tells that metas are in files of the original, which get none of ours.
var errNoIndexes = fmt.Errorf("the store has no indexes, every search reads all metas: %w", errors.ErrUnsupported)

// Indexes tells of the indexes of a model's metas.
func (f *Factory) Indexes(ctx context.Context, model string, want []storage.Index) ([]storage.IndexStatus, error) {
	if f.beside != nil {
		return nil, errNoIndexes
	}
	t, err := f.tables(ctx, model)
	if err != nil {
		return nil, err
	}
	there, err := f.indexNames(ctx, f.reads, t)
	if err != nil {
		return nil, err
	}
	return t.status(want, there), nil
}

// status tells what there is of each index, and of those that are not wanted.
func (t tables) status(want []storage.Index, there map[string]bool) (status []storage.IndexStatus) {
	known := map[string]bool{} // bodies
	add := func(d indexDef) {
		if known[d.body] {
			return
		}
		known[d.body] = true
		x := storage.IndexStatus{Name: d.name, On: d.on, Declared: d.declared, State: storage.IndexMissing, Statement: t.statement(d)}
		if there[d.name] {
			x.State = storage.IndexThere
		}
		delete(there, d.name)
		status = append(status, x)
	}
	for _, d := range t.defaultIndexes() {
		add(d)
	}
	for _, x := range want {
		d, err := t.define(x)
		if err != nil {
			status = append(status, storage.IndexStatus{On: x.String(), Declared: true, State: storage.IndexMissing, Problem: err.Error()})
			continue
		}
		add(d)
	}
	for name := range there {
		x := storage.IndexStatus{Name: name, State: storage.IndexUnwanted, Declared: true, Statement: `DROP INDEX IF EXISTS ` + quote(name)}
		switch {
		case name == t.oldIndex():
			x.On, x.Declared = oldIndexOn, false
		case !strings.HasPrefix(name, t.declaredPrefix()):
			continue // of unique paths, or somebody else's
		}
		status = append(status, x)
	}
	return status
}

// MakeIndexes makes the indexes of a model that are missing, each in a write transaction
// of its own, so that other writers wait for one at most.
func (f *Factory) MakeIndexes(ctx context.Context, model string, want []storage.Index, drop bool) ([]storage.IndexStatus, error) {
	status, err := f.Indexes(ctx, model, want)
	if err != nil {
		return nil, err
	}
	for i := range status {
		x := &status[i]
		after := storage.IndexThere
		switch {
		case x.State == storage.IndexMissing && x.Statement != "":
		case x.State == storage.IndexUnwanted && drop:
			after = storage.IndexDropped
		default:
			continue
		}
		err := f.do(ctx, "make index "+x.Name+" in", func(t *tx) error {
			_, err := t.w.conn.ExecContext(t.run, x.Statement)
			return err
		})
		if err != nil {
			return nil, err
		}
		x.State = after
	}
	return status, nil
}
