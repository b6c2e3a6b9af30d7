package qb

import (
	"math"
	"testing"
	"time"
)

// TestKeysAreEqualWhenValuesAre compares every value with every other.
func TestKeysAreEqualWhenValuesAre(t *testing.T) {
	noon := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	values := []any{
		nil, true, false, 0, 1, 1.0, -1, math.Copysign(0, -1), 0.5, "1", "true", "", "a", "a,b", []byte("a"),
		[]byte{},
		int64(1 << 53), float64(1 << 53), int64(1<<53 + 1), uint64(1<<64 - 1), float64(1 << 64), 1e300, 5e-324,
		noon, noon.In(time.FixedZone("", 3600)), noon.Add(time.Microsecond), "2024-03-01T12:00:00Z",
		[]any{},
		[]any{1},
		[]any{1.0},
		[]any{true, "a"},
		[]any{[]any{}},
		[]any{1, 2},
		[]any{"1:a", "b"},
		[]any{"1", "a"},
		map[string]any{},
		map[string]any{"a": 1},
		map[string]any{"a": 1.0, "b": nil},
		map[string]any{"b": nil, "a": true},
		map[string]any{"a": []any{}},
	}
	for _, v := range values {
		for _, w := range values {
			if equal := Equal(v, w); (Key(v) == Key(w)) != equal {
				t.Errorf("%#v and %#v: equal %t, keys %q and %q", v, w, equal, Key(v), Key(w))
			}
		}
	}
}

func TestNaNEqualsNothing(t *testing.T) {
	for _, v := range []any{math.NaN(), []any{math.NaN()}, map[string]any{"a": math.NaN()}} {
		if Equal(v, v) {
			t.Errorf("%v equals itself", v)
		}
	}
}
