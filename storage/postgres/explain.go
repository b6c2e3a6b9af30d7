package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/indexadvice"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

var _ storage.Explainer = metaReader{}

// Explain says how the server answers a query.
func (r metaReader) Explain(ctx context.Context, q qb.Query, o storage.ExplainOptions) (storage.Explanation, error) {
	var x storage.Explanation
	parts, notes, err := r.statementsOf(q, o.Count)
	if err != nil {
		return x, err
	}
	x.Program = notes
	var costs []string
	for _, s := range parts {
		if s.Plan, err = r.explain(ctx, s, planText(o.Analyze)); err != nil {
			return x, err
		}
		more, err := r.costs(ctx, s)
		if err != nil {
			return x, err
		}
		costs = append(costs, more...)
		x.Statements = append(x.Statements, s)
	}
	if len(costs) > 0 {
		x.Advice, err = r.advise(ctx, q, o.Count, costs[0])
	}
	return x, err
}

// statementsOf returns what Search or Count ask, and what the program does by itself.
func (r metaReader) statementsOf(q qb.Query, count bool) ([]storage.ExplainedStatement, []string, error) {
	table := r.t.base + metaSuffix
	if count {
		p := sqlgen.CompileCount(sqlgen.PostgreSQL, table, "data", q)
		parts := []storage.ExplainedStatement{{SQL: p.SQL, Args: p.Args}}
		if !p.Exact {
			parts = append(parts, storage.ExplainedStatement{SQL: p.Decide, Args: p.DecideArgs})
		}
		return parts, p.Program(), nil
	}
	p, err := sqlgen.Compile(sqlgen.PostgreSQL, table, "data", q)
	return []storage.ExplainedStatement{{SQL: p.SQL, Args: p.Args}}, p.Program(), err
}

// planText is how a plan is asked for that people read.
func planText(analyze bool) string {
	if analyze {
		return `EXPLAIN (ANALYZE, BUFFERS) `
	}
	return `EXPLAIN `
}

// explain returns the lines of a plan.
func (r metaReader) explain(ctx context.Context, s storage.ExplainedStatement, how string) ([]string, error) {
	return collect(ctx, r.f, r.q, r.doing("explain a query"), how+s.SQL, s.Args, scanText[string])
}

// planNode is a step of a plan as the server has it in JSON.
type planNode struct {
	Type      string     `json:"Node Type"`
	Relation  string     `json:"Relation Name"`
	Condition string     `json:"Index Cond"`
	Filter    string     `json:"Filter"`
	Rows      float64    `json:"Plan Rows"`
	Parts     []planNode `json:"Plans"`
}

// many is from how many metas on it matters that they are read or sorted.
const many = 1000

// costs says what a statement does that an index would spare.
func (r metaReader) costs(ctx context.Context, s storage.ExplainedStatement) ([]string, error) {
	lines, err := collect(ctx, r.f, r.q, r.doing("explain a query"), `EXPLAIN (FORMAT JSON) `+s.SQL, s.Args, scanText[string])
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	var plans []struct{ Plan planNode }
	if err := json.Unmarshal([]byte(lines[0]), &plans); err != nil || len(plans) == 0 {
		return nil, fmt.Errorf("%s: plan in JSON: %w", r.doing("explain a query"), err)
	}
	var rows float64
	for n, err := range stream(ctx, r.f, r.q, r.doing("explain a query"), `SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = to_regclass($1)`, []any{r.t.meta},
		func(rows pgx.Rows) (n float64, err error) { return n, rows.Scan(&n) }) {
		if err != nil {
			return nil, err
		}
		rows = n
	}
	return plans[0].Plan.costs(r.t.base+metaSuffix, rows), nil
}

// costs walks a plan over a table of so many rows.
func (n planNode) costs(table string, rows float64) (costs []string) {
	for _, p := range n.Parts {
		costs = append(costs, p.costs(table, rows)...)
	}
	ours := n.Relation == table && max(rows, n.Rows) > many
	switch {
	case n.Type == "Seq Scan" && ours:
		costs = append(costs, fmt.Sprintf("all of about %.0f metas are read", max(rows, n.Rows)))
	case (n.Type == "Index Scan" || n.Type == "Index Only Scan") && ours && n.Condition == "" && n.Filter != "":
		costs = append(costs, fmt.Sprintf("of about %.0f metas one after another is looked at until enough are found", max(rows, n.Rows)))
	case n.Type == "Sort" && len(n.Parts) > 0 && n.Parts[0].Rows > many:
		costs = append(costs, fmt.Sprintf("about %.0f metas are sorted", n.Parts[0].Rows))
	}
	return costs
}

// advise returns the indexes that would serve the query and are not there.
func (r metaReader) advise(ctx context.Context, q qb.Query, count bool, why string) ([]storage.IndexAdvice, error) {
	set := &indexSet{f: r.f, t: r.t}
	var advice []storage.IndexAdvice // one for each definition of set
	for _, x := range indexadvice.For(q, count) {
		defs, err := r.t.define(x)
		if err != nil {
			continue
		}
		for _, other := range r.t.defaultIndexes() {
			if len(x.Keys) > 0 && indexadvice.Serves(other.keys, x.Keys) {
				defs = []indexDef{other} // it may be missing in a store of a former version
				break
			}
		}
		for _, d := range defs {
			set.defs = append(set.defs, d)
			advice = append(advice, storage.IndexAdvice{On: d.on, Index: x, Why: why})
		}
	}
	status, err := set.status(ctx, r.q)
	if err != nil {
		return nil, err
	}
	missing := advice[:0]
	for i, a := range advice {
		if a.Statement = status[i].Statement; status[i].State != storage.IndexThere {
			missing = append(missing, a)
		}
	}
	return missing, nil
}
