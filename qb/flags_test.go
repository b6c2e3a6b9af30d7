package qb_test

import (
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// The rows are the answers of the original's memory store for the actions
// create, update, create|update and none, which are Flags there.
func TestFlagsAreBits(t *testing.T) {
	values := []any{
		int64(0), int64(1), int64(2), int64(64), int64(65), int64(-1), int64(-64), true, false, 65.0, 1.5,
		"65", "x165x", "",
		[]any{int64(65)},
		[]any{int64(64), int64(1)},
		[]any{1.0},
		map[string]any{"a": int64(1)},
		int64(1<<40 + 65), uint64(1<<63 + 1),
	}
	for flags, want := range map[qb.Flags][]int{
		1:  {0, 1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 1, 1},
		64: {0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0},
		65: {0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 0, 1, 0},
		0:  {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1},
	} {
		for i, v := range values {
			m := resource.Meta{IndexedData: opt.Of(indexed(t, map[string]any{"action": v}))}
			if got := qb.Match(m, qb.Data("action").Contains(flags)); got != (want[i] == 1) {
				t.Errorf("%v contains flags %d: %v", v, flags, got)
			}
		}
	}
}

func TestFlagsCompareAsTheirInteger(t *testing.T) {
	m := resource.Meta{IndexedData: opt.Of(indexed(t, map[string]any{"action": int64(65), "none": nil}))}
	for what, c := range map[string]struct {
		cond qb.Cond
		want any
	}{
		"equal":          {qb.Data("action").Eq(qb.Flags(65)), true},
		"part":           {qb.Data("action").Eq(qb.Flags(1)), false},
		"above":          {qb.Data("action").Gt(qb.Flags(64)), true},
		"in a list":      {qb.Data("action").In(qb.Flags(1), qb.Flags(65)), true},
		"of null":        {qb.Data("none").Contains(qb.Flags(1)), nil},
		"of nothing":     {qb.Data("missing").Contains(qb.Flags(1)), nil},
		"parsed":         {parsed(t, `{"$flags":64}`), true},
		"parsed, absent": {parsed(t, `{"$flags":2}`), false},
	} {
		if got := truthOf(m, c.cond); got != c.want {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
	for _, bad := range []string{`{"$flags":-1}`, `{"$flags":1.5}`, `{"$flags":"1"}`, `{"$flags":1,"x":2}`} {
		if _, err := qb.ParseQuery([]byte(`{"conditions":[{"field_path":"action","operator":"contains","value":` + bad + `}]}`)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func parsed(t *testing.T, operand string) qb.Cond {
	t.Helper()
	q, err := qb.ParseQuery([]byte(`{"conditions":[{"field_path":"action","operator":"contains","value":` + operand + `}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return q.Where
}
