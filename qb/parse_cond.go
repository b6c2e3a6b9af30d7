package qb

import (
	"fmt"
	"regexp"
	"slices"
)

// conditions reads a list of conditions, all of which must hold. indexedOnly
// looks every path up in the indexed data, even one that names an attribute.
func (p *parser) conditions(path string, v any, indexedOnly bool) (Cond, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, &ParseError{Path: path, Reason: "a list is expected"}
	}
	conds, err := p.conds(path, list, indexedOnly, 1)
	return And(conds), err
}

func (p *parser) conds(path string, list []any, indexedOnly bool, depth int) ([]Cond, error) {
	conds := make([]Cond, 0, min(len(list), MaxNodes))
	for i, e := range list {
		c, err := p.cond(fmt.Sprintf("%s[%d]", path, i), e, indexedOnly, depth)
		if err != nil {
			return nil, err
		}
		conds = append(conds, c)
	}
	return conds, nil
}

func (p *parser) cond(path string, v any, indexedOnly bool, depth int) (Cond, error) {
	if p.nodes++; p.nodes > MaxNodes {
		return nil, &ParseError{Path: path, Reason: fmt.Sprintf("more than %d conditions", MaxNodes)}
	}
	if depth > MaxDepth {
		return nil, &ParseError{Path: path, Reason: fmt.Sprintf("nested deeper than %d", MaxDepth)}
	}
	o, err := asObject(path, v)
	if err != nil {
		return nil, err
	}
	tag, tagged := o.fields["type"]
	_, grouped := o.fields["conditions"]
	switch {
	case tag == "DataSearchGroup" || !tagged && grouped:
		return p.group(o, indexedOnly, depth)
	case tag == "DataSearchCondition" || !tagged:
		return p.leaf(o, indexedOnly)
	}
	return nil, &ParseError{Path: path + ".type", Reason: fmt.Sprintf("%v is not known", tag)}
}

func (p *parser) group(o object, indexedOnly bool, depth int) (Cond, error) {
	if err := o.only("type", "operator", "conditions"); err != nil {
		return nil, err
	}
	list, ok := o.fields["conditions"].([]any)
	if !ok {
		return nil, &ParseError{Path: o.path + ".conditions", Reason: "a list is expected"}
	}
	conds, err := p.conds(o.path+".conditions", list, indexedOnly, depth+1)
	if err != nil {
		return nil, err
	}
	switch op := o.fields["operator"]; op {
	case "and":
		return And(conds), nil
	case "or":
		return Or(conds), nil
	case "not":
		return Not(conds), nil
	default:
		return nil, &ParseError{Path: o.path + ".operator", Reason: fmt.Sprintf("%v is none of and, or, not", op)}
	}
}

// leaf reads a condition on one attribute or value.
func (p *parser) leaf(o object, indexedOnly bool) (Cond, error) {
	if err := o.only("type", "field_path", "operator", "value", "transform"); err != nil {
		return nil, err
	}
	field, err := o.text("field_path")
	if err != nil {
		return nil, err
	}
	name, err := o.text("operator")
	if err != nil {
		return nil, err
	}
	op := Op(name)
	if !slices.Contains(operators[:], op) {
		return nil, &ParseError{Path: o.path + ".operator", Reason: fmt.Sprintf("%q is not known (field_path %q)", name, field)}
	}
	if _, ok := o.fields["value"]; !ok {
		return nil, &ParseError{Path: o.path, Reason: "the key value is missing"}
	}
	length, err := o.transform()
	if err != nil {
		return nil, err
	}
	if attr := Attr(field); !indexedOnly && attr.Kind() != KindNone {
		if length {
			c, err := p.dataLeaf(o, DataField{length: true}, op)
			test, _ := c.(DataComparison)
			return LengthComparison{attr: attr, test: test}, err
		}
		return p.attrLeaf(o, attr, op)
	}
	return p.dataLeaf(o, DataField{path: field, length: length}, op)
}

var operators = [...]Op{
	OpEq, OpNe, OpGt, OpGte, OpLt, OpLte, OpIn, OpNotIn, OpIsNull, OpExists, OpIsNA,
	OpContains, OpStartsWith, OpEndsWith, OpRegex,
}

// attrLeaf reads a condition on an attribute.
func (p *parser) attrLeaf(o object, attr Attr, op Op) (Cond, error) {
	c := Comparison{attr: attr, op: op}
	v := o.fields["value"]
	switch op {
	case OpIsNull, OpExists, OpIsNA:
		var err error
		c.flag, err = o.flag(op)
		return c, err
	case OpContains, OpStartsWith, OpEndsWith, OpRegex:
		return textLeaf(o, c, v)
	case OpIn, OpNotIn:
		list, err := p.list(o.path+".value", v)
		if err != nil {
			return nil, err
		}
		c.values = equalOperands(attr.Kind(), list)
		return c, nil
	}
	x, ok := attrOperand(attr.Kind(), v)
	switch {
	case ok:
		c.values = []any{x}
	case op == OpEq: // no value of the attribute is equal
		c.op = OpIn
	case op == OpNe:
		c.op = OpNotIn
	default:
		return nil, o.refuse(op, kindNames[attr.Kind()]+" is expected")
	}
	return c, nil
}

// textLeaf completes a condition on a part of the attribute's text.
func textLeaf(o object, c Comparison, v any) (Cond, error) {
	text, ok := v.(string)
	if !ok || c.attr.Kind() != KindText {
		return nil, o.refuse(c.op, "a text, and an attribute that holds text, is expected")
	}
	if c.op != OpRegex {
		c.values = []any{text}
		return c, nil
	}
	var err error
	if c.pattern, err = regexp.Compile(text); err != nil {
		return nil, o.refuse(c.op, err.Error())
	}
	return c, nil
}

// equalOperands drops the elements that can equal no value of the kind.
func equalOperands(kind Kind, list []any) []any {
	values := make([]any, 0, len(list))
	for _, e := range list {
		if x, ok := attrOperand(kind, e); ok {
			values = append(values, x)
		}
	}
	return values
}

// dataLeaf reads a condition on a value of the indexed data.
func (p *parser) dataLeaf(o object, field DataField, op Op) (Cond, error) {
	c := DataComparison{field: field, op: op}
	v := o.fields["value"]
	var err error
	switch op {
	case OpIsNull, OpExists, OpIsNA:
		c.flag, err = o.flag(op)
		return c, err
	case OpIn, OpNotIn:
		if v, err = p.list(o.path+".value", v); err != nil {
			return nil, err
		}
	}
	if flags, ok := v.(map[string]any); ok && flags["$flags"] != nil {
		c.value, err = parseFlags(o.path+".value", flags, op)
		return c, err
	}
	if c.value, err = dataOperand(o.path+".value", v); err != nil {
		return nil, err
	}
	if op == OpRegex {
		if c.pattern, err = regexp.Compile(pythonText(c.value)); err != nil {
			return nil, o.refuse(op, err.Error())
		}
	}
	return c, nil
}
