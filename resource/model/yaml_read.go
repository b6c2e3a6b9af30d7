package model

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/specstar-worker/worker/internal/jsonlex"
)

// position is a place in a file.
type position struct{ line, column int }

// yamlReader reads one declaration and remembers where each part of it stands.
type yamlReader struct {
	file      string
	positions map[string]position
}

// errorAt returns an error at the place of a path, or of what it is part of.
func (r *yamlReader) errorAt(path, reason string) error {
	for {
		if p, ok := r.positions[path]; ok || path == "" {
			return &SourceError{File: r.file, Line: max(p.line, 1), Column: max(p.column, 1), Reason: reason}
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
}

func (r *yamlReader) errorOf(n ast.Node, format string, args ...any) error {
	p := positionOf(n)
	return &SourceError{File: r.file, Line: p.line, Column: p.column, Reason: fmt.Sprintf(format, args...)}
}

func positionOf(n ast.Node) position {
	// The token of a member of a mapping is its colon.
	if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return position{t.Position.Line, t.Position.Column}
	}
	return position{1, 1}
}

// members returns the members of a mapping.
func (r *yamlReader) members(n ast.Node, what string) ([]*ast.MappingValueNode, error) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, nil
	}
	return nil, r.errorOf(n, "%s must be a mapping of keys to values", what)
}

// keys are what may stand in a mapping, by key.
type keys map[string]func(n ast.Node, path string) error

// mapping reads a mapping that has only known keys.
func (r *yamlReader) mapping(n ast.Node, path, what string, known keys) error {
	members, err := r.members(n, what)
	if err != nil {
		return err
	}
	if _, ok := r.positions[path]; !ok {
		r.positions[path] = positionOf(n)
	}
	for _, m := range members {
		key := m.Key.GetToken().Value
		read, ok := known[key]
		if !ok {
			names := slices.Sorted(maps.Keys(known))
			hint := nearest(key, names)
			if hint == "" {
				hint = "; known are " + strings.Join(names, ", ")
			}
			return r.errorOf(m, "%s has no key %s%s", what, quote(key), hint)
		}
		at := dotted(path, key)
		r.positions[at] = positionOf(m.Value)
		if implicitNull(m.Value) {
			r.positions[at] = positionOf(m)
		}
		if err := read(m.Value, at); err != nil {
			return err
		}
	}
	return nil
}

// implicitNull reports whether a key has no value.
func implicitNull(n ast.Node) bool {
	null, ok := n.(*ast.NullNode)
	return ok && null.Token.Value == ""
}

// text reads a text. Numbers and booleans are taken as they are written.
func (r *yamlReader) text(to *string) func(ast.Node, string) error {
	return func(n ast.Node, _ string) error {
		s, ok := textOf(n)
		if !ok {
			return r.errorOf(n, "a text is expected")
		}
		if !utf8.ValidString(s) {
			return r.errorOf(n, "the text is not UTF-8")
		}
		*to = s
		return nil
	}
}

// textOf returns the text of a scalar that is not null.
func textOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func (r *yamlReader) boolean(to *bool) func(ast.Node, string) error {
	return func(n ast.Node, _ string) error {
		b, ok := n.(*ast.BoolNode)
		if !ok {
			return r.errorOf(n, "true or false is expected")
		}
		*to = b.Value
		return nil
	}
}

// list reads a list; each reads one element.
func (r *yamlReader) list(n ast.Node, path string, each func(n ast.Node, path string) error) error {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		return r.errorOf(n, "a list is expected")
	}
	for i, v := range s.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		r.positions[at] = positionOf(v)
		if err := each(v, at); err != nil {
			return err
		}
	}
	return nil
}

func (r *yamlReader) texts(to *[]string) func(ast.Node, string) error {
	return func(n ast.Node, path string) error {
		return r.list(n, path, func(n ast.Node, path string) error {
			var s string
			err := r.text(&s)(n, path)
			*to = append(*to, s)
			return err
		})
	}
}

// json writes a value as JSON; keys of mappings keep their order.
func (r *yamlReader) json(b []byte, n ast.Node) ([]byte, error) {
	switch n := n.(type) {
	case *ast.NullNode:
		return append(b, "null"...), nil
	case *ast.BoolNode:
		return strconv.AppendBool(b, n.Value), nil
	case *ast.IntegerNode:
		switch v := n.Value.(type) {
		case int64:
			return strconv.AppendInt(b, v, 10), nil
		case uint64:
			return strconv.AppendUint(b, v, 10), nil
		}
		return b, r.errorOf(n, "the integer needs more than 64 bits")
	case *ast.FloatNode:
		return jsonlex.AppendFloat(b, n.Value), nil
	case *ast.StringNode, *ast.LiteralNode:
		var s string
		if err := r.text(&s)(n, ""); err != nil {
			return b, err
		}
		return jsonlex.AppendText(b, s), nil
	case *ast.SequenceNode:
		return r.jsonList(b, n)
	case *ast.MappingNode, *ast.MappingValueNode:
		return r.jsonObject(b, n)
	}
	return b, r.errorOf(n, "%s cannot be a value", quote(n.GetToken().Value))
}

func (r *yamlReader) jsonList(b []byte, n *ast.SequenceNode) ([]byte, error) {
	b = append(b, '[')
	for i, v := range n.Values {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = r.json(b, v); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func (r *yamlReader) jsonObject(b []byte, n ast.Node) ([]byte, error) {
	members, err := r.members(n, "the value")
	if err != nil {
		return b, err
	}
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		key := m.Key.GetToken().Value
		if !utf8.ValidString(key) {
			return b, r.errorOf(m, "the key is not UTF-8")
		}
		b = append(jsonlex.AppendText(b, key), ':')
		if b, err = r.json(b, m.Value); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}
