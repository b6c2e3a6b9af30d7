package check

import (
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func waitingChecks() []check {
	return []check{
		{"G30/job_is_due_at_its_time", dueAtItsTime},
		{"G30/due_jobs_come_earliest_first", dueInOrder},
		{"G30/jobs_that_wait_are_counted", waitingAreCounted},
		{"G30/park_has_a_job_wait", parkWaits},
		{"G30/park_leaves_ended_and_leased_jobs", parkLeaves},
		{"G30/published_leaves_a_job_that_waits_anew", publishedLeavesWaiting},
		{"G30/an_attempt_ends_the_waiting", attemptEndsWaiting},
		{"G31/unique_key_is_taken_until_the_end", uniqueUntilTheEnd},
		{"G31/unique_key_bars_claim_and_retry", uniqueBarsOthers},
		{"G31/racing_jobs_of_one_key_have_one_winner", racingUnique},
	}
}

// due returns the ids of the jobs that are due.
func (s *subject) due(t T, limit int) []uuid.UUID {
	t.Helper()
	rows, err := s.Ledger().Due(t.Context(), limit)
	ok(t, "due", err)
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return ids
}

// waiting returns a job that waits until a time from now.
func waiting(from time.Duration) storage.Job {
	j := newJob("load")
	j.NotBefore = time.Now().UTC().Add(from).Truncate(time.Microsecond)
	return j
}

func dueAtItsTime(t T, s *subject) {
	past, future, plain, ended := waiting(-time.Hour), waiting(time.Hour), newJob("load"), waiting(-time.Hour)
	s.insert(t, past, future, plain, ended)
	_, err := s.Ledger().Cancel(t.Context(), ended.ID)
	ok(t, "cancel", err)
	equal(t, "jobs that are due", s.due(t, 10), []uuid.UUID{past.ID})
	got := s.wantJob(t, future, storage.JobQueued)
	if !got.NotBefore.Equal(future.NotBefore) {
		t.Fatalf("the job waits until %v, want %v", got.NotBefore, future.NotBefore)
	}
	rows, err := s.Ledger().Due(t.Context(), 1)
	ok(t, "due", err)
	equal(t, "the envelope of a due job", string(rows[0].Envelope), string(past.Envelope))
	places := []storage.Place{{Job: past.ID, Epoch: 1, Sequence: 2, NotBefore: past.NotBefore}}
	ok(t, "published", s.Ledger().Published(t.Context(), uuid.New(), places))
	equal(t, "jobs that are due after that", len(s.due(t, 10)), 0)
	got = s.wantJob(t, past, storage.JobQueued)
	if got.Sequence != 2 || !got.NotBefore.IsZero() {
		t.Fatalf("the published job is at %d and waits until %v", got.Sequence, got.NotBefore)
	}
}

func dueInOrder(t T, s *subject) {
	a, b, c := waiting(-time.Minute), waiting(-time.Hour), waiting(-time.Second)
	s.insert(t, a, b, c)
	equal(t, "all that are due", s.due(t, 10), []uuid.UUID{b.ID, a.ID, c.ID})
	equal(t, "the first that are due", s.due(t, 2), []uuid.UUID{b.ID, a.ID})
}

func waitingAreCounted(t T, s *subject) {
	past, future, plain, ended := waiting(-time.Hour), waiting(time.Hour), newJob("load"), waiting(time.Hour)
	want := func(what string, n int64) {
		t.Helper()
		got, err := s.Ledger().Waiting(t.Context())
		ok(t, "count the jobs that wait", err)
		equal(t, "jobs that wait "+what, got, n)
	}
	want("in an empty ledger", 0)
	s.insert(t, past, future, plain, ended)
	want("after four were made", 3)
	_, err := s.Ledger().Cancel(t.Context(), ended.ID)
	ok(t, "cancel", err)
	want("after one was cancelled", 2)
	places := []storage.Place{{Job: past.ID, Epoch: 1, Sequence: 2, NotBefore: past.NotBefore}}
	ok(t, "published", s.Ledger().Published(t.Context(), uuid.New(), places))
	want("after one was published", 1)
}

func parkWaits(t T, s *subject) {
	l, known, fresh := s.Ledger(), newJob("save"), waiting(-time.Hour)
	known.Queue, known.Epoch, known.Sequence, known.Unique = uuid.New(), 3, 4, "key"
	bare := known
	bare.Envelope = nil
	s.insert(t, bare)
	_, err := l.Attempt(t.Context(), []storage.Job{known})
	ok(t, "attempt", err)
	parked := known
	parked.NotBefore, parked.ErrorCode, parked.ErrorMessage = waiting(time.Hour).NotBefore, "failed", "not yet"
	fresh.Unique = "of a row that park made"
	rows, err := l.Park(t.Context(), []storage.Job{parked, fresh})
	ok(t, "park", err)
	equal(t, "number of rows", len(rows), 2)
	for i, want := range []storage.Job{parked, fresh} {
		got := s.wantJob(t, want, storage.JobQueued)
		if rows[i].ID != want.ID || !got.NotBefore.Equal(want.NotBefore) || !rows[i].NotBefore.Equal(want.NotBefore) {
			t.Fatalf("job %d waits until %v, and park said %v, want %v", i, got.NotBefore, rows[i].NotBefore, want.NotBefore)
		}
		equal(t, "the envelope", string(got.Envelope), string(want.Envelope))
		equal(t, "the place", got.Sequence, uint64(0))
		equal(t, "the queue", got.Queue, uuid.Nil)
		equal(t, "the reason", got.ErrorCode+got.ErrorMessage, want.ErrorCode+want.ErrorMessage)
	}
	got := s.wantJob(t, known, storage.JobQueued)
	equal(t, "attempts kept", got.Attempt, 1)
	equal(t, "the unique key kept", got.Unique, "key")
	equal(t, "the unique key of the new row", s.wantJob(t, fresh, storage.JobQueued).Unique, "")
	equal(t, "jobs that are due", s.due(t, 10), []uuid.UUID{fresh.ID})
	none, err := l.Park(t.Context(), nil)
	ok(t, "park nothing", err)
	equal(t, "number of rows of nothing", len(none), 0)

	released := newJob("load")
	ok(t, "release", l.Release(t.Context(), s.claim(t, released), false, "failed", "no"))
	released.NotBefore = parked.NotBefore
	rows, err = l.Park(t.Context(), []storage.Job{released})
	ok(t, "park a released job", err)
	equal(t, "attempts of the released job", rows[0].Attempt, 1)
	equal(t, "the time of the released job", rows[0].NotBefore.Equal(parked.NotBefore), true)
}

func parkLeaves(t T, s *subject) {
	l, done, running, other := s.Ledger(), newJob("save"), newJob("load"), newJob("save")
	ok(t, "settle", l.Settle(t.Context(), []storage.Job{ended(done, `{}`)}))
	c := s.claim(t, running)
	s.insert(t, other)
	changed := other
	changed.EnvelopeHash = []byte("of another message")
	list := []storage.Job{done, running, changed}
	for i := range list {
		list[i].NotBefore = waiting(-time.Hour).NotBefore
	}
	rows, err := l.Park(t.Context(), list)
	ok(t, "park", err)
	for i, state := range []storage.JobState{storage.JobDone, storage.JobRunning, storage.JobQueued} {
		equal(t, "the state that park told", rows[i].State, state)
		if got := s.wantJob(t, list[i], state); !got.NotBefore.IsZero() {
			t.Fatalf("a %s job waits until %v", state, got.NotBefore)
		}
	}
	equal(t, "the hash that park told", string(rows[2].EnvelopeHash), string(other.EnvelopeHash))
	equal(t, "jobs that are due", len(s.due(t, 10)), 0)
	ok(t, "finish", l.Finish(t.Context(), c, storage.Final{State: storage.JobDone}))
}

// publishedLeavesWaiting publishes a job whose message came so fast that the job was
// parked, and once more, before its place was recorded.
func publishedLeavesWaiting(t T, s *subject) {
	l, j, first := s.Ledger(), newJob("load"), waiting(-time.Hour).NotBefore
	s.insert(t, j)
	for _, late := range []storage.Place{{Job: j.ID, Epoch: 1, Sequence: 1}, {Job: j.ID, Epoch: 1, Sequence: 2, NotBefore: first}} {
		j.NotBefore = first
		if !late.NotBefore.IsZero() {
			j.NotBefore = first.Add(time.Minute)
		}
		_, err := l.Park(t.Context(), []storage.Job{j})
		ok(t, "park", err)
		ok(t, "published", l.Published(t.Context(), uuid.New(), []storage.Place{late}))
		got := s.wantJob(t, j, storage.JobQueued)
		if got.Sequence != 0 || !got.NotBefore.Equal(j.NotBefore) {
			t.Fatalf("the job is at %d and waits until %v, want it to wait until %v", got.Sequence, got.NotBefore, j.NotBefore)
		}
	}
	equal(t, "jobs that are due", s.due(t, 10), []uuid.UUID{j.ID})
}

func attemptEndsWaiting(t T, s *subject) {
	l, long, short := s.Ledger(), waiting(-time.Hour), waiting(-time.Hour)
	s.insert(t, long, short)
	got, c, err := l.Claim(t.Context(), long, time.Hour)
	ok(t, "claim", err)
	equal(t, "whether a claimed job waits", got.NotBefore.IsZero(), true)
	rows, err := l.Attempt(t.Context(), []storage.Job{short})
	ok(t, "attempt", err)
	equal(t, "whether an attempted job waits", rows[0].NotBefore.IsZero(), true)
	ok(t, "release", l.Release(t.Context(), c, true, "", ""))
	equal(t, "jobs that are due", len(s.due(t, 10)), 0)
	late := storage.Place{Job: long.ID, Epoch: 1, Sequence: 5, NotBefore: long.NotBefore}
	ok(t, "published", l.Published(t.Context(), uuid.New(), []storage.Place{late}))
	equal(t, "the place", s.wantJob(t, long, storage.JobQueued).Sequence, uint64(5))
}

// unique returns a job with a unique key.
func unique(key string) storage.Job {
	j := newJob("load")
	j.Text, j.Unique = "job "+j.ID.String(), key
	return j
}

// wantExists fails t unless err says that a job has the key already.
func wantExists(t T, doing string, err error, there storage.Job) {
	t.Helper()
	exists, is := errors.AsType[*storage.JobExistsError](err)
	if !is {
		t.Fatalf("%s gave the error %v, want a JobExistsError", doing, err)
	}
	equal(t, doing+": the job that is there", *exists, storage.JobExistsError{Job: there.ID, ID: there.Text, Unique: there.Unique})
}

func uniqueUntilTheEnd(t T, s *subject) {
	l, a, b := s.Ledger(), unique("k"), unique("k")
	s.insert(t, a, unique("other"), newJob("load"), newJob("load"))
	equal(t, "the key", s.wantJob(t, a, storage.JobQueued).Unique, "k")
	beside := newJob("load")
	_, err := l.Insert(t.Context(), []storage.Job{beside, b})
	wantExists(t, "insert", err, a)
	for _, j := range []storage.Job{b, beside} {
		_, err = l.Get(t.Context(), j.ID)
		wantErr(t, "get of a job that was not taken", err, storage.ErrNotFound)
	}
	inserted, err := l.Insert(t.Context(), []storage.Job{a})
	ok(t, "insert the same job again", err)
	equal(t, "answers", inserted, []bool{false})
	c := s.claim(t, a)
	_, err = l.Insert(t.Context(), []storage.Job{b})
	wantExists(t, "insert while it runs", err, a)
	ok(t, "finish", l.Finish(t.Context(), c, storage.Final{State: storage.JobDone}))
	s.insert(t, b)
	c1, c2 := unique("twice"), unique("twice")
	if _, err = l.Insert(t.Context(), []storage.Job{c1, c2}); err == nil {
		t.Fatalf("two jobs with one key were inserted together")
	}
}

func uniqueBarsOthers(t T, s *subject) {
	l, dead, a, b := s.Ledger(), unique("k"), unique("k"), unique("k")
	s.insert(t, dead)
	_, err := l.Cancel(t.Context(), dead.ID)
	ok(t, "cancel", err)
	s.insert(t, a)
	_, _, err = l.Claim(t.Context(), b, time.Hour)
	wantExists(t, "claim of a job that has no row", err, a)
	_, err = l.Get(t.Context(), b.ID)
	wantErr(t, "get of a job that was not claimed", err, storage.ErrNotFound)
	_, err = l.Retry(t.Context(), dead.ID)
	wantExists(t, "retry", err, a)
	s.wantJob(t, dead, storage.JobCancelled)
	ok(t, "finish", l.Finish(t.Context(), s.claim(t, a), storage.Final{State: storage.JobRefused, ErrorCode: "x"}))
	got, err := l.Retry(t.Context(), dead.ID)
	ok(t, "retry after the end of the other", err)
	equal(t, "state", got.State, storage.JobQueued)
	_, err = l.Retry(t.Context(), a.ID)
	wantExists(t, "retry of the other", err, dead)
}

func racingUnique(t T, s *subject) {
	all, errs := make([]storage.Job, writers), make([]error, writers)
	var wg sync.WaitGroup
	for i := range all {
		all[i] = unique("k")
		wg.Go(func() { _, errs[i] = s.Ledger().Insert(t.Context(), []storage.Job{all[i]}) })
	}
	wg.Wait()
	var winners []storage.Job
	for i, err := range errs {
		if err == nil {
			winners = append(winners, all[i])
		}
	}
	equal(t, "number of winners", len(winners), 1)
	for _, err := range errs {
		if err != nil {
			wantExists(t, "insert", err, winners[0])
		}
	}
}
