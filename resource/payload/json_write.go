package payload

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
)

// jsonWriter appends events as the original's JSON encoder would: no spaces,
// UTF-8 as it is, keys in the order they come.
type jsonWriter struct {
	b []byte
	// first is set where no comma is needed: at the start, behind an opening
	// bracket and behind a key.
	first bool
}

func (w *jsonWriter) null() error { w.comma(); w.b = append(w.b, "null"...); return nil }

func (w *jsonWriter) boolean(v bool) error {
	w.comma()
	w.b = strconv.AppendBool(w.b, v)
	return nil
}

func (w *jsonWriter) integer(negative bool, magnitude uint64) error {
	w.comma()
	if negative {
		w.b = append(w.b, '-')
	}
	w.b = strconv.AppendUint(w.b, magnitude, 10)
	return nil
}

func (w *jsonWriter) bigInteger(digits []byte) error {
	w.comma()
	w.b = append(w.b, digits...)
	return nil
}

func (w *jsonWriter) float(v float64) error {
	w.comma()
	w.b = appendFloat(w.b, v)
	return nil
}

func (w *jsonWriter) text(s []byte) error {
	w.comma()
	w.b = appendText(w.b, s)
	return nil
}

func (w *jsonWriter) bytes(v []byte) error {
	w.comma()
	w.b = append(w.b, '"')
	w.b = base64.StdEncoding.AppendEncode(w.b, v)
	w.b = append(w.b, '"')
	return nil
}

func (w *jsonWriter) timestamp(t time.Time) error {
	w.comma()
	layout := `"2006-01-02T15:04:05Z"`
	if t.Nanosecond() != 0 {
		layout = `"2006-01-02T15:04:05.000000Z"`
	}
	w.b = t.UTC().AppendFormat(w.b, layout)
	return nil
}

func (w *jsonWriter) beginArray() error   { return w.open('[') }
func (w *jsonWriter) endArray(int) error  { return w.close(']') }
func (w *jsonWriter) beginObject() error  { return w.open('{') }
func (w *jsonWriter) endObject(int) error { return w.close('}') }

func (w *jsonWriter) key(s []byte) error {
	w.comma()
	w.b = append(appendText(w.b, s), ':')
	w.first = true
	return nil
}

func (w *jsonWriter) open(bracket byte) error {
	w.comma()
	w.b = append(w.b, bracket)
	w.first = true
	return nil
}

func (w *jsonWriter) close(bracket byte) error {
	w.b = append(w.b, bracket)
	w.first = false
	return nil
}

// comma separates a value or key from the one before.
func (w *jsonWriter) comma() {
	if !w.first {
		w.b = append(w.b, ',')
	}
	w.first = false
}

// appendFloat writes the shortest digits that read back equal: fixed notation
// from 1e-5 up to 1e16, else an exponent without plus and padding. JSON has no
// infinities; they become null as in the original.
func appendFloat(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	size := math.Abs(v)
	if size == 0 || size >= 1e-5 && size < 1e16 {
		start := len(b)
		b = strconv.AppendFloat(b, v, 'f', -1, 64)
		for _, c := range b[start:] {
			if c == '.' {
				return b
			}
		}
		return append(b, ".0"...)
	}
	b = strconv.AppendFloat(b, v, 'e', -1, 64)
	e := len(b) - 1
	for b[e] != 'e' {
		e--
	}
	exp, _ := strconv.Atoi(string(b[e+1:])) // written by AppendFloat just above
	return strconv.AppendInt(b[:e+1], int64(exp), 10)
}

// appendText writes a string with the escapes of the original: quote,
// backslash and control characters only.
func appendText(b, s []byte) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	plain := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[plain:i]...)
		plain = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		case '\r':
			b = append(b, '\\', 'r')
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[plain:]...), '"')
}
