package sqlgen

import (
	"math"

	"github.com/specstar-worker/worker/qb"
)

// lengthy is what has a length, see [value].
type lengthy interface {
	missing() string
	null() string
	na() string
	length() string
}

// attributeLength is the length of a column, which has one when it holds texts.
type attributeLength struct {
	dialect Dialect
	attr    qb.Attr
}

func (l attributeLength) missing() string { return never }

func (l attributeLength) null() string {
	if neverNull[l.attr] {
		return never
	}
	return isNull(string(l.attr), true)
}

func (l attributeLength) na() string { return l.null() }

func (l attributeLength) length() string {
	switch column := string(l.attr); {
	case l.attr.Kind() != qb.KindText:
		return "CAST(NULL AS BIGINT)"
	case l.dialect == PostgreSQL:
		return "char_length(" + column + ")"
	default:
		return liteLength("json_quote("+column+")", column)
	}
}

// length returns the bounds of a condition on the length of a value: a number where it
// has one, null where the value is.
func (c *compiler) length(v lengthy, q qb.DataComparison, what string, want bool) bounds {
	length := v.length()
	sized := isNull(length, false)
	switch op := q.Op(); op {
	case qb.OpExists:
		if q.Flag() == want {
			return exactly(or(v.null(), sized))
		}
		return exactly(v.missing())
	case qb.OpIsNA, qb.OpIsNull:
		switch {
		case q.Flag() != want:
			return exactly(sized)
		case op == qb.OpIsNA:
			return exactly(v.na())
		}
		return exactly(v.null())
	case qb.OpEq, qb.OpNe:
		return exactly(c.lengthIn(length, []any{q.Value()}, (op == qb.OpEq) == want))
	case qb.OpIn, qb.OpNotIn:
		operands, _ := q.Value().([]any)
		return exactly(c.lengthIn(length, operands, (op == qb.OpIn) == want))
	case qb.OpRegex:
		return c.regex("CAST("+length+" AS TEXT)", q.Pattern(), what, want)
	case qb.OpContains, qb.OpStartsWith, qb.OpEndsWith:
		holds := c.lengthHolds(length, op, q.Value())
		if !want {
			holds = and(sized, not(holds))
		}
		return exactly(and(sized, holds))
	default:
		if !want {
			op = opposites[op]
		}
		if f, ok := q.Value().(float64); ok && math.IsInf(f, 0) {
			return exactly(beyondAll(f, op, sized))
		}
		n, ok := numberOf(c.dialect, q.Value())
		if !ok {
			return exactly(never)
		}
		return exactly(length + " " + symbols[op] + " " + c.numberArg(n.value))
	}
}

// lengthIn looks for a length among operands, of which the numbers can be one.
func (c *compiler) lengthIn(length string, values []any, want bool) string {
	var numbers []any
	for _, v := range values {
		if n, ok := numberOf(c.dialect, v); ok && n.exact {
			numbers = append(numbers, n.value)
		}
	}
	if len(numbers) > 0 {
		return c.in(length, want, numbers, c.numberArg)
	}
	if want {
		return never
	}
	return isNull(length, false)
}

// lengthHolds looks for bits, or digits.
func (c *compiler) lengthHolds(length string, op qb.Op, operand any) string {
	flags, ok := operand.(qb.Flags)
	switch {
	case !ok:
		return c.part("CAST("+length+" AS TEXT)", op, qb.Text(operand))
	case flags > math.MaxInt64:
		return never
	}
	at := c.arg(int64(flags))
	if c.dialect == PostgreSQL {
		at += "::bigint"
	}
	return length + " & " + at + " = " + at
}
