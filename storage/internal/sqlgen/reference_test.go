package sqlgen_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

const table = `metas of "x"`

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// engine is a database with one table of metas.
type engine interface {
	dialect() sqlgen.Dialect
	// holds reports whether the database takes a text.
	holds(text string) bool
	// times are those that rows and queries have.
	times() *rapid.Generator[time.Time]
	// fill makes metas the rows of the table.
	fill(t failer, metas []resource.Meta)
	// run returns what a plan selects, count what one counts.
	run(t failer, p sqlgen.Plan, q qb.Query) []resource.Meta
	count(t failer, p sqlgen.CountPlan, q qb.Query) int64
}

// kept are the metas of an engine's rows by what the column data has, the id: what a meta
// holds need not be encoded for a statement to be tried.
type kept map[string]resource.Meta

func (k kept) keep(metas []resource.Meta) {
	clear(k)
	for _, m := range metas {
		k[string(m.ResourceID)] = m
	}
}

// checkDrawn compares drawn queries over drawn rows with the reference.
func checkDrawn(t *testing.T, e engine) {
	t.Helper()
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		metas := drawMetas(t, e)
		e.fill(t, metas)
		for range 5 {
			if compareWithReference(t, e, metas, drawQuery(t, e, metas)) {
				compared++
			}
		}
	})
	if compared < 200 {
		t.Errorf("only %d queries could be compared", compared)
	}
}

// compareWithReference runs q in both ways, and reports whether SQL decided all of it.
func compareWithReference(t failer, e engine, metas []resource.Meta, q qb.Query) bool {
	t.Helper()
	p, err := sqlgen.Compile(e.dialect(), table, "data", q)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	want := reference(t, metas, q)
	if diff := cmp.Diff(want, idsOf(e.run(t, p, q))); diff != "" {
		t.Errorf("%#v\n%s\n%q (-reference +database):\n%s", q, p.SQL, p.Args, diff)
	}
	counting := sqlgen.CompileCount(e.dialect(), table, "data", q)
	if q.Limit.IsSet() || q.Offset > 0 || q.After.IsSet() {
		want = reference(t, metas, qb.Query{Where: q.Where})
	}
	if n := e.count(t, counting, q); n != int64(len(want)) {
		t.Errorf("%#v\n%s\n%q = %d, want %d", q, counting.SQL, counting.Args, n, len(want))
	}
	return p.Exact
}

func idsOf(metas []resource.Meta) []string {
	ids := []string{}
	for _, m := range metas {
		ids = append(ids, string(m.ResourceID))
	}
	return ids
}

func reference(t failer, metas []resource.Meta, q qb.Query) []string {
	t.Helper()
	ids := []string{}
	rows := func(yield func(resource.Meta, error) bool) {
		for _, m := range metas {
			if !yield(m, nil) {
				return
			}
		}
	}
	for m, err := range qb.Select(rows, q) {
		if err != nil {
			t.Fatalf("reference: %v", err)
		}
		ids = append(ids, string(m.ResourceID))
	}
	return ids
}
