package sqlgen

import (
	"fmt"
	"math"
	"time"

	"github.com/specstar-worker/worker/qb"
)

// data returns the bounds of a condition on indexed data.
func (c *compiler) data(q qb.DataComparison, want bool) bounds {
	if c.nameless(q.Path()) {
		return perhaps(always)
	}
	v := c.value(q.Path())
	if q.Length() {
		return c.length(v, q, fmt.Sprintf("the length of %q", q.Path()), want)
	}
	switch op := q.Op(); op {
	case qb.OpExists:
		if q.Flag() == want {
			return exactly(not(v.missing()))
		}
		return exactly(v.missing())
	case qb.OpIsNA, qb.OpIsNull:
		switch {
		case q.Flag() != want:
			return exactly(v.some())
		case op == qb.OpIsNA:
			return exactly(v.na())
		}
		return exactly(v.null())
	case qb.OpEq, qb.OpNe:
		return c.equality(v, []any{q.Value()}, (op == qb.OpEq) == want)
	case qb.OpIn, qb.OpNotIn:
		operands, _ := q.Value().([]any)
		return c.equality(v, operands, (op == qb.OpIn) == want)
	case qb.OpContains, qb.OpStartsWith, qb.OpEndsWith:
		return decide(v, c.holds(v, op, q.Value()), want)
	case qb.OpRegex:
		return decide(v, c.matches(v, q), want)
	}
	return c.order(v, q, want)
}

// decide returns where a condition is as wanted that is known of all values but null ones.
func decide(v value, holds bounds, want bool) bounds {
	if want {
		return holds
	}
	return bounds{may: and(v.some(), not(holds.must)), must: and(v.some(), not(holds.may))}
}

// equality returns the bounds of where a value equals one of the operands, or none.
func (c *compiler) equality(v value, values []any, want bool) bounds {
	var o operands
	for _, operand := range values {
		if operand != nil { // only an element of a list equals null
			o.add(c.dialect, operand)
		}
	}
	parts := []bounds{exactly(v.equals(&o))}
	for _, n := range o.unsure {
		c.note("numbers near %s are compared by the program", decimal(n.value))
		parts = append(parts, perhaps(v.formed(numberForms(c.dialect, n))))
	}
	for _, s := range o.shapes {
		c.note("lists and maps that may equal an operand are compared by the program")
		if s.forms != nil {
			parts = append(parts, perhaps(v.formed(s.forms)))
			continue
		}
		parts = append(parts, perhaps(v.sized(s.kind, s.size)))
	}
	for _, at := range o.times {
		parts = append(parts, c.timeCompared(v, qb.OpEq, at))
	}
	return decide(v, anyOf(parts...), want)
}

// order returns the bounds of a comparison that only values of the operand's type have.
func (c *compiler) order(v value, q qb.DataComparison, want bool) bounds {
	op := q.Op()
	if !want {
		op = opposites[op]
	}
	if n, ok := numberOf(c.dialect, q.Value()); ok {
		return c.comparedNumber(n, op, v.number)
	}
	switch x := q.Value().(type) {
	case float64:
		return exactly(beyondAll(x, op, v.isNumber()))
	case string:
		text, op, ok := c.rangeText(x, op)
		if !ok {
			c.note("order with a text that is not UTF-8 is checked by the program")
			return perhaps(v.isText())
		}
		return exactly(v.text(op, text))
	case time.Time:
		return c.timeCompared(v, op, x)
	case []any:
		c.note("lists are ordered by the program")
		return perhaps(v.isList())
	}
	return exactly(never)
}

// beyondAll compares numbers with an infinity: with NaN none has an order.
func beyondAll(infinity float64, op qb.Op, isNumber string) string {
	above := op == qb.OpGt || op == qb.OpGte
	if math.IsInf(infinity, -1) && above || math.IsInf(infinity, 1) && !above {
		return isNumber
	}
	return never
}
