package model

import (
	"encoding/json"
	"errors"

	"github.com/goccy/go-yaml/ast"

	"github.com/specstar-worker/worker/opt"
)

// model reads and compiles one declaration.
func (r *yamlReader) model(n ast.Node) (*Model, error) {
	r.positions[""] = positionOf(n)
	d, err := r.declaration(n)
	if err != nil {
		return nil, err
	}
	m, err := Compile(d)
	if e, ok := errors.AsType[*DeclarationError](err); ok {
		return nil, r.errorAt(e.Path, e.Reason)
	}
	return m, err
}

func (r *yamlReader) declaration(n ast.Node) (Declaration, error) {
	var d Declaration
	err := r.mapping(n, "", "a model", keys{
		"name":           r.text(&d.Name),
		"encoding":       r.text((*string)(&d.Encoding)),
		"schema_version": r.version(&d.SchemaVersion),
		"fields":         r.fields(&d.Fields),
		"type":           r.text(&d.Type),
		"tag":            r.value(&d.Tag),
		"tag_field":      r.text(&d.TagField),
		"types":          r.types(&d.Types),
		"json_schema":    r.value(&d.JSONSchema),
		"indexed_fields": r.texts(&d.IndexedFields),
		"unique_fields":  r.texts(&d.UniqueFields),
		"indexes":        r.indexes(&d.Indexes),
		"binary_fields":  r.texts(&d.BinaryFields),
		"unknown_fields": r.text((*string)(&d.UnknownFields)),
		"migrations":     r.migrations(&d.Migrations),
	})
	return d, err
}

// version reads a version, which null unsets.
func (r *yamlReader) version(to *opt.Value[string]) func(ast.Node, string) error {
	return func(n ast.Node, path string) error {
		if _, ok := n.(*ast.NullNode); ok {
			return nil
		}
		var s string
		err := r.text(&s)(n, path)
		*to = opt.Of(s)
		return err
	}
}

func (r *yamlReader) value(to *json.RawMessage) func(ast.Node, string) error {
	return func(n ast.Node, _ string) error {
		b, err := r.json(nil, n)
		*to = b
		return err
	}
}

func (r *yamlReader) values(to *[]json.RawMessage) func(ast.Node, string) error {
	return func(n ast.Node, path string) error {
		*to = []json.RawMessage{}
		return r.list(n, path, func(n ast.Node, path string) error {
			var v json.RawMessage
			err := r.value(&v)(n, path)
			*to = append(*to, v)
			return err
		})
	}
}

func (r *yamlReader) fields(to *[]Field) func(ast.Node, string) error {
	return func(n ast.Node, path string) error {
		*to = []Field{}
		return r.list(n, path, func(n ast.Node, path string) error {
			var f Field
			err := r.mapping(n, path, "a field", keys{
				"name":      r.text(&f.Name),
				"type":      r.text(&f.Type),
				"attribute": r.text(&f.Attribute),
				"optional":  r.boolean(&f.Optional),
				"default":   r.value(&f.Default),
				"indexed":   r.boolean(&f.Indexed),
				"unique":    r.boolean(&f.Unique),
				"fields":    r.fields(&f.Fields),
				"values":    r.values(&f.Values),
			})
			*to = append(*to, f)
			return err
		})
	}
}

func (r *yamlReader) types(to *map[string]Type) func(ast.Node, string) error {
	return func(n ast.Node, path string) error {
		members, err := r.members(n, "types")
		if err != nil {
			return err
		}
		*to = make(map[string]Type, len(members))
		for _, m := range members {
			name := m.Key.GetToken().Value
			at := dotted(path, name)
			r.positions[at] = positionOf(m)
			var t Type
			err := r.mapping(m.Value, at, "a type", keys{
				"type":      r.text(&t.Type),
				"fields":    r.fields(&t.Fields),
				"tag":       r.value(&t.Tag),
				"tag_field": r.text(&t.TagField),
				"values":    r.values(&t.Values),
			})
			if err != nil {
				return err
			}
			(*to)[name] = t
		}
		return nil
	}
}

func (r *yamlReader) migrations(to *[]Migration) func(ast.Node, string) error {
	return func(n ast.Node, path string) error {
		return r.list(n, path, func(n ast.Node, path string) error {
			var m Migration
			var from opt.Value[string]
			err := r.mapping(n, path, "a migration", keys{
				"from": r.version(&from), "to": r.text(&m.To), "steps": r.values(&m.Steps),
			})
			if v, ok := from.Get(); ok {
				m.From = &v
			}
			*to = append(*to, m)
			return err
		})
	}
}

func (r *yamlReader) indexes(to *[]Index) func(ast.Node, string) error {
	return func(n ast.Node, path string) error {
		return r.list(n, path, func(n ast.Node, path string) error {
			var x Index
			err := r.mapping(n, path, "an index", keys{
				"keys": r.texts(&x.Keys), "equal": r.text(&x.Equal), "elements": r.text(&x.Elements),
			})
			*to = append(*to, x)
			return err
		})
	}
}
