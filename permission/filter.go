package permission

import (
	"context"

	"github.com/specstar-worker/worker/qb"
)

// Filter says which rows of a model a checker allows. The zero Filter says that
// each row is to be asked about.
type Filter struct {
	kind filterKind
	// where is what a row fulfils that is not denied; nil every row does.
	where qb.Cond
}

type filterKind int8

const (
	eachRow filterKind = iota // rows that fulfil where are to be asked about
	decided                   // rows that fulfil where are allowed
	nothing                   // the checker has no opinion on any row
)

// AllRows allows every row.
func AllRows() Filter { return Filter{kind: decided} }

// NoRow denies every row.
func NoRow() Filter { return Only(qb.Or{}) }

// Only allows the rows that fulfil the condition and denies the others, also
// those for which it is unknown.
func Only(where qb.Cond) Filter { return Filter{kind: decided, where: where} }

// EachRow leaves every row to be asked about.
func EachRow() Filter { return Filter{} }

// NoOpinion is not applicable to any row.
func NoOpinion() Filter { return Filter{kind: nothing} }

// Filterer is implemented by checkers that can tell which rows they allow
// without looking at each.
type Filterer interface {
	// Filter returns for which rows of c.Model the answer to c would be [Allow], if
	// c.ResourceID and c.Meta were those of the row. Both are unset.
	Filter(ctx context.Context, c *Context) (Filter, error)
}

// filterOf returns the filter of a checker, that of each row when it has none.
func filterOf(ctx context.Context, checker Checker, c *Context) (Filter, error) {
	if f, ok := checker.(Filterer); ok {
		return f.Filter(ctx, c)
	}
	return EachRow(), nil
}

// both is the condition that a and b are, nil being none.
func both(a, b qb.Cond) qb.Cond {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return qb.And{a, b}
}
