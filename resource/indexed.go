package resource

import (
	"fmt"
	"iter"
	"strings"

	"github.com/specstar-worker/worker/internal/msgpack"
)

// Indexed is the values of a meta's indexed fields by dotted field path. It is
// immutable, and two are == exactly when their canonical encodings are. The
// zero Indexed is empty.
type Indexed struct {
	raw string // the canonical msgpack map; "" means an empty one
}

// NewIndexed encodes values: nil, bool, int, int64, uint64, float64, string,
// []byte, time.Time, []any and map[string]any, nested up to 64 deep. A time is
// kept as an instant in UTC, a naive one as text, and only as microseconds. The
// error names the path of a value that cannot be kept.
func NewIndexed(values map[string]any) (Indexed, error) {
	var room [256]byte
	b, err := appendMap(room[:0], values, 0)
	if err != nil {
		return Indexed{}, fmt.Errorf("indexed data: %w", err)
	}
	return indexedOf(string(b)), nil
}

// IndexedOf is [NewIndexed] for keys with the values at their places. Keys that ascend
// cost the least.
func IndexedOf(keys []string, values []any) (Indexed, error) {
	var room [256]byte
	b := msgpack.AppendMapHead(room[:0], len(keys))
	for i, key := range keys {
		if i > 0 && keys[i-1] >= key {
			return indexedOfAny(keys, values)
		}
		var err error
		if b, err = appendMember(b, key, values[i], 0); err != nil {
			return Indexed{}, fmt.Errorf("indexed data: %w", err)
		}
	}
	return indexedOf(string(b)), nil
}

// indexedOfAny is IndexedOf for keys in any order; of a repeated one the last counts.
func indexedOfAny(keys []string, values []any) (Indexed, error) {
	m := make(map[string]any, len(keys))
	for i, key := range keys {
		m[key] = values[i]
	}
	return NewIndexed(m)
}

// readIndexed reads a map. Bytes that are canonical are kept as they are, part
// of the reader's string; others are built anew.
func readIndexed(r *msgpack.Reader[string]) (Indexed, error) {
	start := r.Offset()
	if !r.IsMap() {
		_, err := r.MapLen()
		return Indexed{}, err
	}
	canonical, err := r.Check()
	if err != nil {
		return Indexed{}, err
	}
	raw := r.Since(start)
	if canonical {
		return indexedOf(raw), nil
	}
	again := msgpack.NewReader(raw)
	v, err := again.Value()
	if err != nil {
		return Indexed{}, err
	}
	values, _ := v.(map[string]any)
	return NewIndexed(values)
}

// indexedOf keeps equal maps ==: the empty one has no bytes.
func indexedOf(raw string) Indexed {
	if len(raw) == 1 {
		return Indexed{}
	}
	return Indexed{raw: raw}
}

// Len is the number of keys.
func (x Indexed) Len() int {
	r := x.reader()
	n, _ := r.MapLen()
	return n
}

// Lookup returns the value of key as nil, bool, int64, uint64 (only above the
// largest int64), float64, string, []byte, time.Time (UTC), []any or
// map[string]any; false when there is none.
func (x Indexed) Lookup(key string) (any, bool) {
	r := x.reader()
	n, _ := r.MapLen()
	for range n {
		k, _ := r.Str()
		switch strings.Compare(k, key) {
		case 0:
			v, err := r.Value()
			return v, err == nil
		case 1:
			return nil, false
		}
		_ = r.Skip()
	}
	return nil, false
}

// All yields every key with its value, of the types [Indexed.Lookup] returns,
// in ascending order of the keys' bytes.
func (x Indexed) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		r := x.reader()
		n, _ := r.MapLen()
		for range n {
			k, _ := r.Str()
			v, err := r.Value()
			if err != nil || !yield(k, v) {
				return
			}
		}
	}
}

// AppendMsgpack appends the canonical msgpack map to b.
func (x Indexed) AppendMsgpack(b []byte) []byte {
	if x.raw == "" {
		return msgpack.AppendMapHead(b, 0)
	}
	return append(b, x.raw...)
}

// AppendJSON appends the original's JSON object to b: no spaces, keys sorted,
// bytes as base64, times as RFC 3339, NaN and the infinities as null.
func (x Indexed) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	for k, v := range x.All() {
		b = append(appendJSONString(appendComma(b), k), ':')
		b = appendJSONValue(b, v)
	}
	return append(b, '}')
}

// MarshalJSON returns what [Indexed.AppendJSON] appends.
func (x Indexed) MarshalJSON() ([]byte, error) { return x.AppendJSON(nil), nil }

// reader is a reader at the map's head.
func (x Indexed) reader() msgpack.Reader[string] {
	if x.raw == "" {
		return msgpack.NewReader("\x80")
	}
	return msgpack.NewReader(x.raw)
}
