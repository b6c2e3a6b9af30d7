package check

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func plannedChecks() []check {
	return []check{
		{"G35/chunk_by_a_plan_is_done_once", plannedOnce},
		{"G35/racing_chunks_by_a_plan_have_one_effect", racingPlanned},
		{"G35/chunk_by_a_plan_needs_the_plan", plannedNeedsPlan},
		{"G35/no_chunk_by_a_plan_after_cancel_or_end", plannedAfterEnd},
		{"G35/chunk_by_a_plan_ends_no_job", plannedEndsNothing},
		{"G35/chunks_by_a_plan_are_published", plannedIsPublished},
		{"G35/unstage_forgets_the_plan_with_its_chunks", unstageForgetsPlan},
	}
}

// byPlan names a chunk of a job that is done by a plan.
func byPlan(job uuid.UUID, p storage.Plan, no int) storage.ChunkRef {
	return storage.ChunkRef{Claim: storage.Claim{Job: job}, No: no, Plan: p.Digest}
}

// stagePlanned stages complete resources as a chunk that is done by a plan.
func (s *subject) stagePlanned(t T, job uuid.UUID, p storage.Plan, no int, ids ...resource.ID) error {
	t.Helper()
	return s.Unit().Stage(t.Context(), storage.Staged{
		Chunk: byPlan(job, p, no), Models: writesOf(model, resources(ids...)), Outcome: []byte(`{"staged":1}`),
	})
}

// updatePlanned increments a resource as a chunk that is done by a plan.
func (s *subject) updatePlanned(t T, job uuid.UUID, p storage.Plan, no int, id resource.ID) error {
	t.Helper()
	r, ref := refsTo(id)[0], byPlan(job, p, no)
	return s.Unit().Update(t.Context(), storage.Batch{Refs: []storage.Ref{r}, Chunk: &ref}, func(v storage.View) (storage.Writes, error) {
		w, err := increment(r)(v)
		w.Chunk = []byte(`{"updated":1}`)
		return w, err
	})
}

// wantChunks fails t unless these chunks of a job are done.
func (s *subject) wantChunks(t T, job uuid.UUID, want ...int) {
	t.Helper()
	chunks, err := s.Ledger().Chunks(t.Context(), job)
	ok(t, "chunks", err)
	var got []int
	for _, c := range chunks {
		got = append(got, c.No)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("the chunks %v are done, want %v", got, want)
	}
	n, err := s.Ledger().CountChunks(t.Context(), job)
	ok(t, "count chunks", err)
	equal(t, "number of chunks", n, len(want))
}

func plannedOnce(t T, s *subject) {
	stores := s.use(t)
	j, p := newJob("load"), newPlan(1)
	s.wantChunks(t, j.ID)
	s.suspend(t, j, p, time.Hour)
	for range 2 {
		ok(t, "stage", s.stagePlanned(t, j.ID, p, 2, "p2"))
		ok(t, "update", s.updatePlanned(t, j.ID, p, 0, "p1"))
	}
	wantRevisions(t, stores.Revisions, "p1", "p1:1")
	s.wantNothing(t, stores, "p2")
	s.wantChunks(t, j.ID, 0, 2)
	chunks, err := s.Ledger().Chunks(t.Context(), j.ID)
	ok(t, "chunks", err)
	equal(t, "the outcome of an update", string(chunks[0].Outcome), `{"updated":1}`)
	equal(t, "the outcome of what was staged", string(chunks[1].Outcome), `{"staged":1}`)
	s.wantSuspended(t, j)
}

func racingPlanned(t T, s *subject) {
	stores := s.use(t)
	j, p := newJob("load"), newPlan(1)
	s.suspend(t, j, p, time.Hour)
	errs := make([]error, 2*writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { errs[i] = s.updatePlanned(t, j.ID, p, 0, "p1") })
		wg.Go(func() { errs[writers+i] = s.stagePlanned(t, j.ID, p, 1, "p2") })
	}
	wg.Wait()
	ok(t, "do the same two chunks", errors.Join(errs...))
	wantRevisions(t, stores.Revisions, "p1", "p1:1")
	s.wantChunks(t, j.ID, 0, 1)
	ok(t, "publish", s.publish(t, s.claim(t, j)))
	wantIDs(t, stores.Metas, "p1", "p2")
	wantRevisions(t, stores.Revisions, "p2", "p2:1")
}

func plannedNeedsPlan(t T, s *subject) {
	stores := s.use(t)
	j, bare, p := newJob("load"), newJob("load"), newPlan(1)
	s.suspend(t, j, p, time.Hour)
	s.claim(t, bare)
	for what, job := range map[string]uuid.UUID{"a job with another plan": j.ID, "a job without a plan": bare.ID, "an unknown job": uuid.New()} {
		wantErr(t, "update of "+what, s.updatePlanned(t, job, newPlan(2), 0, "p1"), storage.ErrFenced)
		wantErr(t, "stage for "+what, s.stagePlanned(t, job, newPlan(2), 0, "p1"), storage.ErrFenced)
		s.wantChunks(t, job)
	}
	wantIDs(t, stores.Metas)
	c := s.claim(t, j)
	ok(t, "update of a claimed job", s.updatePlanned(t, j.ID, p, 0, "p1"))
	ok(t, "release", s.Ledger().Release(t.Context(), c, true, "", ""))
	ok(t, "update of a released job", s.updatePlanned(t, j.ID, p, 1, "p1"))
	s.wantChunks(t, j.ID, 0, 1)
}

func plannedAfterEnd(t T, s *subject) {
	stores := s.use(t)
	cancelled, done, p := newJob("load"), newJob("load"), newPlan(1)
	s.suspend(t, cancelled, p, time.Hour)
	_, err := s.Ledger().Cancel(t.Context(), cancelled.ID)
	ok(t, "cancel", err)
	s.suspend(t, done, p, time.Hour)
	ok(t, "finish", s.Ledger().Finish(t.Context(), s.claim(t, done), storage.Final{State: storage.JobDone}))
	for what, job := range map[string]uuid.UUID{"a job that is asked to stop": cancelled.ID, "an ended job": done.ID} {
		wantErr(t, "update of "+what, s.updatePlanned(t, job, p, 0, "p1"), storage.ErrFenced)
		wantErr(t, "stage for "+what, s.stagePlanned(t, job, p, 0, "p1"), storage.ErrFenced)
		s.wantChunks(t, job)
	}
	wantIDs(t, stores.Metas)
}

func plannedEndsNothing(t T, s *subject) {
	stores := s.use(t)
	j, p := newJob("load"), newPlan(1)
	s.suspend(t, j, p, time.Hour)
	ref := byPlan(j.ID, p, 0)
	w := storage.Writes{Models: writesOf(model, resources("p1")), Chunk: []byte(`{}`), Final: &storage.Final{State: storage.JobDone}}
	if err := s.update(t, storage.Batch{Refs: refsTo("p1"), Chunk: &ref}, w); err == nil {
		t.Fatalf("a chunk that is done by a plan ended the job")
	}
	c := s.claim(t, j)
	w.Final, ref.Claim = nil, c
	if err := s.update(t, storage.Batch{Refs: refsTo("p1"), Chunk: &ref}, w); err == nil {
		t.Fatalf("a chunk was done under a claim and by a plan")
	}
	err := s.Unit().Stage(t.Context(), storage.Staged{Chunk: ref, Models: writesOf(model, resources("p1"))})
	if err == nil {
		t.Fatalf("a chunk was staged under a claim and by a plan")
	}
	wantIDs(t, stores.Metas)
	s.wantChunks(t, j.ID)
	s.wantJob(t, j, storage.JobRunning)
}

func plannedIsPublished(t T, s *subject) {
	stores := s.use(t)
	j, p := newJob("load"), newPlan(1)
	s.suspend(t, j, p, time.Hour)
	for no, id := range []resource.ID{"p1", "p2", "p3"} {
		ok(t, "stage", s.stagePlanned(t, j.ID, p, no, id))
	}
	c := s.claim(t, j)
	ok(t, "publish", s.publish(t, c))
	wantIDs(t, stores.Metas, "p1", "p2", "p3")
	s.wantJob(t, j, storage.JobDone)
	s.wantChunks(t, j.ID, 0, 1, 2)
	wantErr(t, "stage a chunk again after that", s.stagePlanned(t, j.ID, p, 0, "p1"), storage.ErrFenced)
}

func unstageForgetsPlan(t T, s *subject) {
	stores := s.use(t)
	staged, mixed, empty, p := newJob("load"), newJob("load"), newJob("load"), newPlan(1)
	for _, j := range []storage.Job{staged, mixed, empty} {
		s.suspend(t, j, p, time.Hour)
	}
	ok(t, "stage", s.stagePlanned(t, staged.ID, p, 0, "p1"))
	ok(t, "stage", s.stagePlanned(t, mixed.ID, p, 0, "p2"))
	ok(t, "update", s.updatePlanned(t, mixed.ID, p, 1, "p3"))
	for _, j := range []storage.Job{staged, mixed, empty} {
		ok(t, "unstage a suspended job as if it had ended", s.Unit().Unstage(t.Context(), storage.Claim{Job: j.ID}))
		s.wantPlan(t, j.ID, p)
	}
	ok(t, "unstage under a claim", s.Unit().Unstage(t.Context(), s.claim(t, empty)))
	for _, j := range []storage.Job{staged, mixed} {
		ok(t, "finish", s.Ledger().Finish(t.Context(), s.claim(t, j), storage.Final{State: storage.JobRefused, ErrorCode: "c"}))
		ok(t, "unstage after the end", s.Unit().Unstage(t.Context(), storage.Claim{Job: j.ID}))
	}
	s.wantChunks(t, staged.ID)
	s.wantChunks(t, mixed.ID, 1)
	s.wantPlan(t, mixed.ID, p)
	for _, j := range []storage.Job{staged, empty} {
		_, err := s.Ledger().Plan(t.Context(), j.ID)
		wantErr(t, "the plan of a job that has no chunk", err, storage.ErrNotFound)
	}
	s.wantNothing(t, stores, "p1", "p2")
}
