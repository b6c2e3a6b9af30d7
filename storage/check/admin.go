package check

import (
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func adminChecks() []check {
	return []check{
		{"G15/cancel_ends_a_queued_job", cancelQueued},
		{"G15/cancel_asks_a_running_job", cancelRunning},
		{"G15/retry_starts_again", retryStartsAgain},
		{"G15/drop_removes_an_ended_job", dropRemoves},
		{"G15/prune_removes_what_ended", pruneRemoves},
		{"G15/published_records_the_place", publishedRecords},
		{"G15/inserted_job_keeps_its_place", insertedPlaces},
	}
}

func cancelQueued(t T, s *subject) {
	stores := s.use(t)
	j := newJob("save")
	s.insert(t, j)
	got, err := s.Ledger().Cancel(t.Context(), j.ID)
	ok(t, "cancel", err)
	equal(t, "state", got.State, storage.JobCancelled)
	equal(t, "attempts of a job that never began", got.Attempt, 0)
	if s.wantJob(t, j, storage.JobCancelled).Finished.IsZero() {
		t.Fatalf("a cancelled job ended at no time")
	}
	_, err = s.Ledger().Cancel(t.Context(), j.ID)
	wantErr(t, "cancel again", err, storage.ErrFinal)
	effect, err := s.deliver(t, j, refsTo("p1")[0])
	ok(t, "deliver", err)
	equal(t, "whether a cancelled job had an effect", effect, false)
	wantIDs(t, stores.Metas)
}

func cancelRunning(t T, s *subject) {
	j := newJob("load")
	c := s.claim(t, j)
	got, err := s.Ledger().Cancel(t.Context(), j.ID)
	ok(t, "cancel", err)
	equal(t, "state", got.State, storage.JobRunning)
	equal(t, "whether to cancel", got.Cancel, true)
	ok(t, "finish", s.Ledger().Finish(t.Context(), c, storage.Final{State: storage.JobCancelled}))
	got, err = s.Ledger().Retry(t.Context(), j.ID)
	ok(t, "retry", err)
	equal(t, "whether to cancel after a retry", got.Cancel, false)
}

func retryStartsAgain(t T, s *subject) {
	l := s.Ledger()
	for _, state := range []storage.JobState{storage.JobRefused, storage.JobDead, storage.JobCancelled} {
		j := newJob("load")
		j.Queue = uuid.New()
		c := s.claim(t, j)
		ok(t, "finish", l.Finish(t.Context(), c, storage.Final{State: state, ErrorCode: "x"}))
		got, err := l.Retry(t.Context(), j.ID)
		ok(t, "retry", err)
		equal(t, "state", got.State, storage.JobQueued)
		equal(t, "attempts", got.Attempt, 0)
		equal(t, "queue", got.Queue, uuid.Nil)
		if !got.Finished.IsZero() {
			t.Fatalf("a queued job ended %v", got.Finished)
		}
		_, err = l.Retry(t.Context(), j.ID)
		if err == nil {
			t.Fatalf("a queued job was retried")
		}
		ok(t, "finish again", l.Finish(t.Context(), s.claim(t, j), storage.Final{State: storage.JobDone}))
		_, err = l.Retry(t.Context(), j.ID)
		wantErr(t, "retry of a done job", err, storage.ErrFinal)
	}
}

func dropRemoves(t T, s *subject) {
	s.use(t)
	l, j := s.Ledger(), newJob("load")
	j.Text = "my load"
	c := s.claim(t, j)
	if err := l.Drop(t.Context(), j.ID); err == nil {
		t.Fatalf("a running job was dropped")
	}
	ok(t, "stage", s.stage(t, c, 0, "p1"))
	ok(t, "publish", s.publish(t, c))
	ok(t, "drop", l.Drop(t.Context(), j.ID))
	_, err := l.Get(t.Context(), j.ID)
	wantErr(t, "get of a dropped job", err, storage.ErrNotFound)
	_, err = l.Find(t.Context(), j.Text)
	wantErr(t, "find of a dropped job", err, storage.ErrNotFound)
	chunks, err := l.Chunks(t.Context(), j.ID)
	ok(t, "chunks", err)
	equal(t, "number of chunks", len(chunks), 0)
	wantErr(t, "drop again", l.Drop(t.Context(), j.ID), storage.ErrNotFound)
}

func pruneRemoves(t T, s *subject) {
	old, recent, dead, queued := newJob("save"), newJob("save"), newJob("save"), newJob("save")
	dead.State, dead.Finished = storage.JobDead, noon
	late := ended(recent, `{}`)
	late.Finished = noon.Add(time.Hour)
	ok(t, "settle", s.Ledger().Settle(t.Context(), []storage.Job{ended(old, `{}`), late, dead}))
	s.insert(t, queued)
	n, err := s.Ledger().Prune(t.Context(), noon.Add(time.Minute), storage.JobRefused)
	ok(t, "prune", err)
	equal(t, "number of pruned jobs", n, 0)
	n, err = s.Ledger().Prune(t.Context(), noon.Add(time.Minute), storage.JobDone, storage.JobRefused)
	ok(t, "prune", err)
	equal(t, "number of pruned jobs", n, 1)
	_, err = s.Ledger().Get(t.Context(), old.ID)
	wantErr(t, "get of a pruned job", err, storage.ErrNotFound)
	s.wantJob(t, recent, storage.JobDone)
	s.wantJob(t, dead, storage.JobDead)
	s.wantJob(t, queued, storage.JobQueued)
	n, err = s.Ledger().Prune(t.Context(), noon.Add(2*time.Hour), storage.JobDead, storage.JobDone, storage.JobQueued)
	ok(t, "prune", err)
	equal(t, "number of pruned jobs", n, 2)
	s.wantJob(t, queued, storage.JobQueued)
}

func publishedRecords(t T, s *subject) {
	l, a, b, other, queue := s.Ledger(), newJob("load"), newJob("save"), newJob("save"), uuid.New()
	s.insert(t, a, b, other)
	published := func(places ...storage.Place) {
		t.Helper()
		ok(t, "published", l.Published(t.Context(), queue, places))
	}
	want := func(state storage.JobState, queue uuid.UUID, p storage.Place) {
		t.Helper()
		got := s.wantJob(t, storage.Job{ID: p.Job}, state)
		equal(t, "queue", got.Queue, queue)
		equal(t, "place", storage.Place{Job: got.ID, Epoch: got.Epoch, Sequence: got.Sequence}, p)
	}
	first, second := storage.Place{Job: a.ID, Epoch: 1 << 50, Sequence: 1 << 40}, storage.Place{Job: b.ID, Epoch: 1 << 50, Sequence: 3}
	published(first, second, storage.Place{Job: uuid.New(), Epoch: 1, Sequence: 1})
	want(storage.JobQueued, queue, first)
	want(storage.JobQueued, queue, second)
	want(storage.JobQueued, uuid.Nil, storage.Place{Job: other.ID})

	c := s.claim(t, a)
	_, err := l.Renew(t.Context(), c, time.Hour, storage.Progress{Done: 1})
	ok(t, "renew", err)
	want(storage.JobRunning, queue, first)
	first.Sequence = 7
	published(first)
	ok(t, "release", l.Release(t.Context(), c, true, "x", "y"))
	want(storage.JobQueued, queue, first)
	_, err = l.Attempt(t.Context(), []storage.Job{b})
	ok(t, "attempt", err)
	dead := b
	dead.State = storage.JobDead
	ok(t, "settle", l.Settle(t.Context(), []storage.Job{dead}))
	want(storage.JobDead, queue, second)
	_, err = l.Retry(t.Context(), b.ID)
	ok(t, "retry", err)
	want(storage.JobQueued, uuid.Nil, storage.Place{Job: b.ID})
}

// insertedPlaces: a row that is first written when its message is handed out knows
// where that is.
func insertedPlaces(t T, s *subject) {
	l := s.Ledger()
	with := func(kind string) storage.Job {
		j := newJob(kind)
		j.Queue, j.Epoch, j.Sequence = uuid.New(), 1<<50, 12
		return j
	}
	inserted, claimed, tried := with("load"), with("load"), with("save")
	s.insert(t, inserted)
	s.claim(t, claimed)
	_, err := l.Attempt(t.Context(), []storage.Job{tried})
	ok(t, "attempt", err)
	for _, j := range []storage.Job{inserted, claimed, tried} {
		got, err := l.Get(t.Context(), j.ID)
		ok(t, "get", err)
		equal(t, "epoch", got.Epoch, j.Epoch)
		equal(t, "sequence", got.Sequence, j.Sequence)
	}
}
