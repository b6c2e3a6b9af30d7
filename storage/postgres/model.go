package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/tablename"
)

// modelColumns are the columns of a model in the order of scanModel.
const modelColumns = `name, table_name, encoding, indexed_paths, unique_paths, schema_version, declaration`

// registered is a model of the store with the base name of its tables.
type registered struct {
	storage.ModelInfo
	base string
}

// Models returns the models that are there, by ascending name: also those that the
// original has made meanwhile.
func (f *Factory) Models(ctx context.Context) ([]storage.ModelInfo, error) {
	all, err := f.registered(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]storage.ModelInfo{}
	for _, m := range all {
		known[m.Name] = m.ModelInfo
	}
	found, err := f.discover(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range found {
		known[m.Name] = m.ModelInfo
	}
	models := make([]storage.ModelInfo, 0, len(known))
	for _, name := range slices.Sorted(maps.Keys(known)) {
		models = append(models, known[name])
	}
	return models, nil
}

// registered returns the models that our table remembers, none where the store is foreign.
func (f *Factory) registered(ctx context.Context) ([]registered, error) {
	if f.foreign() {
		return nil, nil
	}
	return collect(ctx, f, pooled{f}, "list models of", `SELECT `+modelColumns+` FROM specstar_models WHERE store = $1 ORDER BY name`,
		[]any{f.identity.number}, scanModel)
}

// foreign reports whether this package has never written to the store.
func (f *Factory) foreign() bool { return f.identity.number == 0 }

func scanModel(rows pgx.Rows) (registered, error) {
	var m registered
	var enc string
	var version *string
	var indexed, unique []byte
	if err := rows.Scan(&m.Name, &m.base, &enc, &indexed, &unique, &version, &m.Declaration); err != nil {
		return m, err
	}
	m.Encoding = resource.Encoding(enc)
	if version != nil {
		m.SchemaVersion = opt.Of(*version)
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

func jsonPaths(paths []string) string {
	if len(paths) == 0 {
		return "[]"
	}
	b, err := json.Marshal(paths)
	if err != nil {
		return "[]" // a slice of strings always marshals
	}
	return string(b)
}

// saveModel inserts a model, or replaces what is remembered of it.
const saveModel = `INSERT INTO specstar_models (store, name, table_name, encoding, indexed_paths, unique_paths, schema_version, declaration)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
	ON CONFLICT (store, name) DO UPDATE SET encoding = excluded.encoding, indexed_paths = excluded.indexed_paths,
	unique_paths = excluded.unique_paths, schema_version = excluded.schema_version, declaration = excluded.declaration`

// SaveModel makes the model's tables and remembers it. A model whose tables would be
// those of another model is refused.
func (f *Factory) SaveModel(ctx context.Context, m storage.ModelInfo) error {
	base := f.prefix + tablename.Snake(m.Name)
	if err := checkModelName(m.Name, base); err != nil {
		return err
	}
	t := tablesNamed(m.Name, base)
	return f.write(ctx, "save model "+m.Name+" in", func(x *tx) error {
		if _, err := x.exec(`SELECT pg_advisory_xact_lock($1)`, int64(schemaLock)); err != nil {
			return err
		}
		if err := x.checkTables(t); err != nil {
			return err
		}
		if err := x.makeTables(t); err != nil {
			return err
		}
		if err := x.uniqueIndexes(t, m.UniquePaths); err != nil {
			return err
		}
		return x.saveModel(registered{ModelInfo: m, base: base})
	})
}

func (t *tx) saveModel(m registered) error {
	var version *string
	if v, ok := m.SchemaVersion.Get(); ok {
		version = &v
	}
	_, err := t.exec(saveModel, t.f.identity.number, m.Name, m.base, string(m.Encoding),
		jsonPaths(m.IndexedPaths), jsonPaths(m.UniquePaths), version, bytesOrNull(m.Declaration))
	return err
}

func bytesOrNull(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// Build returns the stores of a model.
func (f *Factory) Build(ctx context.Context, model string) (storage.Stores, error) {
	t, err := f.tables(ctx, model)
	if err != nil {
		return storage.Stores{}, err
	}
	s := storage.Stores{Metas: metaStore{metaReader{f: f, q: pooled{f}, t: t}}}
	if f.medium != nil {
		s.Revisions = outerStore{f.outerReader(t)}
	} else {
		s.Revisions = revisionStore{revisionReader{f: f, s: innerSource{f: f, q: pooled{f}}, t: t}}
	}
	return s, nil
}

// tables returns the tables of a model that was made.
func (f *Factory) tables(ctx context.Context, model string) (tables, error) {
	f.mu.Lock()
	t, ok := f.models[model]
	f.mu.Unlock()
	if ok {
		return t, nil
	}
	t, err := f.findTables(ctx, model)
	if err != nil {
		return tables{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.models[model] = t
	return t, nil
}

// findTables looks the model up; one that the original has made meanwhile is taken in.
func (f *Factory) findTables(ctx context.Context, model string) (tables, error) {
	t, err := f.tablesIn(ctx, pooled{f}, model)
	if !errors.Is(err, storage.ErrNotFound) || f.readOnly {
		return t, err
	}
	if err := f.adopt(ctx); err != nil {
		return tables{}, err
	}
	return f.tablesIn(ctx, pooled{f}, model)
}

// tablesIn looks a model up as q sees it: among those that are remembered, and, for a
// store that is only read, among those that others have made.
func (f *Factory) tablesIn(ctx context.Context, q queryer, model string) (tables, error) {
	if !f.foreign() {
		// All rows are read before the next question: it needs a connection, too.
		bases, err := collect(ctx, f, q, "find model "+model+" in", `SELECT table_name FROM specstar_models WHERE store = $1 AND name = $2`,
			[]any{f.identity.number, model}, scanText[string])
		if err != nil {
			return tables{}, err
		}
		if len(bases) > 0 {
			return f.withColumns(ctx, q, tablesNamed(model, bases[0]))
		}
	}
	if f.readOnly {
		found, err := f.discover(ctx)
		if err != nil {
			return tables{}, err
		}
		if i := slices.IndexFunc(found, func(m registered) bool { return m.Name == model }); i >= 0 {
			return f.withColumns(ctx, q, tablesNamed(model, found[i].base))
		}
	}
	return tables{}, fmt.Errorf("model %s: %w", model, storage.ErrNotFound)
}

// withColumns learns what columns of the model's tables are like: the types of its times,
// and the order of ids in its index of entries, whose collation "C" is number 950.
func (f *Factory) withColumns(ctx context.Context, q queryer, t tables) (tables, error) {
	found, err := collect(ctx, f, q, "find model "+t.model+" in",
		`SELECT atttypid = 'timestamptz'::regtype,
			EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass($2) AND attname = 'resource_id' AND attcollation = 950)
			FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = 'created_time'`,
		[]any{t.meta, t.index}, func(rows pgx.Rows) (tables, error) {
			err := rows.Scan(&t.zoned, &t.bytewise)
			return t, err
		})
	if err != nil {
		return t, err
	}
	if len(found) == 0 {
		return t, fmt.Errorf("model %s: its table %s is not in %s: restore it, or remove the row of the model from specstar_models", t.model, t.meta, f.place)
	}
	return found[0], nil
}
