package check

import (
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func shortJobChecks() []check {
	return []check{
		{"G15/attempt_counts", attemptCounts},
		{"G12/attempt_leaves_an_ended_job", attemptLeavesEnded},
		{"G15/refund_takes_an_attempt_back", refundTakesBack},
		{"G15/settle_ends_jobs", settleEnds},
		{"G15/attempt_that_ends_a_job_counts", endingAttemptCounts},
		{"G12/settle_leaves_an_ended_job", settleLeavesEnded},
	}
}

func attemptCounts(t T, s *subject) {
	a, b, c := newJob("save"), newJob("save"), newJob("save")
	s.insert(t, b)
	for n, jobs := range [][]storage.Job{{a, b}, {c, b, a}, {b}} {
		rows, err := s.Ledger().Attempt(t.Context(), jobs)
		ok(t, "attempt", err)
		equal(t, "number of rows", len(rows), len(jobs))
		for i, row := range rows {
			equal(t, "the job at its place", row.ID, jobs[i].ID)
			want := n + 1
			if row.ID == c.ID {
				want = 1
			}
			equal(t, "attempts", row.Attempt, want)
			equal(t, "state", row.State, storage.JobQueued)
		}
	}
	got := s.wantJob(t, a, storage.JobQueued)
	equal(t, "attempts stored", got.Attempt, 2)
	equal(t, "the envelope", string(got.Envelope), string(a.Envelope))
	none, err := s.Ledger().Attempt(t.Context(), nil)
	ok(t, "attempt of nothing", err)
	equal(t, "number of rows of nothing", len(none), 0)
}

func attemptLeavesEnded(t T, s *subject) {
	done, fresh := newJob("save"), newJob("save")
	ok(t, "settle", s.Ledger().Settle(t.Context(), []storage.Job{ended(done, `{"a":1}`)}))
	before := s.wantJob(t, done, storage.JobDone)
	rows, err := s.Ledger().Attempt(t.Context(), []storage.Job{done, fresh})
	ok(t, "attempt", err)
	equal(t, "state of the ended job", rows[0].State, storage.JobDone)
	equal(t, "outcome of the ended job", string(rows[0].Outcome), `{"a":1}`)
	equal(t, "attempts of the ended job", rows[0].Attempt, before.Attempt)
	equal(t, "attempts of the other", rows[1].Attempt, 1)
}

func refundTakesBack(t T, s *subject) {
	a, b, done := newJob("save"), newJob("save"), newJob("save")
	l := s.Ledger()
	ok(t, "settle", l.Settle(t.Context(), []storage.Job{ended(done, `{}`)}))
	before := s.wantJob(t, done, storage.JobDone).Attempt
	for range 2 {
		_, err := l.Attempt(t.Context(), []storage.Job{a})
		ok(t, "attempt", err)
	}
	s.insert(t, b)
	ok(t, "refund", l.Refund(t.Context(), []uuid.UUID{a.ID, b.ID, done.ID}))
	equal(t, "attempts", s.wantJob(t, a, storage.JobQueued).Attempt, 1)
	equal(t, "attempts of a job never started", s.wantJob(t, b, storage.JobQueued).Attempt, 0)
	equal(t, "attempts of an ended job", s.wantJob(t, done, storage.JobDone).Attempt, before)
}

func settleEnds(t T, s *subject) {
	known, fresh := newJob("save"), newJob("save")
	s.insert(t, known)
	_, err := s.Ledger().Attempt(t.Context(), []storage.Job{known})
	ok(t, "attempt", err)
	dead := storage.Job{ID: known.ID, State: storage.JobDead, ErrorCode: "attempts", ErrorMessage: "gave up", Finished: noon}
	ok(t, "settle", s.Ledger().Settle(t.Context(), []storage.Job{dead, ended(fresh, `{}`)}))
	got := s.wantJob(t, known, storage.JobDead)
	equal(t, "error code", got.ErrorCode, "attempts")
	equal(t, "error message", got.ErrorMessage, "gave up")
	equal(t, "kind kept", got.Kind, known.Kind)
	equal(t, "attempts kept", got.Attempt, 1)
	equal(t, "the envelope kept", string(got.Envelope), string(known.Envelope))
	s.wantJob(t, fresh, storage.JobDone)
	if err := s.Ledger().Settle(t.Context(), []storage.Job{newJob("save")}); err == nil {
		t.Fatalf("a job was settled without having ended")
	}
}

func settleLeavesEnded(t T, s *subject) {
	j := newJob("save")
	ok(t, "settle", s.Ledger().Settle(t.Context(), []storage.Job{ended(j, `{"first":1}`)}))
	dead := j
	dead.State, dead.ErrorCode = storage.JobDead, "late"
	ok(t, "settle again", s.Ledger().Settle(t.Context(), []storage.Job{dead}))
	got := s.wantJob(t, j, storage.JobDone)
	equal(t, "outcome", string(got.Outcome), `{"first":1}`)
	equal(t, "error code", got.ErrorCode, "")
}

// endingAttemptCounts ends jobs whose only attempt was refunded, in each way that there
// is, and one that was never started.
func endingAttemptCounts(t T, s *subject) {
	l := s.Ledger()
	settled, inUnit, cancelled, never := newJob("save"), newJob("save"), newJob("save"), newJob("save")
	s.insert(t, never)
	_, err := l.Attempt(t.Context(), []storage.Job{settled, inUnit, cancelled})
	ok(t, "attempt", err)
	ok(t, "refund", l.Refund(t.Context(), []uuid.UUID{settled.ID, inUnit.ID, cancelled.ID}))
	ok(t, "settle", l.Settle(t.Context(), []storage.Job{ended(settled, `{}`), ended(never, `{}`)}))
	b := storage.Batch{Jobs: []uuid.UUID{inUnit.ID}}
	ok(t, "unit", s.update(t, b, storage.Writes{Jobs: []storage.Job{ended(inUnit, `{}`)}}))
	_, err = l.Cancel(t.Context(), cancelled.ID)
	ok(t, "cancel", err)
	equal(t, "attempts of a job that Settle ended", s.wantJob(t, settled, storage.JobDone).Attempt, 1)
	equal(t, "attempts of a job that a unit ended", s.wantJob(t, inUnit, storage.JobDone).Attempt, 1)
	equal(t, "attempts of a cancelled job", s.wantJob(t, cancelled, storage.JobCancelled).Attempt, 1)
	equal(t, "attempts of a job that was never started", s.wantJob(t, never, storage.JobDone).Attempt, 0)
}
