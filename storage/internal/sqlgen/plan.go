package sqlgen

import (
	"errors"

	"github.com/specstar-worker/worker/qb"
)

// Plan is how a search is run: a statement, and what is left for the program to do with
// its rows.
type Plan struct {
	SQL  string
	Args []any
	// Exact reports that the statement selects what the query does. Otherwise it selects
	// some more, and each row is checked by [qb.Match].
	Exact bool
	// Order is how the rows are brought into the query's order.
	Order Order
	// Paged reports that the statement applies offset and limit; else the program does.
	Paged bool
	// Notes say in sentences what the program decides, and why.
	Notes []string
}

// Order is how rows are brought into the order of [qb.Compare].
type Order int

// The ways, the cheapest first.
const (
	// OrderExact: the statement gives them in it.
	OrderExact Order = iota
	// OrderRuns: the statement does but for neighbours that its keys do not tell apart,
	// which are sorted among themselves.
	OrderRuns
	// OrderMemory: the statement does not, and all that match are sorted.
	OrderMemory
)

// String names the way in a word.
func (o Order) String() string {
	switch o {
	case OrderExact:
		return "exact"
	case OrderRuns:
		return "runs"
	}
	return "memory"
}

// Compile returns the plan of a search that reads the given columns, which are SQL text of
// the caller's own, of a table that is quoted here. Errors: those of [qb.Query.Validate].
func Compile(d Dialect, table, columns string, q qb.Query) (Plan, error) {
	text, args, err := Select(d, table, columns, q)
	if errors.Is(err, ErrNotPushable) {
		notes := []string{"every meta is read: " + err.Error()}
		text, args, err = Select(d, table, columns, qb.Query{})
		return Plan{SQL: text, Args: args, Order: OrderMemory, Notes: notes}, err
	}
	return Plan{SQL: text, Args: args, Exact: true, Paged: true}, err
}
