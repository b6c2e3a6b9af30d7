package qb_test

import (
	"math"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// truthOfText finds out what a condition says of a schema version, which is null
// where text is no string.
func truthOfText(text any, cond func(qb.TextField[string]) qb.Cond) any {
	var m resource.Meta
	if s, ok := text.(string); ok {
		m.SchemaVersion = opt.Of(s)
	}
	return truthOf(m, cond(qb.SchemaVersion()))
}

func truthOfData(t *testing.T, v any, cond func(qb.DataField) qb.Cond) any {
	t.Helper()
	values := map[string]any{"v": v}
	if v == missing {
		values = nil
	}
	x, err := resource.NewIndexed(values)
	if err != nil {
		t.Fatal(err)
	}
	return truthOf(resource.Meta{IndexedData: opt.Of(x)}, cond(qb.Data("v")))
}

// missing stands for a path that is no key.
var missing = new(int)

// TestTextHelpers asks the same of an attribute and of indexed data.
func TestTextHelpers(t *testing.T) {
	for _, tc := range []struct {
		name    string
		attr    func(qb.TextField[string]) qb.Cond
		data    func(qb.DataField) qb.Cond
		yes, no []string
		null    any
	}{
		{
			"between",
			func(f qb.TextField[string]) qb.Cond { return f.Between("b", "d") },
			func(f qb.DataField) qb.Cond { return f.Between("b", "d") },
			[]string{"b", "c", "d"},
			[]string{"a", "da", "B"},
			nil,
		},
		{
			"not contains",
			func(f qb.TextField[string]) qb.Cond { return f.NotContains("b%") },
			func(f qb.DataField) qb.Cond { return f.NotContains("b%") },
			[]string{"", "b", "xb"},
			[]string{"b%", "ab%c"},
			nil,
		},
		{
			"not starts with",
			func(f qb.TextField[string]) qb.Cond { return f.NotStartsWith("b") },
			func(f qb.DataField) qb.Cond { return f.NotStartsWith("b") },
			[]string{"", "ab"},
			[]string{"b", "ba"},
			nil,
		},
		{
			"not ends with",
			func(f qb.TextField[string]) qb.Cond { return f.NotEndsWith("b") },
			func(f qb.DataField) qb.Cond { return f.NotEndsWith("b") },
			[]string{"", "ba"},
			[]string{"b", "ab"},
			nil,
		},
		{
			"contains in any case",
			func(f qb.TextField[string]) qb.Cond { return f.IContains("É.c") },
			func(f qb.DataField) qb.Cond { return f.IContains("É.c") },
			[]string{"é.C", "xÉ.cx"},
			[]string{"", "e.c", "éxc"},
			nil,
		},
		{
			"starts with in any case",
			func(f qb.TextField[string]) qb.Cond { return f.IStartsWith("a+") },
			func(f qb.DataField) qb.Cond { return f.IStartsWith("a+") },
			[]string{"A+", "a+\nb"},
			[]string{"aa", "xa+", "x\na+"},
			nil,
		},
		{
			"ends with in any case",
			func(f qb.TextField[string]) qb.Cond { return f.IEndsWith("$a") },
			func(f qb.DataField) qb.Cond { return f.IEndsWith("$a") },
			[]string{"$A", "x\n$a"},
			[]string{"$ab", "$a\n", "a"},
			nil,
		},
		{
			"like a text",
			func(f qb.TextField[string]) qb.Cond { return f.Like("a.c") },
			func(f qb.DataField) qb.Cond { return f.Like("a.c") },
			[]string{"a.c"},
			[]string{"abc", "a.c ", "xa.c", "a.c\n"},
			nil,
		},
		{
			"like a beginning",
			func(f qb.TextField[string]) qb.Cond { return f.Like("a.%") },
			func(f qb.DataField) qb.Cond { return f.Like("a.%") },
			[]string{"a.", "a.\n"},
			[]string{"ab", "xa."},
			nil,
		},
		{
			"like an end",
			func(f qb.TextField[string]) qb.Cond { return f.Like("%.c") },
			func(f qb.DataField) qb.Cond { return f.Like("%.c") },
			[]string{".c", "\n.c"},
			[]string{"c", ".cx"},
			nil,
		},
		{
			"like a part",
			func(f qb.TextField[string]) qb.Cond { return f.Like("%.%") },
			func(f qb.DataField) qb.Cond { return f.Like("%.%") },
			[]string{".", "a.b"},
			[]string{"", "ab"},
			nil,
		},
		{
			"like anything",
			func(f qb.TextField[string]) qb.Cond { return f.Like("%%") },
			func(f qb.DataField) qb.Cond { return f.Like("%%") },
			[]string{"", "a\nb"},
			nil, nil,
		},
		{
			"like one character",
			func(f qb.TextField[string]) qb.Cond { return f.Like("_.c") },
			func(f qb.DataField) qb.Cond { return f.Like("_.c") },
			[]string{"a.c", "é.c", "\n.c"},
			[]string{".c", "ab.c", "abc", "a.c\n"},
			nil,
		},
		{
			"like parts with a gap",
			func(f qb.TextField[string]) qb.Cond { return f.Like("a%b%") },
			func(f qb.DataField) qb.Cond { return f.Like("a%b%") },
			[]string{"ab", "axb\n", "a\nb"},
			[]string{"ba", "xab"},
			nil,
		},
		{
			"like a part and one character",
			func(f qb.TextField[string]) qb.Cond { return f.Like("%b_%") },
			func(f qb.DataField) qb.Cond { return f.Like("%b_%") },
			[]string{"abc", "bcd"},
			[]string{"ab", "b"},
			nil,
		},
		{
			"not null",
			func(f qb.TextField[string]) qb.Cond { return f.IsNotNull() },
			func(f qb.DataField) qb.Cond { return f.IsNotNull() },
			[]string{"", "a"},
			nil, false,
		},
		{
			"truthy",
			func(f qb.TextField[string]) qb.Cond { return f.IsTruthy() },
			func(f qb.DataField) qb.Cond { return f.IsTruthy() },
			[]string{" ", "0"},
			[]string{""},
			false,
		},
		{
			"falsy",
			func(f qb.TextField[string]) qb.Cond { return f.IsFalsy() },
			func(f qb.DataField) qb.Cond { return f.IsFalsy() },
			[]string{""},
			[]string{" ", "0"},
			true,
		},
		{
			"empty",
			func(f qb.TextField[string]) qb.Cond { return f.IsEmpty() },
			func(f qb.DataField) qb.Cond { return f.IsEmpty() },
			[]string{""},
			[]string{" "},
			true,
		},
		{
			"blank",
			func(f qb.TextField[string]) qb.Cond { return f.IsBlank() },
			func(f qb.DataField) qb.Cond { return f.IsBlank() },
			[]string{"", " ", "\t\n\v\f\r", "\x1c\x1f\u0085\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000", " \n"},
			[]string{"a", " a ", "\u200b", "\x1b"},
			true,
		},
		{
			"length",
			func(f qb.TextField[string]) qb.Cond { return f.Len().Between(2, 3) },
			func(f qb.DataField) qb.Cond { return f.Len().Between(2, 3) },
			[]string{"ab", "éé", "abc"},
			[]string{"", "é", "abcd"},
			nil,
		},
		{
			"lengths",
			func(f qb.TextField[string]) qb.Cond { return f.Len().NotIn(0, 2) },
			func(f qb.DataField) qb.Cond { return f.Len().NotIn(0, 2) },
			[]string{"a", "abc"},
			[]string{"", "ab"},
			nil,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for want, texts := range map[bool][]string{true: tc.yes, false: tc.no} {
				for _, text := range texts {
					if got := truthOfText(text, tc.attr); got != want {
						t.Errorf("attribute %q: %v", text, got)
					}
					if got := truthOfData(t, text, tc.data); got != want {
						t.Errorf("data %q: %v", text, got)
					}
				}
			}
			if got := truthOfText(nil, tc.attr); got != tc.null {
				t.Errorf("attribute null: %v, want %v", got, tc.null)
			}
			if got := truthOfData(t, nil, tc.data); got != tc.null {
				t.Errorf("data null: %v, want %v", got, tc.null)
			}
			if got := truthOfData(t, missing, tc.data); got != nil {
				t.Errorf("data missing: %v, want unknown", got)
			}
		})
	}
}

// TestDataHelpersOfOtherTypes: text helpers look at Python's text of a value.
func TestDataHelpersOfOtherTypes(t *testing.T) {
	f := qb.Data("v")
	for _, tc := range []struct {
		name string
		v    any
		c    qb.Cond
		want any
	}{
		{"between numbers", 2.5, f.Between(1, 3), true},
		{"between of another type", "2", f.Between(1, 3), nil},
		{"like a number", int64(30), f.Like("30"), true},
		{"like a float", 1.5, f.Like("1._"), true},
		{"like an element", []any{"b", "ab"}, f.Like("%b%"), true},
		{"like no element", []any{"ab"}, f.Like("%b%"), false},
		{"no element", []any{"ab"}, f.NotContains("b"), true},
		{"any case of true", true, f.IContains("RU"), true},
		{"true", true, f.IsTrue(), true},
		{"one is true", int64(1), f.IsTrue(), true},
		{"text is not true", "true", f.IsTrue(), false},
		{"false", false, f.IsFalse(), true},
		{"zero is false", 0.0, f.IsFalse(), true},
		{"truthy list", []any{nil}, f.IsTruthy(), true},
		{"truthy map", map[string]any{}, f.IsTruthy(), true},
		{"falsy list", []any{}, f.IsFalsy(), true},
		{"falsy false", false, f.IsTruthy(), false},
		{"falsy zero", int64(0), f.IsFalsy(), true},
		{"no empty text", []any{}, f.IsEmpty(), false},
		{"number is not blank", int64(0), f.IsBlank(), false},
		{"length of a list", []any{1, 2}, f.Len().Gte(2), true},
		{"length of a map", map[string]any{"a": 1}, f.Len().In(1, 5), true},
		{"length of a number", int64(12), f.Len().Eq(2), nil},
	} {
		if got := truthOfData(t, tc.v, func(qb.DataField) qb.Cond { return tc.c }); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestHelpersOfOtherAttributes(t *testing.T) {
	zero, set := resource.Meta{}, filled
	set.IsDeleted = true
	for _, tc := range []struct {
		name      string
		c         qb.Cond
		zero, set any
	}{
		{"deleted", qb.IsDeleted().IsTrue(), false, true},
		{"not deleted", qb.IsDeleted().IsFalse(), true, false},
		{"truthy flag", qb.IsDeleted().IsTruthy(), false, true},
		{"truthy number", qb.TotalRevisionCount().IsTruthy(), false, true},
		{"falsy number", qb.TotalRevisionCount().IsFalsy(), true, false},
		{"between numbers", qb.TotalRevisionCount().Between(1, 2), false, true},
		{"truthy instant", qb.RevUpdatedTime().IsTruthy(), false, true},
		{"truthy id", qb.ResourceID().IsTruthy(), false, true},
		{"status", qb.RevStatus().Eq("draft"), nil, true},
		{"status in any case", qb.RevStatus().IContains("DRAFT"), nil, true},
		{"length of an id", qb.ResourceID().Len().Gt(5), false, true},
		{"length of an unset text", qb.RevCreatedBy().Len().Ne(5), nil, false},
		{"all", qb.All(qb.CreatedBy().Eq("alice"), qb.IsDeleted().IsTrue()), false, true},
		{"all of none", qb.All(), true, true},
		{"any", qb.Any(qb.CreatedBy().Eq("bob"), qb.IsDeleted().IsTrue()), false, true},
	} {
		if got := truthOf(zero, tc.c); got != tc.zero {
			t.Errorf("%s of the zero meta: %v, want %v", tc.name, got, tc.zero)
		}
		if got := truthOf(set, tc.c); got != tc.set {
			t.Errorf("%s of a set meta: %v, want %v", tc.name, got, tc.set)
		}
	}
}

func TestRegexFromText(t *testing.T) {
	for _, regex := range []func(string) (qb.Cond, error){qb.CreatedBy().Regex, qb.Data("v").Regex} {
		c, err := regex("^al.")
		if err != nil {
			t.Fatal(err)
		}
		m := resource.Meta{CreatedBy: "alice", IndexedData: opt.Of(indexed(t, map[string]any{"v": "alice"}))}
		if !qb.Match(m, c) {
			t.Errorf("%v does not match", c)
		}
		if c, err := regex("(?=a)"); err == nil || c != nil {
			t.Errorf("a pattern that cannot be read gave %v, %v", c, err)
		}
	}
}

// TestTextsThatAreNoPattern: any text may be looked for, whatever is in it.
func TestTextsThatAreNoPattern(t *testing.T) {
	for _, text := range []string{"\xff", `\`, "(", "[a", "\x00", strings.Repeat("_a", 1<<12)} {
		valid := strings.ToValidUTF8(text, "\uFFFD")
		for name, c := range map[string]func(qb.TextField[string]) qb.Cond{
			"contains": func(f qb.TextField[string]) qb.Cond { return f.IContains(text) },
			"starts":   func(f qb.TextField[string]) qb.Cond { return f.IStartsWith(text) },
			"ends":     func(f qb.TextField[string]) qb.Cond { return f.IEndsWith(text) },
			"like":     func(f qb.TextField[string]) qb.Cond { return f.Like("_" + text[:min(len(text), 9)]) },
		} {
			found := valid
			if name == "like" {
				found = "_" + valid[:min(len(valid), 9)]
			}
			if got := truthOfText(found, c); got != true {
				t.Errorf("%s: %.20q is not found", name, text)
			}
		}
	}
	if got := truthOfText("a", func(f qb.TextField[string]) qb.Cond { return f.Len().Eq(math.MaxInt) }); got != false {
		t.Errorf("a length beyond all: %v", got)
	}
}

// TestParsedLengths: the transform len applies to attributes, too.
func TestParsedLengths(t *testing.T) {
	for text, want := range map[string]any{
		`"field_path":"created_by","operator":"gt","value":4`:             true,
		`"field_path":"created_by","operator":"eq","value":"5"`:           false,
		`"field_path":"created_by","operator":"in","value":[1,5.0]`:       true,
		`"field_path":"schema_version","operator":"eq","value":0`:         nil,
		`"field_path":"schema_version","operator":"is_null","value":true`: true,
		`"field_path":"schema_version","operator":"exists","value":true`:  true,
		`"field_path":"total_revision_count","operator":"eq","value":1`:   nil,
		`"field_path":"created_time","operator":"gt","value":1`:           nil,
		`"field_path":"is_deleted","operator":"exists","value":true`:      nil,
	} {
		q, err := qb.ParseQuery([]byte(`{"conditions":[{` + text + `,"transform":"len"}]}`))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := truthOf(filled, q.Where); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}
