package qb_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/internal/goldenqueries"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// TestFormattedConditionsMeanTheSame draws conditions as Go programs may build them
// and metas near their operands.
func TestFormattedConditionsMeanTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCond(3).Draw(t, "condition")
		text := qb.Format(c)
		back, err := qb.ParseWhere(text, qb.WhereOptions{Now: noon, Zone: taipei})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if again := qb.Format(back); again != text {
			t.Fatalf("%s\nis read as\n%s", text, again)
		}
		for range 5 {
			m := drawMeta(t)
			if got, want := truthOf(m, back), truthOf(m, c); got != want {
				t.Fatalf("%s is %v of %+v, want %v", text, got, m, want)
			}
		}
	})
}

// TestGoldenQueriesAsExpressions prints the recorded queries and asks the expressions.
func TestGoldenQueriesAsExpressions(t *testing.T) {
	metas := goldenqueries.Metas(t)
	for _, g := range goldenqueries.Queries(t) {
		q, err := qb.ParseQuery(g.Query)
		if err != nil {
			t.Fatal(err)
		}
		text := qb.Format(q.Where)
		where, err := qb.ParseWhere(text, qb.WhereOptions{})
		if err != nil {
			t.Errorf("%s: %s: %v", g.Name, text, err)
			continue
		}
		order, err := qb.ParseOrder(qb.FormatOrder(q.Sort))
		if err != nil && len(q.Sort) > 0 {
			t.Errorf("%s: %s: %v", g.Name, qb.FormatOrder(q.Sort), err)
		}
		want := ids(t, qb.Select(all(metas), q))
		q.Where, q.Sort = where, order
		if diff := cmp.Diff(want, ids(t, qb.Select(all(metas), q))); diff != "" {
			t.Errorf("%s: %s finds (-want +got):\n%s", g.Name, text, diff)
		}
	}
}

func TestParseOrder(t *testing.T) {
	got, err := qb.ParseOrder(`-rev_created_time, +data.a.b,created_by , -data["it's, 'x'"]`)
	if err != nil {
		t.Fatal(err)
	}
	want := []qb.Sort{qb.RevCreatedTime().Desc(), qb.Data("a.b").Asc(), qb.CreatedBy().Asc(), qb.Data("it's, 'x'").Desc()}
	if !slices.Equal(got, want) {
		t.Errorf("parsed %s", qb.FormatOrder(got))
	}
	for text, says := range map[string]string{
		"":               `sort: column 1: a name is expected, the text ends here`,
		"created_time,":  `sort: column 14: a name is expected, the text ends here`,
		"price":          `sort: column 1: "price" is no attribute; indexed data is written data.price`,
		"created_by asc": `sort: column 12: ',' is expected, here is asc`,
		"length(data.a)": `sort: column 1: a length is no sort key`,
	} {
		if _, err := qb.ParseOrder(text); err == nil || err.Error() != says {
			t.Errorf("%q gave %v", text, err)
		}
	}
}

// FuzzParseWhere: what is read prints, and reads again alike.
func FuzzParseWhere(f *testing.F) {
	for _, text := range []string{
		`rev_status = 'draft' and data.price > 10`, `not (data["x"] in (1, 2.0, 'a') or length(data.a.b) <= 3)`,
		`data.a contains {k: [null, nan, -inf, incomparable, naive('2024-03-01T10:00:00')]}`, `created_time in last 7 days or created_time = 2024-03`,
		`data.m has flags 65 and created_by like 'a_%' and data.x is not blank`, `updated_by matches r'^\w+$' or data.a imatches "\u00e9"`,
	} {
		f.Add(text)
	}
	x, err := resource.NewIndexed(map[string]any{"a": "text", "x": 1, "m": 65})
	if err != nil {
		f.Fatal(err)
	}
	m := filled
	m.IndexedData = opt.Of(x)
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = qb.ParseOrder(text)
		c, err := qb.ParseWhere(text, whereOptions)
		if err != nil {
			return
		}
		printed := qb.Format(c)
		back, err := qb.ParseWhere(printed, qb.WhereOptions{})
		if err != nil {
			t.Fatalf("%q is printed as %s: %v", text, printed, err)
		}
		if again := qb.Format(back); again != printed {
			t.Errorf("%q is printed as %s, then as %s", text, printed, again)
		}
		if truthOf(m, c) != truthOf(m, back) {
			t.Errorf("%q is %v, and printed %v", text, truthOf(m, c), truthOf(m, back))
		}
	})
}
