package qb

import (
	"slices"

	"github.com/specstar-worker/worker/resource"
)

// The types of conditions, the original's and ours.
const (
	tagCondition        = "DataSearchCondition"
	tagGroup            = "DataSearchGroup"
	tagIndexedCondition = "IndexedDataCondition"
	tagHasIndexed       = "HasIndexedData"
	tagPosition         = "ResourcePosition"
)

// queryParts is a condition, cut as the original's query has it.
type queryParts struct {
	// filters are those of the array filters, by their index there.
	filters map[int]Comparison
	// indexed says that there must be indexed data; data are conditions on it.
	indexed bool
	data    []Cond
	// conds is all else.
	conds []Cond
}

// partsOf cuts a condition. All parts together are true where it is.
func partsOf(where Cond) queryParts {
	p := queryParts{filters: map[int]Comparison{}}
	var rest []Cond
	for _, c := range conjuncts(where, nil) {
		if _, ok := c.(HasIndexed); ok {
			p.indexed = true
		} else if !p.takeFilter(c) {
			rest = append(rest, c)
		}
	}
	for _, c := range rest {
		if namesAttribute(c) && p.takeData(c) {
			p.indexed = true
		} else {
			p.conds = append(p.conds, c)
		}
	}
	return p
}

// conjuncts appends the conditions that a condition is the conjunction of.
func conjuncts(c Cond, list []Cond) []Cond {
	all, ok := c.(And)
	if !ok {
		if c != nil {
			list = append(list, c)
		}
		return list
	}
	for _, each := range all {
		list = conjuncts(each, list)
	}
	return list
}

// takeFilter takes a condition that there is a filter for, and not yet a value.
func (p *queryParts) takeFilter(cond Cond) bool {
	c, ok := cond.(Comparison)
	if !ok {
		return false
	}
	for i, f := range filters {
		if _, taken := p.filters[i]; f.attr == c.attr && f.op == c.op && !taken {
			p.filters[i] = c
			return true
		}
	}
	return false
}

// takeData takes a condition on indexed data alone that is not true where there is
// none, which data_conditions never are.
func (p *queryParts) takeData(c Cond) bool {
	if !isOfData(c) || !p.indexed && eval(c, &resource.Meta{}) == yes {
		return false
	}
	p.data = append(p.data, c)
	return true
}

// isOfData reports whether a condition looks at values of the indexed data only.
func isOfData(c Cond) bool {
	if list, ok := subs(c); ok {
		return !slices.ContainsFunc(list, func(c Cond) bool { return !isOfData(c) })
	}
	_, ok := c.(DataComparison)
	return ok || c == nil
}

// namesAttribute reports whether a condition on indexed data is under a key that is
// the name of an attribute.
func namesAttribute(c Cond) bool {
	if list, ok := subs(c); ok {
		return slices.ContainsFunc(list, namesAttribute)
	}
	d, ok := c.(DataComparison)
	return ok && Attr(d.field.path).Kind() != KindNone
}

// subs returns the conditions of a group.
func subs(c Cond) ([]Cond, bool) {
	switch c := c.(type) {
	case And:
		return c, true
	case Or:
		return c, true
	case Not:
		return c, true
	}
	return nil, false
}

// conds writes a list of conditions. indexedOnly says that all paths are looked up in
// indexed data.
func (w *wire) conds(list []Cond, indexedOnly bool) {
	w.b = append(w.b, '[')
	for _, c := range list {
		w.comma()
		w.cond(c, indexedOnly)
	}
	w.b = append(w.b, ']')
}

func (w *wire) cond(c Cond, indexedOnly bool) {
	w.b = append(w.b, '{')
	switch c := c.(type) {
	case nil:
		w.group("and", nil, indexedOnly)
	case And:
		w.group("and", c, indexedOnly)
	case Or:
		w.group("or", c, indexedOnly)
	case Not:
		w.group("not", c, indexedOnly)
	case HasIndexed:
		w.member("type", tagHasIndexed)
	case Comparison:
		w.leaf(tagCondition, string(c.attr), c.op, false, c.operand)
	case TextComparison:
		w.leaf(tagCondition, string(c.attr), c.test.op, false, c.test.operand)
	case LengthComparison:
		w.leaf(tagCondition, string(c.attr), c.test.op, true, c.test.operand)
	case DataComparison:
		tag := tagCondition
		if !indexedOnly && namesAttribute(c) {
			tag = tagIndexedCondition
		}
		w.leaf(tag, c.field.path, c.op, c.field.length, c.operand)
	}
	w.b = append(w.b, '}')
}

func (w *wire) group(operator string, list []Cond, indexedOnly bool) {
	w.member("type", tagGroup)
	w.member("operator", operator)
	w.key("conditions")
	w.conds(list, indexedOnly)
}

func (w *wire) leaf(tag, path string, op Op, length bool, operand func() any) {
	w.of = path
	w.member("type", tag)
	w.member("field_path", path)
	w.member("operator", string(op))
	w.key("value")
	w.value(operand())
	if length {
		w.member("transform", "len")
	}
}

// operand is the operand as JSON has it.
func (c Comparison) operand() any {
	switch c.op {
	case OpIn, OpNotIn:
		return c.values
	case OpIsNull, OpIsNA, OpExists:
		return c.flag
	case OpRegex:
		return patternOf(c.pattern)
	}
	return c.values[0]
}

func (c DataComparison) operand() any {
	switch c.op {
	case OpIn, OpNotIn:
		list, _ := c.value.([]any)
		return list
	case OpIsNull, OpIsNA, OpExists:
		return c.flag
	case OpRegex:
		return patternOf(c.pattern)
	}
	return c.value
}
