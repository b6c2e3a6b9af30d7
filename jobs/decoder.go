package jobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/specstar-worker/worker/internal/jsonlex"
)

// decoder walks JSON objects key by key, which encoding/json does not: it ignores
// repeated keys and the case of keys, and does not say where it was. What it reads
// is checked once: a message is decoded when it is sent and when it is done.
type decoder struct {
	in   jsonlex.Scanner
	base int64 // what stands before the decoded part of the message
	path []step
	// behind is what follows the head in the binary form; nil in JSON.
	behind *payloads
	// keyEnd is where the key that was read last ends.
	keyEnd int
	words  words
	room   [8]step // for path
}

// step leads from a value to one in it: an element of an array, or what a key has.
type step struct {
	key     string
	element bool
	index   int
}

// newDecoder returns a decoder of a part of a message that begins at base, and of what
// stands behind the head.
func newDecoder(text []byte, base int64, behind *payloads) *decoder {
	d := &decoder{in: jsonlex.Scanner{B: text}, base: base, behind: behind}
	d.path = d.room[:0]
	return d
}

// object calls field with each key of the object that follows; field must
// consume the value.
func (d *decoder) object(field func(key string) error) error {
	if err := d.opens('{', "an object"); err != nil {
		return err
	}
	var room [16]string // of all keys that an object of a job may have
	seen := room[:0]
	for done := d.in.Closes('}'); !done; {
		text, _, err := d.in.Key()
		if err != nil {
			return d.lexical(err)
		}
		key := d.words.get(text)
		d.keyEnd = d.in.Pos
		d.path = append(d.path, step{key: key})
		for _, s := range seen {
			if s == key {
				return d.errorf("is repeated")
			}
		}
		seen = append(seen, key)
		if err := d.in.Colon(); err != nil {
			return d.lexical(err)
		}
		if err := field(key); err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-1]
		if done, err = d.in.Next('}'); err != nil {
			return d.lexical(err)
		}
	}
	return nil
}

// array calls item for each element of the array that follows.
func (d *decoder) array(limit int, item func(i int) error) error {
	if err := d.opens('[', "an array"); err != nil {
		return err
	}
	for i, done := 0, d.in.Closes(']'); !done; i++ {
		if i == limit {
			return d.errorf("holds more than %d elements", limit)
		}
		d.path = append(d.path, step{element: true, index: i})
		if err := item(i); err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-1]
		var err error
		if done, err = d.in.Next(']'); err != nil {
			return d.lexical(err)
		}
	}
	return nil
}

// opens steps over a bracket.
func (d *decoder) opens(bracket byte, what string) error {
	switch c := d.in.Peek(); {
	case d.in.Pos >= len(d.in.B):
		return d.wrap(io.ErrUnexpectedEOF)
	case c != bracket:
		return d.errorf("%s is expected, not %s", what, kindOf(c))
	}
	d.in.Pos++
	return nil
}

// lexical is the error of a text that is no JSON.
func (d *decoder) lexical(err error) error {
	if d.in.Pos >= len(d.in.B) || behindText(d.in.B, d.in.Pos) > len(d.in.B) && d.in.Peek() == '"' {
		err = io.ErrUnexpectedEOF
	}
	if e, ok := errors.AsType[*jsonlex.Error](err); ok {
		err = errors.New(e.Reason)
	}
	return d.wrap(err)
}

// kindOf names the value that a byte begins, without its content.
func kindOf(c byte) string {
	switch {
	case c == '{' || c == '[' || c == '}' || c == ']':
		return string(c)
	case c == '"':
		return "a text"
	case c == 't' || c == 'f':
		return "a truth value"
	case c == 'n':
		return "null"
	case c == '-' || c >= '0' && c <= '9':
		return "a number"
	}
	return "what is no JSON"
}

// quoted is a text as errors show it: a beginning of it.
func quoted[T ~string](s T) string {
	if short := truncate(string(s), maxQuoted); short != string(s) {
		return strconv.Quote(short) + "…"
	}
	return strconv.Quote(string(s))
}

// maxQuoted is how much of a text errors show, in bytes.
const maxQuoted = 64

// valueEnds are the bytes that may stand behind a number or a word.
const valueEnds = ",]} \t\r\n"

// raw steps over the next value and returns its bytes. Whether they are JSON is
// for the caller to see.
func (d *decoder) raw() ([]byte, error) {
	c := d.in.Peek()
	from, b := d.in.Pos, d.in.B
	at := from
	switch c {
	case '{', '[':
		at = behindBrackets(b, from)
	case '"':
		at = behindText(b, from)
	default:
		for at < len(b) && strings.IndexByte(valueEnds, b[at]) < 0 {
			at++
		}
	}
	if at > len(b) || at == from {
		d.in.Pos = min(at, len(b))
		if at == from && from < len(b) {
			return nil, d.errorf("a value is expected")
		}
		return nil, d.wrap(io.ErrUnexpectedEOF)
	}
	d.in.Pos = at
	return b[from:at], nil
}

// behindBrackets returns where the object or array ends that begins at i, and more
// than len(b) when it does not end.
func behindBrackets(b []byte, i int) int {
	for open := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			open++
		case '}', ']':
			if open--; open == 0 {
				return i + 1
			}
		case '"':
			i = behindText(b, i) - 1
		}
	}
	return len(b) + 1
}

// behindText is behindBrackets for a text.
func behindText(b []byte, i int) int {
	for i = jsonlex.Plain(b, i+1); i < len(b); i = jsonlex.Plain(b, i+1) {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return len(b) + 1
}

// jsonDepth is how deep a value may be nested that is not looked at twice.
const jsonDepth = 64

// behindValue reports whether a value can end here.
func (d *decoder) behindValue() bool {
	return d.in.Pos == len(d.in.B) || strings.IndexByte(valueEnds, d.in.B[d.in.Pos]) >= 0
}

// json returns the next value, any. It shares the memory of the message.
func (d *decoder) json(v *[]byte) error {
	d.in.Space()
	from := d.in.Pos
	if d.in.Skip(jsonDepth) == nil && d.behindValue() {
		*v = d.in.B[from:d.in.Pos]
		return nil
	}
	d.in.Pos = from // the standard library takes a little more
	raw, err := d.raw()
	if err == nil && !json.Valid(raw) {
		err = d.wrap(json.Unmarshal(raw, v)) // says what is wrong
	}
	*v = raw
	return err
}

// value decodes the next value, which must not be null.
func (d *decoder) value(v any) error {
	raw, err := d.raw()
	if err != nil {
		return err
	}
	if string(raw) == "null" {
		return d.errorf("must not be null")
	}
	return d.wrap(json.Unmarshal(raw, v))
}

// integer decodes an integer of 64 bits.
func (d *decoder) integer() (int64, error) {
	if n, ok := d.digits(); ok {
		return n, nil
	}
	var n int64
	err := d.value(&n)
	return n, err
}

// digits steps over an integer that is written without a sign and ends a field; false
// when something else is next.
func (d *decoder) digits() (n int64, ok bool) {
	d.in.Space()
	b, at := d.in.B, d.in.Pos
	for ; at < len(b) && b[at] >= '0' && b[at] <= '9'; at++ {
		n = n*10 + int64(b[at]-'0')
	}
	length := at - d.in.Pos
	if length == 0 || length > 18 || length > 1 && b[d.in.Pos] == '0' || at == len(b) || b[at] != ',' && b[at] != '}' {
		return 0, false
	}
	d.in.Pos = at
	return n, true
}

// text decodes a string, which must be valid UTF-8 without NUL and surrogates.
func (d *decoder) text(s *string) error {
	if b := d.plainText(); b != nil {
		*s = string(b)
		return nil
	}
	return d.anyText(s)
}

// word is text for a string that is likely to have been read before.
func (d *decoder) word(s *string) error {
	if b := d.plainText(); b != nil {
		*s = d.words.get(b)
		return nil
	}
	return d.anyText(s)
}

// anyText is text for any string, or what is none.
func (d *decoder) anyText(s *string) error {
	if err := d.value(s); err != nil {
		return err
	}
	if strings.ContainsRune(*s, 0) {
		return d.errorf("contains a NUL")
	}
	if !utf8.ValidString(*s) || strings.ContainsRune(*s, utf8.RuneError) {
		return d.errorf("is not valid text")
	}
	return nil
}

// plainText steps over a string of printable ASCII without escapes, and returns what it
// says; nil when another one is next, or none.
func (d *decoder) plainText() []byte {
	if d.in.Peek() != '"' {
		return nil
	}
	b, from := d.in.B, d.in.Pos+1
	end := jsonlex.Plain(b, from)
	if end >= len(b) || b[end] != '"' {
		return nil
	}
	d.in.Pos = end + 1
	return b[from:end]
}

func (d *decoder) texts(list *[]string, limit int) error {
	return d.array(limit, func(int) error {
		var s string
		if err := d.text(&s); err != nil {
			return err
		}
		if s == "" {
			return d.errorf("is empty")
		}
		*list = append(*list, s)
		return nil
	})
}

// unknown refuses the key that was read last.
func (d *decoder) unknown() error {
	d.in.Pos = d.keyEnd
	return d.errorf("is not a field of this kind of job")
}

func (d *decoder) errorf(format string, args ...any) error {
	return &EnvelopeError{Field: d.field(), Offset: d.offset(), Err: fmt.Errorf(format, args...)}
}

// fieldErrorf reports trouble with a field of the present object.
func (d *decoder) fieldErrorf(field, format string, args ...any) error {
	d.path = append(d.path, step{key: field})
	defer func() { d.path = d.path[:len(d.path)-1] }()
	return d.errorf(format, args...)
}

func (d *decoder) wrap(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the message ends too early")
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		err = fmt.Errorf("%s is expected, not %s", wrong.Type, wrong.Value)
	}
	return &EnvelopeError{Field: d.field(), Offset: d.offset(), Err: err}
}

func (d *decoder) offset() int64 { return d.base + int64(d.in.Pos) }

func (d *decoder) field() string {
	steps := make([]string, len(d.path))
	for i, s := range d.path {
		if steps[i] = s.key; s.element {
			steps[i] = "[" + strconv.Itoa(s.index) + "]"
		}
	}
	return truncate(strings.ReplaceAll(strings.Join(steps, "."), ".[", "["), 4*maxQuoted)
}
