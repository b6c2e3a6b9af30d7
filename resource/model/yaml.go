package model

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// SourceError says what is wrong in a file of declarations, and where.
type SourceError struct {
	File         string
	Line, Column int
	Reason       string
}

// Error is "file:line:column: reason".
func (e *SourceError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Reason)
}

// ParseYAML reads declarations from YAML and compiles them: a document is one
// declaration, or has a list of them under the key "models". The keys of a
// declaration are those of the JSON form of [Declaration]; unknown ones are refused.
// Anchors, aliases, tags and merge keys are not supported, and [MaxBytes] and
// [MaxDepth] bound the text. The error is a [*SourceError].
func ParseYAML(file string, text []byte) ([]*Model, error) {
	if len(text) > MaxBytes {
		return nil, &SourceError{File: file, Line: 1, Column: 1, Reason: fmt.Sprintf("the text is longer than %d bytes", MaxBytes)}
	}
	tokens := lexer.Tokenize(string(text))
	if err := checkTokens(file, tokens); err != nil {
		return nil, err
	}
	doc, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, syntaxError(file, err)
	}
	f := yamlFile{name: file, seen: map[string]position{}}
	for _, d := range doc.Docs {
		if err := f.document(d.Body); err != nil {
			return nil, err
		}
	}
	return f.models, nil
}

// yamlFile gathers the models of a file.
type yamlFile struct {
	name   string
	models []*Model
	seen   map[string]position
}

func (f *yamlFile) document(n ast.Node) error {
	if empty(n) {
		return nil
	}
	r := f.reader()
	if members, err := r.members(n, ""); err != nil || len(members) != 1 || members[0].Key.GetToken().Value != "models" {
		return f.add(n)
	}
	return r.mapping(n, "", "the file", keys{"models": func(n ast.Node, path string) error {
		return r.list(n, path, func(n ast.Node, _ string) error { return f.add(n) })
	}})
}

func (f *yamlFile) reader() *yamlReader {
	return &yamlReader{file: f.name, positions: map[string]position{}}
}

func (f *yamlFile) add(n ast.Node) error {
	r := f.reader()
	m, err := r.model(n)
	if err != nil {
		return err
	}
	name := m.declaration.Name
	if first, ok := f.seen[name]; ok {
		return r.errorAt("name", fmt.Sprintf("model %s is declared twice, first in line %d", quote(name), first.line))
	}
	f.seen[name] = r.positions["name"]
	f.models = append(f.models, m)
	return nil
}

func empty(n ast.Node) bool {
	switch n.(type) {
	case nil, *ast.CommentGroupNode:
		return true
	}
	return false
}

// syntaxError gives an error of the YAML parser our form.
func syntaxError(file string, err error) error {
	var e interface {
		GetToken() *token.Token
		GetMessage() string
	}
	out := &SourceError{File: file, Line: 1, Column: 1, Reason: err.Error()}
	if errors.As(err, &e) {
		out.Reason = e.GetMessage()
		if t := e.GetToken(); t != nil && t.Position != nil {
			out.Line, out.Column = t.Position.Line, t.Position.Column
		}
	}
	out.Reason, _, _ = strings.Cut(out.Reason, "\n")
	return out
}

// checkTokens refuses what is not supported and what would make the parser go
// too deep: it knows no bounds of its own.
func checkTokens(file string, tokens token.Tokens) error {
	var g nesting
	for _, t := range tokens {
		reason := ""
		switch t.Type {
		case token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType, token.MappingKeyType, token.DirectiveType:
			reason = fmt.Sprintf("%s is not supported: anchors, aliases, tags, merge keys, complex keys and directives are not", quote(t.Value))
		case token.InvalidType:
			reason = "the text is no YAML: " + t.Error
		default:
			if g.step(t) > MaxDepth {
				reason = fmt.Sprintf("nested deeper than %d", MaxDepth)
			}
		}
		if reason != "" {
			return &SourceError{File: file, Line: t.Position.Line, Column: t.Position.Column, Reason: reason}
		}
	}
	return nil
}

// nesting follows how deep a text is nested.
type nesting struct {
	flow int
	// columns are those of the open blocks.
	columns []int
	// line and marks are the last line outside of brackets and how many
	// indicators that open a block were on it.
	line, marks int
}

// step takes a token and returns how deep it is at most.
func (g *nesting) step(t *token.Token) int {
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		g.flow++
	case token.SequenceEndType, token.MappingEndType:
		g.flow = max(g.flow-1, 0)
	case token.SequenceEntryType, token.MappingValueType:
		if g.flow == 0 {
			g.marks++
		}
	}
	if t.Position.Line != g.line && g.flow == 0 {
		g.line, g.marks = t.Position.Line, 1
		for n := len(g.columns); n > 0 && g.columns[n-1] >= t.Position.Column; n-- {
			g.columns = g.columns[:n-1]
		}
		g.columns = append(g.columns, t.Position.Column)
	}
	return len(g.columns) + g.flow + g.marks
}
