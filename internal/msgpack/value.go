package msgpack

import (
	"math"
)

// MaxValues is how many values, keys included, one call of [Reader.Value] or
// [Reader.Check] accepts: a value of one byte takes up to 48 bytes in memory.
const MaxValues = 1 << 20

// Value reads a value of any type and returns it as nil, bool, int64, uint64
// (only above the largest int64), float64, string, []byte, time.Time (UTC),
// []any or map[string]any. Of equal keys the last one counts. Keys must be
// text, and timestamps are the only extension.
func (r *Reader[B]) Value() (any, error) {
	budget := MaxValues
	return r.value(0, &budget)
}

func (r *Reader[B]) value(depth int, budget *int) (any, error) {
	start := r.off
	t, err := r.token()
	if err != nil {
		return nil, err
	}
	if *budget--; *budget < 0 {
		return nil, r.fail(start, "more than %d values", MaxValues)
	}
	switch t.kind {
	case kindArray:
		return r.array(start, t, depth, budget)
	case kindMap:
		return r.mapping(start, t, depth, budget)
	case kindStr:
		s, err := r.text(start, t)
		return string(s), err
	case kindBin:
		return append([]byte{}, r.take(t)...), nil
	case kindExt:
		return r.timestamp(start, t)
	default:
		return t.scalar(), nil
	}
}

// scalar is the value of a token that has no body.
func (t token) scalar() any {
	switch t.kind {
	case kindBool:
		return t.n == 1
	case kindUint:
		if t.n > math.MaxInt64 {
			return t.n
		}
		return int64(t.n)
	case kindInt:
		return int64(t.n)
	case kindFloat32:
		return float64(math.Float32frombits(uint32(t.n)))
	case kindFloat64:
		return math.Float64frombits(t.n)
	default:
		return nil
	}
}

func (r *Reader[B]) array(start int, t token, depth int, budget *int) (any, error) {
	if depth >= MaxDepth {
		return nil, r.fail(start, "nested deeper than %d", MaxDepth)
	}
	out := make([]any, 0, min(t.n, 16))
	for range t.n {
		v, err := r.value(depth+1, budget)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (r *Reader[B]) mapping(start int, t token, depth int, budget *int) (any, error) {
	if depth >= MaxDepth {
		return nil, r.fail(start, "nested deeper than %d", MaxDepth)
	}
	out := make(map[string]any, min(t.n, 16))
	for range t.n {
		if *budget--; *budget < 0 {
			return nil, r.fail(r.off, "more than %d values", MaxValues)
		}
		key, err := r.Str()
		if err != nil {
			return nil, err
		}
		v, err := r.value(depth+1, budget)
		if err != nil {
			return nil, err
		}
		out[string(key)] = v
	}
	return out, nil
}
