package model

import (
	"fmt"
	"slices"
	"strings"
)

// expr is a parsed type expression: a kind or the name of a type, with what
// stands in its brackets; or "|" with the members of a union.
type expr struct {
	name string
	args []expr
	null bool // a value may also be null
}

// unionName is the name of an expr that is a union.
const unionName = "|"

// parseExpr reads a type expression:
//
//	union = item {"|" item}
//	item  = (name ["[" union {"," union} "]"] | "(" union ")") {"?"}
//
// "null" as a member of a union means the same as "?".
func parseExpr(text string) (expr, error) {
	p := exprParser{text: text}
	e, err := p.union()
	if err != nil {
		return expr{}, err
	}
	if p.space(); p.pos < len(text) {
		return expr{}, p.fail("is not expected")
	}
	return e, nil
}

// String writes the expression as [parseExpr] reads it, in one spelling.
func (e expr) String() string {
	var b strings.Builder
	switch {
	case e.name == unionName:
		for i, a := range e.args {
			if i > 0 {
				b.WriteString(" | ")
			}
			b.WriteString(a.String())
		}
		if e.null {
			b.WriteString(" | null")
		}
		return b.String()
	case len(e.args) > 0:
		texts := make([]string, len(e.args))
		for i, a := range e.args {
			texts[i] = a.String()
		}
		b.WriteString(e.name + "[" + strings.Join(texts, ", ") + "]")
	default:
		b.WriteString(e.name)
	}
	if e.null {
		b.WriteString("?")
	}
	return b.String()
}

type exprParser struct {
	text  string
	pos   int
	depth int
}

func (p *exprParser) fail(reason string) error {
	if p.pos >= len(p.text) {
		return fmt.Errorf("type %.60q ends too early", p.text)
	}
	return fmt.Errorf("type %.60q: %q at character %d %s", p.text, p.text[p.pos:p.pos+1], p.pos+1, reason)
}

func (p *exprParser) space() {
	for p.pos < len(p.text) && p.text[p.pos] == ' ' {
		p.pos++
	}
}

func (p *exprParser) take(c byte) bool {
	if p.space(); p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *exprParser) union() (expr, error) {
	if p.depth++; p.depth > MaxDepth {
		return expr{}, fmt.Errorf("type %.60q… is nested deeper than %d", p.text, MaxDepth)
	}
	defer func() { p.depth-- }()
	var members []expr
	null := false
	for {
		item, err := p.item()
		if err != nil {
			return expr{}, err
		}
		null = null || item.null
		item.null = false
		switch item.name {
		case "null":
			null = true
		case unionName:
			members = append(members, item.args...)
		default:
			members = append(members, item)
		}
		if !p.take('|') {
			break
		}
	}
	switch len(members) {
	case 0:
		return expr{name: "null", null: true}, nil
	case 1:
		members[0].null = null
		return members[0], nil
	}
	return expr{name: unionName, args: members, null: null}, nil
}

func (p *exprParser) item() (expr, error) {
	e, err := p.primary()
	if err != nil {
		return expr{}, err
	}
	for p.take('?') {
		e.null = true
	}
	return e, nil
}

func (p *exprParser) primary() (expr, error) {
	if p.take('(') {
		e, err := p.union()
		if err == nil && !p.take(')') {
			err = p.fail("stands where ')' is expected")
		}
		return e, err
	}
	p.space()
	start := p.pos
	for p.pos < len(p.text) && nameByte(p.text[p.pos]) {
		p.pos++
	}
	if p.pos == start {
		return expr{}, p.fail("stands where a type is expected")
	}
	e := expr{name: p.text[start:p.pos]}
	if !p.take('[') {
		return e, nil
	}
	for {
		arg, err := p.union()
		if err != nil {
			return expr{}, err
		}
		e.args = append(e.args, arg)
		if p.take(']') {
			return e, nil
		}
		if !p.take(',') {
			return expr{}, p.fail("stands where ',' or ']' is expected")
		}
	}
}

// nameByte reports whether c can be part of the name of a type.
func nameByte(c byte) bool {
	return c == '_' || c == '.' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// checkTypeName reports why a type cannot have that name.
func checkTypeName(name string) error {
	for i := range len(name) {
		if !nameByte(name[i]) {
			return fmt.Errorf("a type cannot be named %.60q: %q is not allowed", name, name[i:i+1])
		}
	}
	if name == "" || name == "null" || slices.Contains(kindNames, name) {
		return fmt.Errorf("a type cannot be named %q", name)
	}
	return nil
}
