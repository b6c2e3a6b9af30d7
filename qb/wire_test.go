package qb_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// TestQueriesAsJSON shows what becomes of each part of a query.
func TestQueriesAsJSON(t *testing.T) {
	at := time.Date(2024, 3, 1, 12, 0, 0, 500000, time.FixedZone("", 8*3600))
	cond := func(path, op, value string) string {
		return `{"conditions":[{"type":"DataSearchCondition","field_path":"` + path + `","operator":"` + op + `","value":` + value + `}]}`
	}
	for _, tc := range []struct {
		q    qb.Query
		want string
	}{
		{qb.Query{}, `{}`},
		{qb.Query{Where: qb.And{nil, qb.And{}}}, `{}`},
		{qb.Query{}.Page(0, 3), `{"limit":0,"offset":3}`},
		// Filters
		{
			qb.Where(qb.IsDeleted().IsFalse(), qb.RevStatus().In("draft"), qb.RevCreatedTime().Between(at, at)),
			`{"is_deleted":false,"rev_created_time_start":"2024-03-01T12:00:00.000500+08:00",` +
				`"rev_created_time_end":"2024-03-01T12:00:00.000500+08:00","rev_statuses":["draft"]}`,
		},
		{
			qb.Where(qb.CreatedBy().In("a", "b"), qb.CreatedBy().In()),
			`{"created_bys":["a","b"],"conditions":[{"type":"DataSearchCondition","field_path":"created_by","operator":"in","value":[]}]}`,
		},
		{qb.Where(qb.IsDeleted().Ne(true)), cond("is_deleted", "ne", "true")},
		// Conditions
		{qb.Where(qb.RevStatus().Eq("draft")), cond("rev_status", "eq", `"draft"`)},
		{qb.Where(qb.TotalRevisionCount().NotIn(1, 2)), cond("total_revision_count", "not_in", "[1,2]")},
		{qb.Where(qb.CreatedTime().Gt(at.UTC())), cond("created_time", "gt", `{"$datetime":"2024-03-01T04:00:00.000500Z"}`)},
		{qb.Where(qb.CreatedBy().IsNull(true)), cond("created_by", "is_null", "true")},
		{qb.Where(qb.CreatedBy().IContains("a.<b>")), cond("created_by", "regex", `"(?i)a\\.<b>"`)},
		{
			qb.Where(qb.Not{qb.Or{}, qb.CreatedBy().Len().Eq(3)}),
			`{"conditions":[{"type":"DataSearchGroup","operator":"not","conditions":[{"type":"DataSearchGroup","operator":"or","conditions":[]},` +
				`{"type":"DataSearchCondition","field_path":"created_by","operator":"eq","value":3,"transform":"len"}]}]}`,
		},
		// Operands of indexed data
		{qb.Where(qb.Data("a.b").Eq(1.0)), cond("a.b", "eq", "1.0")},
		{qb.Where(qb.Data("a").Eq(nil)), cond("a", "eq", "null")},
		{qb.Where(qb.Data("a").In(1, "é", []any{true})), cond("a", "in", `[1,"é",[true]]`)},
		{qb.Where(qb.Data("a").Lt(uint64(math.MaxUint64))), cond("a", "lt", "18446744073709551615")},
		{qb.Where(qb.Data("a").Eq([]byte("li"))), cond("a", "eq", `"bGk="`)},
		{qb.Where(qb.Data("a").Lt(math.Inf(1))), cond("a", "lt", `{"$float":"inf"}`)},
		{qb.Where(qb.Data("a").Ne(make(chan int))), cond("a", "ne", `{"$incomparable":true}`)},
		{qb.Where(qb.Data("a").Contains(qb.Flags(1 << 63))), cond("a", "contains", `{"$flags":9223372036854775808}`)},
		{qb.Where(qb.Data("a").Eq(map[string]any{"k": 1, "$f": 2})), cond("a", "eq", `{"$literal":{"$f":2,"k":1}}`)},
		{
			qb.Where(qb.Data("a").Eq(time.Date(2024, 3, 1, 12, 0, 0, 0, resource.Naive))),
			cond("a", "eq", `{"$datetime":"2024-03-01T12:00:00"}`),
		},
		// Indexed data under the name of an attribute
		{
			qb.Where(qb.Data("created_by").Eq("a"), qb.HasIndexed{}),
			`{"data_conditions":[{"type":"DataSearchCondition","field_path":"created_by","operator":"eq","value":"a"}]}`,
		},
		{
			qb.Where(qb.Data("created_by").Eq("a"), qb.Data("b").Eq(1)),
			`{"data_conditions":[{"type":"DataSearchCondition","field_path":"created_by","operator":"eq","value":"a"}],` +
				`"conditions":[{"type":"DataSearchCondition","field_path":"b","operator":"eq","value":1}]}`,
		},
		{qb.Where(qb.HasIndexed{}), `{"data_conditions":[]}`},
		// What the original does not have
		{
			qb.Where(qb.Data("created_by").Exists(false)),
			`{"conditions":[{"type":"IndexedDataCondition","field_path":"created_by","operator":"exists","value":false}]}`,
		},
		{
			qb.Where(qb.Or{qb.HasIndexed{}, qb.Data("created_by").Len().Gt(1)}),
			`{"conditions":[{"type":"DataSearchGroup","operator":"or","conditions":[{"type":"HasIndexedData"},` +
				`{"type":"IndexedDataCondition","field_path":"created_by","operator":"gt","value":1,"transform":"len"}]}]}`,
		},
		{
			qb.Query{}.OrderBy(qb.SortBy("-rev_created_time", "age", "rev_status")...),
			`{"sorts":[{"type":"ResourceMetaSearchSort","key":"rev_created_time","direction":"-"},` +
				`{"type":"ResourceDataSearchSort","field_path":"age","direction":"+"},` +
				`{"type":"ResourceMetaSearchSort","key":"rev_status","direction":"+"}]}`,
		},
		{
			qb.Query{}.OrderBy(qb.CreatedTime().Asc(), qb.Data("age").Asc()).
				From(qb.PositionOf(filled, qb.SortBy("created_time", "age"))),
			`{"conditions":[{"type":"ResourcePosition","keys":[{"$datetime":"2024-03-01T12:00:00.123456Z"},null],"resource_id":"task:1"}],` +
				`"sorts":[{"type":"ResourceMetaSearchSort","key":"created_time","direction":"+"},` +
				`{"type":"ResourceDataSearchSort","field_path":"age","direction":"+"}]}`,
		},
	} {
		b, err := tc.q.MarshalJSON()
		if err != nil || string(b) != tc.want {
			t.Errorf("%s, %v\nwant %s", b, err, tc.want)
		}
		if _, err := qb.ParseQuery(b); err != nil {
			t.Errorf("%s: %v", b, err)
		}
	}
}

// TestQueriesSurviveJSON: what is read selects the same in the same order.
func TestQueriesSurviveJSON(t *testing.T) {
	drawn, written := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t)
		b, err := json.Marshal(q)
		drawn++
		if _, ok := errors.AsType[*qb.WireError](err); ok {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		written++
		var back qb.Query
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if back.Limit != q.Limit || back.Offset != q.Offset || !slices.Equal(back.Sort, q.Sort) {
			t.Fatalf("%s: %+v, want %+v", b, back, q)
		}
		for range 8 {
			m := drawMeta(t)
			if got, want := qb.Match(m, back.Where), qb.Match(m, q.Where); got != want {
				t.Fatalf("%s: %v, want %v of %+v", b, got, want, m)
			}
			after, set := back.After.Get()
			if want, given := q.After.Get(); set != given || set && after.Passes(m) != want.Passes(m) {
				t.Fatalf("%s: position %v, want %v", b, after, want)
			}
		}
	})
	if written < drawn/4 {
		t.Errorf("only %d of %d queries were written", written, drawn)
	}
}

func drawQuery(t *rapid.T) qb.Query {
	q := qb.Query{Where: drawCond(3).Draw(t, "where"), Offset: rapid.IntRange(0, 3).Draw(t, "offset")}
	if rapid.Bool().Draw(t, "conjunction") {
		q = q.Filter(drawCond(1).Draw(t, "one"), drawFilter(t), drawFilter(t), drawIndexed(t))
	}
	if rapid.Bool().Draw(t, "limited") {
		q.Limit = opt.Of(rapid.IntRange(0, 3).Draw(t, "limit"))
	}
	names := []string{"-created_time", "+rev_status", "a", "-a.b", "-total_revision_count", "is_deleted", "created_by", "rev_updated_time"}
	q.Sort = qb.SortBy(rapid.SliceOfN(rapid.SampledFrom(names), 0, 3).Draw(t, "sorts")...)
	if rapid.Bool().Draw(t, "positioned") {
		q = q.From(qb.PositionOf(drawMeta(t), q.Sort))
	}
	return q
}

// drawFilter draws a condition that the original has a filter for.
func drawFilter(t *rapid.T) qb.Cond {
	at := someTime.Draw(t, "at")
	return rapid.SampledFrom([]qb.Cond{
		qb.IsDeleted().IsTrue(), qb.IsDeleted().Eq(false), qb.CreatedBy().In("alice", "a"), qb.CreatedBy().In(), qb.RevStatus().In("draft"),
		qb.RevUpdatedBy().In("Bob"), qb.CreatedTime().Gte(at), qb.CreatedTime().Lte(at), qb.RevUpdatedTime().Gte(at), qb.RevCreatedTime().Lte(at),
	}).Draw(t, "filter")
}

// drawIndexed draws a condition on indexed data, some under the name of an attribute.
func drawIndexed(t *rapid.T) qb.Cond {
	f := qb.Data(rapid.SampledFrom([]string{"created_by", "a"}).Draw(t, "key"))
	return rapid.SampledFrom([]qb.Cond{
		qb.HasIndexed{},
		f.Eq("a"), f.IsNA(true),
		qb.Not{f.Exists(true)},
		qb.Or{f.IsNull(true), f.Len().Lt(3)},
		qb.Not{qb.HasIndexed{}},
		qb.And{qb.HasIndexed{}, qb.Or{f.Eq("a"), qb.CreatedBy().Eq("a")}},
	}).Draw(t, "indexed")
}

func TestWhatJSONCannotHold(t *testing.T) {
	far := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		of string
		q  qb.Query
	}{
		{"created_by", qb.Where(qb.CreatedBy().Contains("\xff"))},
		{"created_bys", qb.Where(qb.CreatedBy().In("a", "\xff"))},
		{"created_time", qb.Where(qb.CreatedTime().Gt(far))},
		{"created_time", qb.Where(qb.CreatedTime().Gte(time.Time{}.Add(-1)))},
		{"created_time", qb.Where(qb.CreatedTime().Lt(far.Add(-1).In(time.FixedZone("", 3600))))},
		{"a\xff", qb.Where(qb.Data("a\xff").Eq(1))},
		{"a", qb.Where(qb.Data("a").Eq([]any{map[string]any{"\xff": 1}}))},
		{"b\xff", qb.Query{}.OrderBy(qb.Data("b\xff").Asc())},
		{"resource_id", qb.Query{}.From(qb.PositionOf(resource.Meta{ResourceID: "\xff"}, nil))},
	} {
		b, err := json.Marshal(tc.q)
		if e, ok := errors.AsType[*qb.WireError](err); !ok || strings.TrimSuffix(e.Of, "s") != strings.TrimSuffix(tc.of, "s") {
			t.Errorf("%q: %v, want an error of %q", b, err, tc.of)
		}
	}
}

// TestParsedExtensions: what the original does not have is checked when it is read.
func TestParsedExtensions(t *testing.T) {
	sorted := `,"sorts":[{"key":"created_time"},{"field_path":"a"}]}`
	position := func(rest string) string { return `{"conditions":[{"type":"ResourcePosition",` + rest + `}]` + sorted }
	for text, path := range map[string]string{
		`{"conditions":[{"type":"HasIndexedData","value":true}]}`:                                                        `conditions[0].value`,
		`{"conditions":[{"type":"IndexedDataCondition","field_path":"a","operator":"eq"}]}`:                              `conditions[0]`,
		`{"conditions":[{"field_path":"a","operator":"eq","value":{"$float":"infinite"}}]}`:                              `conditions[0].value`,
		`{"conditions":[{"operator":"and","conditions":[{"type":"ResourcePosition","keys":[],"resource_id":"a"}]}]}`:     `conditions[0].conditions[0].type`,
		`{"conditions":[{"type":"ResourcePosition","keys":[],"resource_id":"a"},{"type":"ResourcePosition","keys":[]}]}`: `conditions[1].type`,
		position(`"keys":["2024-03-01T12:00:00Z"],"resource_id":"a"`):                                                    `conditions[0].keys`,
		position(`"keys":[3,null],"resource_id":"a"`):                                                                    `conditions[0].keys[0]`,
		position(`"keys":[null,{"$datetime":"x"}],"resource_id":"a"`):                                                    `conditions[0].keys[1]`,
		position(`"keys":[null,null],"resource_id":1`):                                                                   `conditions[0].resource_id`,
		position(`"keys":[null,null],"resource_id":"a","id":"b"`):                                                        `conditions[0].id`,
	} {
		_, err := qb.ParseQuery([]byte(text))
		if e, ok := errors.AsType[*qb.ParseError](err); !ok || e.Path != path {
			t.Errorf("%s: %v; want an error at %q", text, err, path)
		}
	}
	q, err := qb.ParseQuery([]byte(position(`"keys":["2024-03-01T12:00:00.123456Z",null],"resource_id":"task:0"`)))
	if err != nil {
		t.Fatal(err)
	}
	after, set := q.After.Get()
	if err := q.Validate(); err != nil || !set || !after.Passes(filled) || after.ID() != "task:0" {
		t.Errorf("position %v, %v", after, err)
	}
	q, err = qb.ParseQuery([]byte(`{"conditions":[{"field_path":"a","operator":"regex","value":{"$flags":65}}]}`))
	if err != nil || !qb.Match(resource.Meta{IndexedData: opt.Of(indexed(t, map[string]any{"a": "x65"}))}, q.Where) {
		t.Errorf("flags as a pattern: %v", err)
	}
}
