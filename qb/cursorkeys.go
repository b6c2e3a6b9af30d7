package qb

import (
	"slices"
	"time"

	"github.com/specstar-worker/worker/internal/msgpack"
	"github.com/specstar-worker/worker/resource"
)

// append appends the keys and the id as msgpack values. Times of attributes are
// integers of microseconds.
func (p Position) append(b []byte) []byte {
	for i, s := range p.sorts {
		key := p.keys[i]
		if t, ok := key.(time.Time); ok && s.attr != "" {
			key = t.UnixMicro()
		}
		b = appendValue(b, key)
	}
	return msgpack.AppendString(b, p.id)
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		return msgpack.AppendBool(b, v)
	case int64:
		return msgpack.AppendInt(b, v)
	case uint64:
		return msgpack.AppendUint(b, v)
	case float64:
		return msgpack.AppendFloat(b, v)
	case string:
		return msgpack.AppendString(b, v)
	case []any:
		b = msgpack.AppendArrayHead(b, len(v))
		for _, e := range v {
			b = appendValue(b, e)
		}
		return b
	case map[string]any:
		return msgpack.AppendMapHead(b, 0) // maps are all equal in an order
	}
	return msgpack.AppendNil(b)
}

// readPosition reads what append wrote; false when it cannot be that.
func readPosition(text string, sorts []Sort) (p Position, ok bool) {
	r := msgpack.NewReader(text)
	p = Position{sorts: slices.Clone(sorts), keys: make([]any, len(sorts))}
	for i, s := range sorts {
		v, err := r.Value()
		if err != nil {
			return Position{}, false
		}
		if p.keys[i], ok = s.read(v); !ok {
			return Position{}, false
		}
	}
	id, err := r.Str()
	if err != nil || r.End() != nil {
		return Position{}, false
	}
	p.id = resource.ID(id)
	return p, true
}

// read returns the key that a value of a cursor stands for; false when the key's type
// is another one.
func (s Sort) read(v any) (any, bool) {
	if s.attr == "" || v == nil {
		return v, true
	}
	var ok bool
	switch s.attr.Kind() {
	case KindText:
		_, ok = v.(string)
	case KindNumber:
		_, ok = v.(int64)
	case KindFlag:
		_, ok = v.(bool)
	case KindTime:
		n, isTime := v.(int64)
		return time.UnixMicro(n).UTC(), isTime
	}
	return v, ok
}
