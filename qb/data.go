package qb

import (
	"regexp"

	"github.com/specstar-worker/worker/resource"
)

// DataField is a value of the indexed data.
type DataField struct {
	path   string
	length bool
}

// Data is the value at a dotted path of the indexed data. Its type is not
// declared, so operands are untyped: nil, booleans, integers, floats, texts,
// times, bytes, and slices and maps of these; an operand of another type equals
// nothing.
//
// Indexed data is seen as JSON has it, whatever the encoding of the meta: bytes
// are their base64 text, times their RFC 3339 text, NaN and the infinities null.
// An operand that is a time is compared with a text by instant; the text is a
// time when [resource.ParseTime] reads it, and is taken as UTC without a zone.
// Any other text equals no time and has no order with one.
//
// A value may be missing (the path is no key of the indexed data), null or
// present. Every comparison with a missing or null value is unknown, as is an
// order between values of different types, for which the original fails.
// Numbers compare across their types and true is 1, as in Python.
func Data(path string) DataField { return DataField{path: path} }

// Len is the length of the value: characters of a text, elements of a list,
// keys of a map. Comparisons with the length of anything else are unknown.
func (f DataField) Len() LengthField {
	return LengthField{DataField{path: f.path, length: true}.compare}
}

// Eq is true where the value equals v.
func (f DataField) Eq(v any) Cond { return f.compare(OpEq, v) }

// Ne is true where there is a value other than v.
func (f DataField) Ne(v any) Cond { return f.compare(OpNe, v) }

// Gt is true where the value is above v.
func (f DataField) Gt(v any) Cond { return f.compare(OpGt, v) }

// Gte is true where the value is v or above.
func (f DataField) Gte(v any) Cond { return f.compare(OpGte, v) }

// Lt is true where the value is below v.
func (f DataField) Lt(v any) Cond { return f.compare(OpLt, v) }

// Lte is true where the value is v or below.
func (f DataField) Lte(v any) Cond { return f.compare(OpLte, v) }

// In is true where the value is one of vs.
func (f DataField) In(vs ...any) Cond { return f.compare(OpIn, vs) }

// NotIn is true where there is a value that is none of vs.
func (f DataField) NotIn(vs ...any) Cond { return f.compare(OpNotIn, vs) }

// Contains is true where the value is a list with the element v, or its text
// contains the text of v. See [Flags] for bits.
func (f DataField) Contains(v any) Cond { return f.compare(OpContains, v) }

// StartsWith is true where the text of the value begins with the text of v.
func (f DataField) StartsWith(v any) Cond { return f.compare(OpStartsWith, v) }

// EndsWith is true where the text of the value ends with the text of v.
func (f DataField) EndsWith(v any) Cond { return f.compare(OpEndsWith, v) }

// Matches is true where the pattern is found in the text of the value.
func (f DataField) Matches(pattern *regexp.Regexp) Cond {
	return DataComparison{field: f, op: OpRegex, pattern: pattern}
}

// IsNull is true where the value is null, with false where it is neither null
// nor missing; unknown where it is missing.
func (f DataField) IsNull(null bool) Cond {
	return DataComparison{field: f, op: OpIsNull, flag: null}
}

// IsNA is true where the value is missing or null, with false where it is not.
func (f DataField) IsNA(na bool) Cond { return DataComparison{field: f, op: OpIsNA, flag: na} }

// Exists is true where the value is not missing, with false where it is.
func (f DataField) Exists(exists bool) Cond {
	return DataComparison{field: f, op: OpExists, flag: exists}
}

// Asc sorts by the value, missing and null first. Values of different types are
// ordered: numbers (true is 1), texts, lists, maps. Lists are ordered by their
// elements, maps are all equal.
func (f DataField) Asc() Sort { return Sort{path: f.path} }

// Desc is the reverse of [DataField.Asc].
func (f DataField) Desc() Sort { return Sort{path: f.path, desc: true} }

func (f DataField) compare(op Op, v any) Cond {
	if flags, ok := v.(Flags); ok {
		return DataComparison{field: f, op: op, value: flags.operand(op)}
	}
	return DataComparison{field: f, op: op, value: dataValue(v)}
}

// DataComparison is a condition on a value of the indexed data, see [Data].
type DataComparison struct {
	field   DataField
	op      Op
	value   any
	flag    bool
	pattern *regexp.Regexp
}

// Path returns the dotted path of the value.
func (c DataComparison) Path() string { return c.field.path }

// Op returns the comparison.
func (c DataComparison) Op() Op { return c.op }

func (c DataComparison) eval(m *resource.Meta) truth {
	return c.of(lookupData(m, c.field.path))
}

// of is the condition on a value, which may be missing.
func (c DataComparison) of(v any, present bool) truth {
	var sized bool
	if present && v != nil && c.field.length {
		if v, sized = lengthOf(v); !sized {
			return unknown
		}
	}
	switch {
	case c.op == OpExists:
		return truthOf(present == c.flag)
	case c.op == OpIsNA:
		return truthOf((v == nil) == c.flag)
	case !present:
		return unknown
	case c.op == OpIsNull:
		return truthOf((v == nil) == c.flag)
	case v == nil:
		return unknown
	}
	return c.match(v)
}

// match compares a value that is present and not null.
func (c DataComparison) match(v any) truth {
	switch c.op {
	case OpEq:
		return truthOf(equalData(v, c.value))
	case OpNe:
		return truthOf(!equalData(v, c.value))
	case OpIn, OpNotIn:
		list, _ := c.value.([]any)
		return truthOf(listHolds(list, v) == (c.op == OpIn))
	case OpRegex:
		return truthOf(c.pattern.MatchString(pythonText(v)))
	case OpContains:
		if flags, ok := c.value.(Flags); ok {
			return truthOf(flags.in(v))
		}
		if list, ok := v.([]any); ok {
			return truthOf(listHolds(list, c.value))
		}
		return truthOf(matchText(c.op, pythonText(v), pythonText(c.value)))
	case OpStartsWith, OpEndsWith:
		return truthOf(matchText(c.op, pythonText(v), pythonText(c.value)))
	}
	order, ok := orderData(v, c.value)
	if !ok {
		return unknown
	}
	return truthOf(matchOrder(c.op, order))
}

func lookupData(m *resource.Meta, path string) (any, bool) {
	indexed, ok := m.IndexedData.Get()
	if !ok {
		return nil, false
	}
	v, present := indexed.Lookup(path)
	return jsonView(v), present
}

// dataOf returns the value at path, nil when it is missing or null.
func dataOf(m *resource.Meta, path string) any {
	v, _ := lookupData(m, path)
	return v
}
