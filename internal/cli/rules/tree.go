package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxDepth bounds how deep the values of a file are nested.
const maxDepth = 64

// tree is a file as values that JSON has, with the place of each by its path.
type tree struct {
	file   string
	root   any
	places map[string]*token.Position
}

// parse reads a file of one document.
func parse(file string, text []byte) (*tree, error) {
	t := &tree{file: file, root: map[string]any{}, places: map[string]*token.Position{"": {Line: 1, Column: 1}}}
	if len(text) > maxBytes {
		return nil, t.errorf("", "the file is longer than %d bytes", maxBytes)
	}
	tokens := lexer.Tokenize(string(text))
	if err := t.checkTokens(tokens); err != nil {
		return nil, err
	}
	doc, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, t.syntax(err)
	}
	for i, d := range doc.Docs {
		switch d.Body.(type) {
		case nil, *ast.CommentGroupNode, *ast.NullNode:
			continue
		}
		if i > 0 {
			return nil, t.errorf("", "a file has one document")
		}
		if t.root, err = t.value(d.Body, "", 0); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// checkTokens refuses what is not supported, and what would make the parser go too deep.
func (t *tree) checkTokens(tokens token.Tokens) error {
	depth := 0
	for _, tok := range tokens {
		switch tok.Type {
		case token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType, token.MappingKeyType, token.DirectiveType:
			return t.at(tok.Position, "", "anchors, aliases, tags, merge keys, complex keys and directives are not supported")
		case token.InvalidType:
			return t.at(tok.Position, "", "the text is no YAML: "+tok.Error)
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		if depth > maxDepth || tok.Position.IndentNum > 8*maxDepth {
			return t.at(tok.Position, "", "nested too deep")
		}
	}
	return nil
}

func (t *tree) syntax(err error) error {
	var e interface {
		GetToken() *token.Token
		GetMessage() string
	}
	at, reason := &token.Position{Line: 1, Column: 1}, err.Error()
	if errors.As(err, &e) {
		reason = e.GetMessage()
		if tok := e.GetToken(); tok != nil && tok.Position != nil {
			at = tok.Position
		}
	}
	reason, _, _ = strings.Cut(reason, "\n")
	return t.at(at, "", reason)
}

func (t *tree) at(p *token.Position, field, reason string) error {
	return &Error{File: t.file, Line: p.Line, Column: p.Column, Field: field, Reason: reason}
}

// errorf says what is wrong at a path, or at what it is part of when that is not there.
func (t *tree) errorf(path, format string, args ...any) error {
	for at := path; ; {
		if p := t.places[at]; p != nil {
			return t.at(p, path, fmt.Sprintf(format, args...))
		}
		at = at[:max(strings.LastIndexAny(at, ".["), 0)]
	}
}

// value returns the value of a node and notes where it is, and what is in it.
func (t *tree) value(n ast.Node, path string, depth int) (any, error) {
	if _, noted := t.places[path]; !noted {
		t.places[path] = n.GetToken().Position
	}
	if depth > maxDepth {
		return nil, t.errorf(path, "nested too deep")
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return t.mapping(n.Values, path, depth)
	case *ast.MappingValueNode:
		return t.mapping([]*ast.MappingValueNode{n}, path, depth)
	case *ast.SequenceNode:
		list := make([]any, len(n.Values))
		for i, v := range n.Values {
			var err error
			if list[i], err = t.value(v, path+"["+strconv.Itoa(i)+"]", depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.BoolNode:
		return n.Value, nil
	case *ast.NullNode:
		return nil, nil
	case *ast.IntegerNode:
		return json.Number(fmt.Sprint(n.Value)), nil
	case *ast.FloatNode:
		return json.Number(strconv.FormatFloat(n.Value, 'g', -1, 64)), nil
	}
	return nil, t.errorf(path, "%s is not supported", n.Type())
}

func (t *tree) mapping(pairs []*ast.MappingValueNode, path string, depth int) (any, error) {
	m := make(map[string]any, len(pairs))
	for _, p := range pairs {
		key := p.Key.GetToken().Value
		inner := strings.TrimPrefix(path+"."+key, ".")
		t.places[inner] = p.Key.GetToken().Position
		v, err := t.value(p.Value, inner, depth+1)
		if err != nil {
			return nil, err
		}
		m[key] = v
	}
	return m, nil
}

// field reads the value of a field.
type field func(path string, v any) error

// fields are those that an object may have.
type fields map[string]field

// object reads an object whose fields are known, in the order of their names.
func (t *tree) object(path string, v any, known fields) error {
	m, is := v.(map[string]any)
	if !is {
		return t.errorf(path, "a mapping is expected, with %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		inner := strings.TrimPrefix(path+"."+key, ".")
		read, is := known[key]
		if !is {
			return t.errorf(inner, "is not known; use %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		if err := read(inner, m[key]); err != nil {
			return err
		}
	}
	return nil
}

// list reads a list.
func (t *tree) list(path string, v any, item field) error {
	all, is := v.([]any)
	if !is {
		return t.errorf(path, "a list is expected")
	}
	for i, v := range all {
		if err := item(path+"["+strconv.Itoa(i)+"]", v); err != nil {
			return err
		}
	}
	return nil
}
