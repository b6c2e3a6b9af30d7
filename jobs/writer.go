package jobs

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/manager"
)

// writer writes a job's JSON: the bytes that encoding/json would give, which messages had
// from the beginning and hashes of them are kept of, without its reflection. Fields
// that hold nothing are left out.
type writer struct {
	b []byte
	// framed: payloads go behind the head.
	framed bool
	err    error // the first one
}

func (w *writer) open(bracket byte)  { w.b = append(w.b, bracket) }
func (w *writer) close(bracket byte) { w.b = append(w.b, bracket) }

// next separates a value from the one before.
func (w *writer) next() {
	if last := w.b[len(w.b)-1]; last != '{' && last != '[' {
		w.b = append(w.b, ',')
	}
}

// key begins a field, whose name needs no escape.
func (w *writer) key(name string) {
	w.next()
	w.b = append(append(append(w.b, '"'), name...), '"', ':')
}

func (w *writer) text(name, s string) {
	if s != "" {
		w.required(name, s)
	}
}

// required is text for a field that is never left out.
func (w *writer) required(name, s string) {
	w.key(name)
	if utf8.ValidString(s) && strings.IndexByte(s, lineSeparator[0]) < 0 {
		w.b = jsonlex.AppendText(w.b, s)
		return
	}
	w.marshal(s) // which escapes more
}

// lineSeparator and a few like it are escaped: they end lines in JavaScript.
const lineSeparator = "\u2028"

func (w *writer) integer(name string, n int64) {
	w.key(name)
	w.b = strconv.AppendInt(w.b, n, 10)
}

func (w *writer) time(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	w.key(name)
	b, err := t.AppendText(append(w.b, '"'))
	if err != nil {
		_, err = t.MarshalJSON()
		w.fail(reflect.TypeFor[time.Time](), err)
		return
	}
	w.b = append(b, '"')
}

func (w *writer) uuid(name string, id uuid.UUID) {
	if id != uuid.Nil {
		w.text(name, id.String())
	}
}

func (w *writer) order(name string, o manager.Order) {
	if o != (manager.Order{}) {
		w.value(name, o)
	}
}

// size writes how long a payload is that stands behind the head.
func (w *writer) size(name string, payload []byte) {
	if payload != nil {
		w.integer(name, int64(len(payload)))
	}
}

func (w *writer) base64(name string, payload []byte) {
	if payload != nil {
		w.key(name)
		w.b = append(base64.StdEncoding.AppendEncode(append(w.b, '"'), payload), '"')
	}
}

// json writes a text that is JSON, without its insignificant space.
func (w *writer) json(name string, text []byte) {
	if text == nil {
		return
	}
	w.key(name)
	if isJSON(text) {
		w.b = appendCompact(w.b, text)
		return
	}
	buf := bytes.NewBuffer(w.b) // the standard library takes a little more, or says what is wrong
	err := json.Compact(buf, text)
	w.b = buf.Bytes()
	if err != nil {
		w.fail(reflect.TypeFor[json.RawMessage](), err)
	}
}

// isJSON reports whether a text is one JSON value for sure.
func isJSON(text []byte) bool {
	s := jsonlex.Scanner{B: text}
	if s.Skip(jsonDepth) != nil {
		return false
	}
	s.Space()
	return s.Pos == len(text)
}

// appendCompact appends a text that is JSON, without its insignificant space.
func appendCompact(b, text []byte) []byte {
	from := 0
	for i := 0; i < len(text); {
		switch text[i] {
		case '"':
			i = behindText(text, i)
		case ' ', '\t', '\r', '\n':
			b = append(b, text[from:i]...)
			i++
			from = i
		default:
			i++
		}
	}
	return append(b, text[from:]...)
}

// value writes a value of which there is at most one.
func (w *writer) value(name string, v any) {
	w.key(name)
	w.marshal(v)
}

func (w *writer) marshal(v any) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil && w.err == nil {
		w.err = err
	}
	w.b = append(w.b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}

// fail notes an error as encoding/json has it.
func (w *writer) fail(of reflect.Type, err error) {
	if w.err == nil {
		w.err = &json.MarshalerError{Type: of, Err: err}
	}
}
