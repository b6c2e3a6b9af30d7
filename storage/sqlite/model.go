package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
)

// queryer reads: the pool of reading connections, or the connection of a snapshot.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// modelColumns are the columns of a model in the order of scanModel.
const modelColumns = `name, encoding, indexed_paths, unique_paths, schema_version, declaration`

// modelColumns1 are the same in a file of layout 1, which is read as it is.
const modelColumns1 = `name, encoding, indexed_paths, '[]', NULL, NULL`

// Models returns the models that are there, by ascending name.
func (f *Factory) Models(ctx context.Context) ([]storage.ModelInfo, error) {
	if f.beside != nil {
		if err := f.beside.adoptNew(ctx); err != nil {
			return nil, err
		}
	}
	return f.listModels(ctx)
}

// listModels is Models without those that the original has made since the last look.
func (f *Factory) listModels(ctx context.Context) ([]storage.ModelInfo, error) {
	columns := modelColumns
	if f.layout < 2 {
		columns = modelColumns1
	}
	var models []storage.ModelInfo
	if f.beside != nil {
		models = f.beside.foundModels()
	}
	for m, err := range stream(ctx, f, f.reads, "list models of", `SELECT `+columns+` FROM specstar_models WHERE store = ? ORDER BY name`,
		[]any{f.identity.number}, scanModel) {
		if err != nil {
			return nil, err
		}
		models = append(models, m)
	}
	if f.beside != nil {
		slices.SortFunc(models, func(a, b storage.ModelInfo) int { return strings.Compare(a.Name, b.Name) })
	}
	return models, nil
}

func scanModel(rows *sql.Rows) (storage.ModelInfo, error) {
	var m storage.ModelInfo
	var indexed, unique sql.RawBytes
	var version sql.NullString
	if err := rows.Scan(&m.Name, &m.Encoding, &indexed, &unique, &version, &m.Declaration); err != nil {
		return m, err
	}
	if version.Valid {
		m.SchemaVersion = opt.Of(version.String)
	}
	var err error
	if m.IndexedPaths, err = scanPaths(indexed); err == nil {
		m.UniquePaths, err = scanPaths(unique)
	}
	if err != nil {
		return m, fmt.Errorf("paths of model %s: %w", m.Name, err)
	}
	return m, nil
}

// scanPaths reads a JSON array of paths, nil for an empty one.
func scanPaths(b []byte) ([]string, error) {
	var paths []string
	if err := json.Unmarshal(b, &paths); err != nil || len(paths) == 0 {
		return nil, err
	}
	return paths, nil
}

// saveModel inserts a model, or replaces what is remembered of it.
const saveModel = `INSERT INTO specstar_models (store, table_name, ` + modelColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (store, name) DO UPDATE SET encoding = excluded.encoding, indexed_paths = excluded.indexed_paths,
	unique_paths = excluded.unique_paths, schema_version = excluded.schema_version, declaration = excluded.declaration`

// SaveModel makes the model's tables and remembers it. A model whose tables
// would be those of another model is refused.
func (f *Factory) SaveModel(ctx context.Context, m storage.ModelInfo) error {
	if err := checkModelName(m.Name); err != nil {
		return err
	}
	if f.beside != nil {
		return f.beside.saveModel(ctx, m)
	}
	t := tablesOf(f.prefix, m.Name)
	return f.do(ctx, "save model "+m.Name+" in", func(x *tx) error {
		if err := x.checkTables(f.identity.number, t); err != nil {
			return err
		}
		for _, statement := range t.ddl() {
			if _, err := x.w.conn.ExecContext(x.run, statement); err != nil {
				return err
			}
		}
		if err := x.uniqueIndexes(t, m.UniquePaths); err != nil {
			return err
		}
		_, err := x.exec(saveModel, f.identity.number, t.base, m.Name, string(m.Encoding),
			jsonIDs(m.IndexedPaths), jsonIDs(m.UniquePaths), textOrNull(m.SchemaVersion), bytesOrNull(m.Declaration))
		return err
	})
}

// checkTables refuses tables that belong to another model, also those whose names differ
// by case alone, which are one to SQLite: prefixes may.
func (t *tx) checkTables(store int64, names tables) error {
	return t.each(`SELECT name FROM specstar_models WHERE table_name = ? COLLATE NOCASE AND NOT (store = ? AND name = ?)`,
		[]any{names.base, store, names.model}, func(rows *sql.Rows) error {
			var other string
			if err := rows.Scan(&other); err != nil {
				return err
			}
			return fmt.Errorf("model %s would share the tables %s_… with model %s: rename one of them or use a table prefix: %w", names.model, names.base, other, storage.ErrUnusableName)
		})
}

// Build returns the stores of a model.
func (f *Factory) Build(ctx context.Context, model string) (storage.Stores, error) {
	if f.beside != nil {
		return f.beside.build(ctx, model)
	}
	t, err := f.tables(ctx, model)
	if err != nil {
		return storage.Stores{}, err
	}
	return storage.Stores{
		Metas:     metaStore{metaReader{f: f, q: f.reads, t: t}},
		Revisions: revisionStore{revisionReader{f: f, q: f.reads, t: t}},
	}, nil
}

// tables returns the tables of a model that was made.
func (f *Factory) tables(ctx context.Context, model string) (tables, error) {
	f.mu.Lock()
	t, ok := f.models[model]
	f.mu.Unlock()
	if ok {
		return t, nil
	}
	ctx, stop := f.reading(ctx)
	defer stop()
	t, err := f.findTables(ctx, f.reads, model)
	if err != nil {
		return tables{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.models[model] = t
	return t, nil
}

func (f *Factory) findTables(ctx context.Context, q queryer, model string) (tables, error) {
	var base string
	err := q.QueryRowContext(ctx, `SELECT table_name FROM specstar_models WHERE store = ? AND name = ?`, f.identity.number, model).Scan(&base)
	if errors.Is(err, sql.ErrNoRows) {
		return tables{}, fmt.Errorf("model %s: %w", model, storage.ErrNotFound)
	}
	if err != nil {
		return tables{}, f.explain("find model "+model+" in", err)
	}
	return tablesNamed(model, base), nil
}

// reading returns a context that also ends when the factory is closed.
func (f *Factory) reading(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(f.ended, func() { cancel(errClosed) })
	return ctx, func() { stop(); cancel(nil) }
}

// errClosed ends the reads of a closed factory.
var errClosed = errors.New("the store was closed")
