package postgres

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// searched fills a model with so many metas that it matters how they are found.
func searched(t *testing.T) *Factory {
	t.Helper()
	f := openSwept(t, Config{})
	sql(t, f, `INSERT INTO person_meta (resource_id, data, created_time, updated_time, created_by, updated_by, is_deleted, indexed_data,
			rev_status, rev_created_by, rev_updated_by, rev_created_time, rev_updated_time)
		SELECT 'person:' || n, 'x', now(), now(), 'a', 'a', false, jsonb_build_object('price', n % 1000, 'sku', 'sku ' || n, 'tags', jsonb_build_array('t' || n)),
			CASE n % 5 WHEN 0 THEN 'draft' ELSE 'stable' END, 'a', 'user ' || n % 50, timestamp '2024-03-01' + n * interval '1 second', timestamp '2024-03-01' + n * interval '7 seconds'
		FROM generate_series(1, 20000) AS n`)
	sql(t, f, `ANALYZE person_meta`)
	return f
}

func explained(t *testing.T, f *Factory, q qb.Query, o storage.ExplainOptions) storage.Explanation {
	t.Helper()
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	x, err := storage.Explain(t.Context(), stores.Metas, q, o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func planOf(x storage.Explanation) string {
	var lines []string
	for _, s := range x.Statements {
		lines = append(lines, s.Plan...)
	}
	return strings.Join(lines, "\n")
}

// The indexes that every model has serve these from start to end, without a sort.
func TestDefaultIndexesServe(t *testing.T) {
	f := searched(t)
	draft, user := qb.RevStatus().Eq(resource.Draft), qb.RevUpdatedBy().Eq("user 7")
	up, down := qb.RevCreatedTime().Asc(), qb.RevCreatedTime().Desc()
	for name, tc := range map[string]struct {
		q     qb.Query
		count bool
		index string
	}{
		"status and user, newest":   {q: qb.Where(draft, user).OrderBy(down).Page(50, 0), index: "Index Scan Backward using person_meta_user"},
		"status and user, oldest":   {q: qb.Where(draft, user).OrderBy(up).Page(50, 0), index: "Index Scan using person_meta_user"},
		"status, newest":            {q: qb.Where(draft).OrderBy(down).Page(50, 0), index: "Index Scan Backward using person_meta_status"},
		"status, oldest":            {q: qb.Where(draft).OrderBy(up).Page(50, 0), index: "Index Scan using person_meta_status"},
		"changed last":              {q: qb.Query{}.OrderBy(qb.UpdatedTime().Desc()).Page(50, 0), index: "Index Scan Backward using person_meta_updated"},
		"count of status and user":  {q: qb.Where(draft, user), count: true, index: "person_meta_user"},
		"count of one user's metas": {q: qb.Where(user), count: true, index: "person_meta_user"},
	} {
		x := explained(t, f, tc.q, storage.ExplainOptions{Count: tc.count})
		if plan := planOf(x); !strings.Contains(plan, tc.index) || strings.Contains(plan, "Sort") || len(x.Advice) > 0 {
			t.Errorf("%s: %+v\n%s", name, x.Advice, plan)
		}
	}
}

// What no index serves is told, and the statement that is advised makes one that does.
func TestAdvisedIndexesServe(t *testing.T) {
	f := searched(t)
	at := time.Date(2024, 3, 1, 0, 1, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		q     qb.Query
		count bool
		on    string
	}{
		"newest":                    {q: qb.Query{}.OrderBy(qb.RevCreatedTime().Desc()).Page(50, 0), on: "rev_created_time"},
		"changed since":             {q: qb.Where(qb.RevUpdatedTime().Lt(at)), on: "rev_updated_time"},
		"status, last changed":      {q: qb.Where(qb.RevStatus().Eq(resource.Draft)).OrderBy(qb.RevUpdatedTime().Desc()).Page(50, 0), on: "rev_status, rev_updated_time"},
		"data that is equal":        {q: qb.Where(qb.Data("sku").Eq("sku 7")), on: "data.sku (equality)"},
		"an order of data":          {q: qb.Query{}.OrderBy(qb.Data("price").Desc()).Page(50, 0), on: "data.price"},
		"status, an order of data":  {q: qb.Where(qb.RevStatus().Eq(resource.Draft)).OrderBy(qb.Data("price").Asc()).Page(50, 0), on: "rev_status, data.price"},
		"a range of data":           {q: qb.Where(qb.Data("price").Lt(3)), on: "data.price"},
		"a count of data":           {q: qb.Where(qb.Data("sku").Eq("sku 7")), count: true, on: "data.sku (equality)"},
		"an element":                {q: qb.Where(qb.Data("tags").Contains("t7")), on: "elements of data"},
		"data that is one of a few": {q: qb.Where(qb.Data("sku").In("sku 7", "sku 8")), on: "data.sku (equality)"},
	} {
		t.Run(name, func(t *testing.T) {
			o := storage.ExplainOptions{Count: tc.count}
			x := explained(t, f, tc.q, o)
			if len(x.Advice) == 0 || x.Advice[0].On != tc.on || x.Advice[0].Why == "" {
				t.Fatalf("advice is %+v\n%s", x.Advice, planOf(x))
			}
			a := x.Advice[0]
			if _, err := f.MakeIndexes(t.Context(), "person", []storage.Index{a.Index}, false); err != nil {
				t.Fatal(err)
			}
			sql(t, f, `ANALYZE person_meta`)
			o.Analyze = true
			defs, err := tablesNamed("person", "person").define(a.Index)
			if err != nil {
				t.Fatal(err)
			}
			if x = explained(t, f, tc.q, o); !strings.Contains(planOf(x), defs[0].name) || !strings.Contains(planOf(x), "actual time") {
				t.Errorf("with the index:\n%s", planOf(x))
			}
			for _, more := range x.Advice {
				if more.On == tc.on {
					t.Errorf("it is advised again: %+v", more)
				}
			}
			if _, err := f.MakeIndexes(t.Context(), "person", nil, true); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A store of a former version lacks an index that every model has.
func TestAMissingDefaultIndexIsAdvised(t *testing.T) {
	f := searched(t)
	sql(t, f, `DROP INDEX person_meta_status`)
	x := explained(t, f, qb.Where(qb.RevStatus().Eq(resource.Draft)).OrderBy(qb.RevCreatedTime().Desc()).Page(5, 0), storage.ExplainOptions{})
	if len(x.Advice) != 1 || !strings.Contains(x.Advice[0].Statement, `"person_meta_status"`) {
		t.Errorf("%+v\n%s", x.Advice, planOf(x))
	}
}

func TestExplainShowsArguments(t *testing.T) {
	f := openSwept(t, Config{})
	x := explained(t, f, qb.Where(qb.RevUpdatedBy().Eq("ann")).Page(3, 0), storage.ExplainOptions{})
	if len(x.Statements) != 1 || fmt.Sprint(x.Statements[0].Args) != "[ann 3]" || len(x.Statements[0].Plan) == 0 || x.Scan || len(x.Advice) > 0 {
		t.Errorf("%+v", x)
	}
}
