package model

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// planner turns Go types into plans and declarations.
type planner struct {
	types map[string]Type
	plans map[reflect.Type]*plan // of structs, which may hold themselves
}

// object plans a struct.
func (p *planner) object(t reflect.Type) (*plan, []Field, error) {
	o := &plan{kind: planStruct}
	p.plans[t] = o
	var fields []Field
	for i := range t.NumField() {
		sf := t.Field(i)
		tag, err := parseTag(sf)
		if err != nil {
			return nil, nil, fmt.Errorf("field %s of %s: %w", sf.Name, t, err)
		}
		if tag.skip {
			continue
		}
		f, inner, err := p.field(sf.Type, tag)
		if err != nil {
			return nil, nil, fmt.Errorf("field %s of %s: %w", sf.Name, t, err)
		}
		fields = append(fields, f)
		o.fields = append(o.fields, planField{name: f.Name, index: i, plan: inner, def: f.Default})
	}
	if len(fields) == 0 {
		return nil, nil, fmt.Errorf("type %s has no exported fields", t)
	}
	return o, fields, nil
}

// field plans one field.
func (p *planner) field(t reflect.Type, tag fieldTag) (Field, *plan, error) {
	f := Field{Name: tag.name, Default: tag.def, Indexed: tag.index, Unique: tag.unique}
	inner, expr, err := p.value(t, tag)
	if err != nil {
		return f, nil, err
	}
	f.Type = expr
	if len(tag.enum) > 0 {
		f.Type = strings.Replace(expr, "str", "enum", 1)
		for _, v := range tag.enum {
			text, err := json.Marshal(v)
			if err != nil {
				return f, nil, err
			}
			f.Values = append(f.Values, text)
		}
	}
	if f.Default == nil && t.Kind() == reflect.Pointer {
		f.Default = json.RawMessage("null")
	}
	return f, inner, nil
}

// value plans a type and returns the expression that declares it.
func (p *planner) value(t reflect.Type, tag fieldTag) (*plan, string, error) {
	if scalar := scalarOf(t); scalar != "" {
		return p.scalar(t, scalar, tag)
	}
	switch t.Kind() {
	case reflect.Pointer:
		elem, expr, err := p.value(t.Elem(), tag)
		return &plan{kind: planPointer, elem: elem}, "(" + expr + ")?", err
	case reflect.Slice:
		elem, expr, err := p.value(t.Elem(), fieldTag{})
		name := "list"
		if tag.form == "set" {
			name = "set"
		}
		return &plan{kind: planList, elem: elem}, name + "[" + expr + "]", err
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return nil, "", fmt.Errorf("type %s: keys must be strings", t)
		}
		elem, expr, err := p.value(t.Elem(), fieldTag{})
		return &plan{kind: planMap, elem: elem}, "map[" + expr + "]", err
	case reflect.Struct:
		return p.named(t)
	}
	return nil, "", fmt.Errorf("type %s cannot be declared", t)
}

// scalar plans a type that is one value.
func (p *planner) scalar(t reflect.Type, scalar string, tag fieldTag) (*plan, string, error) {
	if tag.form != "" {
		switch {
		case scalar == "str" && slices.Contains([]string{"date", "time", "decimal", "uuid"}, tag.form):
			scalar = tag.form
		case scalar == "datetime" && tag.form == "date":
			return &plan{kind: planTime, layout: "2006-01-02"}, "date", nil
		default:
			return nil, "", fmt.Errorf("type %s cannot be a %s", t, tag.form)
		}
	}
	if len(tag.enum) > 0 && scalar != "str" {
		return nil, "", fmt.Errorf("type %s cannot be an enum of texts", t)
	}
	switch t {
	case timeType:
		return &plan{kind: planTime, layout: "2006-01-02T15:04:05.999999Z07:00"}, scalar, nil
	case durationType:
		return &plan{kind: planDuration}, scalar, nil
	case binaryType:
		return &plan{kind: planBinary}, scalar, nil
	}
	switch {
	case scalar == "float":
		return &plan{kind: planFloat}, scalar, nil
	case t.Kind() == reflect.String && !marshals(t):
		return &plan{kind: planString}, scalar, nil
	case scalar == "bytes":
		return &plan{kind: planBytes}, scalar, nil
	case t.Kind() == reflect.Interface:
		return &plan{kind: planAny}, scalar, nil
	}
	return &plan{kind: planJSON}, scalar, nil
}

// marshals reports whether a type has a form in JSON of its own.
func marshals(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// named plans a struct within another, declared under its own name.
func (p *planner) named(t reflect.Type) (*plan, string, error) {
	if known, ok := p.plans[t]; ok {
		if _, declared := p.types[t.Name()]; declared {
			return known, t.Name(), nil
		}
		return nil, "", fmt.Errorf("type %s holds itself", t)
	}
	if t.Name() == "" {
		return nil, "", fmt.Errorf("type %s has no name", t)
	}
	if _, taken := p.types[t.Name()]; taken {
		return nil, "", fmt.Errorf("two types are named %s", t.Name())
	}
	p.types[t.Name()] = Type{}
	o, fields, err := p.object(t)
	p.types[t.Name()] = Type{Fields: fields}
	return o, t.Name(), err
}

// fieldTag is what the tags of a field say.
type fieldTag struct {
	name                string
	skip, index, unique bool
	form                string // set, date, time, decimal or uuid
	enum                []string
	def                 json.RawMessage
}

func parseTag(sf reflect.StructField) (fieldTag, error) {
	name, options, _ := strings.Cut(sf.Tag.Get("specstar"), ",")
	if name == "" {
		name, _, _ = strings.Cut(sf.Tag.Get("json"), ",")
	}
	// Exported fields of an embedded struct are promoted also where its type is not.
	tag := fieldTag{name: name, skip: name == "-" || !sf.IsExported() && !sf.Anonymous}
	if tag.skip {
		return tag, nil
	}
	if sf.Anonymous {
		return tag, fmt.Errorf("embedded structs are not taken; name the field")
	}
	if tag.name == "" {
		tag.name = snake(sf.Name)
	}
	for options != "" {
		if def, ok := strings.CutPrefix(options, "default="); ok { // it may hold commas
			if !json.Valid([]byte(def)) {
				return tag, fmt.Errorf("default=%s is not JSON", def)
			}
			tag.def = json.RawMessage(def)
			break
		}
		var option string
		option, options, _ = strings.Cut(options, ",")
		if err := tag.set(option); err != nil {
			return tag, err
		}
	}
	return tag, nil
}

func (tag *fieldTag) set(option string) error {
	switch option {
	case "index":
		tag.index = true
	case "unique":
		tag.unique = true
	case "set", "date", "time", "decimal", "uuid":
		tag.form = option
	default:
		values, ok := strings.CutPrefix(option, "enum=")
		if !ok {
			return fmt.Errorf("tag option %q is not known; use index, unique, set, date, time, decimal, uuid, enum=A|B or default=JSON", option)
		}
		tag.enum = strings.Split(values, "|")
	}
	return nil
}
