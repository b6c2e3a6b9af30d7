package payload

import (
	"encoding/base64"
	"strconv"
	"time"

	"github.com/specstar-worker/worker/internal/jsonlex"
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
	w.b = jsonlex.AppendFloat(w.b, v)
	return nil
}

func (w *jsonWriter) text(s []byte) error {
	w.comma()
	w.b = jsonlex.AppendText(w.b, s)
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
	w.b = append(jsonlex.AppendText(w.b, s), ':')
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
