package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/tablename"
)

var _ storage.Founder = (*Factory)(nil)

// Found makes the tables of models without keys and indexes, fills them, and then has
// the server build those from all rows: that takes it half the time of filling tables
// that have them. It is one transaction, so that nobody ever sees such tables. Whoever
// makes tables otherwise waits for it; of two that make the same ones the second waits for
// the first one's names.
func (f *Factory) Found(ctx context.Context, models []storage.ModelInfo, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	if f.medium != nil || f.noMigrate || f.readOnly || !b.New {
		return storage.ErrNotFounded
	}
	made := f.foundations(models)
	names, err := f.namesToFound(ctx, made, b)
	if err != nil {
		return err
	}
	rows := prepareMeanwhile(func() (*prepared, error) { return f.prepareAhead(ctx, names, b, compute) })
	defer rows.close(&f.buffers)
	err = f.write(ctx, doingUnit, func(t *tx) error {
		done, err := t.startUnit(b)
		if done || err != nil {
			return err
		}
		if t.attempt > 0 {
			return storage.ErrNotFounded // somebody was in the way, or a key comes twice
		}
		return t.found(made, rows)
	})
	if refuses(err) {
		return storage.ErrNotFounded // whoever writes in the ordinary way finds out which record it is
	}
	return err
}

// meanwhile is a unit that is prepared while its tables are made.
type meanwhile struct {
	done     chan struct{}
	unit     *prepared
	err      error
	panicked any
}

// prepareMeanwhile calls prepare in a goroutine of its own.
func prepareMeanwhile(prepare func() (*prepared, error)) *meanwhile {
	m := &meanwhile{done: make(chan struct{})}
	go func() {
		defer close(m.done)
		defer func() { m.panicked = recover() }()
		m.unit, m.err = prepare()
	}()
	return m
}

// get waits for the unit; ErrNotFounded for one that cannot be prepared without a look
// at what is there. A panic is the caller's, who may survive it.
func (m *meanwhile) get() (*prepared, error) {
	<-m.done
	switch {
	case m.panicked != nil:
		panic(m.panicked)
	case m.err == nil && m.unit == nil:
		return nil, storage.ErrNotFounded
	}
	return m.unit, m.err
}

// close is that of the unit. compute is not running any more then.
func (m *meanwhile) close(b *buffers) {
	if <-m.done; m.unit != nil {
		m.unit.close(b)
	}
}

// foundation is a model that is made together with its first resources.
type foundation struct {
	registered
	names tables
}

// foundations names the tables of models, which are sorted by name.
func (f *Factory) foundations(models []storage.ModelInfo) []foundation {
	all := make([]foundation, len(models))
	for i, m := range models {
		base := f.prefix + tablename.Snake(m.Name)
		all[i] = foundation{registered{ModelInfo: m, base: base}, tablesNamed(m.Name, base)}
		all[i].names.zoned = f.layout == LayoutSQLAlchemy
	}
	slices.SortFunc(all, func(a, b foundation) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// namesToFound returns the tables of every model that a batch names: those of made are
// still to be made.
func (f *Factory) namesToFound(ctx context.Context, made []foundation, b storage.Batch) (map[string]tables, error) {
	fresh := make(map[string]tables, len(made))
	for _, m := range made {
		if err := checkModelName(m.Name, m.base); err != nil {
			return nil, err
		}
		fresh[m.Name] = m.names
	}
	var others storage.Batch
	for _, r := range b.Refs {
		if _, is := fresh[r.Model]; !is {
			others.Refs = append(others.Refs, r)
		}
	}
	names, err := unit{f}.tablesOfRefs(ctx, others)
	if err != nil {
		return nil, err
	}
	for model, t := range fresh {
		names[model] = t
	}
	return names, nil
}

// found makes models and does the unit of work that is being prepared.
func (t *tx) found(made []foundation, rows *meanwhile) error {
	if _, err := t.exec(`SELECT pg_advisory_xact_lock_shared($1)`, int64(schemaLock)); err != nil {
		return err
	}
	for i := range made {
		if err := t.beginModel(&made[i]); err != nil {
			return err
		}
	}
	p, err := rows.get()
	if err != nil {
		return err
	}
	if err := t.writeRows(p); err != nil {
		return err
	}
	for i := range made {
		if err := t.completeModel(&made[i]); err != nil {
			return err
		}
	}
	return t.writeLedgerOf(p)
}

// isThere tells whether there is anything of a model: $1 is the store, $2 the model, $3
// the base name of its tables and $4 to $6 are these.
const isThere = `SELECT EXISTS (SELECT FROM specstar_models WHERE store = $1 AND name = $2 OR table_name = $3)
	OR coalesce(to_regclass($4), to_regclass($5), to_regclass($6)) IS NOT NULL`

// beginModel makes the tables of a model as they are filled.
func (t *tx) beginModel(m *foundation) error {
	there := false
	err := t.conn.QueryRow(t.ctx, isThere, t.f.identity.number, m.Name, m.base, m.names.meta, m.names.data, m.names.index).Scan(&there)
	switch {
	case err != nil:
		return err
	case there:
		return storage.ErrNotFounded
	}
	if err := t.saveModel(m.registered); err != nil {
		return err
	}
	return t.runAll(m.names.bare(t.f.layout))
}

// completeModel gives the tables of a model their keys and indexes. The planner may read
// whole tables for it, as it may not otherwise.
func (t *tx) completeModel(m *foundation) error {
	const freely = `SELECT set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true)`
	if err := t.runAll(append([]string{freely}, m.names.keys(!t.f.noForeignKey)...)); err != nil {
		return err
	}
	if err := t.uniqueIndexes(m.names, m.UniquePaths); err != nil {
		return fmt.Errorf("unique paths of model %s: %w", m.Name, err)
	}
	return nil
}

// runAll runs statements in one round trip.
func (t *tx) runAll(statements []string) error {
	_, err := t.conn.PgConn().Exec(t.ctx, strings.Join(statements, ";\n")).ReadAll()
	return err
}
