package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/specstar-worker/worker/storage"
)

// queryer reads: the pool of reading connections, or the connection of a snapshot.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Models returns the models that are there, by ascending name.
func (f *Factory) Models(ctx context.Context) ([]storage.ModelInfo, error) {
	ctx, stop := f.reading(ctx)
	defer stop()
	rows, err := f.reads.QueryContext(ctx, `SELECT name, encoding, indexed_paths FROM specstar_models WHERE store = ? ORDER BY name`, f.identity.number)
	if err != nil {
		return nil, f.explain("list models of", err)
	}
	var models []storage.ModelInfo
	for rows.Next() {
		var m storage.ModelInfo
		var paths []byte
		if err := rows.Scan(&m.Name, &m.Encoding, &paths); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		if err := json.Unmarshal(paths, &m.IndexedPaths); err != nil {
			return nil, errors.Join(fmt.Errorf("model %s: indexed paths: %w", m.Name, err), rows.Close())
		}
		models = append(models, m)
	}
	return models, f.explain("list models of", errors.Join(rows.Err(), rows.Close()))
}

// SaveModel makes the model's tables and remembers it. A model whose tables
// would be those of another model is refused.
func (f *Factory) SaveModel(ctx context.Context, m storage.ModelInfo) error {
	if f.readOnly {
		return fmt.Errorf("save model %s: %w", m.Name, errReadOnly)
	}
	if err := checkModelName(m.Name); err != nil {
		return err
	}
	paths := m.IndexedPaths
	if paths == nil {
		paths = []string{}
	}
	encoded, err := json.Marshal(paths)
	if err != nil {
		return fmt.Errorf("save model %s: %w", m.Name, err)
	}
	t := tablesOf(f.prefix, m.Name)
	return f.write.do(ctx, "save model "+m.Name+" in", func(x *tx) error {
		if err := x.checkTables(f.identity.number, t); err != nil {
			return err
		}
		for _, statement := range t.ddl() {
			if _, err := x.w.conn.ExecContext(x.run, statement); err != nil {
				return err
			}
		}
		_, err := x.exec(`INSERT INTO specstar_models (store, name, table_name, encoding, indexed_paths) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (store, name) DO UPDATE SET encoding = excluded.encoding, indexed_paths = excluded.indexed_paths`,
			f.identity.number, m.Name, t.base, string(m.Encoding), string(encoded))
		return err
	})
}

// checkTables refuses tables that belong to another model.
func (t *tx) checkTables(store int64, names tables) error {
	return t.each(`SELECT name FROM specstar_models WHERE table_name = ? AND NOT (store = ? AND name = ?)`,
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
