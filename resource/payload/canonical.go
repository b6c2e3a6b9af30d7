package payload

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/specstar-worker/worker/resource"
)

// Canonical returns the bytes to store for a payload submitted as JSON text, in
// the given encoding. The keys of objects keep the submitter's order.
// Whitespace, escapes and numbers become what the original writes: a number
// without fraction and exponent is an integer and keeps its digits, any other a
// float with the shortest digits that read back equal; in msgpack integers take
// the smallest form and floats 64 bits.
//
// Refused, with a [*SyntaxError]: text that is not one JSON value, text longer
// than [MaxBytes], nesting beyond [MaxDepth], a key repeated within an object,
// invalid UTF-8, half surrogate pairs, numbers out of the range of a float,
// integers longer than [MaxDigits], and for msgpack integers beyond 64 bits.
// The character NUL is allowed.
func Canonical(enc resource.Encoding, jsonText []byte) ([]byte, error) {
	if len(jsonText) > MaxBytes {
		return nil, &SyntaxError{Offset: MaxBytes, Reason: fmt.Sprintf("the text is longer than %d bytes", MaxBytes)}
	}
	if enc == resource.Msgpack {
		w := msgpackWriter{b: make([]byte, 0, len(jsonText))}
		r := newJSONReader(jsonText, &w, MaxDepth, true)
		if err := r.document(); err != nil {
			return nil, err
		}
		return w.b, nil
	}
	w := jsonWriter{b: make([]byte, 0, len(jsonText)), first: true}
	r := newJSONReader(jsonText, &w, MaxDepth, true)
	if err := r.document(); err != nil {
		return nil, err
	}
	return w.b, nil
}

// AppendJSON appends a stored payload rendered as JSON: JSON as it is, without
// insignificant spaces; msgpack transcoded, with binary as base64, timestamps
// as RFC 3339 in UTC and infinities as null. On error b is returned unchanged.
func AppendJSON(b []byte, p []byte) ([]byte, error) {
	if Sniff(p) == resource.Msgpack {
		w := jsonWriter{b: b, first: true}
		if err := walk(p, &w); err != nil {
			return b, err
		}
		return w.b, nil
	}
	buf := bytes.NewBuffer(b)
	if err := json.Compact(buf, p); err != nil {
		return b, fmt.Errorf("render payload: %w", err)
	}
	return buf.Bytes(), nil
}
