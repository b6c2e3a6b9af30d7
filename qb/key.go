package qb

import (
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Key returns a text that two values of indexed data share exactly when they are
// equal: 1, 1.0 and true are, 1 and "1" are not. Unlike conditions, keys are about
// what a meta holds, not about its JSON: a time, bytes and their texts have keys of
// their own, and infinities are values.
//
// NaN is the exception: it has a key and equals nothing, see [Equal].
func Key(v any) string { return string(appendKey(nil, keyValue(v))) }

// Equal reports whether two values of indexed data are equal, as [Key] has it: NaN,
// and what holds it, does not even equal itself.
func Equal(v, w any) bool {
	v, w = keyValue(v), keyValue(w)
	return equalsItself(v) && equalsItself(w) && string(appendKey(nil, v)) == string(appendKey(nil, w))
}

// keyValue is [dataValue] that leaves bytes as they are.
func keyValue(v any) any {
	switch v := v.(type) {
	case []byte:
		return v
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = keyValue(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = keyValue(e)
		}
		return out
	}
	return dataValue(v)
}

// equalsItself is false of NaN, of what is no value of indexed data, and of what
// holds either.
func equalsItself(v any) bool {
	switch v := v.(type) {
	case float64:
		return v == v
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !equalsItself(e) })
	case map[string]any:
		for _, e := range v {
			if !equalsItself(e) {
				return false
			}
		}
	case struct{}:
		return false
	}
	return true
}

func appendKey(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 'n')
	case bool:
		if v {
			return append(b, "i1"...)
		}
		return append(b, "i0"...)
	case int64:
		return strconv.AppendInt(append(b, 'i'), v, 10)
	case uint64:
		return strconv.AppendUint(append(b, 'i'), v, 10)
	case float64:
		return appendFloatKey(b, v)
	case string:
		return appendText(append(b, 's'), v)
	case []byte:
		return appendText(append(b, 'b'), string(v))
	case time.Time:
		return strconv.AppendInt(append(b, 't'), v.UnixMicro(), 10)
	case []any:
		b = append(b, '[')
		for _, e := range v {
			b = append(appendKey(b, e), ',')
		}
		return append(b, ']')
	case map[string]any:
		return appendMapKey(b, v)
	}
	return append(b, '?') // equals nothing, see dataValue
}

// appendFloatKey gives a float without fraction the key of the integer.
func appendFloatKey(b []byte, v float64) []byte {
	if math.IsInf(v, 0) || math.IsNaN(v) || v != math.Trunc(v) {
		return strconv.AppendFloat(append(b, 'f'), v, 'g', -1, 64)
	}
	n, _ := big.NewFloat(v).Int(nil)
	return n.Append(append(b, 'i'), 10)
}

func appendMapKey(b []byte, v map[string]any) []byte {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	b = append(b, '{')
	for _, name := range names {
		b = append(appendKey(appendText(b, name), v[name]), ',')
	}
	return append(b, '}')
}

// appendText writes a text so that nothing that follows can be taken for a part of it.
func appendText(b []byte, s string) []byte {
	return append(append(strconv.AppendInt(b, int64(len(s)), 10), ':'), s...)
}
