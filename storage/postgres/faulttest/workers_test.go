package faulttest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage/postgres"
)

// TestWorkersNeitherBlockNorLose lets processes write the same resources: all at
// the same one from empty, shuffled batches of many, and all creating the same.
func TestWorkersNeitherBlockNorLose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		processes int
		role      role
		effects   int // 0: as many as there are saves
	}{
		{"64 writers of one resource, 2 processes", 2, role{Op: manager.OpUpsert, Goroutines: 32, Batch: 1, Resources: 1, Saves: either(5, 30)}, 0},
		{"64 writers of one resource, 4 processes", 4, role{Op: manager.OpUpsert, Goroutines: 16, Batch: 1, Resources: 1, Saves: either(5, 30)}, 0},
		{"8 writers of 2000 resources, 2 processes", 2, role{Op: manager.OpUpsert, Goroutines: 4, Batch: 250, Resources: 2000, For: either(3*time.Second, time.Minute)}, 0},
		{"8 writers of 2000 resources, 4 processes", 4, role{Op: manager.OpUpsert, Goroutines: 2, Batch: 250, Resources: 2000, For: either(2*time.Second, time.Minute)}, 0},
		{"8 writers of ever new resources that overlap, 2 processes", 2, role{Op: manager.OpUpsert, Goroutines: 4, Batch: 400, Resources: 100_000, For: either(2*time.Second, time.Minute)}, 0},
		{"all create the same, 4 processes", 4, role{Op: manager.OpCreate, Goroutines: 2, Batch: 300, Resources: 300, Saves: either(2, 20)}, 300},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := pgtest.Database(t)
			open(t, postgres.Config{DSN: dsn}).Close()
			var workers []*worker
			began := time.Now()
			for i := range c.processes {
				c.role.Name, c.role.DSN, c.role.Seed = "save", dsn, uint64(i+1)
				workers = append(workers, start(t, c.role))
			}
			acknowledged := reap(t, workers)
			took := time.Since(began)
			counted := countersOf(t, dsn)
			f := open(t, postgres.Config{DSN: dsn})
			h, err := readHistory(t.Context(), f)
			if err == nil {
				err = h.check(t.Context(), f, acknowledged)
			}
			if err != nil {
				t.Error(err)
			}
			if counted.Deadlocks > 0 {
				t.Errorf("%d deadlocks", counted.Deadlocks)
			}
			want := c.effects
			if want == 0 {
				want = len(acknowledged)
			}
			if saves := c.processes * c.role.Goroutines * c.role.Batch * c.role.Saves; c.effects == 0 && saves > 0 {
				want = saves
			}
			if h.Revisions != want || want == 0 {
				t.Errorf("%d revisions of %d saves", h.Revisions, want)
			}
			t.Logf("%d saves in %s, %d resources, %d revisions, %d rollbacks, %d deadlocks",
				len(acknowledged), took.Round(time.Millisecond), h.Resources, h.Revisions, counted.Rollbacks, counted.Deadlocks)
		})
	}
}

// reap waits until the workers have ended and returns the jobs they reported.
func reap(t *testing.T, workers []*worker) map[uuid.UUID]bool {
	t.Helper()
	type report struct {
		ids []uuid.UUID
		err error
	}
	reports := make(chan report)
	for _, w := range workers {
		go func() {
			var r report
			for w.lines.Scan() {
				id, err := uuid.Parse(w.lines.Text())
				if err != nil {
					r.err = err
				}
				r.ids = append(r.ids, id)
			}
			if err := w.cmd.Wait(); err != nil {
				r.err = fmt.Errorf("a worker failed: %w: %s", err, w.said.String())
			}
			reports <- r
		}()
	}
	all := map[uuid.UUID]bool{}
	for range workers {
		r := <-reports
		if r.err != nil {
			t.Error(r.err)
		}
		for _, id := range r.ids {
			if all[id] {
				t.Errorf("job %s was done twice", id)
			}
			all[id] = true
		}
	}
	return all
}
