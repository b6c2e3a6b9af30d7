package jobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder walks JSON objects key by key, which encoding/json alone does not: it
// ignores repeated keys and the case of keys, and does not say where it was.
type decoder struct {
	dec  *json.Decoder
	size int64
	base int64 // what stands before the decoded part of the message
	path []string
}

// object calls field with each key of the object that follows; field must
// consume the value.
func (d *decoder) object(field func(key string) error) error {
	if err := d.delim('{', "an object"); err != nil {
		return err
	}
	var seen []string
	for d.dec.More() {
		t, err := d.dec.Token()
		if err != nil {
			return d.wrap(err)
		}
		key, ok := t.(string)
		if !ok {
			return d.errorf("a key is expected")
		}
		d.path = append(d.path, key)
		for _, s := range seen {
			if s == key {
				return d.errorf("is repeated")
			}
		}
		seen = append(seen, key)
		if err := field(key); err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-1]
	}
	_, err := d.dec.Token()
	return d.wrap(err)
}

// array calls item for each element of the array that follows.
func (d *decoder) array(limit int, item func(i int) error) error {
	if err := d.delim('[', "an array"); err != nil {
		return err
	}
	for i := 0; d.dec.More(); i++ {
		if i == limit {
			return d.errorf("holds more than %d elements", limit)
		}
		d.path = append(d.path, "["+strconv.Itoa(i)+"]")
		if err := item(i); err != nil {
			return err
		}
		d.path = d.path[:len(d.path)-1]
	}
	_, err := d.dec.Token()
	return d.wrap(err)
}

func (d *decoder) delim(want json.Delim, what string) error {
	t, err := d.dec.Token()
	if err != nil {
		return d.wrap(err)
	}
	if t != want {
		return d.errorf("%s is expected, not %s", what, tokenKind(t))
	}
	return nil
}

// tokenKind names what a token is, without its content.
func tokenKind(t json.Token) string {
	switch t := t.(type) {
	case json.Delim:
		return t.String()
	case string:
		return "a text"
	case bool:
		return "a truth value"
	case nil:
		return "null"
	default:
		return "a number"
	}
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

// value decodes the next value, which must not be null.
func (d *decoder) value(v any) error {
	raw, ok := v.(*json.RawMessage)
	if !ok {
		raw = new(json.RawMessage)
	}
	if err := d.dec.Decode(raw); err != nil {
		return d.wrap(err)
	}
	if ok {
		return nil
	}
	if string(*raw) == "null" {
		return d.errorf("must not be null")
	}
	return d.wrap(json.Unmarshal(*raw, v))
}

// text decodes a string, which must be valid UTF-8 without NUL and surrogates.
func (d *decoder) text(s *string) error {
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

func (d *decoder) unknown() error { return d.errorf("is not a field of this kind of job") }

func (d *decoder) errorf(format string, args ...any) error {
	return &EnvelopeError{Field: d.field(), Offset: d.offset(), Err: fmt.Errorf(format, args...)}
}

// fieldErrorf reports trouble with a field of the present object.
func (d *decoder) fieldErrorf(field, format string, args ...any) error {
	d.path = append(d.path, field)
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

func (d *decoder) offset() int64 { return min(d.base+d.dec.InputOffset(), d.base+d.size) }

func (d *decoder) field() string {
	return truncate(strings.ReplaceAll(strings.Join(d.path, "."), ".[", "["), 4*maxQuoted)
}
