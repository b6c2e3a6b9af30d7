package qb_test

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

var noon = time.Date(2024, 3, 1, 12, 0, 0, 123456000, time.UTC)

// filled is a meta whose rev_* fields are set; the zero Meta has none.
var filled = resource.Meta{
	ResourceID: "task:1", CurrentRevisionID: "task:1:2", TotalRevisionCount: 2, CreatedBy: "alice", UpdatedBy: "zoë",
	CreatedTime: noon, UpdatedTime: noon,
	Rev: resource.RevMeta{
		Status: opt.Of(resource.Draft), CreatedBy: opt.Of("alice"), UpdatedBy: opt.Of("Bob"),
		CreatedTime: opt.Of(noon), UpdatedTime: opt.Of(noon),
	},
}

func ExampleSelect() {
	metas := func(yield func(resource.Meta, error) bool) {
		for _, id := range []resource.ID{"c", "a", "b"} {
			if !yield(resource.Meta{ResourceID: id, CreatedBy: "alice"}, nil) {
				return
			}
		}
	}
	q := qb.Where(qb.CreatedBy().Eq("alice")).OrderBy(qb.ResourceID().Desc()).Page(2, 0)
	for m, err := range qb.Select(metas, q) {
		fmt.Println(m.ResourceID, err)
	}
	// Output:
	// c <nil>
	// b <nil>
}

func TestFieldsOfASetMeta(t *testing.T) {
	for name, c := range map[string]qb.Cond{
		"eq":          qb.RevStatus().Eq(resource.Draft),
		"ne":          qb.RevStatus().Ne(resource.Stable),
		"in":          qb.RevUpdatedBy().In("x", "Bob"),
		"not in":      qb.RevUpdatedBy().NotIn("bob"),
		"gt":          qb.TotalRevisionCount().Gt(1),
		"between":     qb.RevCreatedTime().Between(noon, noon),
		"other zone":  qb.CreatedTime().Eq(noon.In(time.FixedZone("", 8*3600))),
		"naive":       qb.CreatedTime().Eq(time.Date(2024, 3, 1, 12, 0, 0, 123456000, resource.Naive)),
		"nanoseconds": qb.CreatedTime().Gte(noon.Add(999)),
		"contains":    qb.ResourceID().Contains("k:"),
		"starts with": qb.UpdatedBy().StartsWith("zo"),
		"ends with":   qb.UpdatedBy().EndsWith("ë"),
		"matches":     qb.RevUpdatedBy().Matches(regexp.MustCompile("^[A-Z]")),
		"not deleted": qb.IsDeleted().Eq(false),
		"bytes order": qb.RevUpdatedBy().Lt("a"),
		"null":        qb.SchemaVersion().IsNull(true),
		"set":         qb.RevStatus().IsNA(false),
		"exists":      qb.SchemaVersion().Exists(true),
		"nil in and":  qb.And{nil},
		"id":          qb.CurrentRevisionID().Eq("task:1:2"),
	} {
		if !qb.Match(filled, c) || qb.Match(filled, qb.Not{c}) {
			t.Errorf("%s is not true", name)
		}
	}
	if !qb.Match(filled, nil) {
		t.Error("no condition does not match")
	}
}

// TestUnsetFields holds the rule for rows that are not backfilled.
func TestUnsetFields(t *testing.T) {
	f, at := qb.RevCreatedBy(), qb.RevCreatedTime()
	for name, tc := range map[string]struct {
		c    qb.Cond
		want any
	}{
		"eq":           {f.Eq("a"), nil},
		"ne":           {f.Ne("a"), nil},
		"in":           {f.In("a"), nil},
		"in nothing":   {f.In(), nil},
		"not in":       {f.NotIn("a"), nil},
		"contains":     {f.Contains(""), nil},
		"matches":      {f.Matches(regexp.MustCompile("")), nil},
		"status":       {qb.RevStatus().Ne(resource.Draft), nil},
		"gte":          {at.Gte(noon), nil},
		"between":      {at.Between(noon, noon), nil},
		"is null":      {f.IsNull(true), true},
		"is not null":  {f.IsNull(false), false},
		"isna":         {at.IsNA(true), true},
		"not isna":     {at.IsNA(false), false},
		"exists":       {f.Exists(true), true},
		"not exists":   {f.Exists(false), false},
		"is unset":     {f.IsUnset(), true},
		"or with true": {qb.Or{f.Eq("a"), f.IsUnset()}, true},
	} {
		if got := truthOf(resource.Meta{}, tc.c); got != tc.want {
			t.Errorf("%s is %v, want %v", name, got, tc.want)
		}
	}
}

func TestSortPlacesNullFirst(t *testing.T) {
	metas := []resource.Meta{
		{ResourceID: "b"},
		{ResourceID: "a"},
		{ResourceID: "d", Rev: resource.RevMeta{CreatedTime: opt.Of(noon)}},
		{ResourceID: "c", Rev: resource.RevMeta{CreatedTime: opt.Of(noon)}},
		{ResourceID: "e", Rev: resource.RevMeta{CreatedTime: opt.Of(noon.Add(-time.Hour))}},
	}
	for _, tc := range []struct {
		sorts []qb.Sort
		want  string
	}{
		{nil, "abcde"},
		{[]qb.Sort{qb.RevCreatedTime().Asc()}, "abecd"},
		{[]qb.Sort{qb.RevCreatedTime().Desc()}, "dceba"},
		{[]qb.Sort{qb.RevCreatedTime().Desc(), qb.ResourceID().Asc()}, "cdeab"},
		{[]qb.Sort{qb.Data("missing").Desc()}, "edcba"},
	} {
		sorted := slices.SortedFunc(slices.Values(metas), func(a, b resource.Meta) int { return qb.Compare(a, b, tc.sorts) })
		got := ""
		for _, m := range sorted {
			got += string(m.ResourceID)
		}
		if got != tc.want {
			t.Errorf("%v gave %s, want %s", tc.sorts, got, tc.want)
		}
		if !qb.Less(sorted[0], sorted[1], tc.sorts) || qb.Less(sorted[1], sorted[0], tc.sorts) {
			t.Errorf("%v: Less disagrees with Compare", tc.sorts)
		}
	}
}

func TestSortOfMixedData(t *testing.T) {
	values := []any{
		math.NaN(), nil, -1, true, 2.5, uint64(1 << 63), "", noon, "2025", "a", []byte("x"), []any{}, []any{1, "x"}, []any{"x"}, map[string]any{},
	}
	var metas []resource.Meta
	for i, v := range values {
		x, err := resource.NewIndexed(map[string]any{"v": v})
		if err != nil {
			t.Fatal(err)
		}
		metas = append(metas, resource.Meta{ResourceID: resource.ID(fmt.Sprintf("%02d", i)), IndexedData: opt.Of(x)})
	}
	got := ids(t, qb.Select(all(reversed(metas)), qb.Query{Sort: []qb.Sort{qb.Data("v").Asc()}}))
	if !slices.IsSorted(got) {
		t.Errorf("order %v, want the order of %v", got, values)
	}
}

func TestPages(t *testing.T) {
	var metas []resource.Meta
	for i := range 100 {
		metas = append(metas, resource.Meta{ResourceID: resource.ID(fmt.Sprintf("%02d", (i*37)%100))})
	}
	for _, tc := range []struct {
		limit         opt.Value[int]
		offset, first int
		n             int
	}{
		{opt.Value[int]{}, 0, 0, 100},
		{opt.Value[int]{}, 90, 90, 10},
		{opt.Of(0), 0, 0, 0},
		{opt.Of(7), 0, 0, 7},
		{opt.Of(7), 96, 96, 4},
		{opt.Of(7), 100, 0, 0},
		{opt.Of(1 << 62), 99, 99, 1},
		{opt.Of(1<<63 - 1), 1, 1, 99},
	} {
		got := ids(t, qb.Select(all(metas), qb.Query{Limit: tc.limit, Offset: tc.offset}))
		if len(got) != tc.n || tc.n > 0 && got[0] != resource.ID(fmt.Sprintf("%02d", tc.first)) {
			t.Errorf("limit %v offset %d gave %v", tc.limit, tc.offset, got)
		}
	}
}

func TestSelectFails(t *testing.T) {
	broken := errors.New("broken")
	metas := func(yield func(resource.Meta, error) bool) {
		if yield(resource.Meta{ResourceID: "a"}, nil) {
			yield(resource.Meta{}, broken)
		}
	}
	for _, q := range []qb.Query{{}, {Offset: -1}, {Limit: opt.Of(-1)}} {
		n := 0
		for m, err := range qb.Select(metas, q) {
			n++
			if err == nil || m.ResourceID != "" {
				t.Errorf("%+v gave %v, %v; want an error alone", q, m.ResourceID, err)
			}
		}
		if n != 1 {
			t.Errorf("%+v gave %d results, want one error", q, n)
		}
	}
}

func TestDataOperands(t *testing.T) {
	x, err := resource.NewIndexed(map[string]any{
		"n": 3, "f": 1e20, "s": "it's", "t": noon, "l": []any{"a'b", 1.5, nil, true}, "m": map[string]any{"k": 1},
		"b": []byte("xy"), "u": uint64(1<<64 - 1), "inf": math.Inf(1), "lt": []any{noon, []byte("xy"), math.NaN()},
		"east": "2024-03-01 20:00:00.123456+0800", "naive": "2024-03-01T12:00:00.123456",
	})
	if err != nil {
		t.Fatal(err)
	}
	m := resource.Meta{IndexedData: opt.Of(x)}
	for name, tc := range map[string]struct {
		c    qb.Cond
		want any
	}{
		"int8":             {qb.Data("n").Eq(int8(3)), true},
		"float":            {qb.Data("n").In(2, float32(3)), true},
		"text is no int":   {qb.Data("n").Eq("3"), false},
		"order of types":   {qb.Data("n").Gt("3"), nil},
		"large float":      {qb.Data("f").Gt(uint64(1<<64 - 1)), true},
		"largest integer":  {qb.Data("u").Lte(1.8446744073709552e19), true},
		"status":           {qb.Data("s").Ne(resource.Draft), true},
		"time":             {qb.Data("t").Lte(noon.In(time.FixedZone("", 3600))), true},
		"time and text":    {qb.Data("t").Lt("2025"), true},
		"text of a time":   {qb.Data("t").Eq("2024-03-01T12:00:00.123456Z"), true},
		"time in a list":   {qb.Data("t").In(nil, noon), true},
		"time elsewhere":   {qb.Data("east").Eq(noon), true},
		"naive time":       {qb.Data("naive").Gte(noon), true},
		"later":            {qb.Data("east").Gt(noon.Add(-time.Microsecond)), true},
		"no time":          {qb.Data("s").Ne(noon), true},
		"order of no time": {qb.Data("s").Gt(noon), nil},
		"number and time":  {qb.Data("n").Lt(noon), nil},
		"part of a time":   {qb.Data("t").Contains(noon), true},
		"element time":     {qb.Data("lt").Contains(noon.In(time.FixedZone("", 3600))), true},
		"list of times":    {qb.Data("lt").Eq([]any{noon, []byte("xy"), nil}), true},
		"list of texts":    {qb.Data("lt").Eq([]any{"2024-03-01T12:00:00.123456Z", "eHk=", nil}), true},
		"no infinity":      {qb.Data("inf").IsNull(true), true},
		"below infinity":   {qb.Data("n").Lt(math.Inf(1)), true},
		"no number":        {qb.Data("n").Ne(math.NaN()), true},
		"bytes":            {qb.Data("b").Eq([]byte("xy")), true},
		"text of bytes":    {qb.Data("b").Eq("eHk="), true},
		"text of a list":   {qb.Data("l").EndsWith(`"a'b", 1.5, None, True]`), true},
		"text of a map":    {qb.Data("m").Contains("{'k': 1}"), true},
		"text of a float":  {qb.Data("f").Contains("1e+20"), true},
		"element":          {qb.Data("l").Contains(1.5), true},
		"list":             {qb.Data("l").Eq([]any{"a'b", 1.5, nil, 1}), true},
		"strings":          {qb.Data("l").Ne([]string{"a"}), true},
		"map":              {qb.Data("m").Eq(map[string]any{"k": 1.0}), true},
		"length":           {qb.Data("s").Len().Eq(4), true},
		"length of bytes":  {qb.Data("b").Len().Eq(4), true},
		"length of a time": {qb.Data("t").Len().Eq(27), true},
		"length of a map":  {qb.Data("m").Len().Lt(2), true},
		"length of a int":  {qb.Data("n").Len().Eq(1), nil},
		"struct":           {qb.Data("n").Eq(struct{ A int }{3}), false},
		"missing":          {qb.Data("x").NotIn(3), nil},
		"missing is na":    {qb.Data("x").IsNA(true), true},
		"missing exists":   {qb.Data("x").Exists(true), false},
		"missing is null":  {qb.Data("x").IsNull(true), nil},
		"pattern":          {qb.Data("s").Matches(regexp.MustCompile(`t's$`)), true},
		"has indexed":      {qb.HasIndexed{}, true},
	} {
		if got := truthOf(m, tc.c); got != tc.want {
			t.Errorf("%s is %v, want %v", name, got, tc.want)
		}
	}
}

func reversed(metas []resource.Meta) []resource.Meta {
	out := slices.Clone(metas)
	slices.Reverse(out)
	return out
}

func ExampleParseQuery() {
	q, err := qb.ParseQuery([]byte(`{"conditions":[{"field_path":"age","operator":"near","value":3}]}`))
	fmt.Println(q.Where, err)
	// Output: <nil> query: conditions[0].operator: "near" is not known (field_path "age")
}

// TestEncodingsAnswerAlike: a meta that was kept as msgpack answers as one that was
// kept as JSON.
func TestEncodingsAnswerAlike(t *testing.T) {
	x, err := resource.NewIndexed(map[string]any{
		"t": noon, "b": []byte("xy"), "f": math.Inf(-1), "l": []any{noon, math.NaN(), map[string]any{"b": []byte("z")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	m := filled
	m.IndexedData = opt.Of(x)
	for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
		kept, err := resource.DecodeMeta(enc, m.Append(enc, nil))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []qb.Cond{
			qb.Data("t").Eq("2024-03-01T12:00:00.123456Z"), qb.Data("t").Eq(noon), qb.Data("b").Eq("eHk="), qb.Data("f").IsNull(true),
			qb.Data("l").Eq([]any{"2024-03-01T12:00:00.123456Z", nil, map[string]any{"b": "eg=="}}),
			qb.Data("l").EndsWith("None, {'b': 'eg=='}]"),
		} {
			if !qb.Match(kept, c) {
				t.Errorf("%s: %v is not true", enc, c)
			}
		}
	}
}
