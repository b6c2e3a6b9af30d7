package check

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func effectChecks() []check {
	return []check{
		{"G12/ended_job_is_seen", endedJobIsSeen},
		{"G12/job_that_is_queued_has_not_ended", queuedJobHasNotEnded},
		{"G12/wrong_beliefs_have_no_effect", wrongBeliefs},
		{"G12/unit_leaves_an_ended_row", unitLeavesEndedRow},
		{"G12/racing_deliveries_have_one_effect", racingDeliveries},
		{"G12/done_chunk_is_not_done_again", doneChunkIsSkipped},
		{"G13/chunk_needs_the_claim", chunkNeedsClaim},
		{"G14/small_load_ends_in_one_unit", smallLoad},
	}
}

// deliver runs a save job as an executor does: effect and row together, unless
// the job has ended. It returns whether there was an effect.
func (s *subject) deliver(t T, j storage.Job, r storage.Ref) (bool, error) {
	return s.deliverAs(t, storage.Batch{Refs: []storage.Ref{r}, Jobs: []uuid.UUID{j.ID}}, j, r)
}

// deliverAs is deliver with what the caller of the unit believes.
func (s *subject) deliverAs(t T, b storage.Batch, j storage.Job, r storage.Ref) (bool, error) {
	effect := false
	err := s.Unit().Update(t.Context(), b, func(v storage.View) (storage.Writes, error) {
		effect = !v.Ended(j.ID)
		if !effect {
			return storage.Writes{}, nil
		}
		w, err := slowly(increment(r))(v)
		w.Jobs = []storage.Job{ended(j, `{}`)}
		return w, err
	})
	return effect && err == nil, err
}

func endedJobIsSeen(t T, s *subject) {
	stores := s.use(t)
	r := refsTo("p1")[0]
	j := newJob("save")
	for i, want := range []bool{true, false, false} {
		effect, err := s.deliver(t, j, r)
		ok(t, "deliver", err)
		if effect != want {
			t.Fatalf("delivery %d had an effect: %v, want %v", i+1, effect, want)
		}
	}
	wantRevisions(t, stores.Revisions, r.ID, r.ID.Revision(1))
	got := s.wantJob(t, j, storage.JobDone)
	equal(t, "kind", got.Kind, j.Kind)
	equal(t, "model", got.Model, j.Model)
	equal(t, "user", got.User, j.User)
	if !got.Finished.Equal(noon) {
		t.Fatalf("the job ended at %v, want the time given, %v", got.Finished, noon)
	}
}

func queuedJobHasNotEnded(t T, s *subject) {
	s.use(t)
	r := refsTo("p1")[0]
	queued, attempted := newJob("save"), newJob("save")
	_, err := s.Ledger().Insert(t.Context(), []storage.Job{queued})
	ok(t, "insert", err)
	_, err = s.Ledger().Attempt(t.Context(), []storage.Job{attempted})
	ok(t, "attempt", err)
	for _, j := range []storage.Job{queued, attempted} {
		effect, err := s.deliver(t, j, r)
		ok(t, "deliver", err)
		equal(t, "whether there was an effect", effect, true)
		got := s.wantJob(t, j, storage.JobDone)
		equal(t, "the envelope kept", string(got.Envelope), string(j.Envelope))
	}
	equal(t, "attempts kept", s.wantJob(t, attempted, storage.JobDone).Attempt, 1)
}

// wrongBeliefs delivers jobs that the ledger knows, and writes to a resource that is
// there, as a caller that takes both for new.
func wrongBeliefs(t T, s *subject) {
	stores := s.use(t)
	r := refsTo("p1")[0]
	done, queued := newJob("save"), newJob("save")
	_, err := s.Ledger().Insert(t.Context(), []storage.Job{queued})
	ok(t, "insert", err)
	for i, c := range []struct {
		job    storage.Job
		effect bool
	}{{done, true}, {done, false}, {queued, true}, {queued, false}} {
		b := storage.Batch{Refs: []storage.Ref{r}, New: true, Jobs: []uuid.UUID{c.job.ID}, NewJobs: true}
		effect, err := s.deliverAs(t, b, c.job, r)
		ok(t, "deliver", err)
		if effect != c.effect {
			t.Fatalf("delivery %d had an effect: %v, want %v", i+1, effect, c.effect)
		}
	}
	wantRevisions(t, stores.Revisions, r.ID, r.ID.Revision(1), r.ID.Revision(2))
	equal(t, "the envelope kept", string(s.wantJob(t, queued, storage.JobDone).Envelope), string(queued.Envelope))
}

// unitLeavesEndedRow writes the row of a job that has ended, as a compute that
// does not ask would: whether that is an error or not, the row stays.
func unitLeavesEndedRow(t T, s *subject) {
	s.use(t)
	j := newJob("save")
	ok(t, "settle", s.Ledger().Settle(t.Context(), []storage.Job{ended(j, `{"first":1}`)}))
	again := ended(j, `{"second":1}`)
	again.State = storage.JobRefused
	// Either answer is right; the row is what counts.
	_ = s.update(t, storage.Batch{Jobs: []uuid.UUID{j.ID}}, storage.Writes{Jobs: []storage.Job{again}})
	equal(t, "outcome", string(s.wantJob(t, j, storage.JobDone).Outcome), `{"first":1}`)
}

func racingDeliveries(t T, s *subject) {
	stores := s.use(t)
	r := refsTo("p1")[0]
	j := newJob("save")
	var effects atomic.Int64
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			effect, err := s.deliver(t, j, r)
			if effect {
				effects.Add(1)
			}
			errs[i] = err
		})
	}
	wg.Wait()
	ok(t, "deliver", errors.Join(errs...))
	equal(t, "number of effects", effects.Load(), 1)
	wantRevisions(t, stores.Revisions, r.ID, r.ID.Revision(1))
}

// claim claims a job with a lease that outlives the check.
func (s *subject) claim(t T, j storage.Job) storage.Claim {
	t.Helper()
	_, c, err := s.Ledger().Claim(t.Context(), j, time.Hour)
	ok(t, "claim", err)
	return c
}

func doneChunkIsSkipped(t T, s *subject) {
	stores := s.use(t)
	r := refsTo("p1")[0]
	j := newJob("backfill")
	c := s.claim(t, j)
	for no, calls := range []int{1, 1} {
		called := 0
		for range 2 {
			b := storage.Batch{Refs: []storage.Ref{r}, Chunk: &storage.ChunkRef{Claim: c, No: no}}
			err := s.Unit().Update(t.Context(), b, func(v storage.View) (storage.Writes, error) {
				called++
				w, err := increment(r)(v)
				w.Chunk = []byte(`{"updated":1}`)
				return w, err
			})
			ok(t, "do chunk", err)
		}
		equal(t, "calls of compute", called, calls)
	}
	wantRevisions(t, stores.Revisions, r.ID, r.ID.Revision(1), r.ID.Revision(2))
	chunks, err := s.Ledger().Chunks(t.Context(), j.ID)
	ok(t, "chunks", err)
	equal(t, "number of chunks", len(chunks), 2)
	for no, c := range chunks {
		equal(t, "chunk number", c.No, no)
		equal(t, "chunk outcome", string(c.Outcome), `{"updated":1}`)
	}
	s.wantJob(t, j, storage.JobRunning)
}

func chunkNeedsClaim(t T, s *subject) {
	stores := s.use(t)
	j := newJob("backfill")
	_, old, err := s.Ledger().Claim(t.Context(), j, -time.Hour)
	ok(t, "claim", err)
	now := s.claim(t, j)
	chunk := func(c storage.Claim, no int) error {
		b := storage.Batch{Refs: refsTo("p1"), Chunk: &storage.ChunkRef{Claim: c, No: no}}
		return s.update(t, b, storage.Writes{Models: writesOf(model, resources("p1")), Chunk: []byte(`{}`)})
	}
	wantErr(t, "chunk under a lost claim", chunk(old, 0), storage.ErrFenced)
	wantErr(t, "chunk of an unknown job", chunk(storage.Claim{Job: uuid.New(), Token: uuid.New()}, 0), storage.ErrFenced)
	wantErr(t, "chunk without a token", chunk(storage.Claim{Job: j.ID}, 0), storage.ErrFenced)
	wantIDs(t, stores.Metas)
	ok(t, "chunk", chunk(now, 0))
	ok(t, "finish", s.Ledger().Finish(t.Context(), now, storage.Final{State: storage.JobDone}))
	wantErr(t, "chunk of an ended job", chunk(now, 1), storage.ErrFenced)
	chunks, err := s.Ledger().Chunks(t.Context(), j.ID)
	ok(t, "chunks", err)
	equal(t, "number of chunks", len(chunks), 1)
}

func smallLoad(t T, s *subject) {
	stores := s.use(t)
	j := newJob("load")
	c := s.claim(t, j)
	exists := errors.New("exists")
	load := func(w storage.ModelWrites) error {
		b := storage.Batch{Refs: refsTo("p1", "p2"), Chunk: &storage.ChunkRef{Claim: c}}
		return s.Unit().Update(t.Context(), b, func(v storage.View) (storage.Writes, error) {
			if _, there := v.Meta(b.Refs[0]); there {
				return storage.Writes{}, exists
			}
			final := storage.Final{State: storage.JobDone, Outcome: []byte(`{"loaded":2}`)}
			return storage.Writes{Models: writesOf(model, w), Chunk: []byte(`{}`), Final: &final}, nil
		})
	}
	ok(t, "load", load(resources("p1", "p2")))
	wantIDs(t, stores.Metas, "p1", "p2")
	got := s.wantJob(t, j, storage.JobDone)
	equal(t, "outcome", string(got.Outcome), `{"loaded":2}`)
	if got.Finished.IsZero() {
		t.Fatalf("the job ended at no time")
	}
	wantErr(t, "load again", load(resources("p1")), storage.ErrFenced)
}
