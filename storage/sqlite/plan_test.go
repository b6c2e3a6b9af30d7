package sqlite

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// plan returns how SQLite runs a query.
func plan(t *testing.T, f *Factory, query string, args ...any) string {
	t.Helper()
	rows, err := f.reads.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "; ")
}

func TestQueriesUseTheIndexes(t *testing.T) {
	f := openModel(t, Config{})
	search := func(q qb.Query) (string, []any) {
		p, err := sqlgen.Compile(sqlgen.SQLite, "person_meta", "data", q)
		if err != nil {
			t.Fatal(err)
		}
		return p.SQL, p.Args
	}
	cases := []struct {
		name, index string
		sorted      bool // a sort of its own is expected
		query       func() (string, []any)
	}{
		{name: "rev_status", index: "person_meta_status", sorted: true, query: func() (string, []any) {
			return search(qb.Where(qb.RevStatus().Eq(resource.Draft)))
		}},
		{name: "rev_status, newest first", index: "person_meta_status", query: func() (string, []any) {
			return search(qb.Where(qb.RevStatus().Eq(resource.Draft)).OrderBy(qb.RevCreatedTime().Desc()))
		}},
		{name: "rev_status and rev_updated_by, newest first", index: "person_meta_user", query: func() (string, []any) {
			return search(qb.Where(qb.RevStatus().Eq(resource.Draft), qb.RevUpdatedBy().Eq("ann")).OrderBy(qb.RevCreatedTime().Desc()))
		}},
		{name: "rev_updated_by", index: "person_meta_user", sorted: true, query: func() (string, []any) {
			return search(qb.Where(qb.RevUpdatedBy().Eq("ann")))
		}},
		{name: "newest first", index: "person_meta_updated", query: func() (string, []any) {
			return search(qb.Query{}.OrderBy(qb.UpdatedTime().Desc()).Page(10, 0))
		}},
		{name: "made since", index: "person_meta_created", query: func() (string, []any) {
			return search(qb.Where(qb.CreatedTime().Gt(epoch)).OrderBy(qb.CreatedTime().Asc()))
		}},
		{name: "unset rev_*", index: "person_meta_unfilled", query: func() (string, []any) {
			return `SELECT count(*) FROM person_meta WHERE ` + unfilled, nil
		}},
		{name: "cuts of what lacks rev_*", index: "person_meta_unfilled", query: func() (string, []any) {
			return tablesOf("", model).cuts(true), []any{10}
		}},
		{name: "cuts", index: "sqlite_autoindex_person_meta_1", query: func() (string, []any) {
			return tablesOf("", model).cuts(false), []any{10}
		}},
		{name: "queued jobs", index: "specstar_jobs_open", sorted: true, query: func() (string, []any) {
			return listJobs(1, storage.JobFilter{States: []storage.JobState{storage.JobQueued, storage.JobRunning}, Kind: "load"})
		}},
		{name: "number of jobs that wait", index: "specstar_jobs_due", query: func() (string, []any) { return waitingJobs, []any{1} }},
		{name: "jobs that are due", index: "specstar_jobs_due", sorted: true, query: func() (string, []any) { return dueQueued + inDueOrder, []any{1, 1, 10} }},
		{name: "all jobs that are due", index: "specstar_jobs_suspended", sorted: true, query: func() (string, []any) { return dueJobs, []any{1, 1, 10} }},
		{name: "number of chunks", index: "sqlite_autoindex_specstar_chunks_1", query: func() (string, []any) { return countChunks, []any{1, []byte("id")} }},
		{name: "the holder of a key", index: "specstar_jobs_unique", query: func() (string, []any) { return holderOf, []any{1, "key", []byte("id")} }},
		{name: "jobs of a parent", index: "specstar_jobs_parent", sorted: true, query: func() (string, []any) {
			return listJobs(1, storage.JobFilter{States: []storage.JobState{storage.JobDead}, Parent: uuid.New()})
		}},
		{name: "jobs that are done", index: "specstar_jobs_created", sorted: true, query: func() (string, []any) {
			return listJobs(1, storage.JobFilter{States: []storage.JobState{storage.JobDone}, Limit: 10})
		}},
		{name: "all jobs", index: "specstar_jobs_created", sorted: true, query: func() (string, []any) {
			return listJobs(1, storage.JobFilter{})
		}},
		{name: "counts of jobs", index: "specstar_jobs_created", sorted: true, query: func() (string, []any) {
			return `SELECT state, count(*) FROM specstar_jobs WHERE store = 1 GROUP BY state`, nil
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			query, args := c.query()
			got := plan(t, f, query, args...)
			if !strings.Contains(got, "INDEX "+c.index) {
				t.Errorf("plan is %q, want it to use %s", got, c.index)
			}
			if !c.sorted && strings.Contains(got, "TEMP B-TREE") {
				t.Errorf("plan is %q, want no sort", got)
			}
		})
	}
}

// The order of DumpAll is that of the loops: batch, index, payload.
func TestDumpNestsItsLoops(t *testing.T) {
	f := openModel(t, Config{})
	got := plan(t, f, tablesOf("", model).selectBatch(), "[]")
	batch, index := strings.Index(got, "SCAN j"), strings.Index(got, "SEARCH i USING PRIMARY KEY")
	payload := strings.Index(got, "SEARCH d USING INTEGER PRIMARY KEY")
	if batch < 0 || index < batch || payload < index || strings.Contains(got, "TEMP B-TREE") {
		t.Errorf("plan is %q", got)
	}
}
