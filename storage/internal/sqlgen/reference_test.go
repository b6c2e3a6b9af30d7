package sqlgen_test

import (
	"errors"
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
	// ids returns the ids that a statement selects, count the number it gives.
	ids(t failer, text string, args []any) []string
	count(t failer, text string, args []any) int
}

// checkDrawn compares drawn queries over drawn rows with the reference.
func checkDrawn(t *testing.T, e engine) {
	t.Helper()
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		metas := drawMetas(t, e)
		e.fill(t, metas)
		for range 5 {
			if compareWithReference(t, e, metas, drawQuery(t, e)) {
				compared++
			}
		}
	})
	if compared < 200 {
		t.Errorf("only %d queries could be compared", compared)
	}
}

// compareWithReference runs q in both ways, unless it cannot be pushed down.
func compareWithReference(t failer, e engine, metas []resource.Meta, q qb.Query) bool {
	t.Helper()
	text, args, err := sqlgen.Select(e.dialect(), table, "resource_id", q)
	if errors.Is(err, sqlgen.ErrNotPushable) {
		return false
	}
	if err != nil {
		t.Fatalf("Select: %v", err)
	}
	want := reference(t, metas, q)
	if diff := cmp.Diff(want, e.ids(t, text, args)); diff != "" {
		t.Errorf("%s %v (-reference +database):\n%s", text, args, diff)
	}
	text, args, err = sqlgen.Count(e.dialect(), table, q)
	if err != nil {
		t.Fatalf("Count: %v", err)
	}
	n, all := e.count(t, text, args), reference(t, metas, qb.Query{Where: q.Where})
	if n != len(all) {
		t.Errorf("%s %v = %d, want %d", text, args, n, len(all))
	}
	return true
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
