package sqlgen_test

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// paths are keys of indexed data.
var paths = []string{"a", "address.city", `q"uo'te\`, "", "é"}

var longText = strings.Repeat("é", 256)

// values are of every type that indexed data has, near each other where databases blur
// them.
var (
	numbers = []any{
		nil, true, false, 0, 1, -1, 3, 3.0, 0.1, 1e-5, 0.0001, -0.0001, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1),
		1e15, 1e16, int64(1e16), int64(1e15), int64(999999999999999), 123456.75, 64, 65, -64, 5e-324, math.MaxFloat64,
		1<<53 - 1, 1 << 53, 1<<53 + 1, 1<<53 + 2, float64(1 << 53), float64(1<<53 + 2), -(1 << 53), -(1<<53 + 1),
		1 << 60, float64(1 << 60), 1152921504606847000, math.MaxInt64, math.MinInt64, uint64(1 << 63), uint64(1<<63 + 1), uint64(math.MaxUint64),
		float64(1 << 63), float64(1 << 64), -9.3e18, 1e22, 1e300,
	}
	strangeTexts = []any{
		"", "a", "A", "ab", "b", "é", "z", "\U0001f600", "\U0010ffff", "\ud7ff", "a\x00b", "a\x00", "64", "True", "None", "[", "']", "{'", "1", "3.0", "null",
		`\u0000`, "a'b", `"`, "%", "_", longText, longText + "a", longText + "b", "[1]", "\x7f", "e",
		"2024-03-01T08:00:00Z", "2024-03-01T08:00:00.000001Z", "2024-03-01T16:00:00+08:00", "2024-03-01 08:00:00", "2024-03-01t08:00:00z",
		"2024-02-29T23:59:59Z", "2023-02-29T23:59:59Z", "2024-03-01T08:00:00.1Z", "2024-03-01T24:00:00Z", "2024-03-01T07:59:59.9999999Z",
		"2024-03-01T08:00:01Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "2024-03-01T08:00:00Z\x00",
	}
	instants = []any{
		time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC), time.Date(2024, 3, 1, 8, 0, 0, 1000, time.UTC),
		time.Date(2024, 3, 1, 16, 0, 0, 0, time.FixedZone("", 8*3600)), time.Date(2024, 3, 1, 8, 0, 0, 0, resource.Naive),
		time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), []byte("li"),
		[]byte{},
	}
	collections = []any{
		[]any{},
		[]any{1},
		[]any{true},
		[]any{1.0},
		[]any{2, 3},
		[]any{2.0, 3},
		[]any{nil},
		[]any{"a"},
		[]any{"a", "b"},
		[]any{[]any{1}},
		[]any{[]any{true, 0}},
		[]any{1 << 53, 1<<53 + 1},
		[]any{float64(1 << 60)},
		[]any{1 << 60},
		[]any{"é", 64, nil},
		[]any{math.NaN()},
		[]any{"a\x00b"},
		[]any{map[string]any{"k": 1}},
		[]any{uint64(math.MaxUint64)},
		[]any{float64(1 << 64)},
		[]any{time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)},
		[]any{false, 0, 0.0, 1, true, 1.0, 0, 0},
		[]any{1e-7, 1e16, 5e-324},
		[]any{1152921504606847000},
		map[string]any{},
		map[string]any{"k": 1},
		map[string]any{"k": true},
		map[string]any{"k": "a"},
		map[string]any{"k": nil},
		map[string]any{"b": 2, "a": []any{1}},
		map[string]any{`q"`: "x", "": 0.5},
		map[string]any{"k": math.NaN()},
		map[string]any{"k": 1 << 60},
		map[string]any{"nul\x00": 1},
	}
	everyValue = slices.Concat(numbers, strangeTexts, instants, collections)
	values     = rapid.OneOf(rapid.SampledFrom(numbers), rapid.SampledFrom(strangeTexts), rapid.SampledFrom(instants), rapid.SampledFrom(collections))
)

// drawIndexed draws indexed data that the database holds.
func drawIndexed(t *rapid.T, e engine) opt.Value[resource.Indexed] {
	if rapid.IntRange(0, 9).Draw(t, "none") == 0 {
		return opt.Value[resource.Indexed]{}
	}
	data := map[string]any{}
	for _, path := range paths {
		if rapid.IntRange(0, 2).Draw(t, "missing") == 0 {
			continue
		}
		if v := values.Draw(t, "value"); holdsValue(e, v) {
			data[path] = v
		}
	}
	x, err := resource.NewIndexed(data)
	if err != nil {
		t.Fatal(err)
	}
	return opt.Of(x)
}

// holdsValue reports whether the database holds a value of indexed data.
func holdsValue(e engine, v any) bool {
	x, err := resource.NewIndexed(map[string]any{"v": v})
	return err == nil && e.holds(nuls.Replace(string(x.AppendJSON(nil))))
}

// nuls makes NULs of their escapes.
var nuls = strings.NewReplacer(`\\`, `\`, `\u0000`, "\x00")

var patterns = []*regexp.Regexp{
	regexp.MustCompile("^a"), regexp.MustCompile("b$"), regexp.MustCompile("(?i)A"), regexp.MustCompile("."), regexp.MustCompile("^$"),
	regexp.MustCompile("[0-9]+"), regexp.MustCompile(`^\d{2}$`), regexp.MustCompile(`\bTrue\b`), regexp.MustCompile("[^a]"), regexp.MustCompile(`a|é`),
	regexp.MustCompile(`(?s)a.b`), regexp.MustCompile(`\x00`), regexp.MustCompile(`'k': `), regexp.MustCompile(`\pL`), regexp.MustCompile(`(a*)*$`),
}

// field has the operators of a value, or of its length, for any operand.
type field struct {
	cond func(op qb.Op, operand any) qb.Cond
}

// lengthOf are conditions on the length of a value or attribute, as they are parsed.
func lengthOf(path string) field {
	return field{func(op qb.Op, operand any) qb.Cond {
		switch v := operand.(type) {
		case qb.Flags:
			operand = map[string]any{"$flags": uint64(v)}
		case *regexp.Regexp:
			operand = v.String()
		}
		where := map[string]any{"field_path": path, "operator": op, "value": operand, "transform": "len"}
		b, err := json.Marshal(map[string]any{"conditions": []any{where}})
		if err != nil {
			return qb.Data(path).Len().Eq(3) // NaN and what is in no query
		}
		q, err := qb.ParseQuery(b)
		if err != nil {
			return qb.Data(path).Len().Gt(0)
		}
		return q.Where
	}}
}

func fieldOf(path string) field {
	f := qb.Data(path)
	return field{func(op qb.Op, v any) qb.Cond {
		flag, _ := v.(bool)
		list, _ := v.([]any)
		switch op {
		case qb.OpNe:
			return f.Ne(v)
		case qb.OpGt:
			return f.Gt(v)
		case qb.OpGte:
			return f.Gte(v)
		case qb.OpLt:
			return f.Lt(v)
		case qb.OpLte:
			return f.Lte(v)
		case qb.OpIn:
			return f.In(list...)
		case qb.OpNotIn:
			return f.NotIn(list...)
		case qb.OpIsNull:
			return f.IsNull(flag)
		case qb.OpIsNA:
			return f.IsNA(flag)
		case qb.OpExists:
			return f.Exists(flag)
		case qb.OpContains:
			return f.Contains(v)
		case qb.OpStartsWith:
			return f.StartsWith(v)
		case qb.OpEndsWith:
			return f.EndsWith(v)
		case qb.OpRegex:
			return f.Matches(v.(*regexp.Regexp))
		}
		return f.Eq(v)
	}}
}

// drawData draws a condition on a value, or on its length or that of an attribute.
func drawData(t *rapid.T) qb.Cond {
	path := rapid.SampledFrom(paths).Draw(t, "path")
	f := fieldOf(path)
	switch rapid.IntRange(0, 8).Draw(t, "len") {
	case 0:
		f = lengthOf(path)
	case 1:
		f = lengthOf(rapid.SampledFrom([]string{"created_by", "rev_updated_by", "is_deleted", "rev_created_time", "current_revision_id"}).Draw(t, "attribute"))
	}
	switch op := rapid.SampledFrom(everyOp).Draw(t, "op"); op {
	case qb.OpIn, qb.OpNotIn:
		operands := rapid.SliceOfN(values, 0, 4).Draw(t, "operands")
		if rapid.IntRange(0, 4).Draw(t, "many") == 0 {
			operands = append(operands, everyValue[rapid.IntRange(0, 50).Draw(t, "from"):]...)
		}
		return f.cond(op, operands)
	case qb.OpIsNull, qb.OpIsNA, qb.OpExists:
		return f.cond(op, rapid.Bool().Draw(t, "flag"))
	case qb.OpRegex:
		return f.cond(op, rapid.SampledFrom(patterns).Draw(t, "pattern"))
	case qb.OpContains:
		if rapid.Bool().Draw(t, "bits") {
			return f.cond(op, rapid.SampledFrom(everyFlags).Draw(t, "flags"))
		}
		fallthrough
	default:
		return f.cond(op, values.Draw(t, "operand"))
	}
}

var (
	everyFlags = []qb.Flags{0, 1, 64, 65, 1 << 53, 1 << 63, 5}
	everyOp    = []qb.Op{
		qb.OpEq, qb.OpNe, qb.OpGt, qb.OpGte, qb.OpLt, qb.OpLte, qb.OpIn, qb.OpNotIn, qb.OpIsNull, qb.OpIsNA, qb.OpExists,
		qb.OpContains, qb.OpStartsWith, qb.OpEndsWith, qb.OpRegex,
	}
)
