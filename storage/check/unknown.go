package check

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// interruptions is how often a write is cancelled, each time at another moment.
const interruptions = 40

func unknownChecks() []check {
	return []check{
		{"G21/repeated_writes_rewrite_themselves", repeatedWrites},
		{"G21/repeated_end_tells_that_it_happened", repeatedEnd},
		{"G21/interrupted_unit_is_told_by_its_row", interruptedUnit},
	}
}

// repeatedWrites does everything twice, as a caller does who did not get the
// first answer.
func repeatedWrites(t T, s *subject) {
	stores := s.use(t)
	j, c := newJob("save"), s.claim(t, newJob("load"))
	revs := []resource.Revision{newRevision("p1", 1), newRevision("p1", 2)}
	for range 2 {
		ok(t, "save revisions", stores.Revisions.SaveMany(t.Context(), revs))
		ok(t, "save metas", stores.Metas.SaveMany(t.Context(), []resource.Meta{newMeta("p1", 2)}))
		s.put(t, "p2")
		ok(t, "settle", s.Ledger().Settle(t.Context(), []storage.Job{ended(j, `{}`)}))
		ok(t, "stage", s.stage(t, c, 0, "p3"))
		ok(t, "delete", stores.Metas.Delete(t.Context(), []resource.ID{"p4"}))
		ok(t, "purge", stores.Revisions.Purge(t.Context(), []resource.ID{"p4"}))
	}
	wantIDs(t, stores.Metas, "p1", "p2")
	wantAll(t, stores.Revisions, append(revs, newRevision("p2", 1))...)
	wantRevisions(t, stores.Revisions, "p1", "p1:1", "p1:2")
	wantRevisions(t, stores.Revisions, "p2", "p2:1")
	ok(t, "publish", s.publish(t, c))
	wantIDs(t, stores.Metas, "p1", "p2", "p3")
}

// repeatedEnd ends jobs twice: the second time gives an error, and the row that
// it is not needed.
func repeatedEnd(t T, s *subject) {
	s.use(t)
	l, c, d := s.Ledger(), s.claim(t, newJob("backfill")), s.claim(t, newJob("load"))
	ok(t, "finish", l.Finish(t.Context(), c, storage.Final{State: storage.JobDone, Outcome: []byte(`{"n":1}`)}))
	wantErr(t, "finish again", l.Finish(t.Context(), c, storage.Final{State: storage.JobDone, Outcome: []byte(`{"n":2}`)}), storage.ErrFenced)
	ok(t, "stage", s.stage(t, d, 0, "p1"))
	ok(t, "publish", s.publish(t, d))
	wantErr(t, "publish again", s.publish(t, d), storage.ErrFenced)
	for id, outcome := range map[uuid.UUID]string{c.Job: `{"n":1}`, d.Job: `{"loaded":1}`} {
		row := s.wantJob(t, storage.Job{ID: id}, storage.JobDone)
		equal(t, "outcome", string(row.Outcome), outcome)
	}
}

// interruptedUnit cancels units at every moment of their life, every other one
// while it computes. Whatever the answer, the job's row tells whether there was an
// effect, and a repeat makes one.
func interruptedUnit(t T, s *subject) {
	stores := s.use(t)
	began := time.Now()
	_, err := s.deliver(t, newJob("save"), refsTo("p0")[0])
	ok(t, "deliver", err)
	usual := time.Since(began)
	for i := range interruptions {
		r := refsTo(resource.ID("p" + uuid.NewString()))[0]
		j := newJob("save")
		ctx, cancel := context.WithTimeout(t.Context(), usual*time.Duration(i)/(interruptions/2))
		err := s.Unit().Update(ctx, storage.Batch{Refs: []storage.Ref{r}, Jobs: []uuid.UUID{j.ID}}, func(v storage.View) (storage.Writes, error) {
			w, err := increment(r)(v)
			w.Jobs = []storage.Job{ended(j, `{}`)}
			if i%2 == 1 {
				<-ctx.Done()
			}
			return w, err
		})
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a unit that was interrupted gave the error %v", err)
		}
		s.wantTruth(t, stores, j, r, err == nil)
		_, err = s.deliver(t, j, r)
		ok(t, "repeat the unit", err)
		s.wantTruth(t, stores, j, r, true)
	}
}

// wantTruth fails t unless the resource and the row of its job say the same; the
// effect may be missing only where the answer was an error.
func (s *subject) wantTruth(t T, stores storage.Stores, j storage.Job, r storage.Ref, certain bool) {
	t.Helper()
	row, err := s.Ledger().Get(t.Context(), j.ID)
	if err != nil && (certain || !errors.Is(err, storage.ErrNotFound)) {
		ok(t, "get the job", err)
	}
	metas, err := stores.Metas.GetMany(t.Context(), []resource.ID{r.ID})
	ok(t, "get many", err)
	revisions := len(collect(t, "revisions", stores.Revisions.List(t.Context(), r.ID)))
	want := 0
	if row.State == storage.JobDone {
		want = 1
	}
	if len(metas) != want || revisions != want || certain && want == 0 {
		t.Fatalf("the job is %q, and there are %d metas and %d revisions", row.State, len(metas), revisions)
	}
}
