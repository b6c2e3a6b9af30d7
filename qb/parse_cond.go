package qb

import (
	"fmt"
	"slices"
	"time"

	"github.com/specstar-worker/worker/opt"
)

// conditions reads a list of conditions, all of which must hold. indexedOnly
// looks every path up in the indexed data, even one that names an attribute.
func (p *parser) conditions(path string, v any, indexedOnly bool) (Cond, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, &ParseError{Path: path, Reason: "a list is expected"}
	}
	conds, err := p.conds(path, list, scope{indexedOnly: indexedOnly, depth: 1})
	return And(conds), err
}

// scope is where a condition stands.
type scope struct {
	indexedOnly bool
	depth       int
	asTrue      bool // see [flagLeaf]
}

func (p *parser) conds(path string, list []any, in scope) ([]Cond, error) {
	conds := make([]Cond, 0, min(len(list), MaxNodes))
	for i, e := range list {
		c, err := p.cond(fmt.Sprintf("%s[%d]", path, i), e, in)
		if err != nil {
			return nil, err
		}
		conds = append(conds, c)
	}
	return conds, nil
}

func (p *parser) cond(path string, v any, in scope) (Cond, error) {
	if p.nodes++; p.nodes > MaxNodes {
		return nil, &ParseError{Path: path, Reason: fmt.Sprintf("more than %d conditions", MaxNodes)}
	}
	if in.depth > MaxDepth {
		return nil, &ParseError{Path: path, Reason: fmt.Sprintf("nested deeper than %d", MaxDepth)}
	}
	o, err := asObject(path, v)
	if err != nil {
		return nil, err
	}
	tag, tagged := o.fields["type"]
	_, grouped := o.fields["conditions"]
	switch {
	case tag == tagGroup || !tagged && grouped:
		return p.group(o, in)
	case tag == tagCondition || !tagged:
		return p.leaf(o, in)
	case tag == tagIndexedCondition:
		in.indexedOnly = true
		return p.leaf(o, in)
	case tag == tagHasIndexed:
		return HasIndexed{}, o.only("type")
	case tag == tagPosition && in.depth == 1 && !p.position.IsSet():
		p.position = opt.Of(o)
		return And{}, o.only("type", "keys", "resource_id")
	}
	return nil, &ParseError{Path: path + ".type", Reason: fmt.Sprintf("%v is not known", tag)}
}

func (p *parser) group(o object, in scope) (Cond, error) {
	if err := o.only("type", "operator", "conditions"); err != nil {
		return nil, err
	}
	list, ok := o.fields["conditions"].([]any)
	if !ok {
		return nil, &ParseError{Path: o.path + ".conditions", Reason: "a list is expected"}
	}
	in.depth++
	in.asTrue = o.fields["operator"] != "or"
	conds, err := p.conds(o.path+".conditions", list, in)
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
func (p *parser) leaf(o object, in scope) (Cond, error) {
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
	attr, data := Attr(field), DataField{path: field, length: length}
	if in.indexedOnly || attr.Kind() == KindNone {
		attr = ""
	}
	switch {
	case op == OpIsNull || op == OpExists || op == OpIsNA:
		return flagLeaf(op, o.fields["value"], in.asTrue, func(op Op, flag bool) Cond {
			if attr != "" && !length {
				return Comparison{attr: attr, op: op, flag: flag}
			}
			return onLength(attr, DataComparison{field: data, op: op, flag: flag, value: []any(nil)})
		}), nil
	case attr != "" && !length:
		return p.attrLeaf(o, attr, op)
	}
	c, err := p.dataLeaf(o, data, op)
	return onLength(attr, c), err
}

// onLength is a condition on the length of an attribute, or on indexed data when there
// is none.
func onLength(attr Attr, c DataComparison) Cond {
	if attr == "" {
		return c
	}
	c.field.path = ""
	return LengthComparison{attr: attr, test: c}
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
	case OpContains, OpStartsWith, OpEndsWith, OpRegex:
		return textLeaf(o, c, v)
	case OpIn, OpNotIn:
		list, err := p.operands(o.path+".value", v)
		if err != nil {
			return nil, err
		}
		c.values = equalOperands(attr.Kind(), list)
		return c, nil
	}
	if x, ok := attrOperand(attr.Kind(), v); ok {
		c.values = []any{x}
		return c, nil
	}
	switch op {
	case OpEq: // no value of the attribute is equal
		c.op = OpIn
		return c, nil
	case OpNe:
		c.op = OpNotIn
		return c, nil
	}
	if ordered, ok := orderLeaf(c, v); ok {
		return ordered, nil
	}
	return nil, o.refuse(op, kindNames[attr.Kind()]+" is expected")
}

// textLeaf completes a condition on a part of the attribute's text. The operand is
// taken for its text, too.
func textLeaf(o object, c Comparison, v any) (Cond, error) {
	if flags, ok := v.(map[string]any); ok && flags[markFlags] != nil {
		return nil, o.refuse(c.op, "$flags is about indexed data")
	}
	operand, err := dataOperand(o.path+".value", v)
	if err != nil {
		return nil, err
	}
	text := pythonText(operand)
	if at, ok := operand.(time.Time); ok {
		text = datetimeText(at)
	}
	if c.op == OpRegex {
		if c.pattern, err = parsePattern(text); err != nil {
			return nil, o.refuse(c.op, err.Error())
		}
	} else {
		c.values = []any{text}
	}
	if c.attr.Kind() != KindText {
		return TextComparison{attr: c.attr, test: DataComparison{op: c.op, value: text, pattern: c.pattern}}, nil
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
func (p *parser) dataLeaf(o object, field DataField, op Op) (c DataComparison, err error) {
	c = DataComparison{field: field, op: op}
	v := o.fields["value"]
	if op == OpIn || op == OpNotIn {
		if v, err = p.operands(o.path+".value", v); err != nil {
			return c, err
		}
	}
	if far, ok := farLeaf(c, v); ok {
		return far, nil
	}
	if flags, ok := v.(map[string]any); ok && flags[markFlags] != nil {
		c.value, err = parseFlags(o.path+".value", flags, op)
	} else {
		c.value, err = dataOperand(o.path+".value", v)
	}
	if err != nil {
		return c, err
	}
	if op == OpRegex {
		if c.pattern, err = parsePattern(pythonText(c.value)); err != nil {
			return c, o.refuse(op, err.Error())
		}
	}
	return c, nil
}
