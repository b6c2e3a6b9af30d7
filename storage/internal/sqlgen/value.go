package sqlgen

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/specstar-worker/worker/qb"
)

// value is the SQL of a value of indexed data. Its conditions on what the value is are
// false, or NULL, of a value that is missing or null, and of other types; only missing is
// never NULL.
type value interface {
	missing() string
	null() string
	na() string   // missing or null
	some() string // neither
	isText() string
	isList() string
	isMap() string
	isBool(v bool) string
	isNumber() string // or a boolean
	isPlain() string  // a number whose text in the database is Python's
	isOther() string  // any other number
	// sized is a condition on the number of elements of a list, or of keys of a map.
	sized(kind kind, n int) string
	// length is the number of characters, elements or keys, else NULL.
	length() string
	// equals is true of any of the operands, which are what SQL decides.
	equals(o *operands) string
	// formed is true of the values that have one of some JSON texts.
	formed(forms []string) string
	// number and text compare with a number and a text.
	number(symbol, operand string) string
	text(op qb.Op, operand string) string
	// textSQL and plainSQL are the text of a text and of a plain number.
	textSQL() string
	plainSQL() string
	// begins is true of texts that begin with a part.
	begins(part string) string
	// utc is true of texts that are times in UTC, in the form of [resource.AppendTime], and
	// whose seconds compare so with those of another. It is not true of all.
	utc(symbol, seconds string) string
	// bits is true of integers, as far as isWhole knows them, and booleans that have all bits.
	bits(flags int64) string
	isWhole() string
	// holds is true of lists with an element that equals an operand.
	holds(o *operands) string
}

// kind is a type of values that have elements.
type kind int

const (
	list kind = iota
	object
)

// value returns the SQL of the value at a path.
func (c *compiler) value(path string) value {
	at, ok := PathLiteral(c.dialect, path)
	if !ok {
		at = "NULL" // a path that no row has
	}
	if c.dialect == SQLite {
		return liteValue{c: c, at: at}
	}
	if !ok {
		at += "::text"
	}
	return pgValue{c: c, path: path, at: at}
}

// nameless reports whether the database cannot find a path that rows may have: SQLite ends
// names at a NUL, and the column is without such.
func (c *compiler) nameless(path string) bool {
	if c.dialect == PostgreSQL || strings.IndexByte(path, 0) < 0 {
		return false
	}
	c.note("indexed data at paths with U+0000 is looked at by the program")
	return true
}

// operands are the operands of an equality by the form in which a database compares them.
type operands struct {
	texts   []string
	numbers []number
	// forms are the JSON texts of all that equals a list or map.
	forms []string
	null  bool // among the elements of a list null equals null
	// What follows only bounds: JSON texts that are not sure to be equal, and how many
	// elements equal lists and maps have.
	unsure []number
	shapes []shape
	times  []time.Time
}

// shape is what lists or maps have that may equal an operand.
type shape struct {
	kind kind
	size int
	// forms are all JSON texts that they may have; nil when there are too many to say.
	forms []string
}

func (o *operands) sure() bool {
	return len(o.unsure) == 0 && len(o.shapes) == 0 && len(o.times) == 0
}

// add sorts an operand in. What equals nothing is left out.
func (o *operands) add(d Dialect, v any) {
	if n, ok := numberOf(d, v); ok {
		if n.exact {
			o.numbers = append(o.numbers, n)
		} else {
			o.unsure = append(o.unsure, n)
		}
		return
	}
	switch v := v.(type) {
	case nil:
		o.null = true
	case string:
		if d == SQLite && utf8.ValidString(v) || d == PostgreSQL && fits(v) {
			o.texts = append(o.texts, v)
		}
	case []any:
		o.addForms(d, list, len(v), v)
	case map[string]any:
		o.addForms(d, object, len(v), v)
	case time.Time:
		o.times = append(o.times, v)
	}
}

func (o *operands) addForms(d Dialect, k kind, size int, v any) {
	forms, sure, ok := formsOf(d, v)
	switch {
	case !ok:
		o.shapes = append(o.shapes, shape{kind: k, size: size})
	case len(forms) == 0:
	case sure:
		o.forms = append(o.forms, forms...)
	default:
		o.shapes = append(o.shapes, shape{kind: k, size: size, forms: forms})
	}
}

// rangeText returns a text for a range in PostgreSQL and the operator for texts that it can hold.
func (c *compiler) rangeText(text string, op qb.Op) (string, qb.Op, bool) {
	if c.dialect == SQLite {
		return text, op, true
	}
	text, op = storable(text, op)
	return text, op, utf8.ValidString(text)
}

// cut returns the first characters of a text, as many as an index has.
func cut(text string) string {
	n := 0
	for i := range text {
		if n == TextLength {
			return text[:i]
		}
		n++
	}
	return text
}
