package settings

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// File is a configuration file: YAML, one key per flag, a list where a flag may
// be repeated. Keys are the names of flags; "_" may stand for "-". A nil File
// has no entries.
type File struct {
	entries map[string]entry
}

type entry struct {
	values []string
	where  string // file:line:column
}

func (f *File) entry(flag string) (entry, bool) {
	if f == nil {
		return entry{}, false
	}
	e, ok := f.entries[flag]
	return e, ok
}

// ReadFile reads a configuration file. known are the names of all flags of all
// commands; any other key is refused with its position.
func ReadFile(path string, known []string) (*File, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	doc, err := parser.ParseBytes(b, 0)
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %s", path, yaml.FormatError(err, false, false))
	}
	f := &File{entries: map[string]entry{}}
	for _, d := range doc.Docs {
		pairs, err := pairs(d.Body)
		if err != nil {
			return nil, fmt.Errorf("read configuration %s: %w", path, err)
		}
		for _, p := range pairs {
			if err := f.add(path, p, known); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

func pairs(n ast.Node) ([]*ast.MappingValueNode, error) {
	switch n := n.(type) {
	case nil, *ast.NullNode, *ast.CommentGroupNode:
		return nil, nil
	case *ast.MappingNode:
		return n.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, nil
	default:
		return nil, errors.New("the document is not a mapping of keys to values")
	}
}

func (f *File) add(path string, p *ast.MappingValueNode, known []string) error {
	pos := p.Key.GetToken().Position
	where := fmt.Sprintf("%s:%d:%d", path, pos.Line, pos.Column)
	key := p.Key.GetToken().Value
	name := strings.ReplaceAll(key, "_", "-")
	if !slices.Contains(known, name) || name == "config" {
		return &UnknownKeyError{Where: where, Key: key, Value: p.Value.String(), Known: known}
	}
	if first, repeated := f.entries[name]; repeated {
		return fmt.Errorf("%s: key %q repeats %s", where, key, first.where)
	}
	values, err := scalars(p.Value)
	if err != nil {
		return fmt.Errorf("%s: key %q: %w", where, key, err)
	}
	f.entries[name] = entry{values: values, where: where}
	return nil
}

// UnknownKeyError says that a key in a configuration file is no flag's name.
type UnknownKeyError struct {
	// Where is file:line:column.
	Where string
	Key   string
	// Value is the text that follows. It may be a secret.
	Value string
	Known []string
}

// Error names the place, the key and those there are.
func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("%s: unknown key %q; a key is the name of a flag: %s", e.Where, e.Key, strings.Join(e.Known, ", "))
}

func scalars(n ast.Node) ([]string, error) {
	if list, ok := n.(*ast.SequenceNode); ok {
		var all []string
		for _, v := range list.Values {
			one, err := scalars(v)
			if err != nil {
				return nil, err
			}
			all = append(all, one...)
		}
		return all, nil
	}
	if s, ok := n.(ast.ScalarNode); ok && n.Type() != ast.NullType {
		if lit, ok := n.(*ast.LiteralNode); ok {
			return []string{lit.Value.Value}, nil
		}
		return []string{s.GetToken().Value}, nil
	}
	return nil, errors.New("the value must be a scalar or a list of scalars")
}
