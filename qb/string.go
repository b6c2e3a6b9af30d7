package qb

import "fmt"

// String is [Format] of the condition.
func (c And) String() string { return Format(c) }

// String is [Format] of the condition.
func (c Or) String() string { return Format(c) }

// String is [Format] of the condition.
func (c Not) String() string { return Format(c) }

// String is [Format] of the condition.
func (c HasIndexed) String() string { return Format(c) }

// String is [Format] of the condition.
func (c Comparison) String() string { return Format(c) }

// String is [Format] of the condition.
func (c LengthComparison) String() string { return Format(c) }

// String is [Format] of the condition.
func (c TextComparison) String() string { return Format(c) }

// String is [Format] of the condition.
func (c DataComparison) String() string { return Format(c) }

// String is [FormatOrder] of the key.
func (s Sort) String() string { return FormatOrder([]Sort{s}) }

// String shows the query to people: its condition in the expression language, its
// order, and where its page begins and ends.
func (q Query) String() string {
	text := Format(q.Where)
	if len(q.Sort) > 0 {
		text += " sort " + FormatOrder(q.Sort)
	}
	if p, ok := q.After.Get(); ok {
		text += fmt.Sprintf(" after %q", p.id)
	}
	if limit, ok := q.Limit.Get(); ok {
		text += fmt.Sprintf(" limit %d", limit)
	}
	if q.Offset != 0 {
		text += fmt.Sprintf(" offset %d", q.Offset)
	}
	return text
}
