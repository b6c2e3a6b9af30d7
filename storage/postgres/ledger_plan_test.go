package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// plan returns how the server runs a query.
func plan(t *testing.T, f *Factory, q queryer, query string, args ...any) string {
	t.Helper()
	steps, err := collect(t.Context(), f, q, "explain in", `EXPLAIN (COSTS OFF) `+query, args, scanText[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "\n")
}

// Queries over many jobs that are done and few others find the others by an index.
func TestJobQueriesUseTheIndexes(t *testing.T) {
	f := openTest(t)
	done := settled(20_000)
	for i := range done[:20] {
		done[i].State, done[i].Text, done[i].Parent = storage.JobDead, "text "+done[i].ID.String(), done[0].ID
	}
	if err := f.Ledger().Settle(t.Context(), done); err != nil {
		t.Fatal(err)
	}
	// Commits of a test's server reach its disk late, and VACUUM waits for that.
	for _, statement := range []string{`CHECKPOINT`, `VACUUM ANALYZE specstar_jobs`} {
		if _, err := f.pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	list := func(filter storage.JobFilter) func() (string, []any) {
		return func() (string, []any) { return listJobs(f.identity.number, filter) }
	}
	for name, c := range map[string]struct {
		index string
		query func() (string, []any)
	}{
		"open jobs":         {"specstar_jobs_open", list(storage.JobFilter{States: []storage.JobState{storage.JobQueued, storage.JobRunning}, Kind: "load"})},
		"jobs of a parent":  {"specstar_jobs_parent", list(storage.JobFilter{Parent: done[0].ID})},
		"the newest jobs":   {"specstar_jobs_created", list(storage.JobFilter{Limit: 10})},
		"the newest done":   {"specstar_jobs_created", list(storage.JobFilter{States: []storage.JobState{storage.JobDone}, Limit: 10})},
		"the job of a text": {"specstar_jobs_text", func() (string, []any) { return findJob, []any{f.identity.number, "text"} }},
		"counts of few":     {"Only Scan using specstar_jobs_open", func() (string, []any) { return countOpen, []any{f.identity.number, []string{"dead", "running"}} }},
		"a page of jobs": {"specstar_jobs_open", list(storage.JobFilter{
			States: []storage.JobState{storage.JobQueued}, After: storage.JobCursor{Created: done[50].Created, ID: done[50].ID}, Bare: true, Limit: 100,
		})},
		"counts":            {"Only Scan using specstar_jobs_", func() (string, []any) { return countJobs, []any{f.identity.number} }},
		"jobs that are due": {"specstar_jobs_due", func() (string, []any) { return dueJobs, []any{f.identity.number, 100} }},
		"jobs that wait":    {"specstar_jobs_due", func() (string, []any) { return waitingJobs, []any{f.identity.number} }},
		"number of chunks":  {"Only Scan using specstar_chunks_pkey", func() (string, []any) { return countChunks, []any{f.identity.number, [16]byte(done[0].ID)} }},
		"holders of keys":   {"specstar_jobs_unique", func() (string, []any) { return keyHolders, []any{f.identity.number, []string{"a", "b"}} }},
		"old jobs": {"specstar_jobs_created", func() (string, []any) {
			return pruneJobs, []any{f.identity.number, done[100].Created, time.Time{}, [16]byte(uuid.Nil), 1000, []string{"done", "refused"}}
		}},
	} {
		query, args := c.query()
		if got := plan(t, f, f.pool, query, args...); !strings.Contains(got, c.index) || strings.Contains(got, "Seq Scan") {
			t.Errorf("%s: the plan is %s\nwant it to use %s", name, got, c.index)
		}
	}
	err := f.write(t.Context(), "explain in", func(t1 *tx) error {
		for _, query := range []string{findEnded, lockJobs, publishedJobs, refundJobs} {
			got := plan(t, f, t1, query, planArgs(query, f, done)...)
			if !strings.Contains(got, "Index Scan using specstar_jobs_pkey") {
				t.Errorf("the plan of %s is %.300s", query, got)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// planArgs are arguments for a statement over many jobs.
func planArgs(query string, f *Factory, list []storage.Job) []any {
	ids := make([][16]byte, 2000)
	for i := range ids {
		ids[i] = list[i].ID
	}
	args := []any{f.identity.number, ids}
	if strings.Contains(query, "$3") {
		args = append(args, [16]byte(uuid.Nil))
	}
	if strings.Contains(query, "$5") {
		args = append(args, make([]int64, len(ids)), make([]int64, len(ids)))
	}
	if strings.Contains(query, "$6") {
		args = append(args, make([]time.Time, len(ids)))
	}
	return args
}
