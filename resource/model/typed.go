package model

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// Decimal is a decimal number as text: "19.990" keeps its digits.
type Decimal string

// TypedOptions say of a model what a Go type does not.
type TypedOptions struct {
	// Name is the model's; empty means the type's in kebab case: SalesOrder is
	// sales-order, as the original names it.
	Name string
	// Encoding of payloads; empty means JSON.
	Encoding resource.Encoding
	// SchemaVersion is the one that new revisions are written at; unset: none.
	SchemaVersion opt.Value[string]
	// Migrations lead from other schema versions.
	Migrations []Migration
	// UnknownFields says what becomes of fields that the type does not have.
	UnknownFields UnknownFields
	// Indexes are those of the database that searches need, see [Declaration].
	Indexes []Index
}

// Typed is a model whose payloads are values of a Go struct. Its fields are
// declared in their order, under the name in the tag "specstar", else in the tag
// "json", else their own in snake case:
//
//	type Person struct {
//		Name  string    `specstar:"name,index"`
//		Level string    `specstar:",enum=low|mid|high,default=\"low\""`
//		Email *string   `specstar:"email,unique"`
//		Born  time.Time `specstar:",date"`
//	}
//
// Go's types stand for the original's: string str, bool, integers int, floats
// float, [time.Time] datetime, [time.Duration] duration, uuid.UUID, []byte bytes,
// [Decimal], [resource.Binary], slices list, maps with string keys map, structs,
// any and json.RawMessage any. A pointer may be null and is null by default. The
// options in the tag are index, unique, default=JSON (the last one, up to the end),
// enum=A|B, set (a slice), and date, time, decimal or uuid for a string. A field
// named "-" is left out. A number in a field of any is read as int64, float64 or,
// when it is a larger integer, [json.Number], so that it is saved as it was.
type Typed struct {
	model *Model
	root  *plan
}

// Model returns the compiled model.
func (t *Typed) Model() *Model { return t.model }

// Of returns the model of a struct type. The error is a [*DeclarationError] or says
// which field has a type or a tag that cannot be declared.
func Of(t reflect.Type, o TypedOptions) (*Typed, error) {
	if t.Kind() != reflect.Struct || scalarOf(t) != "" {
		return nil, fmt.Errorf("type %s is not a struct with fields", t)
	}
	if o.Name == "" {
		o.Name = kebab(t.Name())
	}
	d := Declaration{
		Name: o.Name, Encoding: o.Encoding, SchemaVersion: o.SchemaVersion, Migrations: o.Migrations,
		UnknownFields: o.UnknownFields, Indexes: o.Indexes, Types: map[string]Type{},
	}
	p := planner{types: d.Types, plans: map[reflect.Type]*plan{}}
	root, fields, err := p.object(t)
	if err != nil {
		return nil, err
	}
	d.Fields = fields
	m, err := Compile(d)
	if err != nil {
		return nil, fmt.Errorf("type %s: %w", t, err)
	}
	return &Typed{model: m, root: root}, nil
}

// plan is how values of a Go type are written and read.
type plan struct {
	kind   planKind
	layout string // of a time.Time
	elem   *plan  // of a pointer, slice or map
	fields []planField
}

type planField struct {
	name  string
	index int
	plan  *plan
	def   json.RawMessage // of a payload without it; nil: none
}

type planKind int

const (
	planJSON planKind = iota // as encoding/json has it
	planString
	planBytes
	planAny
	planFloat
	planTime
	planDuration
	planBinary
	planPointer
	planList
	planMap
	planStruct
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	uuidType     = reflect.TypeFor[uuid.UUID]()
	decimalType  = reflect.TypeFor[Decimal]()
	binaryType   = reflect.TypeFor[resource.Binary]()
	rawType      = reflect.TypeFor[json.RawMessage]()
)

// scalarOf returns the declared type of a Go type that is written as one value, ""
// for others.
func scalarOf(t reflect.Type) string {
	switch t {
	case timeType:
		return "datetime"
	case durationType:
		return "duration"
	case uuidType:
		return "uuid"
	case decimalType:
		return "decimal"
	case binaryType:
		return "binary"
	case rawType:
		return "any"
	}
	switch t.Kind() {
	case reflect.String:
		return "str"
	case reflect.Bool:
		return "bool"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "int"
	case reflect.Float32, reflect.Float64:
		return "float"
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return "any"
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes"
		}
	}
	return ""
}

// kebab is a Go name as a model's: SalesOrder is sales-order, HTTPServer http-server.
func kebab(name string) string { return strings.ReplaceAll(snake(name), "_", "-") }

// snake is a Go name in snake case.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) && runes[i-1] != '_' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
