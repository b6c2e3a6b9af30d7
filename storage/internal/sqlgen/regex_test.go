package sqlgen_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// foundIn are texts that patterns are looked for in.
var foundIn = []string{
	"", "a", "A", "ab", "AB", "aab", "b", "abc", "a\nb", "\n", "a\n", "\na", "a b", "a-b", "a_b", "a1", "1", "12", "123", "é", "É", "ß", "ẞ", "SS", "s", "ſ",
	"K", "\u212a", "k", "i", "I", "ı", "İ", "中文", "\U0001f600", "\U0010ffff", "\x01", "\x7f", "\u0085", "\u00a0", "\u2028", "\\", "[", "]", "^", "$", ".", "*",
	"+", "?", "{", "}", "(", ")", "|", "/", "-", "'", `"`, "foo bar", "foo.bar", "***:a", "(?i)a", "  a  ", "\t", "aaaaaaaaaa", "aXbXc", "%", "_", "Σσς",
}

var expressions = []string{
	"", "a", "^a", "b$", "^$", "(?i)a", "(?i)K", "(?i)ß", "(?i)σ", "(?i)i", ".", "(?s).", "^.$", "(?s)^.$", "a.b", "(?s)a.b", "[a-c]", "[^a-c]", "(?i)[a-c]", `\d`, `\D`,
	`\w`, `\W`, `\s`, `\S`, `\pL`, `\PL`, `\p{Greek}`, `[[:alpha:]]`, `[[:^alpha:]]`, `[[:punct:]]`, `\bb`, `\Bb`, `b\b`, `(?m)^b`, `(?m)a$`, `(?m)^$`, `a|b`, `^(a|b)+$`,
	`^(?:a|)b`, `a*`, `a+?b`, `^a{2}b`, `^a{2,}$`, `^a{0,1}b$`, `^(a{2}){2,3}$`, `^[\]\[\\^-]$`, `\.`, `\*`, `\x{10ffff}`, `\x00`, `[\x00-\x1f]`, `[^\x00]`, `\*\*\*:a`, `\Q(?i)\E`, `\A\n\z`,
	`(a*)*b`, `(a|ab)(c|bcd)*`, `^\s*a\s*$`, `[\t-\r\x1c-\x20\x85\xa0\x{2028}]`, `^(\w+)\.(\w+)$`, `[^\n]`, `(^a|b$)`, `(^a)*b`, `a{300}`, `((a{9}){9}){9}`, `[a&&b]`, `[[.a.]]`, `[=a=]`, `x*$`, `|a`, `()`,
}

// checkExpressions compares where expressions are found with where package regexp finds
// them, and that as many are looked for by the database.
func checkExpressions(t failer, e engine, exprs []string) (decided int) {
	t.Helper()
	var metas []resource.Meta
	for i, text := range foundIn {
		x, err := resource.NewIndexed(map[string]any{"a": text})
		if err != nil {
			t.Fatalf("index %q: %v", text, err)
		}
		metas = append(metas, resource.Meta{ResourceID: resource.ID(strconv.Itoa(i)), CreatedBy: text, IndexedData: opt.Of(x)})
	}
	e.fill(t, metas)
	for _, expr := range exprs {
		pattern, err := regexp.Compile(expr)
		if err != nil {
			t.Fatalf("%q: %v", expr, err)
		}
		if compareWithReference(t, e, metas, qb.Where(qb.CreatedBy().Matches(pattern))) {
			decided++
		}
		compareWithReference(t, e, metas, qb.Where(qb.Not{qb.CreatedBy().Matches(pattern)}))
		compareWithReference(t, e, metas, qb.Where(qb.Data("a").Matches(pattern)))
	}
	return decided
}

func TestPostgreSQLExpressions(t *testing.T) {
	eachPostgreSQL(t, func(t *testing.T, e engine) {
		if got, want := checkExpressions(t, e, expressions), len(expressions)-5; got < want {
			t.Errorf("%d of %d are looked for by the database, want %d", got, len(expressions), want)
		}
	})
}

// TestDrawnExpressions are put together of parts.
func TestDrawnExpressions(t *testing.T) {
	for name, d := range databases {
		if d.options.ICULocale == "" {
			continue // the others are as strict
		}
		t.Run(name, func(t *testing.T) {
			e := openPostgreSQL(t, d.layout, d.options)
			rapid.Check(t, func(t *rapid.T) {
				var exprs []string
				for range 5 {
					expr := drawExpression(t, 3)
					if _, err := regexp.Compile(expr); err == nil {
						exprs = append(exprs, expr)
					}
				}
				checkExpressions(t, e, exprs)
			})
		})
	}
}

func drawExpression(t *rapid.T, depth int) string {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		return rapid.SampledFrom([]string{
			"a", "b", "A", "1", "é", ".", `\n`, `\w`, `\W`, `\s`, `[ab]`, `[^a]`, `\d`, `\pL`, "^", "$", `\b`, " ", `\.`, "", "(?i:ab)", "(?s:.)", "(?m:^)", "(?m:$)", "σ", "[a-z]",
		}).Draw(t, "part")
	}
	sub := func() string { return drawExpression(t, depth-1) }
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return "(" + sub() + "|" + sub() + ")"
	case 1:
		return "(?:" + sub() + ")" + rapid.SampledFrom([]string{"*", "+", "?", "*?", "{2}", "{1,3}", "{0,2}?", "{2,}"}).Draw(t, "times")
	case 2:
		return "(?i:" + sub() + ")"
	}
	return sub() + sub()
}

// TestPatternsThatPostgreSQLIsNotGiven are those that mean something else there, or that it
// would take long for.
func TestPatternsThatPostgreSQLIsNotGiven(t *testing.T) {
	for _, expr := range []string{`a{300}`, `((a{9}){9}){9}`, `(^a)*b`, `(\ba)+`, `\x00`, strings.Repeat("a", 3000)} {
		p, err := sqlgen.Compile(sqlgen.PostgreSQL, "t", "data", qb.Where(qb.CreatedBy().Matches(regexp.MustCompile(expr))))
		if err != nil || p.Exact || p.Pattern || len(p.Notes) != 1 {
			t.Errorf("%.20s: %s %q", expr, p.SQL, p.Notes)
		}
	}
	p, err := sqlgen.Compile(sqlgen.PostgreSQL, "t", "data", qb.Where(qb.CreatedBy().Matches(regexp.MustCompile(`(?i)^k.[x-z]{2}$`))))
	if want := `(?:^[K` + `k\u212a][^\u000a](?:[X-Zx-z]){2,2}$)`; err != nil || !p.Exact || !p.Pattern || p.Args[0] != want {
		t.Errorf("%s %q, want %q", p.SQL, p.Args, want)
	}
}
