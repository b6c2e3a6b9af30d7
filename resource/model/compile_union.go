package model

import "strings"

// unionOf compiles a union. As in the original at most one of its types takes
// each sort of JSON value, and structs are told apart by their tags.
func (c *compiler) unionOf(e expr, at place) (*node, error) {
	u := &union{}
	n := &node{kind: kindUnion, union: u}
	var structs []*node
	var names []string
	for _, a := range e.args {
		m, err := c.node(a, at)
		if err != nil {
			return nil, err
		}
		if m.kind == kindAny {
			return m, nil
		}
		n.null = n.null || m.null
		names = append(names, strings.TrimSuffix(m.expect, " or null"))
		for _, one := range m.members() {
			if one.kind == kindStruct {
				structs = append(structs, one)
				continue
			}
			if err := u.add(one, at.path); err != nil {
				return nil, err
			}
		}
	}
	n.expect = strings.Join(names, " or ")
	if len(structs) == 1 && u.object == nil {
		u.object = structs[0]
		return n, nil
	}
	if len(structs) > 0 && u.object != nil {
		return nil, wrong(at.path, "a union holds at most one of map, binary and structs")
	}
	u.structs = structs
	// The fields of structs, with their tags, are compiled later.
	c.pending = append(c.pending, func() error { return u.tellApart(structs, at.path) })
	return n, nil
}

// members returns the types of a union within a union, else the node itself.
func (n *node) members() []*node {
	if n.kind != kindUnion {
		return []*node{n}
	}
	u := n.union
	var all []*node
	for _, m := range []*node{u.null, u.boolean, u.integer, u.float, u.text, u.array, u.object} {
		if m != nil && (len(all) == 0 || all[len(all)-1] != m) {
			all = append(all, m)
		}
	}
	return append(all, u.structs...)
}

// add makes a type the one that takes its sort of values.
func (u *union) add(m *node, path string) error {
	var slots []**node
	switch m.kind {
	case kindNull:
		slots = []**node{&u.null}
	case kindBool:
		slots = []**node{&u.boolean}
	case kindInt:
		slots = []**node{&u.integer}
	case kindFloat:
		slots = []**node{&u.float}
	case kindList, kindSet, kindTuple:
		slots = []**node{&u.array}
	case kindMap, kindBinary:
		slots = []**node{&u.object}
	case kindEnum:
		if len(m.enum.texts) > 0 {
			slots = append(slots, &u.text)
		}
		if len(m.enum.numbers) > 0 {
			slots = append(slots, &u.integer)
		}
	case kindDecimal:
		// Numbers that no other type takes are decimals too, as in the original.
		slots = []**node{&u.text}
		u.decimal = m
	default:
		slots = []**node{&u.text}
	}
	for _, slot := range slots {
		if *slot != nil && *slot != m {
			return wrong(path, "%s and %s cannot be told apart in a union", (*slot).expect, m.expect)
		}
		*slot = m
	}
	return nil
}

// tellApart finds the structs of a union by their tags.
func (u *union) tellApart(structs []*node, path string) error {
	if len(structs) == 0 {
		return nil
	}
	u.tagged = make(map[string]*node, len(structs))
	for i, s := range structs {
		t := s.object.tag
		if t == nil {
			return wrong(path, "%s has no tag; structs of a union are told apart by their tags", s.expect)
		}
		if i == 0 {
			u.field, u.numeric = t.field, !t.isText
		}
		if t.field != u.field || t.isText == u.numeric {
			return wrong(path, "the tags of %s and %s are of different sorts or fields", structs[0].expect, s.expect)
		}
		if first, ok := u.tagged[t.key()]; ok {
			return wrong(path, "%s and %s have the same tag", first.expect, s.expect)
		}
		u.tagged[t.key()] = s
	}
	return nil
}
