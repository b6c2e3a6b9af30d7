package resource

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/specstar-worker/worker/internal/msgpack"
)

var (
	errNotUTF8 = errors.New("text is not UTF-8")
	errTooDeep = fmt.Errorf("nested deeper than %d", msgpack.MaxDepth)
)

// appendMap appends values with ascending keys.
func appendMap(b []byte, values map[string]any, depth int) ([]byte, error) {
	if depth >= msgpack.MaxDepth {
		return b, errTooDeep
	}
	b = msgpack.AppendMapHead(b, len(values))
	var room [8]string
	keys := slices.AppendSeq(room[:0], maps.Keys(values))
	slices.Sort(keys)
	for _, key := range keys {
		var err error
		if b, err = appendMember(b, key, values[key], depth); err != nil {
			return b, err
		}
	}
	return b, nil
}

// appendMember appends a key with its value to a map of the given depth.
func appendMember(b []byte, key string, value any, depth int) ([]byte, error) {
	if !utf8.ValidString(key) {
		return b, fmt.Errorf("key %q: %w", key, errNotUTF8)
	}
	b, err := appendValue(msgpack.AppendString(b, key), value, depth+1)
	if err != nil {
		return b, fmt.Errorf("%q: %w", key, err)
	}
	return b, nil
}

func appendValue(b []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return msgpack.AppendNil(b), nil
	case bool:
		return msgpack.AppendBool(b, v), nil
	case int:
		return msgpack.AppendInt(b, int64(v)), nil
	case int64:
		return msgpack.AppendInt(b, v), nil
	case uint64:
		return msgpack.AppendUint(b, v), nil
	case float64:
		return msgpack.AppendFloat(b, v), nil
	case string:
		if !utf8.ValidString(v) {
			return b, errNotUTF8
		}
		return msgpack.AppendString(b, v), nil
	case []byte:
		return msgpack.AppendBin(b, v), nil
	case time.Time:
		if y := v.UTC().Year(); y < 1 || y > 9999 {
			return b, fmt.Errorf("time %v is outside of the years 1 to 9999", v)
		}
		return appendTimeValue(b, v), nil
	case []any:
		return appendArray(b, v, depth)
	case map[string]any:
		return appendMap(b, v, depth)
	default:
		return b, fmt.Errorf("a value of type %T cannot be indexed", v)
	}
}

func appendArray(b []byte, values []any, depth int) ([]byte, error) {
	if depth >= msgpack.MaxDepth {
		return b, errTooDeep
	}
	b = msgpack.AppendArrayHead(b, len(values))
	for i, v := range values {
		var err error
		if b, err = appendValue(b, v, depth+1); err != nil {
			return b, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return b, nil
}
