package model

import (
	"bytes"
	"encoding/json"
	"strings"
)

// schemaNode is a part of a JSON schema. Members keep their order: that of
// properties is the order of fields.
type schemaNode struct {
	raw     json.RawMessage
	members []schemaMember
	list    []*schemaNode
}

type schemaMember struct {
	name  string
	value *schemaNode
}

// parseSchema reads a schema whose JSON is in its one form, so that it is well
// formed and bounded in depth.
func parseSchema(raw json.RawMessage) (*schemaNode, error) {
	n := &schemaNode{raw: raw}
	d := json.NewDecoder(bytes.NewReader(raw))
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	object := t == json.Delim('{')
	if !object && t != json.Delim('[') {
		return n, nil
	}
	for d.More() {
		name := ""
		if object {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			name, _ = key.(string)
		}
		var part json.RawMessage
		if err := d.Decode(&part); err != nil {
			return nil, err
		}
		value, err := parseSchema(part)
		if err != nil {
			return nil, err
		}
		if object {
			n.members = append(n.members, schemaMember{name, value})
		} else {
			n.list = append(n.list, value)
		}
	}
	return n, nil
}

// get returns a member, nil when there is none.
func (n *schemaNode) get(name string) *schemaNode {
	if n == nil {
		return nil
	}
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

func (n *schemaNode) isObject() bool { return n != nil && len(n.raw) > 0 && n.raw[0] == '{' }

// text returns the text of a string.
func (n *schemaNode) text() string {
	var s string
	if n != nil && json.Unmarshal(n.raw, &s) == nil {
		return s
	}
	return ""
}

func (n *schemaNode) is(text string) bool { return n != nil && string(n.raw) == text }

// at follows a reference within the schema, "#/$defs/Person"; nil when it leads
// elsewhere.
func (n *schemaNode) at(ref string) *schemaNode {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	for step := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if step == "" {
			continue
		}
		if n = n.get(strings.NewReplacer("~1", "/", "~0", "~").Replace(step)); n == nil {
			return nil
		}
	}
	return n
}
