package qb_test

import (
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// TestConditionsShowTheirOperands to what makes SQL of them.
func TestConditionsShowTheirOperands(t *testing.T) {
	at := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	pattern := regexp.MustCompile("a+")
	for _, c := range []struct {
		cond   qb.Cond
		value  any
		length bool
	}{
		{qb.Data("a").Eq(3), int64(3), false},
		{qb.Data("a").Len().Gt(3), int64(3), true},
		{qb.Data("a").Eq(uint8(3)), uint64(3), false},
		{qb.Data("a").In("x", 1.5, nil), []any{"x", 1.5, nil}, false},
		{qb.Data("a").Contains(qb.Flags(5)), qb.Flags(5), false},
		{qb.Data("a").Eq(qb.Flags(5)), uint64(5), false},
		{qb.Data("a").Lte(at), at, false},
		{qb.Data("a").Eq([]byte("li")), "bGk=", false},
		{qb.Data("a").Eq(make(chan int)), struct{}{}, false},
	} {
		d := c.cond.(qb.DataComparison)
		if !reflect.DeepEqual(d.Value(), c.value) || d.Length() != c.length || d.Path() != "a" {
			t.Errorf("%v shows %v of %s", d, d.Value(), d.Path())
		}
	}
	if d := qb.Data("a").Matches(pattern).(qb.DataComparison); d.Pattern() != pattern {
		t.Errorf("pattern %v", d.Pattern())
	}
	if c := qb.CreatedBy().Matches(pattern).(qb.Comparison); c.Pattern() != pattern {
		t.Errorf("pattern %v", c.Pattern())
	}
	if d := qb.Data("a").IsNull(true).(qb.DataComparison); !d.Flag() {
		t.Error("IsNull(true) has no flag")
	}
}

func TestKeysOfASort(t *testing.T) {
	x, err := resource.NewIndexed(map[string]any{"n": 2, "b": []byte("li")})
	if err != nil {
		t.Fatal(err)
	}
	m := resource.Meta{ResourceID: "a", TotalRevisionCount: 3, IndexedData: opt.Of(x)}
	for _, c := range []struct {
		sort qb.Sort
		want any
	}{
		{qb.TotalRevisionCount().Desc(), int64(3)},
		{qb.RevStatus().Asc(), nil},
		{qb.Data("n").Desc(), int64(2)},
		{qb.Data("b").Asc(), "bGk="},
		{qb.Data("none").Asc(), nil},
	} {
		if got := c.sort.Key(&m); got != c.want {
			t.Errorf("key %v, want %v", got, c.want)
		}
	}
	other := resource.Meta{ResourceID: "b", TotalRevisionCount: 4}
	if qb.TotalRevisionCount().Desc().Compare(&m, &other) != -1 || qb.Data("n").Asc().Compare(&m, &other) != 1 {
		t.Error("a key alone is not compared upwards")
	}
	if got := qb.Text([]any{true, "a", 1.0}); got != `[True, 'a', 1.0]` {
		t.Errorf("text %s", got)
	}
}
