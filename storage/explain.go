package storage

import (
	"context"

	"github.com/specstar-worker/worker/qb"
)

// ExplainOptions say what of a query is explained.
type ExplainOptions struct {
	// Count explains Count instead of Search.
	Count bool
	// Analyze runs the statements, where the database can tell what they took.
	Analyze bool
}

// Explanation says how a store answers a query.
type Explanation struct {
	// Scan: every meta of the model is read, and the program decides about each.
	Scan bool `json:"scan"`
	// Statements are what the database is asked, in order.
	Statements []ExplainedStatement `json:"statements"`
	// Program says in sentences what the program decides, and why.
	Program []string `json:"program"`
	// Advice names indexes that would serve the query, where without them many metas are
	// read or sorted.
	Advice []IndexAdvice `json:"advice"`
}

// ExplainedStatement is one statement of an answer.
type ExplainedStatement struct {
	SQL  string `json:"sql"`
	Args []any  `json:"args"`
	// Plan is how the database runs it, in its own words.
	Plan []string `json:"plan"`
}

// IndexAdvice is an index that would serve a query.
type IndexAdvice struct {
	// On says what it is on, see [Index.String].
	On string `json:"on"`
	// Index is what a declaration asks for.
	Index Index `json:"-"`
	// Why says what the database does without it.
	Why string `json:"why"`
	// Statement makes it.
	Statement string `json:"statement"`
}

// Explainer is an optional interface of a [MetaReader], see [Explain].
type Explainer interface {
	// Explain says how Search, or Count, would answer q.
	Explain(ctx context.Context, q qb.Query, o ExplainOptions) (Explanation, error)
}

// Explain says how a reader of metas answers a query. One that cannot tell reads every
// meta.
func Explain(ctx context.Context, r MetaReader, q qb.Query, o ExplainOptions) (Explanation, error) {
	x := Explanation{Scan: true, Program: []string{"every meta of the model is read: the store has no database to ask"}}
	err := q.Validate()
	if e, ok := r.(Explainer); ok {
		x, err = e.Explain(ctx, q, o)
	}
	return x.filled(), err
}

// filled has lists that are empty, not null, in JSON.
func (x Explanation) filled() Explanation {
	x.Statements, x.Program, x.Advice = append([]ExplainedStatement{}, x.Statements...), append([]string{}, x.Program...), append([]IndexAdvice{}, x.Advice...)
	for i := range x.Statements {
		s := &x.Statements[i]
		s.Args, s.Plan = append([]any{}, s.Args...), append([]string{}, s.Plan...)
	}
	return x
}
