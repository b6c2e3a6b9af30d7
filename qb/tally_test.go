package qb_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// valued are metas with these values at the path v, and one without.
func valued(t *testing.T, values ...any) []resource.Meta {
	t.Helper()
	all := []resource.Meta{{ResourceID: "bare"}}
	for i, v := range values {
		x, err := resource.NewIndexed(map[string]any{"v": v})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, resource.Meta{ResourceID: resource.ID(fmt.Sprint("m:", i)), IndexedData: opt.Of(x)})
	}
	return all
}

func TestCountsByData(t *testing.T) {
	metas := valued(t,
		int64(1), 1.0, true, "1", nil, int64(1)<<60, float64(1<<60), uint64(1)<<63, float64(1<<63), 0.5, "b", "a", "b",
		[]any{int64(1)}, []any{1.0}, []any{true}, map[string]any{"k": 1.0}, map[string]any{"k": int64(1)}, map[string]any{"k": "x"},
	)
	got, err := qb.CountBy(sequence(metas), qb.Query{}, qb.Data("v").By(), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := qb.Counts{Total: 20, Values: []qb.ValueCount{
		{nil, 2},
		{int64(1), 2},
		{int64(1) << 60, 2},
		{uint64(1) << 63, 2},
		{"b", 2},
		{[]any{int64(1)}, 2},
		{map[string]any{"k": int64(1)}, 2},
		{0.5, 1},
		{true, 1},
		{"1", 1},
		{"a", 1},
		{[]any{true}, 1},
		{map[string]any{"k": "x"}, 1},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCountsByAttributes(t *testing.T) {
	naive := time.Date(2024, 3, 1, 12, 0, 0, 123456000, resource.Naive)
	metas := []resource.Meta{filled, {ResourceID: "a", CreatedTime: naive}, {ResourceID: "b", CreatedTime: noon.Add(time.Hour), IsDeleted: true}}
	for name, c := range map[string]struct {
		by   qb.Grouping
		want []qb.ValueCount
	}{
		"status":  {qb.RevStatus().By(), []qb.ValueCount{{nil, 2}, {"draft", 1}}},
		"created": {qb.CreatedTime().By(), []qb.ValueCount{{noon, 2}, {noon.Add(time.Hour), 1}}},
		"deleted": {qb.IsDeleted().By(), []qb.ValueCount{{false, 2}, {true, 1}}},
		"count":   {qb.GroupingOf(qb.TotalRevisionCount().Desc()), []qb.ValueCount{{int64(0), 2}, {int64(2), 1}}},
	} {
		got, err := qb.CountBy(sequence(metas), qb.Query{}, c.by, 0)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(qb.Counts{Total: 3, Values: c.want}, got); diff != "" {
			t.Errorf("by %s:\n%s", name, diff)
		}
	}
	got, err := qb.CountBy(sequence(metas), qb.Where(qb.IsDeleted().Eq(false)).Page(1, 1), qb.ResourceID().By(), 1)
	if want := (qb.Counts{Total: 2, Values: []qb.ValueCount{{"a", 1}}}); err != nil || !cmp.Equal(want, got) {
		t.Errorf("of two ids the first is %v, %v", got, err)
	}
}

func TestParseGrouping(t *testing.T) {
	for text, want := range map[string]qb.Grouping{
		"rev_status": qb.RevStatus().By(), " created_by ": qb.CreatedBy().By(), "data.a.b": qb.Data("a.b").By(), `data["x y"]`: qb.Data("x y").By(),
	} {
		if got, err := qb.ParseGrouping(text); err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "nothing", "-rev_status", "rev_status, created_by", "length(data.a)", "length(created_by)", "data", "rev_status = 1"} {
		_, err := qb.ParseGrouping(text)
		if _, ok := errors.AsType[*qb.WhereError](err); !ok {
			t.Errorf("%q gave %v", text, err)
		}
	}
}
