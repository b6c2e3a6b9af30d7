package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// Declaration says what the payloads of one model look like. With neither
// Fields, Type nor JSONSchema the model is known by name only: its payloads keep
// the submitter's fields and their order.
//
// The JSON form has one spelling, see [Declaration.JSON].
type Declaration struct {
	// Name is the registered name: "sales-order".
	Name string `json:"name"`
	// Encoding of new payloads; empty means JSON, and for a model known by name
	// only whatever the store writes.
	Encoding resource.Encoding `json:"encoding,omitempty"`
	// SchemaVersion is the one that new revisions are written at; unset: none.
	SchemaVersion opt.Value[string] `json:"schema_version,omitzero"`
	// Fields are those of the payload, in the order in which they are stored.
	Fields []Field `json:"fields,omitempty"`
	// Tag and TagField are as in [Type], for a payload that is a tagged struct.
	Tag      json.RawMessage `json:"tag,omitempty"`
	TagField string          `json:"tag_field,omitempty"`
	// Type is the type of a payload that is no plain struct: "Entry | Membership".
	// It excludes Fields, unless it is "struct".
	Type string `json:"type,omitempty"`
	// Types are the structs and enums that types refer to by name.
	Types map[string]Type `json:"types,omitempty"`
	// JSONSchema describes the payload instead of Fields. The order of properties
	// in it is the order of the fields.
	JSONSchema json.RawMessage `json:"json_schema,omitempty"`
	// IndexedFields are dotted paths whose values become the indexed data.
	IndexedFields []string `json:"indexed_fields,omitempty"`
	// UniqueFields are indexed fields whose values no two live resources share.
	UniqueFields []string `json:"unique_fields,omitempty"`
	// Indexes are those of the database that searches of the model need beside the ones
	// that every model has.
	Indexes []Index `json:"indexes,omitempty"`
	// BinaryFields are the paths of references to blobs in a model whose types
	// do not tell: lists are stepped through, "*" is any key of a map.
	BinaryFields []string `json:"binary_fields,omitempty"`
	// UnknownFields says what becomes of fields that are not declared.
	UnknownFields UnknownFields `json:"unknown_fields,omitempty"`
	// Migrations lead from other schema versions to SchemaVersion.
	Migrations []Migration `json:"migrations,omitempty"`
}

// UnknownFields says what becomes of a field that is not declared.
type UnknownFields string

// The ways to treat unknown fields. The zero value refuses them.
const (
	// RefuseUnknown refuses the payload, so that nothing is lost silently.
	RefuseUnknown UnknownFields = "refuse"
	// DropUnknown leaves the field out, as the original does.
	DropUnknown UnknownFields = "drop"
	// KeepUnknown keeps the field behind the declared ones.
	KeepUnknown UnknownFields = "keep"
)

// Field is a field of a struct.
type Field struct {
	// Name is the key in the payload.
	Name string `json:"name"`
	// Type is a type expression: "str", "int?", "list[Line]", "A | B | null".
	Type string `json:"type"`
	// Attribute is the name by which paths of indexed fields reach the field,
	// where that is not Name: the original uses the attribute of its struct.
	Attribute string `json:"attribute,omitempty"`
	// Optional: the field may be left out and is not stored then.
	Optional bool `json:"optional,omitempty"`
	// Default is stored when the field is left out, as JSON. A field with
	// neither Default nor Optional is required. A number keeps the form it is
	// written in: 0 as the default of a float field is stored as 0, not 0.0.
	Default json.RawMessage `json:"default,omitempty"`
	// Indexed and Unique put a field of the payload itself among IndexedFields
	// and UniqueFields.
	Indexed bool `json:"indexed,omitempty"`
	Unique  bool `json:"unique,omitempty"`
	// Fields are those of "struct" in Type, Values those of "enum".
	Fields []Field           `json:"fields,omitempty"`
	Values []json.RawMessage `json:"values,omitempty"`
}

// Type is a named type: an enum when it has Values, another name for a type when
// it has Type, else a struct.
type Type struct {
	Type string `json:"type,omitempty"`
	// Fields of a struct, in order.
	Fields []Field `json:"fields,omitempty"`
	// Tag is the value of a field, named TagField or "type", that tells the
	// structs of a union apart. It is stored before the others.
	Tag      json.RawMessage `json:"tag,omitempty"`
	TagField string          `json:"tag_field,omitempty"`
	// Values of an enum: texts, integers and null.
	Values []json.RawMessage `json:"values,omitempty"`
}

// Migration leads from one schema version to another.
type Migration struct {
	// From is the version of the payloads it takes; null: those without one.
	From *string `json:"from"`
	// To is the version of those it gives.
	To string `json:"to"`
	// Steps are what is done to a payload, in order.
	Steps []json.RawMessage `json:"steps,omitempty"`
}

// JSON returns the declaration's one JSON form: equal declarations give equal
// bytes.
func (d Declaration) JSON() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d); err != nil {
		return nil, fmt.Errorf("encode the declaration of model %s: %w", d.Name, err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil
}

// ParseJSON reads what [Declaration.JSON] wrote. It checks the form only; what
// it says is checked by [Compile].
func ParseJSON(b []byte) (Declaration, error) {
	var d Declaration
	if len(b) > MaxBytes {
		return d, fmt.Errorf("declaration: longer than %d bytes", MaxBytes)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return Declaration{}, fmt.Errorf("declaration: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Declaration{}, errors.New("declaration: there is more behind it")
	}
	return d, nil
}

// Limits of a declaration.
const (
	// MaxBytes is the longest text of declarations that is read.
	MaxBytes = 1 << 20
	// MaxDepth is how deep types, and the parts of a text, may be nested.
	MaxDepth = 64
)
