package sqlgen_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

const operatorsFile, updateVariable = "testdata/operators.txt", "SPECSTAR_TEST_UPDATE"

// TestOperators shows the SQL of each operator, with what must hold for a row to be counted
// unseen where that is another condition. Indexes depend on these texts.
func TestOperators(t *testing.T) {
	f, at := qb.Data("a"), time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	var b strings.Builder
	for _, c := range []struct {
		name string
		cond qb.Cond
	}{
		{"eq text", f.Eq("x")},
		{"eq number", f.Eq(3)},
		{"eq one", f.Eq(1)},
		{"eq large", f.Eq(1 << 60)},
		{"eq time", f.Eq(at)},
		{"eq null", f.Eq(nil)},
		{"eq list", f.Eq([]any{"x", 2})},
		{"ne", f.Ne("x")},
		{"not eq", qb.Not{f.Eq("x")}},
		{"in", f.In("x", 3)},
		{"not_in", f.NotIn("x", 3)},
		{"gt number", f.Gt(1.5)},
		{"gt large", f.Gt(uint64(1 << 63))},
		{"lte text", f.Lte("x")},
		{"not lte text", qb.Not{f.Lte("x")}},
		{"gte time", f.Gte(at)},
		{"gt list", f.Gt([]any{1})},
		{"is_null", f.IsNull(true)},
		{"isna", f.IsNA(true)},
		{"not isna", f.IsNA(false)},
		{"exists", f.Exists(true)},
		{"contains", f.Contains("x")},
		{"contains number", f.Contains(7)},
		{"contains flags", f.Contains(qb.Flags(4))},
		{"starts_with", f.StartsWith("x")},
		{"ends_with", f.EndsWith("x")},
		{"not ends_with", qb.Not{f.EndsWith("x")}},
		{"len gt", f.Len().Gt(3)},
		{"len in", f.Len().In(1, 2)},
		{"regex", f.Matches(regexp.MustCompile(`^a.b$`))},
		{"has indexed data", qb.HasIndexed{}},
		{"attribute", qb.CreatedBy().Eq("x")},
		{"attribute in", qb.RevStatus().In("draft")},
		{"attribute starts_with", qb.ResourceID().StartsWith("x")},
		{"attribute contains", qb.UpdatedBy().Contains("x")},
		{"attribute regex", qb.UpdatedBy().Matches(regexp.MustCompile("x+"))},
		{"count", qb.TotalRevisionCount().Gt(1)},
		{"length of an attribute", qb.CreatedBy().Len().Lt(5)},
	} {
		for d, name := range []string{sqlgen.SQLite: "SQLite", sqlgen.PostgreSQL: "PostgreSQL"} {
			p, err := sqlgen.Compile(sqlgen.Dialect(d), "t", "id", qb.Where(c.cond))
			if err != nil {
				t.Fatal(err)
			}
			where := strings.TrimSuffix(strings.TrimPrefix(p.SQL, `SELECT id FROM "t"`), " ORDER BY resource_id")
			fmt.Fprintf(&b, "# %s, %s\n%s\n%#v\n", c.name, name, strings.TrimSpace(strings.TrimSuffix(where, ` ORDER BY resource_id COLLATE "C"`)), p.Args)
			for _, note := range p.Notes {
				fmt.Fprintf(&b, "note: %s\n", note)
			}
		}
	}
	for name, q := range map[string]qb.Query{"order": {Sort: []qb.Sort{f.Desc(), qb.RevStatus().Asc()}}} {
		for _, d := range []sqlgen.Dialect{sqlgen.SQLite, sqlgen.PostgreSQL} {
			p, err := sqlgen.Compile(d, "t", "id", q)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "# %s\n%s\n%s %q\n", name, p.SQL, p.Order, p.Notes)
		}
	}
	if os.Getenv(updateVariable) != "" {
		if err := os.WriteFile(operatorsFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(operatorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the SQL is not that of %s (%s=1 writes it):\n%s", operatorsFile, updateVariable, diff)
	}
}
