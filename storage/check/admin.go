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
		{"G15/prune_removes_what_was_done", pruneRemoves},
		{"G15/published_records_the_queue", publishedRecords},
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
	n, err := s.Ledger().Prune(t.Context(), noon.Add(time.Minute))
	ok(t, "prune", err)
	equal(t, "number of pruned jobs", n, 1)
	_, err = s.Ledger().Get(t.Context(), old.ID)
	wantErr(t, "get of a pruned job", err, storage.ErrNotFound)
	s.wantJob(t, recent, storage.JobDone)
	s.wantJob(t, dead, storage.JobDead)
	s.wantJob(t, queued, storage.JobQueued)
}

func publishedRecords(t T, s *subject) {
	a, b, queue := newJob("save"), newJob("save"), uuid.New()
	s.insert(t, a, b)
	ok(t, "published", s.Ledger().Published(t.Context(), []uuid.UUID{a.ID}, queue))
	equal(t, "queue", s.wantJob(t, a, storage.JobQueued).Queue, queue)
	equal(t, "queue of the other", s.wantJob(t, b, storage.JobQueued).Queue, uuid.Nil)
}
