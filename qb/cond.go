package qb

import "github.com/specstar-worker/worker/resource"

// Cond is a condition on a meta. The kinds are [Comparison], [LengthComparison],
// [TextComparison], [DataComparison], [HasIndexed], [And], [Or] and [Not]; no others
// can be made.
type Cond interface {
	eval(m *resource.Meta) truth
}

// truth is a value of Kleene's logic.
type truth int8

const (
	unknown truth = iota
	yes
	no
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

// And is true when all conditions are, also when there are none; false when any
// is false; else unknown.
type And []Cond

// Or is true when any condition is; false when all are, also when there are
// none; else unknown.
type Or []Cond

// Not is the negation of the conjunction of its conditions.
type Not []Cond

// All is true when all conditions are, also when there are none, see [And].
func All(conds ...Cond) Cond { return And(conds) }

// Any is true when any of the conditions is, see [Or]. There is at least one:
// for the original, too, none is a mistake.
func Any(first Cond, more ...Cond) Cond { return append(Or{first}, more...) }

// HasIndexed is true of metas that hold indexed data, and never unknown.
type HasIndexed struct{}

// eval takes a nil condition as true, as [Match] does.
func eval(c Cond, m *resource.Meta) truth {
	if c == nil {
		return yes
	}
	return c.eval(m)
}

func (c And) eval(m *resource.Meta) truth {
	all := yes
	for _, sub := range c {
		switch eval(sub, m) {
		case no:
			return no
		case unknown:
			all = unknown
		}
	}
	return all
}

func (c Or) eval(m *resource.Meta) truth {
	one := no
	for _, sub := range c {
		switch eval(sub, m) {
		case yes:
			return yes
		case unknown:
			one = unknown
		}
	}
	return one
}

func (c Not) eval(m *resource.Meta) truth { return And(c).eval(m).not() }

func (HasIndexed) eval(m *resource.Meta) truth { return truthOf(m.IndexedData.IsSet()) }
