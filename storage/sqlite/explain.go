package sqlite

import (
	"context"
	"database/sql"
	"strings"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/indexadvice"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

var _ storage.Explainer = metaReader{}

// Explain says how SQLite answers a query. It cannot tell what a statement took.
func (r metaReader) Explain(ctx context.Context, q qb.Query, o storage.ExplainOptions) (storage.Explanation, error) {
	var x storage.Explanation
	parts, notes, err := r.statementsOf(q, o.Count)
	if err != nil {
		return x, err
	}
	x.Program = notes
	// A connection notices new indexes when it reads: explaining alone is not reading.
	rows, err := r.rows(ctx)
	if err != nil {
		return x, err
	}
	var costs []string
	for _, s := range parts {
		for step, err := range stream(ctx, r.f, r.q, r.doing("explain a query"), `EXPLAIN QUERY PLAN `+s.SQL, s.Args, scanStep) {
			if err != nil {
				return x, err
			}
			s.Plan = append(s.Plan, step)
		}
		costs = append(costs, costsOf(s.Plan)...)
		x.Statements = append(x.Statements, s)
	}
	if len(costs) == 0 || rows < many {
		return x, nil
	}
	x.Advice, err = r.advise(ctx, q, o.Count, costs[0])
	return x, err
}

// statementsOf returns what Search or Count ask, and what the program does by itself.
func (r metaReader) statementsOf(q qb.Query, count bool) ([]storage.ExplainedStatement, []string, error) {
	table := r.t.base + "_meta"
	if count {
		p := sqlgen.CompileCount(sqlgen.SQLite, table, "data", q)
		parts := []storage.ExplainedStatement{{SQL: p.SQL, Args: p.Args}}
		if !p.Exact {
			parts = append(parts, storage.ExplainedStatement{SQL: p.Decide, Args: p.DecideArgs})
		}
		return parts, p.Program(), nil
	}
	p, err := sqlgen.Compile(sqlgen.SQLite, table, "data", q)
	return []storage.ExplainedStatement{{SQL: p.SQL, Args: p.Args}}, p.Program(), err
}

func scanStep(rows *sql.Rows) (step string, err error) {
	var id, parent, unused int
	return step, rows.Scan(&id, &parent, &unused, &step)
}

// many is from how many metas on it matters that they are read or sorted.
const many = 1000

// rows is about how many metas there are: no more than this.
func (r metaReader) rows(ctx context.Context) (n int64, err error) {
	ctx, stop := r.f.reading(ctx)
	defer stop()
	err = r.q.QueryRowContext(ctx, `SELECT coalesce(max(rowid), 0) FROM `+r.t.meta).Scan(&n)
	return n, r.f.explain(r.doing("explain a query"), cause(ctx, err))
}

// costsOf says what a statement does that an index would spare.
func costsOf(plan []string) (costs []string) {
	for _, step := range plan {
		switch {
		case strings.HasPrefix(step, "SCAN ") && !strings.Contains(step, "CONSTANT ROW"):
			costs = append(costs, "metas are read one after another: "+step)
		case strings.HasPrefix(step, "USE TEMP B-TREE FOR"):
			costs = append(costs, "metas are sorted: "+step)
		}
	}
	return costs
}

// advise returns the indexes that would serve the query and are not there.
func (r metaReader) advise(ctx context.Context, q qb.Query, count bool, why string) ([]storage.IndexAdvice, error) {
	there, err := r.f.indexNames(ctx, r.q, r.t)
	if err != nil {
		return nil, err
	}
	var advice []storage.IndexAdvice
	for _, x := range indexadvice.For(q, count) {
		d, err := r.t.define(x)
		if err != nil {
			continue
		}
		for _, other := range r.t.defaultIndexes() {
			if len(x.Keys) > 0 && strings.HasPrefix(other.on+",", x.String()+",") {
				d = other // it may be missing in a store of a former version
				break
			}
		}
		if !there[d.name] {
			advice = append(advice, storage.IndexAdvice{On: d.on, Index: x, Why: why, Statement: r.t.statement(d)})
		}
	}
	return advice, nil
}

// indexNames returns the names of the indexes of a meta table.
func (f *Factory) indexNames(ctx context.Context, q queryer, t tables) (map[string]bool, error) {
	there := map[string]bool{}
	for name, err := range stream(ctx, f, q, "list indexes of model "+t.model+" in",
		`SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?`, []any{t.base + "_meta"},
		func(rows *sql.Rows) (name string, err error) { return name, rows.Scan(&name) }) {
		if err != nil {
			return nil, err
		}
		there[name] = true
	}
	return there, nil
}
