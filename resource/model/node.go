package model

import (
	"encoding/json"
	"strconv"

	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/internal/msgpack"
)

// kind is what a value is, after the type expression's names.
type kind uint8

const (
	kindAny kind = iota
	kindNull
	kindStr
	kindInt
	kindFloat
	kindBool
	kindDatetime
	kindDate
	kindTime
	kindDuration
	kindUUID
	kindDecimal
	kindBytes
	kindEnum
	kindBinary
	kindList
	kindSet
	kindTuple
	kindMap
	kindStruct
	kindUnion
	// kindGiven is a value that is stored as it is submitted: keys keep their
	// order. Some of its members may be known.
	kindGiven
)

// kindNames are the names of the kinds in type expressions, by kind.
var kindNames = []string{
	"any", "null", "str", "int", "float", "bool", "datetime", "date", "time", "duration", "uuid", "decimal", "bytes",
	"enum", "binary", "list", "set", "tuple", "map", "struct",
}

// node is a compiled type at one place.
type node struct {
	kind kind
	// null: the value may also be null.
	null bool
	// elem is the type of the elements of a list or set and of a map's values.
	elem *node
	// keys are the keys a map may have; nil: any.
	keys *enum
	// elems are the types of a tuple's elements.
	elems  []*node
	object *object
	enum   *enum
	union  *union
	given  *given
	// expect says what is expected here, for people.
	expect string
}

// object is a compiled struct. Structs of the same name share one.
type object struct {
	name   string
	fields []field
	index  map[string]int
	// attributes are the fields by the names that paths use.
	attributes map[string]int
	// blank are as many zero spans as there are fields.
	blank []span
	tag   *tag
	// unknown says what becomes of fields that are not declared.
	unknown UnknownFields
}

// field is a compiled field.
type field struct {
	name string
	node *node
	// quoted is the name as JSON text, member what stands before its value.
	quoted string
	member [2][]byte
	// missing is what is stored, key and all, when the field is left out; empty:
	// nothing is, which optional allows.
	missing  [2][]byte
	optional bool
	// pending: missing is still to be made.
	pending bool
	// absent is the value that is stored for a field left out, as JSON.
	absent json.RawMessage
}

// Indexes of forms that are kept for both encodings.
const (
	asJSON = iota
	asMsgpack
)

// tag is the field that tells structs of a union apart.
type tag struct {
	field  string
	text   string // its value, when that is a text
	number int64
	isText bool
	member [2][]byte // key and value
}

// enum is a set of values.
type enum struct {
	texts   map[string]struct{}
	numbers map[int64]struct{}
	null    bool
	// list names the values for people.
	list string
}

// union is a choice by what the JSON text holds: at most one type takes each.
type union struct {
	null, boolean, integer, float, text, array, object *node
	// decimal also takes numbers that neither integer nor float takes.
	decimal *node
	// structs are those that are told apart by tags; tagged are the structs by tag, when there are several.
	structs []*node
	tagged  map[string]*node
	field   string
	// numeric: the tags are integers.
	numeric bool
}

// given is a value that keeps the submitter's order, with the members of it that
// are known.
type given struct {
	members map[string]*node
	// other is the node of all other members.
	other *node
	// binary, when not nil, is the type of an object: a reference to a blob.
	binary *node
}

// key forms of a name.
func memberKeys(name string) [2][]byte {
	return [2][]byte{
		asJSON:    append(jsonlex.AppendText(nil, name), ':'),
		asMsgpack: msgpack.AppendString(nil, name),
	}
}

func newTag(field string, value json.RawMessage) (*tag, bool) {
	t := &tag{field: field, member: memberKeys(field)}
	switch {
	case json.Unmarshal(value, &t.text) == nil && string(value) != "null":
		t.isText = true
		t.member[asJSON] = jsonlex.AppendText(t.member[asJSON], t.text)
		t.member[asMsgpack] = msgpack.AppendString(t.member[asMsgpack], t.text)
	case json.Unmarshal(value, &t.number) == nil && string(value) != "null":
		t.member[asJSON] = strconv.AppendInt(t.member[asJSON], t.number, 10)
		t.member[asMsgpack] = msgpack.AppendInt(t.member[asMsgpack], t.number)
	default:
		return nil, false
	}
	t.member[asJSON] = append(t.member[asJSON], ',')
	return t, true
}

// key returns the form under which a union finds the tag.
func (t *tag) key() string {
	if t.isText {
		return t.text
	}
	return strconv.FormatInt(t.number, 10)
}

// value returns the tag as people read it.
func (t *tag) value() string {
	if t.isText {
		return quote(t.text)
	}
	return strconv.FormatInt(t.number, 10)
}
