package check

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// newText draws a text: one that means something elsewhere, or a few pieces.
func (d *drawing) newText() string {
	if flip(d.src) {
		return pick(d.src, []string{
			"", "alice", "Alice", "bob", "draft", "é", "100%", "a_b", `q"'\`, "中文", "\U0001F600", "7", "7.0", "1", "true", "True", "None", "null", "[]", "{}",
			"1e5", "-0", "NaN", "10", "9", "'; DROP TABLE person_meta; --", `x' OR '1'='1`, `{"k": "a"}`, "['a']", " ", "\t", "a\nb",
			"2026-03-01T12:00:00.123456Z", "2026-03-01T20:00:00.123456+08:00", "2026-03-01T12:00:00.123456", "2026-03-01 12:00:00.1234564+0000", "2026-03-01", "bGk=",
		})
	}
	return strings.Join(generated(1+d.src.IntN(4), d.piece), "")
}

func (d *drawing) piece() string {
	return pick(d.src, []string{
		"a", "a", "b", "A", "li", "0", "1", "7", ".", "-", "+", "e", "é", "É", "e\u0301", "ß", "ſ", "s", "S", "K", "k", "\u212a", "İ", "ı", "i", "I", "中", "\U0001F600",
		"\u00a0", "\u2028", "\u0085", " ", "%", "_", `\`, `\\`, "'", `"`, "$", "?", "*", "[", "]", "{", "}", "(", ")", "^", "|", ",", ":", "/", "\n", "\r", "\t", "\x01", "\x1f", "\x7f",
		"\ufffd", "\uffff", "\ue000", "\U0010ffff", "None", "True", "--", "0x",
	})
}

// newNumber draws a number or boolean, with care for the limits of doubles.
func (d *drawing) newNumber() any {
	switch d.src.IntN(5) {
	case 0:
		return int64(d.src.IntN(12) - 3)
	case 1:
		return float64(d.src.IntN(2000)-500) / float64(pick(d.src, []int{1, 2, 10, 1000}))
	case 2:
		return flip(d.src)
	}
	return pick(d.src, []any{
		int64(0), int64(1), int64(10), int64(1)<<53 - 1, int64(1) << 53, int64(1)<<53 + 1, int64(1) << 60, int64(1)<<60 + 1, int64(math.MaxInt64), int64(math.MinInt64),
		uint64(1) << 63, uint64(math.MaxUint64), 0.0, math.Copysign(0, -1), 1.0, 0.1, 0.30000000000000004, 1e15, 1e16, 123456789012345680.0, 1e-4, 1e-5, 1e22, 1e23,
		float64(1 << 53), float64(1 << 63), float64(1 << 60), -float64(1 << 63), 5e-324, -5e-324, math.MaxFloat64, -math.MaxFloat64, 2.2250738585072014e-308,
	})
}

// newValue draws a value of indexed data.
func (d *drawing) newValue(depth int) any {
	switch d.src.IntN(8) {
	case 0:
		return nil
	case 1, 2:
		return d.newNumber()
	case 3:
		return pick(d.src, []any{noon, noon.Add(-time.Hour), []byte("li"), []byte{}, math.NaN(), math.Inf(1), math.Inf(-1)})
	case 4:
		if depth > 0 {
			return generated(d.src.IntN(4), func() any { return d.newValue(depth - 1) })
		}
	case 5:
		if depth > 0 {
			m := map[string]any{}
			for range d.src.IntN(3) {
				m[pick(d.src, []string{"k", "b", "a", "é", `q"'`, "b.c", ""})] = d.newValue(depth - 1)
			}
			return m
		}
	}
	return pick(d.src, d.texts)
}

// operand draws what a value is compared with: mostly one of the data set, or one
// that is nearly equal.
func (d *drawing) operand() any {
	switch d.src.IntN(10) {
	case 0:
		return d.newValue(1)
	case 1:
		return pick(d.src, []any{"\x00", "a\x00b", "\xff", struct{}{}, int8(7), float32(0.5), []string{"a", "b"}, resource.Draft})
	case 2:
		return pick(d.src, d.times)
	case 3:
		return d.part()
	}
	v := pick(d.src, d.values)
	if d.src.IntN(3) == 0 {
		return d.near(v)
	}
	return v
}

// near returns a value of another type, or the next one.
func (d *drawing) near(v any) any {
	switch v := v.(type) {
	case bool:
		return pick(d.src, []any{int64(1), 0.0, !v})
	case int64:
		return pick(d.src, []any{float64(v), v + 1, v == 1})
	case uint64:
		return float64(v)
	case float64:
		return pick(d.src, []any{math.Nextafter(v, 0), -v, int64(v / 2)})
	case string:
		return pick(d.src, []any{[]any{v}, v + "\u0001", strings.ToUpper(v)})
	case []any:
		if len(v) > 0 {
			return pick(d.src, []any{v[0], v[1:], append(slices.Clone(v), nil), map[string]any{"k": v[0]}})
		}
	case map[string]any:
		key := slices.Min(append(slices.Collect(maps.Keys(v)), "k"))
		return pick(d.src, []any{v[key], map[string]any{key: v[key]}, []any{v}})
	}
	return v
}

// part draws a text that may be a part of others.
func (d *drawing) part() string {
	text := []rune(pick(d.src, d.texts))
	if len(text) == 0 || d.src.IntN(3) == 0 {
		return pick(d.src, []string{"", "a", "A", "%", "_", "b", "é", `\`, "li", "1", ".", "e", "'", `"`, "None", ", ", "{'", "\x00", "\xff"})
	}
	from := d.src.IntN(len(text))
	return string(text[from : from+1+d.src.IntN(len(text)-from)])
}
