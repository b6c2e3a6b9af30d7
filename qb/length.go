package qb

import "github.com/specstar-worker/worker/resource"

// LengthField is the length of a text, list or map.
type LengthField struct {
	cond func(op Op, operand any) Cond
}

// Eq is true where the length is n.
func (f LengthField) Eq(n int) Cond { return f.cond(OpEq, int64(n)) }

// Ne is true where there is a length other than n.
func (f LengthField) Ne(n int) Cond { return f.cond(OpNe, int64(n)) }

// Gt is true where the length is above n.
func (f LengthField) Gt(n int) Cond { return f.cond(OpGt, int64(n)) }

// Gte is true where the length is n or above.
func (f LengthField) Gte(n int) Cond { return f.cond(OpGte, int64(n)) }

// Lt is true where the length is below n.
func (f LengthField) Lt(n int) Cond { return f.cond(OpLt, int64(n)) }

// Lte is true where the length is n or below.
func (f LengthField) Lte(n int) Cond { return f.cond(OpLte, int64(n)) }

// Between is true from one length to another, both included.
func (f LengthField) Between(from, to int) Cond { return And{f.Gte(from), f.Lte(to)} }

// In is true where the length is one of ns.
func (f LengthField) In(ns ...int) Cond { return f.cond(OpIn, dataValue(ns)) }

// NotIn is true where there is a length that is none of ns.
func (f LengthField) NotIn(ns ...int) Cond { return f.cond(OpNotIn, dataValue(ns)) }

// LengthComparison is a condition on the length of an attribute's text. It is
// made by [TextField.Len] and by parsing. Of an attribute without a value, or
// whose values are no texts, it is as the same condition on indexed data.
type LengthComparison struct {
	attr Attr
	test DataComparison
}

// Attr returns the attribute.
func (c LengthComparison) Attr() Attr { return c.attr }

// Op returns the comparison.
func (c LengthComparison) Op() Op { return c.test.op }

func (c LengthComparison) eval(m *resource.Meta) truth { return c.test.of(c.attr.of(m), true) }
