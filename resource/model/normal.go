package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// normal returns the declaration in the spelling that all equal ones share. It
// shares nothing with d that is changed.
func (d Declaration) normal() (Declaration, error) {
	if d.typed() {
		d.Encoding = normalEncoding(d.Encoding)
	}
	if d.UnknownFields == RefuseUnknown {
		d.UnknownFields = ""
	}
	if d.Fields != nil && len(d.Fields) == 0 && d.Type == "" {
		d.Type = "struct"
	}
	var err error
	if d.Type, err = normalExpr(d.Type); err != nil {
		return d, wrong("type", "%v", err)
	}
	if d.Type == "struct" && len(d.Fields) > 0 {
		d.Type = ""
	}
	d.IndexedFields = sorted(slices.Clone(d.IndexedFields))
	d.UniqueFields = sorted(slices.Clone(d.UniqueFields))
	d.BinaryFields = sorted(slices.Clone(d.BinaryFields))
	if d.Fields, err = normalFields(d.Fields, "fields"); err != nil {
		return d, err
	}
	if d.Tag, err = normalValue(d.Tag, "tag"); err != nil {
		return d, err
	}
	if d.JSONSchema, err = normalValue(d.JSONSchema, "json_schema"); err != nil {
		return d, err
	}
	d.Types = maps.Clone(d.Types)
	for _, name := range slices.Sorted(maps.Keys(d.Types)) {
		if d.Types[name], err = d.Types[name].normal("types." + name); err != nil {
			return d, err
		}
	}
	d.Migrations = slices.Clone(d.Migrations)
	for i, m := range d.Migrations {
		if d.Migrations[i].Steps, err = normalValues(m.Steps, fmt.Sprintf("migrations[%d].steps", i)); err != nil {
			return d, err
		}
	}
	return d, nil
}

// typed reports whether the declaration tells the type of the payload.
func (d *Declaration) typed() bool {
	return d.Fields != nil || d.Type != "" || d.JSONSchema != nil
}

func (t Type) normal(path string) (Type, error) {
	var err error
	if t.Type, err = normalExpr(t.Type); err != nil {
		return t, wrong(path+".type", "%v", err)
	}
	if t.Fields, err = normalFields(t.Fields, path+".fields"); err != nil {
		return t, err
	}
	if t.Tag, err = normalValue(t.Tag, path+".tag"); err != nil {
		return t, err
	}
	t.Values, err = normalValues(t.Values, path+".values")
	return t, err
}

func normalFields(fields []Field, path string) ([]Field, error) {
	fields = slices.Clone(fields)
	for i, f := range fields {
		at := fmt.Sprintf("%s[%d]", path, i)
		var err error
		if f.Type, err = normalExpr(f.Type); err != nil {
			return nil, wrong(at+".type", "%v", err)
		}
		if f.Default, err = normalValue(f.Default, at+".default"); err != nil {
			return nil, err
		}
		if f.Fields, err = normalFields(f.Fields, at+".fields"); err != nil {
			return nil, err
		}
		if f.Values, err = normalValues(f.Values, at+".values"); err != nil {
			return nil, err
		}
		if f.Attribute == f.Name {
			f.Attribute = ""
		}
		fields[i] = f
	}
	return fields, nil
}

func normalExpr(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	e, err := parseExpr(text)
	if err != nil {
		return "", err
	}
	return e.String(), nil
}

func normalValues(values []json.RawMessage, path string) ([]json.RawMessage, error) {
	values = slices.Clone(values)
	for i, v := range values {
		var err error
		if values[i], err = normalValue(v, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// normalValue writes a value in the one form of its JSON.
func normalValue(v json.RawMessage, path string) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	b, err := payload.Canonical(resource.JSON, v)
	if err != nil {
		return nil, wrong(path, "%v", err)
	}
	return b, nil
}
