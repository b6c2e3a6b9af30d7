package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

var _ storage.Indexer = (*Factory)(nil)

// Indexes tells of the indexes of a model's metas.
func (f *Factory) Indexes(ctx context.Context, model string, want []storage.Index) ([]storage.IndexStatus, error) {
	set, err := f.indexSet(ctx, model, want)
	if err != nil {
		return nil, err
	}
	return set.status(ctx, pooled{f})
}

// indexSet are the indexes that a model is to have.
type indexSet struct {
	f    *Factory
	t    tables
	defs []indexDef
	// impossible are those that PostgreSQL cannot have.
	impossible []storage.IndexStatus
}

func (f *Factory) indexSet(ctx context.Context, model string, want []storage.Index) (*indexSet, error) {
	t, err := f.tables(ctx, model)
	if err != nil {
		return nil, err
	}
	s := &indexSet{f: f, t: t, defs: t.defaultIndexes()}
	for _, x := range want {
		defs, err := t.define(x)
		if err != nil {
			s.impossible = append(s.impossible, storage.IndexStatus{On: x.String(), Declared: true, State: storage.IndexMissing, Problem: err.Error()})
			continue
		}
		for _, d := range defs {
			if !slices.ContainsFunc(s.defs, func(other indexDef) bool { return other.body == d.body }) {
				s.defs = append(s.defs, d)
			}
		}
	}
	return s, nil
}

// found is an index of ours that is in the database.
type found struct {
	name, comment  string
	valid, growing bool
	bytes          int64
}

// findIndexes selects those of a table whose names are given or begin as those of
// declared ones. A statement that makes one shows its progress to everybody.
const findIndexes = `SELECT c.relname::text, coalesce(obj_description(c.oid, 'pg_class'), ''), i.indisvalid,
	EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = c.oid AND p.datname = current_database()), pg_relation_size(c.oid)
	FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
	WHERE i.indrelid = to_regclass($1) AND (c.relname = ANY($2) OR starts_with(c.relname, $3)) ORDER BY c.relname COLLATE "C"`

// status tells what there is of each index, and of those that are not wanted.
func (s *indexSet) status(ctx context.Context, q queryer) ([]storage.IndexStatus, error) {
	names := []string{s.t.oldIndex()}
	for _, d := range s.defs {
		names = append(names, d.name)
	}
	there, err := collect(ctx, s.f, q, "list indexes of model "+s.t.model+" in", findIndexes, []any{s.t.meta, names, declaredPrefix}, func(rows pgx.Rows) (x found, err error) {
		return x, rows.Scan(&x.name, &x.comment, &x.valid, &x.growing, &x.bytes)
	})
	if err != nil {
		return nil, err
	}
	status := make([]storage.IndexStatus, 0, len(s.defs)+len(there))
	for _, d := range s.defs {
		x := storage.IndexStatus{Name: d.name, On: d.on, Declared: d.declared, State: storage.IndexMissing, Statement: s.t.statement(d, whileWriting)}
		if i := slices.IndexFunc(there, func(f found) bool { return f.name == d.name }); i >= 0 {
			x.State, x.Bytes = there[i].state(), there[i].bytes
			there = slices.Delete(there, i, i+1)
		}
		status = append(status, x)
	}
	status = append(status, s.impossible...)
	for _, x := range there {
		old := x.name == s.t.oldIndex()
		if old {
			x.comment = oldIndexOn
		}
		status = append(status, storage.IndexStatus{
			Name: x.name, On: x.comment, Declared: !old, State: storage.IndexUnwanted, Bytes: x.bytes, Statement: dropIndex(x.name),
		})
	}
	return status, nil
}

func (x found) state() storage.IndexState {
	switch {
	case x.valid:
		return storage.IndexThere
	case x.growing:
		return storage.IndexGrowing
	}
	return storage.IndexUnfinished
}

// dropIndex drops an index while others use the table.
func dropIndex(name string) string { return `DROP INDEX CONCURRENTLY IF EXISTS ` + quote(name) }

// MakeIndexes makes the indexes of a model that are missing. They are made while others
// write, each by itself: there is no transaction around them. What an interrupted making
// has left is dropped first.
func (f *Factory) MakeIndexes(ctx context.Context, model string, want []storage.Index, drop bool) ([]storage.IndexStatus, error) {
	if f.readOnly {
		return nil, fmt.Errorf("make indexes in %s: %w", f.place, errReadOnly)
	}
	set, err := f.indexSet(ctx, model, want)
	if err != nil {
		return nil, err
	}
	status, err := set.status(ctx, pooled{f})
	if err != nil || !slices.ContainsFunc(status, func(x storage.IndexStatus) bool { return isDue(x, drop) }) {
		return status, err
	}
	if f.noMigrate {
		return refuseDue(status, drop), nil
	}
	return set.make(ctx, drop)
}

// isDue reports whether there is something to do about an index.
func isDue(x storage.IndexStatus, drop bool) bool {
	switch x.State {
	case storage.IndexMissing, storage.IndexUnfinished:
		return x.Statement != ""
	case storage.IndexUnwanted:
		return drop
	}
	return false
}

// refuseDue says of what is due who can do it.
func refuseDue(status []storage.IndexStatus, drop bool) []storage.IndexStatus {
	for i := range status {
		if x := &status[i]; isDue(*x, drop) {
			x.Problem = "the store was told to make none: a role that may does it by the statement"
		}
	}
	return status
}
