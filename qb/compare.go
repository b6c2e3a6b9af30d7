package qb

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// Op is a comparison, named as in the original's queries.
type Op string

// The comparisons.
const (
	OpEq         Op = "eq"
	OpNe         Op = "ne"
	OpGt         Op = "gt"
	OpGte        Op = "gte"
	OpLt         Op = "lt"
	OpLte        Op = "lte"
	OpIn         Op = "in"
	OpNotIn      Op = "not_in"
	OpIsNull     Op = "is_null"
	OpExists     Op = "exists"
	OpIsNA       Op = "isna"
	OpContains   Op = "contains"
	OpStartsWith Op = "starts_with"
	OpEndsWith   Op = "ends_with"
	OpRegex      Op = "regex"
)

// Comparison is a condition on an attribute of a meta. It is made by the typed
// fields, so its operands always are of the attribute's [Kind].
type Comparison struct {
	attr    Attr
	op      Op
	values  []any
	flag    bool
	pattern *regexp.Regexp
}

// Attr returns the attribute.
func (c Comparison) Attr() Attr { return c.attr }

// Op returns the comparison.
func (c Comparison) Op() Op { return c.op }

// Values returns the operands: any number for OpIn and OpNotIn, none for OpIsNull,
// OpIsNA, OpExists and OpRegex, else one. They must not be changed.
func (c Comparison) Values() []any { return c.values }

// Flag returns the operand of OpIsNull, OpIsNA and OpExists.
func (c Comparison) Flag() bool { return c.flag }

func (c Comparison) eval(m *resource.Meta) truth {
	v := c.attr.of(m)
	switch c.op {
	case OpExists:
		return truthOf(c.flag) // every meta has every attribute, be it unset
	case OpIsNull, OpIsNA:
		return truthOf((v == nil) == c.flag)
	}
	if v == nil {
		return unknown
	}
	switch c.op {
	case OpIn:
		return truthOf(c.holds(v))
	case OpNotIn:
		return truthOf(!c.holds(v))
	case OpRegex:
		return truthOf(c.pattern.MatchString(v.(string)))
	case OpContains, OpStartsWith, OpEndsWith:
		return truthOf(matchText(c.op, v.(string), c.values[0].(string)))
	}
	return truthOf(matchOrder(c.op, compareScalars(v, c.values[0])))
}

func (c Comparison) holds(v any) bool {
	return slices.ContainsFunc(c.values, func(w any) bool { return compareScalars(v, w) == 0 })
}

// matchOrder applies a comparison to the result of comparing both sides.
func matchOrder(op Op, order int) bool {
	switch op {
	case OpEq:
		return order == 0
	case OpNe:
		return order != 0
	case OpGt:
		return order > 0
	case OpGte:
		return order >= 0
	case OpLt:
		return order < 0
	case OpLte:
		return order <= 0
	}
	return false
}

func matchText(op Op, text, part string) bool {
	switch op {
	case OpContains:
		return strings.Contains(text, part)
	case OpStartsWith:
		return strings.HasPrefix(text, part)
	}
	return strings.HasSuffix(text, part)
}

// compareScalars orders two operands of one kind: texts by bytes, times by
// microsecond, false before true.
func compareScalars(a, b any) int {
	switch a := a.(type) {
	case string:
		return strings.Compare(a, b.(string))
	case int64:
		return cmp.Compare(a, b.(int64))
	case time.Time:
		return cmp.Compare(a.UnixMicro(), b.(time.Time).UnixMicro())
	case bool:
		return cmp.Compare(number(a), number(b.(bool)))
	}
	return 0
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
