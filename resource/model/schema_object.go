package model

import (
	"encoding/json"
	"slices"
)

// rawValue is short for the JSON of a value.
type rawValue = json.RawMessage

// object derives a struct, a map or a reference to a blob.
func (c *schemaCompiler) object(s *schemaNode, name string) (*node, error) {
	properties, more := s.get("properties"), s.get("additionalProperties")
	if properties == nil {
		c.only(s, "type", "additionalProperties")
		n := &node{kind: kindMap, elem: newAny(), expect: "map"}
		if more != nil && !more.is("true") {
			elem, err := c.node(more, name+".*")
			if err != nil {
				return nil, err
			}
			n.elem, n.expect = elem, "map["+elem.expect+"]"
		}
		return n, nil
	}
	if isReference(s, properties) {
		return &node{kind: kindBinary, object: &object{unknown: c.unknown()}, expect: "binary"}, nil
	}
	c.only(s, "type", "properties", "required", "additionalProperties")
	o := &object{name: name, unknown: c.unknown()}
	switch {
	case more.is("false"):
		o.unknown = RefuseUnknown
	case more != nil:
		// They are kept, and validated by the schema.
		o.unknown, c.loose = KeepUnknown, true
	}
	c.pending = append(c.pending, func() error { return c.properties(o, s, name) })
	return &node{kind: kindStruct, object: o, expect: name}, nil
}

// isReference reports whether an object is the original's Binary.
func isReference(s, properties *schemaNode) bool {
	if len(properties.members) != len(binaryFields) || len(s.get("required").all()) > 0 {
		return false
	}
	for i, m := range properties.members {
		if m.name != binaryFields[i] {
			return false
		}
	}
	return properties.get("data").get("contentEncoding").text() == "base64"
}

func (n *schemaNode) all() []*schemaNode {
	if n == nil {
		return nil
	}
	return n.list
}

// properties compiles the fields of an object. One that is neither required nor
// has a default is left out when it is not given.
func (c *schemaCompiler) properties(o *object, s *schemaNode, name string) error {
	var required []string
	for _, r := range s.get("required").all() {
		required = append(required, r.text())
	}
	members := s.get("properties").members
	o.fields, o.blank = make([]field, len(members)), make([]span, len(members))
	o.index, o.attributes = make(map[string]int, len(members)), make(map[string]int, len(members))
	for i, m := range members {
		n, err := c.node(m.value, name+"."+m.name)
		if err != nil {
			return err
		}
		keys := memberKeys(m.name)
		f := &o.fields[i]
		*f = field{
			name: m.name, node: n, quoted: string(keys[asJSON][:len(keys[asJSON])-1]), member: keys,
			optional: !slices.Contains(required, m.name),
		}
		o.index[m.name] = i
		attribute := m.name
		if a := m.value.get("x-attribute").text(); a != "" {
			attribute = a
		}
		o.attributes[attribute] = i
		if def := m.value.get("default"); def != nil && f.optional {
			f.optional, f.pending = false, true
			c.defaults = append(c.defaults, func() error { return c.setDefault(f, def.raw, schemaPath) })
		}
	}
	return nil
}

// choice derives a union.
func (c *schemaCompiler) choice(s *schemaNode, parts []*schemaNode, name string) (*node, error) {
	var members []*node
	null := false
	for _, p := range parts {
		m, err := c.node(p, name)
		if err != nil {
			return nil, err
		}
		if m.kind == kindNull {
			null = true
			continue
		}
		null = null || m.null
		members = append(members, m)
	}
	switch {
	case len(members) == 0 && null:
		return scalar(kindNull), nil
	case len(members) == 0:
		return nil, wrong(schemaPath, "%s allows no value", name)
	}
	n := members[0]
	if len(members) > 1 {
		var ok bool
		if n, ok = c.union(members, s.get("discriminator")); !ok {
			return c.given(), nil
		}
	}
	if null && !n.null {
		copied := *n
		copied.null = true
		n = &copied
		if n.kind != kindAny && n.kind != kindGiven {
			n.expect += " or null"
		}
	}
	return n, nil
}

// union joins types that can be told apart by what the text holds, and structs by
// a discriminator.
func (c *schemaCompiler) union(members []*node, discriminator *schemaNode) (*node, bool) {
	u := &union{}
	n := &node{kind: kindUnion, union: u}
	for i, m := range members {
		if i > 0 {
			n.expect += " or "
		}
		n.expect += m.expect
		for _, one := range m.members() {
			if one.kind == kindStruct {
				u.structs = append(u.structs, one)
			} else if one.kind == kindAny || one.kind == kindGiven || u.add(one, "") != nil {
				return nil, false
			}
		}
		if m.kind == kindUnion && m.union.tagged != nil {
			u.tagged, u.field, u.numeric = m.union.tagged, m.union.field, m.union.numeric
		}
	}
	switch {
	case len(u.structs) == 0 || len(u.structs) == len(u.tagged):
	case u.object != nil:
		return nil, false
	case len(u.structs) == 1:
		u.object, u.structs = u.structs[0], nil
	case discriminator.get("propertyName").text() == "" || !c.tagBy(u, discriminator):
		return nil, false
	}
	return n, u.object == nil || u.tagged == nil
}

// tagBy finds the structs of a union by the values of a discriminator.
func (c *schemaCompiler) tagBy(u *union, discriminator *schemaNode) bool {
	u.field = discriminator.get("propertyName").text()
	u.tagged = map[string]*node{}
	for _, m := range discriminator.get("mapping").allMembers() {
		target := c.made[c.root.at(m.value.text())]
		if target == nil || target.kind != kindStruct {
			return false
		}
		u.tagged[m.name] = target
		tag := c.root.at(m.value.text()).get("properties").get(u.field).get("enum").all()
		if len(tag) == 1 && tag[0].text() == "" {
			u.numeric = true
		}
	}
	return len(u.tagged) == len(u.structs)
}

func (n *schemaNode) allMembers() []schemaMember {
	if n == nil {
		return nil
	}
	return n.members
}
