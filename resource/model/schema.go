package model

import (
	"fmt"
	"slices"
	"strings"
)

// schemaCompiler derives the type of a payload from a JSON schema as msgspec
// exports it: the order of properties, defaults, formats. What cannot be derived
// is a value that is stored as it is submitted and only validated.
type schemaCompiler struct {
	*compiler
	root *schemaNode
	// made are the types of places that are referred to; nil while they are made.
	made map[*schemaNode]*node
	// loose: the schema says more than the derived types check.
	loose bool
}

// schemaPath is where errors of the schema are told.
const schemaPath = "json_schema"

func (c *compiler) schemaPayload() (*node, bool, error) {
	root, err := parseSchema(c.d.JSONSchema)
	if err != nil {
		return nil, false, wrong(schemaPath, "%v", err)
	}
	s := schemaCompiler{compiler: c, root: root, made: map[*schemaNode]*node{}}
	n, err := s.node(root, "the payload")
	if err != nil {
		return nil, false, err
	}
	if err := c.finish(); err != nil {
		return nil, false, err
	}
	return n, s.loose, nil
}

// plain are the keywords that say nothing about values.
var plain = []string{
	"$schema", "$id", "$defs", "definitions", "$comment", "title", "description", "examples", "deprecated", "readOnly",
	"writeOnly", "default", "x-attribute", "discriminator",
}

// only reports whether a schema has no keywords but those that are known, and
// remembers when it has.
func (c *schemaCompiler) only(s *schemaNode, known ...string) {
	for _, m := range s.members {
		if !slices.Contains(known, m.name) && !slices.Contains(plain, m.name) {
			c.loose = true
		}
	}
}

// given is the type of what cannot be derived.
func (c *schemaCompiler) given() *node {
	c.loose = true
	return givenNode
}

// node derives the type of what a schema describes. name is for people.
func (c *schemaCompiler) node(s *schemaNode, name string) (*node, error) {
	if c.budget--; c.budget < 0 {
		return nil, wrong(schemaPath, "the types are too many")
	}
	switch {
	case s.is("true"):
		return newAny(), nil
	case s.is("false"):
		return nil, wrong(schemaPath, "%s allows no value", name)
	case !s.isObject():
		return nil, wrong(schemaPath, "%s: a schema is an object, not %.40s", name, s.raw)
	case s.get("$ref") != nil:
		c.only(s, "$ref")
		return c.ref(s.get("$ref").text(), name)
	case s.get("anyOf") != nil:
		c.only(s, "anyOf")
		return c.choice(s, s.get("anyOf").list, name)
	case s.get("oneOf") != nil:
		c.loose = true
		return c.choice(s, s.get("oneOf").list, name)
	case s.get("enum") != nil:
		c.only(s, "enum", "type")
		return c.enumOf(s.get("enum").list), nil
	case s.get("const") != nil:
		c.only(s, "const", "type")
		return c.enumOf([]*schemaNode{s.get("const")}), nil
	}
	return c.typed(s, name)
}

// ref derives the type of a place in the schema.
func (c *schemaCompiler) ref(ref, name string) (*node, error) {
	target := c.root.at(ref)
	if target == nil {
		return nil, wrong(schemaPath, "%s: %s leads nowhere", name, quote(ref))
	}
	if n, ok := c.made[target]; ok {
		if n == nil {
			return c.given(), nil // in circles, other than through an object
		}
		return n, nil
	}
	c.made[target] = nil
	title := ref[strings.LastIndexByte(ref, '/')+1:]
	n, err := c.node(target, title)
	c.made[target] = n
	return n, err
}

func (c *schemaCompiler) enumOf(values []*schemaNode) *node {
	raw := make([]rawValue, len(values))
	for i, v := range values {
		raw[i] = rawValue(v.raw)
	}
	m, err := newEnum(raw, schemaPath)
	if err != nil {
		return c.given()
	}
	return m.node()
}

// typed derives a type from the keyword "type".
func (c *schemaCompiler) typed(s *schemaNode, name string) (*node, error) {
	t := s.get("type")
	if t == nil {
		if slices.ContainsFunc(s.members, func(m schemaMember) bool { return !slices.Contains(plain, m.name) }) {
			return c.given(), nil
		}
		return newAny(), nil
	}
	if len(t.list) > 0 {
		return c.several(s, t.list, name)
	}
	switch t.text() {
	case "null":
		return scalar(kindNull), nil
	case "boolean":
		c.only(s, "type")
		return scalar(kindBool), nil
	case "integer":
		c.only(s, "type")
		return scalar(kindInt), nil
	case "number":
		c.only(s, "type")
		return scalar(kindFloat), nil
	case "string":
		return c.textual(s), nil
	case "array":
		return c.array(s, name)
	case "object":
		return c.object(s, name)
	}
	return nil, wrong(schemaPath, "%s: type %.40s is not known", name, t.raw)
}

// several derives the type of a schema with a list of types.
func (c *schemaCompiler) several(s *schemaNode, types []*schemaNode, name string) (*node, error) {
	var parts []*schemaNode
	for _, t := range types {
		part := &schemaNode{raw: s.raw}
		for _, m := range s.members {
			if m.name == "type" {
				m.value = t
			}
			part.members = append(part.members, m)
		}
		parts = append(parts, part)
	}
	c.loose = true // keywords of one type are no constraints of another
	return c.choice(s, parts, name)
}

// formats are the kinds of texts by their format.
var formats = map[string]kind{
	"date-time": kindDatetime, "date": kindDate, "time": kindTime, "duration": kindDuration, "uuid": kindUUID, "decimal": kindDecimal,
}

func (c *schemaCompiler) textual(s *schemaNode) *node {
	if s.get("contentEncoding").text() == "base64" {
		c.only(s, "type", "contentEncoding")
		return scalar(kindBytes)
	}
	if k, ok := formats[s.get("format").text()]; ok {
		c.only(s, "type", "format")
		return scalar(k)
	}
	c.only(s, "type", "format")
	return scalar(kindStr)
}

func (c *schemaCompiler) array(s *schemaNode, name string) (*node, error) {
	items := s.get("items")
	if prefix := s.get("prefixItems"); prefix != nil {
		return c.tuple(s, prefix.list, name)
	}
	c.only(s, "type", "items", "uniqueItems")
	n := &node{kind: kindList, elem: newAny(), expect: "list"}
	if items != nil {
		elem, err := c.node(items, name+"[]")
		if err != nil {
			return nil, err
		}
		n.elem, n.expect = elem, "list["+elem.expect+"]"
	}
	if s.get("uniqueItems").is("true") {
		if !n.elem.hashable() {
			return c.given(), nil
		}
		n.kind = kindSet
	}
	return n, nil
}

func (c *schemaCompiler) tuple(s *schemaNode, prefix []*schemaNode, name string) (*node, error) {
	size := fmt.Sprint(len(prefix))
	if !s.get("items").is("false") || !s.get("minItems").is(size) || len(prefix) == 0 {
		return c.given(), nil
	}
	c.only(s, "type", "prefixItems", "items", "minItems", "maxItems")
	n := &node{kind: kindTuple, expect: "tuple of " + size}
	for i, p := range prefix {
		elem, err := c.node(p, fmt.Sprintf("%s[%d]", name, i))
		if err != nil {
			return nil, err
		}
		n.elems = append(n.elems, elem)
	}
	return n, nil
}
