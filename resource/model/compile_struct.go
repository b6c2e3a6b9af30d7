package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// struct_ begins a struct; its fields are compiled later.
func (c *compiler) struct_(t Type, name, path string) *object {
	o := &object{name: name, unknown: c.unknown()}
	c.pending = append(c.pending, func() error { return c.fields(o, t, path) })
	return o
}

// fields compiles the fields of a struct.
func (c *compiler) fields(o *object, t Type, path string) error {
	if t.TagField != "" && t.Tag == nil {
		return wrong(path, "a tag_field is declared without a tag")
	}
	o.fields = make([]field, len(t.Fields))
	o.blank = make([]span, len(t.Fields))
	o.index = make(map[string]int, len(t.Fields))
	o.attributes = make(map[string]int, len(t.Fields))
	for i, f := range t.Fields {
		at := fmt.Sprintf("%s[%d]", path, i)
		if err := c.field(o, i, f, at); err != nil {
			return err
		}
		if first, ok := o.index[f.Name]; ok {
			return wrong(at+".name", "field %s is declared twice, first as number %d", quote(f.Name), first+1)
		}
		o.index[f.Name] = i
		attribute := f.Name
		if f.Attribute != "" {
			attribute = f.Attribute
		}
		if _, ok := o.attributes[attribute]; ok {
			return wrong(at, "two fields have the attribute %s", quote(attribute))
		}
		o.attributes[attribute] = i
	}
	return c.tag(o, t, path)
}

func (c *compiler) tag(o *object, t Type, path string) error {
	if t.Tag == nil {
		return nil
	}
	name := t.TagField
	if name == "" {
		name = "type"
	}
	if _, ok := o.index[name]; ok {
		return wrong(path, "field %s is also the field of the tag", quote(name))
	}
	tag, ok := newTag(name, t.Tag)
	if !ok {
		return wrong(path, "a tag is a text or an integer, not %.40s", t.Tag)
	}
	o.tag = tag
	return nil
}

func (c *compiler) field(o *object, i int, f Field, at string) error {
	if f.Name == "" {
		return wrong(at, "the field has no name")
	}
	if !utf8.ValidString(f.Name) {
		return wrong(at+".name", "the name is not UTF-8")
	}
	if f.Optional && f.Default != nil {
		return wrong(at, "a field is optional or has a default, not both")
	}
	if (f.Indexed || f.Unique) && strings.Contains(at, ".") {
		return wrong(at, "only fields of the payload itself can be marked as indexed or unique; use indexed_fields")
	}
	e, err := parseExpr(f.Type)
	if err != nil {
		return wrong(at+".type", "%v", err)
	}
	n, err := c.node(e, place{
		path: at + ".type", fieldsPath: at + ".fields", valuesPath: at + ".values",
		owner: Type{Fields: f.Fields, Values: f.Values},
	})
	if err != nil {
		return err
	}
	if err := unusedParts(e, f, at); err != nil {
		return err
	}
	keys := memberKeys(f.Name)
	o.fields[i] = field{
		name: f.Name, node: n, quoted: string(keys[asJSON][:len(keys[asJSON])-1]), member: keys,
		optional: f.Optional, pending: f.Default != nil,
	}
	if f.Default != nil {
		target := &o.fields[i]
		c.defaults = append(c.defaults, func() error { return c.setDefault(target, f.Default, at+".default") })
	}
	return nil
}

// unusedParts refuses fields and values that nothing refers to.
func unusedParts(e expr, f Field, at string) error {
	if f.Fields != nil && !e.mentions("struct") {
		return wrong(at+".fields", "the type is %s; fields belong to a struct", e)
	}
	if f.Values != nil && !e.mentions("enum") {
		return wrong(at+".values", "the type is %s; values belong to an enum", e)
	}
	return nil
}

// mentions reports whether the expression uses a name.
func (e expr) mentions(name string) bool {
	if e.name == name {
		return true
	}
	for _, a := range e.args {
		if a.mentions(name) {
			return true
		}
	}
	return false
}

// errPending: a default that another one contains is not encoded yet.
var errPending = errors.New("the default contains itself")

// setDefault encodes the default of a field in both encodings.
func (c *compiler) setDefault(f *field, def json.RawMessage, at string) error {
	for form := range f.missing {
		var w walker
		w.reset(def, form == asMsgpack)
		w.loose = true
		switch err := w.document(f.node); {
		case errors.Is(err, errPending):
			return err
		case err != nil:
			return wrong(at, "%v", err)
		}
		f.missing[form] = append(f.member[form][:len(f.member[form]):len(f.member[form])], w.out...)
		if form == asJSON {
			f.absent = append(json.RawMessage(nil), w.out...)
			f.missing[form] = append(f.missing[form], ',')
		}
	}
	f.pending = false
	return nil
}

// setDefaults encodes all defaults, those that others contain first.
func (c *compiler) setDefaults() error {
	for len(c.defaults) > 0 {
		var later []func() error
		for _, set := range c.defaults {
			switch err := set(); {
			case errors.Is(err, errPending):
				later = append(later, set)
			case err != nil:
				return err
			}
		}
		if len(later) == len(c.defaults) {
			return wrong("", "%v", errPending)
		}
		c.defaults = later
	}
	return nil
}
