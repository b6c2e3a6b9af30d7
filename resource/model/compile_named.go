package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/specstar-worker/worker/resource"
)

// named compiles a type by its name.
func (c *compiler) named(name, path string) (*node, error) {
	t, ok := c.d.Types[name]
	if !ok {
		known := append(slices.Sorted(maps.Keys(c.d.Types)), kindNames...)
		return nil, wrong(path, "there is no type %s%s", quote(name), nearest(name, known))
	}
	own := "types." + name
	switch {
	case t.Values != nil:
		if t.Fields != nil || t.Type != "" || t.Tag != nil {
			return nil, wrong(own, "values exclude fields, type and tag")
		}
		if c.enums[name] == nil {
			m, err := newEnum(t.Values, own+".values")
			if err != nil {
				return nil, err
			}
			c.enums[name] = m
		}
		return c.enums[name].node(), nil
	case t.Type != "":
		if t.Fields != nil || t.Tag != nil {
			return nil, wrong(own, "type excludes fields and tag")
		}
		return c.alias(name, t)
	}
	if c.objects[name] == nil {
		c.objects[name] = c.struct_(t, name, own+".fields")
	}
	return &node{kind: kindStruct, object: c.objects[name], expect: name}, nil
}

func (c *compiler) alias(name string, t Type) (*node, error) {
	path := "types." + name + ".type"
	if c.open[name] {
		return nil, wrong(path, "type %s is defined by itself", quote(name))
	}
	c.open[name] = true
	defer delete(c.open, name)
	e, err := parseExpr(t.Type)
	if err != nil {
		return nil, wrong(path, "%v", err)
	}
	return c.node(e, place{path: path, fieldsPath: "types." + name + ".fields", valuesPath: "types." + name + ".values"})
}

// newEnum compiles the values of an enum.
func newEnum(values []json.RawMessage, path string) (*enum, error) {
	m := &enum{texts: map[string]struct{}{}, numbers: map[int64]struct{}{}}
	if len(values) == 0 {
		return nil, wrong(path, "an enum needs values")
	}
	var names []string
	for i, v := range values {
		var s string
		switch n, err := strconv.ParseInt(string(v), 10, 64); {
		case string(v) == "null":
			m.null = true
		case err == nil:
			m.numbers[n] = struct{}{}
		case json.Unmarshal(v, &s) == nil:
			m.texts[s] = struct{}{}
		default:
			return nil, wrong(fmt.Sprintf("%s[%d]", path, i), "the values of an enum are texts, integers and null, not %.40s", v)
		}
		if i < 10 {
			names = append(names, string(v))
		}
	}
	if len(m.texts)+len(m.numbers) > 10 {
		names = append(names, "…")
	}
	m.list = strings.Join(names, ", ")
	return m, nil
}

func (m *enum) node() *node {
	if m == nil {
		return nil
	}
	return &node{kind: kindEnum, enum: m, null: m.null, expect: "one of " + m.list}
}

func normalEncoding(e resource.Encoding) resource.Encoding {
	if e == "" {
		return resource.JSON
	}
	return e
}
