package check

import (
	"bytes"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func suspendChecks() []check {
	return []check{
		{"G33/suspended_job_waits_without_a_claim", suspendedWaits},
		{"G33/suspended_job_is_due_and_claimed_again", suspendedGoesOn},
		{"G33/suspend_needs_the_claim", suspendNeedsClaim},
		{"G33/wake_makes_due_what_is_suspended", wakeMakesDue},
		{"G33/cancel_makes_a_suspended_job_due", cancelWakes},
		{"G33/message_of_a_suspended_job_is_recorded", suspendedIsPublished},
		{"G33/takeover_leaves_suspended_jobs", takeoverLeavesSuspended},
		{"G33/claim_of_a_woken_job_knows_its_queue", claimKnowsItsQueue},
		{"G33/suspended_job_can_be_parked", suspendedIsParked},
		{"G34/plan_is_read_as_it_was_stored", planIsRead},
		{"G34/plan_stays_while_chunks_are_done", planStays},
		{"G34/plan_goes_with_the_job", planGoes},
	}
}

// newPlan returns a plan of its own for each number.
func newPlan(n byte) storage.Plan {
	return storage.Plan{Digest: bytes.Repeat([]byte{n}, storage.PlanDigestBytes), Chunks: 3, Total: 7, Body: []byte{0, n, 255}}
}

// suspend suspends a job that it claims, by a plan, until a time from now.
func (s *subject) suspend(t T, j storage.Job, p storage.Plan, from time.Duration) time.Time {
	t.Helper()
	until := time.Now().UTC().Add(from).Truncate(time.Microsecond)
	ok(t, "suspend", s.Ledger().Suspend(t.Context(), s.claim(t, j), until, &p, storage.Progress{}))
	return until
}

// wantSuspended returns a job that must be suspended.
func (s *subject) wantSuspended(t T, j storage.Job) storage.Job {
	t.Helper()
	got := s.wantJob(t, j, storage.JobRunning)
	if !got.Suspended() {
		t.Fatalf("the job is leased until %v and waits until %v: it is not suspended", got.LeaseUntil, got.NotBefore)
	}
	return got
}

// wantPlan fails t unless the job has the plan.
func (s *subject) wantPlan(t T, job uuid.UUID, want storage.Plan) {
	t.Helper()
	got, err := s.Ledger().Plan(t.Context(), job)
	ok(t, "plan", err)
	same := bytes.Equal(got.Digest, want.Digest) && bytes.Equal(got.Body, want.Body)
	if !same || got.Chunks != want.Chunks || got.Total != want.Total {
		t.Fatalf("the plan is %+v, want %+v", got, want)
	}
	got, err = s.Ledger().Outline(t.Context(), job)
	ok(t, "outline", err)
	if !bytes.Equal(got.Digest, want.Digest) || got.Chunks != want.Chunks || got.Total != want.Total || len(got.Body) > 0 {
		t.Fatalf("the outline is %+v, want that of %+v", got, want)
	}
}

func suspendedWaits(t T, s *subject) {
	l, j := s.Ledger(), newJob("load")
	j.Queue, j.Epoch, j.Sequence = uuid.New(), 3, 4
	s.insert(t, j)
	c := s.claim(t, j)
	until := time.Now().UTC().Add(time.Hour).Truncate(time.Microsecond)
	ok(t, "suspend", l.Suspend(t.Context(), c, until, nil, storage.Progress{Done: 2, Total: 5}))
	got := s.wantSuspended(t, j)
	if !got.NotBefore.Equal(until) || got.Started.IsZero() {
		t.Fatalf("the job was begun at %v and waits until %v, want %v", got.Started, got.NotBefore, until)
	}
	equal(t, "attempts", got.Attempt, 0)
	equal(t, "units done", got.Done, 2)
	equal(t, "units in all", got.Total, 5)
	equal(t, "the queue", got.Queue, uuid.Nil)
	equal(t, "the place", got.Sequence, uint64(0))
	equal(t, "where the message was first", got.Origin, storage.Origin{Queue: j.Queue, Epoch: 3, Sequence: 4})
	equal(t, "jobs that are due", len(s.due(t, 10)), 0)
	n, err := l.Waiting(t.Context())
	ok(t, "waiting", err)
	equal(t, "queued jobs that wait", n, int64(0))
	for doing, err := range map[string]error{
		"renew":  second(l.Renew(t.Context(), c, time.Hour, storage.Progress{})),
		"finish": l.Finish(t.Context(), c, storage.Final{State: storage.JobDone}),
	} {
		wantErr(t, doing+" after that", err, storage.ErrFenced)
	}
}

func suspendedGoesOn(t T, s *subject) {
	l, past, future, waits, plain := s.Ledger(), newJob("load"), newJob("load"), waiting(-time.Hour), newJob("load")
	s.suspend(t, past, newPlan(1), -2*time.Hour)
	s.suspend(t, future, newPlan(2), time.Hour)
	s.insert(t, waits, plain)
	s.claim(t, plain)
	equal(t, "jobs that are due", s.due(t, 10), []uuid.UUID{past.ID, waits.ID})
	got, c, err := l.Claim(t.Context(), future, time.Hour)
	ok(t, "claim", err)
	equal(t, "attempts", got.Attempt, 1)
	equal(t, "whether a claimed job waits", got.NotBefore.IsZero(), true)
	s.wantPlan(t, future.ID, newPlan(2))
	ok(t, "suspend at once", l.Suspend(t.Context(), c, time.Time{}, nil, storage.Progress{}))
	equal(t, "jobs that are due then", s.due(t, 10), []uuid.UUID{past.ID, waits.ID, future.ID})
	for _, j := range []storage.Job{past, future} {
		ok(t, "finish", l.Finish(t.Context(), s.claim(t, j), storage.Final{State: storage.JobDone}))
	}
	equal(t, "jobs that are due in the end", s.due(t, 10), []uuid.UUID{waits.ID})
}

func suspendNeedsClaim(t T, s *subject) {
	l, j := s.Ledger(), newJob("load")
	_, old, err := l.Claim(t.Context(), j, -time.Hour)
	ok(t, "claim", err)
	c := s.claim(t, j)
	p := newPlan(1)
	for what, lost := range map[string]storage.Claim{"of a lost claim": old, "without a token": {Job: j.ID}, "of an unknown job": {Job: uuid.New(), Token: uuid.New()}} {
		wantErr(t, "suspend "+what, l.Suspend(t.Context(), lost, time.Time{}, &p, storage.Progress{}), storage.ErrFenced)
	}
	_, err = l.Plan(t.Context(), j.ID)
	wantErr(t, "the plan of a lost claim", err, storage.ErrNotFound)
	for what, bad := range map[string]storage.Plan{"a short digest": {Digest: []byte("short")}, "less than no chunks": {Digest: p.Digest, Chunks: -1}} {
		if err := l.Suspend(t.Context(), c, time.Time{}, &bad, storage.Progress{}); err == nil {
			t.Fatalf("a plan with %s was stored", what)
		}
	}
	ok(t, "renew", second(l.Renew(t.Context(), c, time.Hour, storage.Progress{})))
}

func wakeMakesDue(t T, s *subject) {
	l, j, queued, leased := s.Ledger(), newJob("load"), waiting(time.Hour), newJob("load")
	s.suspend(t, j, newPlan(1), time.Hour)
	s.insert(t, queued)
	s.claim(t, leased)
	first, woken, err := l.Wake(t.Context(), j.ID)
	ok(t, "wake", err)
	equal(t, "whether a suspended job was woken", woken, true)
	equal(t, "the job that was woken", first.ID, j.ID)
	equal(t, "jobs that are due", s.due(t, 10), []uuid.UUID{j.ID})
	again, woken, err := l.Wake(t.Context(), j.ID)
	ok(t, "wake again", err)
	if !woken || !again.NotBefore.Equal(first.NotBefore) {
		t.Fatalf("a job that is due was woken (%t) from %v to %v", woken, first.NotBefore, again.NotBefore)
	}
	ok(t, "finish", l.Finish(t.Context(), s.claim(t, j), storage.Final{State: storage.JobDone}))
	for what, other := range map[string]storage.Job{"a queued": queued, "a leased": leased, "an ended": j} {
		got, woken, err := l.Wake(t.Context(), other.ID)
		ok(t, "wake "+what+" job", err)
		equal(t, "whether "+what+" job was woken", woken, false)
		equal(t, what+" job", got.ID, other.ID)
	}
	equal(t, "jobs that are due in the end", len(s.due(t, 10)), 0)
	_, _, err = l.Wake(t.Context(), uuid.New())
	wantErr(t, "wake of an unknown job", err, storage.ErrNotFound)
}

func cancelWakes(t T, s *subject) {
	l, j, late := s.Ledger(), newJob("load"), newJob("load")
	s.suspend(t, j, newPlan(1), time.Hour)
	got, err := l.Cancel(t.Context(), j.ID)
	ok(t, "cancel", err)
	equal(t, "the state of the cancelled job", got.State, storage.JobRunning)
	equal(t, "whether it is asked to stop", s.wantSuspended(t, j).Cancel, true)
	equal(t, "jobs that are due", s.due(t, 10), []uuid.UUID{j.ID})
	c := s.claim(t, late)
	_, err = l.Cancel(t.Context(), late.ID)
	ok(t, "cancel a running job", err)
	ok(t, "suspend it then", l.Suspend(t.Context(), c, time.Now().Add(time.Hour), nil, storage.Progress{}))
	equal(t, "jobs that are due then", s.due(t, 10), []uuid.UUID{j.ID, late.ID})
	_, err = s.act(t, storage.VerbCancel, late)
	ok(t, "cancel once more", err)
	ok(t, "finish", l.Finish(t.Context(), s.claim(t, j), storage.Final{State: storage.JobCancelled}))
	s.wantJob(t, j, storage.JobCancelled)
}

func suspendedIsPublished(t T, s *subject) {
	l, j, queue := s.Ledger(), newJob("load"), uuid.New()
	until := s.suspend(t, j, newPlan(1), -time.Hour)
	late := storage.Place{Job: j.ID, Epoch: 1, Sequence: 1, NotBefore: until.Add(-time.Minute)}
	ok(t, "published for another time", l.Published(t.Context(), queue, []storage.Place{late}))
	equal(t, "the place", s.wantSuspended(t, j).Sequence, uint64(0))
	ok(t, "published", l.Published(t.Context(), queue, []storage.Place{{Job: j.ID, Epoch: 1, Sequence: 2, NotBefore: until}}))
	got := s.wantJob(t, j, storage.JobRunning)
	equal(t, "the place", got.Sequence, uint64(2))
	equal(t, "whether it waits", got.NotBefore.IsZero(), true)
	equal(t, "jobs that are due", len(s.due(t, 10)), 0)
	_, woken, err := l.Wake(t.Context(), j.ID)
	ok(t, "wake", err)
	equal(t, "whether a job with a message was woken", woken, false)
	ok(t, "finish", l.Finish(t.Context(), s.claim(t, j), storage.Final{State: storage.JobDone}))
}

func takeoverLeavesSuspended(t T, s *subject) {
	l, j, other := s.Ledger(), newJob("load"), newJob("load")
	s.suspend(t, j, newPlan(1), time.Hour)
	s.claim(t, other)
	n, err := l.Takeover(t.Context(), uuid.Nil)
	ok(t, "takeover", err)
	equal(t, "leases freed", n, 1)
	s.wantSuspended(t, j)
	s.wantJob(t, other, storage.JobQueued)
}

// claimKnowsItsQueue: the message of a suspended job may come before it is recorded that
// it was published.
func claimKnowsItsQueue(t T, s *subject) {
	l, j, queue := s.Ledger(), newJob("load"), uuid.New()
	s.suspend(t, j, newPlan(1), time.Hour)
	j.Queue, j.Epoch, j.Sequence = queue, 3, 4
	got, _, err := l.Claim(t.Context(), j, time.Hour)
	ok(t, "claim", err)
	equal(t, "the queue that claim told", got.Queue, queue)
	got = s.wantJob(t, j, storage.JobRunning)
	equal(t, "the place", storage.Place{Job: got.ID, Epoch: got.Epoch, Sequence: got.Sequence}, storage.Place{Job: j.ID, Epoch: 3, Sequence: 4})
	n, err := l.Takeover(t.Context(), queue)
	ok(t, "takeover", err)
	equal(t, "leases freed", n, 1)
}

func suspendedIsParked(t T, s *subject) {
	l, j := s.Ledger(), newJob("load")
	s.suspend(t, j, newPlan(1), time.Hour)
	j.NotBefore = waiting(2 * time.Hour).NotBefore
	rows, err := l.Park(t.Context(), []storage.Job{j})
	ok(t, "park", err)
	equal(t, "the state that park told", rows[0].State, storage.JobQueued)
	got := s.wantJob(t, j, storage.JobQueued)
	if !got.NotBefore.Equal(j.NotBefore) {
		t.Fatalf("the job waits until %v, want %v", got.NotBefore, j.NotBefore)
	}
	s.wantPlan(t, j.ID, newPlan(1))
}

func planIsRead(t T, s *subject) {
	l, j, none := s.Ledger(), newJob("load"), newJob("load")
	large := newPlan(1)
	large.Total, large.Body = 1<<40, bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	s.suspend(t, j, large, time.Hour)
	s.wantPlan(t, j.ID, large)
	bare := newPlan(2)
	bare.Body = nil
	ok(t, "suspend with another plan", l.Suspend(t.Context(), s.claim(t, j), time.Time{}, &bare, storage.Progress{}))
	s.wantPlan(t, j.ID, bare)
	s.insert(t, none)
	for what, id := range map[string]uuid.UUID{"a job that has none": none.ID, "an unknown job": uuid.New()} {
		_, err := l.Plan(t.Context(), id)
		wantErr(t, "the plan of "+what, err, storage.ErrNotFound)
		_, err = l.Outline(t.Context(), id)
		wantErr(t, "the outline of "+what, err, storage.ErrNotFound)
	}
}

func planStays(t T, s *subject) {
	s.use(t)
	l, j, unplanned := s.Ledger(), newJob("load"), newJob("load")
	s.suspend(t, j, newPlan(1), time.Hour)
	ok(t, "stage", s.stagePlanned(t, j.ID, newPlan(1), 0, "p1"))
	c := s.claim(t, j)
	other, same := newPlan(2), newPlan(1)
	same.Body = []byte("another body")
	wantErr(t, "suspend with another plan", l.Suspend(t.Context(), c, time.Time{}, &other, storage.Progress{}), storage.ErrPlanned)
	ok(t, "suspend with the same plan", l.Suspend(t.Context(), c, time.Time{}, &same, storage.Progress{}))
	s.wantPlan(t, j.ID, newPlan(1))

	c = s.claim(t, unplanned)
	ok(t, "stage", s.stage(t, c, 0, "p2"))
	wantErr(t, "plan what was begun without one", l.Suspend(t.Context(), c, time.Time{}, &other, storage.Progress{}), storage.ErrPlanned)
	s.wantJob(t, unplanned, storage.JobRunning)
	ok(t, "unstage", s.Unit().Unstage(t.Context(), c))
	ok(t, "plan it anew", l.Suspend(t.Context(), c, time.Time{}, &other, storage.Progress{}))
	s.wantPlan(t, unplanned.ID, other)
}

func planGoes(t T, s *subject) {
	l, dropped, acted, pruned := s.Ledger(), newJob("load"), newJob("load"), newJob("load")
	for _, j := range []storage.Job{dropped, acted, pruned} {
		s.suspend(t, j, newPlan(1), time.Hour)
		ok(t, "finish", l.Finish(t.Context(), s.claim(t, j), storage.Final{State: storage.JobRefused, ErrorCode: "c"}))
		s.wantPlan(t, j.ID, newPlan(1))
	}
	ok(t, "drop", l.Drop(t.Context(), dropped.ID))
	_, err := s.act(t, storage.VerbDrop, acted)
	ok(t, "drop by an act", err)
	n, err := l.Prune(t.Context(), time.Now().Add(time.Hour), storage.JobRefused)
	ok(t, "prune", err)
	equal(t, "number of pruned jobs", n, 1)
	for _, j := range []storage.Job{dropped, acted, pruned} {
		_, err := l.Plan(t.Context(), j.ID)
		wantErr(t, "the plan of a job that is gone", err, storage.ErrNotFound)
	}
}
