package qb

import "strings"

// Format prints a condition in the expression language, so that [ParseWhere] reads a
// condition of the same meaning from it, whatever its options. A nil condition is
// printed as true. Conditions beyond the limits of the language are printed all the
// same, and refused when read.
func Format(c Cond) string {
	var f formatter
	f.cond(c, bindsOr)
	return f.String()
}

// The operators of the language by how tightly they bind.
const (
	bindsOr = iota
	bindsAnd
	bindsNot
)

// formatter gathers the text of a condition.
type formatter struct{ strings.Builder }

func (f *formatter) add(parts ...string) {
	for _, s := range parts {
		f.WriteString(s)
	}
}

// cond prints a condition that stands next to an operator that binds as given.
func (f *formatter) cond(c Cond, around int) {
	switch c := c.(type) {
	case nil:
		f.add("true")
	case And:
		f.group(c, "true", " and ", bindsAnd, around)
	case Or:
		f.group(c, "false", " or ", bindsOr, around)
	case Not:
		f.not(c)
	case HasIndexed:
		f.add("data exists")
	case Comparison:
		f.leaf(formatted{name: string(c.attr), op: c.op, values: c.values, flag: c.flag, pattern: patternOf(c.pattern)})
	case TextComparison:
		f.untyped(string(c.attr), c.test)
	case LengthComparison:
		f.untyped("length("+string(c.attr)+")", c.test)
	case DataComparison:
		f.untyped(dataName(c.field), c)
	}
}

func (f *formatter) untyped(name string, c DataComparison) {
	f.leaf(formatted{name: name, op: c.op, values: operandsOf(c), flag: c.flag, pattern: patternOf(c.pattern), length: c.field.length})
}

// group prints conditions with an operator between them; empty is what none of them
// are.
func (f *formatter) group(conds []Cond, empty, operator string, binds, around int) {
	switch len(conds) {
	case 0:
		f.add(empty)
		return
	case 1:
		f.cond(conds[0], around)
		return
	}
	if around > binds {
		f.add("(")
		defer f.add(")")
	}
	for i, c := range conds {
		if i > 0 {
			f.add(operator)
		}
		f.cond(c, binds)
	}
}

func (f *formatter) not(conds []Cond) {
	if len(conds) == 0 {
		f.add("false")
		return
	}
	f.add("not ")
	f.cond(And(conds), bindsNot)
}

// formatted is a condition on an attribute or a value, ready to be printed.
type formatted struct {
	name    string
	op      Op
	values  []any
	flag    bool
	pattern string
	length  bool // the subject is one
}

// symbolOf and wordsOf are how comparisons are written.
var (
	symbolOf = map[Op]string{OpEq: "=", OpNe: "!=", OpGt: ">", OpGte: ">=", OpLt: "<", OpLte: "<="}
	wordsOf  = map[Op]string{
		OpIn: "in", OpNotIn: "not in", OpContains: "contains", OpStartsWith: "starts with", OpEndsWith: "ends with", OpRegex: "matches",
	}
	statesOf = map[Op][2]string{ // false, true
		OpIsNull: {"is not null", "is null"}, OpIsNA: {"is not unset", "is unset"}, OpExists: {"does not exist", "exists"},
	}
)

func (f *formatter) leaf(c formatted) {
	f.add(c.name, " ")
	switch c.op {
	case OpIsNull, OpIsNA, OpExists:
		f.add(statesOf[c.op][number(c.flag)])
	case OpRegex:
		f.add(wordsOf[c.op], " ")
		f.pattern(c.pattern)
	case OpIn, OpNotIn:
		f.add(wordsOf[c.op], " ")
		f.values("(", c.compared(), ")")
	case OpContains, OpStartsWith, OpEndsWith:
		if bits, ok := c.values[0].(Flags); ok {
			f.add("has flags ")
			f.value(uint64(bits))
			return
		}
		f.add(wordsOf[c.op], " ")
		f.value(c.values[0])
	default:
		f.add(symbolOf[c.op], " ")
		f.value(c.compared()[0])
	}
}

// compared returns the operands of a comparison, those that nothing equals and that
// have no order as incomparable: the language refuses null there, and anything but
// numbers for a length.
func (c formatted) compared() []any {
	out := make([]any, len(c.values))
	for i, v := range c.values {
		if v == nil || c.length && rankOf(v) != rankOf(int64(0)) {
			v = struct{}{}
		}
		out[i] = v
	}
	return out
}

// operandsOf returns the operands of a comparison of indexed data.
func operandsOf(c DataComparison) []any {
	if c.op == OpIn || c.op == OpNotIn {
		list, _ := c.value.([]any)
		return list
	}
	return []any{c.value}
}

// dataName is how a value of the indexed data is written.
func dataName(f DataField) string {
	name := "data." + f.path
	if !isPlainPath(f.path) {
		name = "data[" + quote(f.path) + "]"
	}
	if f.length {
		return "length(" + name + ")"
	}
	return name
}
