package qb_test

import (
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// drawCond draws conditions with groups up to some depth.
func drawCond(depth int) *rapid.Generator[qb.Cond] {
	leaves := []*rapid.Generator[qb.Cond]{
		rapid.Custom(drawText), rapid.Custom(drawAttribute), rapid.Custom(drawData), rapid.Custom(drawData), rapid.Custom(drawParsed),
		rapid.SampledFrom([]qb.Cond{nil, qb.HasIndexed{}, qb.And{}, qb.Or{}, qb.Not{}}),
	}
	if depth > 0 {
		subs := rapid.SliceOfN(drawCond(depth-1), 0, 3)
		leaves = append(leaves, rapid.Custom(func(t *rapid.T) qb.Cond {
			conds := subs.Draw(t, "conditions")
			return rapid.SampledFrom([]qb.Cond{qb.And(conds), qb.Or(conds), qb.Not(conds)}).Draw(t, "group")
		}))
	}
	return rapid.OneOf(leaves...)
}

// drawText draws a condition on an attribute that holds text.
func drawText(t *rapid.T) qb.Cond {
	f := rapid.SampledFrom([]qb.TextField[string]{qb.CreatedBy(), qb.SchemaVersion(), qb.RevUpdatedBy()}).Draw(t, "text")
	v := someText.Draw(t, "operand")
	return rapid.SampledFrom([]qb.Cond{
		f.Eq(v), f.Ne(v), f.Gt(v), f.Gte(v), f.Lt(v), f.Lte(v), f.In(), f.In(v, "a"), f.NotIn(v, "b"), f.NotIn(),
		f.Contains(v), f.StartsWith(v), f.EndsWith(v), f.Matches(somePattern.Draw(t, "pattern")),
		f.IsNull(true), f.IsNull(false), f.IsNA(true), f.IsNA(false), f.Exists(true), f.Exists(false),
	}).Draw(t, "condition")
}

// drawAttribute draws a condition on an attribute that holds something else.
func drawAttribute(t *rapid.T) qb.Cond {
	at, n := someTime.Draw(t, "time"), rapid.IntRange(-2, 3).Draw(t, "number")
	times := rapid.SampledFrom([]qb.TimeField{qb.CreatedTime(), qb.RevUpdatedTime()}).Draw(t, "field")
	count := qb.TotalRevisionCount()
	return rapid.SampledFrom([]qb.Cond{
		times.Eq(at), times.Ne(at), times.Gt(at), times.Gte(at), times.Lt(at), times.Lte(at), times.In(at, noon), times.NotIn(at),
		times.Between(at, noon), times.Today(at), times.IsNull(true), count.Eq(n), count.In(n, 2), count.NotIn(n), count.Lt(n),
		count.Gte(math.MaxInt64), qb.IsDeleted().Eq(true), qb.IsDeleted().Ne(false), qb.IsDeleted().In(true, false), qb.IsDeleted().Gt(false),
	}).Draw(t, "condition")
}

// drawData draws a condition on indexed data.
func drawData(t *rapid.T) qb.Cond {
	f := qb.Data(somePath.Draw(t, "path"))
	v := someValue(2).Draw(t, "operand")
	return rapid.SampledFrom([]qb.Cond{
		f.Eq(v), f.Ne(v), f.Gt(v), f.Gte(v), f.Lt(v), f.Lte(v), f.In(), f.In(v, 1), f.NotIn(v), f.NotIn(),
		f.Contains(v), f.StartsWith(v), f.EndsWith(v), f.Contains(qb.Flags(rapid.Uint64().Draw(t, "bits"))),
		f.Matches(somePattern.Draw(t, "pattern")), f.IsNull(true), f.IsNull(false), f.IsNA(true), f.IsNA(false),
		f.Exists(true), f.Exists(false), f.Between(v, 2), f.IsTruthy(), f.IsBlank(), f.Like("a_%"), f.IContains("A"),
	}).Draw(t, "condition")
}

// drawParsed draws a condition as JSON may have it: on texts and lengths of what has
// none, with an operand of any type.
func drawParsed(t *rapid.T) qb.Cond {
	op := rapid.SampledFrom([]qb.Op{
		qb.OpEq, qb.OpNe, qb.OpGt, qb.OpLte, qb.OpIn, qb.OpNotIn, qb.OpContains, qb.OpStartsWith, qb.OpEndsWith, qb.OpRegex,
		qb.OpIsNull, qb.OpIsNA, qb.OpExists,
	}).Draw(t, "operator")
	value := rapid.SampledFrom([]any{0, 1, 2.5, true, "1", "2024", nil, []any{}, map[string]any{"$datetime": "2024-03-01T12:00:00"}}).Draw(t, "operand")
	switch op {
	case qb.OpIn, qb.OpNotIn:
		value = []any{value, 1}
	case qb.OpIsNull, qb.OpIsNA, qb.OpExists:
		value = rapid.Bool().Draw(t, "flag")
	}
	cond := map[string]any{
		"field_path": rapid.SampledFrom([]string{"created_by", "rev_updated_by", "created_time", "total_revision_count", "is_deleted", "a", "é"}).Draw(t, "field"),
		"operator":   op, "value": value,
	}
	if rapid.Bool().Draw(t, "length") {
		cond["transform"] = "len"
	}
	b, err := json.Marshal(map[string]any{"conditions": []any{cond}})
	if err != nil {
		t.Fatal(err)
	}
	q, err := qb.ParseQuery(b)
	if err != nil {
		return qb.And{} // of a type that the attribute has no order with
	}
	return q.Where
}

var (
	someText = rapid.OneOf(
		rapid.SampledFrom([]string{"", "a", "b", "A", "it's", `a"b`, `\d`, "\x00\n\r\t\x7f", "\xff\xc3", "\u00e9\u2028\U0001f409", "%", "2024-03-01"}),
		rapid.StringN(0, 6, -1),
	)
	somePath    = rapid.OneOf(rapid.SampledFrom([]string{"a", "a.b", "a-b", "é", "", ".", "a..b", "it's", "and", "\xff"}), rapid.StringN(0, 3, -1))
	somePattern = rapid.Map(
		rapid.SampledFrom([]string{"", "^a$", `\d+'`, "(?i)A", "\n", "é|b", `\x00`, "a\u200b"}),
		func(s string) *regexp.Regexp { return regexp.MustCompile(s) },
	)
	someTime = rapid.Custom(func(t *rapid.T) time.Time {
		at := noon.Add(time.Duration(rapid.Int64Range(-3e9, 3e9).Draw(t, "nanoseconds")))
		if rapid.IntRange(0, 9).Draw(t, "far") == 0 {
			at = rapid.SampledFrom([]time.Time{{}, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(12345, 6, 7, 8, 9, 10, 0, time.UTC), time.Date(-3, 1, 1, 0, 0, 0, 0, time.UTC)}).Draw(t, "when")
		}
		return at.In(rapid.SampledFrom([]*time.Location{time.UTC, resource.Naive, taipei, time.FixedZone("LMT", 29143), time.FixedZone("", -1801)}).Draw(t, "zone"))
	})
)

// someValue draws operands for indexed data, with lists and maps up to some depth.
func someValue(depth int) *rapid.Generator[any] {
	all := []*rapid.Generator[any]{
		someText.AsAny(), someTime.AsAny(), rapid.IntRange(-2, 3).AsAny(), rapid.Float64().AsAny(), rapid.Uint64().AsAny(),
		rapid.SampledFrom([]any{
			nil, true, false, 1.0, math.Copysign(0, -1), 1e20, 1e-7, math.NaN(), math.Inf(1), math.Inf(-1), uint64(math.MaxUint64), int64(math.MinInt64),
			[]byte("a"),
			struct{}{},
			[]any{},
			map[string]any{},
		}),
	}
	if depth > 0 {
		all = append(all, rapid.SliceOfN(someValue(depth-1), 0, 3).AsAny(), rapid.MapOfN(someText, someValue(depth-1), 0, 3).AsAny())
	}
	return rapid.OneOf(all...)
}

// drawMeta draws a meta whose values are near the operands.
func drawMeta(t *rapid.T) resource.Meta {
	m := filled
	if rapid.Bool().Draw(t, "unset") {
		m.Rev = resource.RevMeta{}
	}
	m.CreatedBy, m.CreatedTime = someText.Draw(t, "created by"), noon.Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, "microseconds"))*time.Microsecond)
	m.TotalRevisionCount, m.IsDeleted = rapid.IntRange(0, 3).Draw(t, "count"), rapid.Bool().Draw(t, "deleted")
	if rapid.IntRange(0, 3).Draw(t, "indexed") == 0 {
		return m
	}
	data := map[string]any{}
	for _, path := range []string{"a", "a.b", "a-b", "é", "", "it's"} {
		if v := someValue(2).Draw(t, path); rapid.Bool().Draw(t, "given") {
			data[path] = storable(v)
		}
	}
	x, err := resource.NewIndexed(data)
	if err != nil {
		t.Fatal(err)
	}
	m.IndexedData = opt.Of(x)
	return m
}

// storable replaces what indexed data cannot hold.
func storable(v any) any {
	switch v := v.(type) {
	case struct{}:
		return nil
	case string:
		return strings.ToValidUTF8(v, "?")
	case time.Time:
		return noon.In(v.Location())
	case []any:
		for i, e := range v {
			v[i] = storable(e)
		}
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[strings.ToValidUTF8(k, "?")] = storable(e)
		}
		return out
	}
	return v
}
