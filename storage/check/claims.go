package check

import (
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func claimChecks() []check {
	return []check{
		{"G13/claim_starts_an_attempt", claimStarts},
		{"G13/live_lease_protects", liveLeaseProtects},
		{"G13/expired_lease_is_taken_over", expiredLease},
		{"G13/racing_claims_have_one_winner", racingClaims},
		{"G13/renew_extends_and_reports", renewExtends},
		{"G13/lost_claim_can_do_nothing", lostClaim},
		{"G13/takeover_frees_the_leases_of_a_queue", takeover},
		{"G15/finish_ends_the_job", finishEnds},
		{"G15/release_gives_back", releaseGivesBack},
	}
}

func claimStarts(t T, s *subject) {
	j := newJob("load")
	j.Attempt = 7 // of the caller's making; the ledger counts
	got, c, err := s.Ledger().Claim(t.Context(), j, time.Hour)
	ok(t, "claim", err)
	equal(t, "attempts", got.Attempt, 1)
	equal(t, "state", got.State, storage.JobRunning)
	equal(t, "job of the claim", c.Job, j.ID)
	if c.Token == uuid.Nil || got.Started.IsZero() || got.LeaseUntil.Sub(got.Started) < time.Hour-time.Second {
		t.Fatalf("the claim is %v, started %v, leased until %v", c, got.Started, got.LeaseUntil)
	}
	row := s.wantJob(t, j, storage.JobRunning)
	equal(t, "the envelope", string(row.Envelope), string(j.Envelope))
	equal(t, "attempts stored", row.Attempt, 1)

	queued := newJob("load")
	s.insert(t, queued)
	got, _, err = s.Ledger().Claim(t.Context(), queued, time.Hour)
	ok(t, "claim a queued job", err)
	equal(t, "attempts of a queued job", got.Attempt, 1)
}

func liveLeaseProtects(t T, s *subject) {
	j := newJob("load")
	c := s.claim(t, j)
	got, none, err := s.Ledger().Claim(t.Context(), j, time.Hour)
	wantErr(t, "claim of a leased job", err, storage.ErrLeased)
	equal(t, "the claim", none, storage.Claim{})
	equal(t, "attempts", got.Attempt, 1)
	equal(t, "state", got.State, storage.JobRunning)
	equal(t, "attempts stored", s.wantJob(t, j, storage.JobRunning).Attempt, 1)
	ok(t, "finish", s.Ledger().Finish(t.Context(), c, storage.Final{State: storage.JobRefused, ErrorCode: "x"}))
	got, _, err = s.Ledger().Claim(t.Context(), j, time.Hour)
	wantErr(t, "claim of an ended job", err, storage.ErrFinal)
	equal(t, "state", got.State, storage.JobRefused)
	equal(t, "error code", got.ErrorCode, "x")
}

func expiredLease(t T, s *subject) {
	j := newJob("load")
	_, old, err := s.Ledger().Claim(t.Context(), j, -time.Hour)
	ok(t, "claim", err)
	got, now, err := s.Ledger().Claim(t.Context(), j, time.Hour)
	ok(t, "claim of a job whose lease expired", err)
	equal(t, "attempts", got.Attempt, 2)
	if old.Token == now.Token {
		t.Fatalf("two claims have one token")
	}
	wantErr(t, "finish by the old claim", s.Ledger().Finish(t.Context(), old, storage.Final{State: storage.JobDone}), storage.ErrFenced)
	ok(t, "finish", s.Ledger().Finish(t.Context(), now, storage.Final{State: storage.JobDone}))
}

func racingClaims(t T, s *subject) {
	j := newJob("load")
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { _, _, errs[i] = s.Ledger().Claim(t.Context(), j, time.Hour) })
	}
	wg.Wait()
	winners := 0
	for _, err := range errs {
		if err == nil {
			winners++
		} else if !errors.Is(err, storage.ErrLeased) {
			t.Fatalf("a claim failed: %v", err)
		}
	}
	equal(t, "number of winners", winners, 1)
	equal(t, "attempts", s.wantJob(t, j, storage.JobRunning).Attempt, 1)
}

func renewExtends(t T, s *subject) {
	j := newJob("load")
	_, c, err := s.Ledger().Claim(t.Context(), j, -time.Hour)
	ok(t, "claim", err)
	got, err := s.Ledger().Renew(t.Context(), c, time.Hour, storage.Progress{Done: 3, Total: 10})
	ok(t, "renew an expired lease that nobody took", err)
	equal(t, "whether to cancel", got.Cancel, false)
	equal(t, "progress", storage.Progress{Done: got.Done, Total: got.Total}, storage.Progress{Done: 3, Total: 10})
	_, _, err = s.Ledger().Claim(t.Context(), j, time.Hour)
	wantErr(t, "claim after renew", err, storage.ErrLeased)
	equal(t, "progress stored", s.wantJob(t, j, storage.JobRunning).Done, 3)
	_, err = s.Ledger().Cancel(t.Context(), j.ID)
	ok(t, "cancel", err)
	got, err = s.Ledger().Renew(t.Context(), c, time.Hour, storage.Progress{Done: 4, Total: 10})
	ok(t, "renew", err)
	equal(t, "whether to cancel", got.Cancel, true)
}

func lostClaim(t T, s *subject) {
	l, j := s.Ledger(), newJob("load")
	_, old, err := l.Claim(t.Context(), j, -time.Hour)
	ok(t, "claim", err)
	s.claim(t, j)
	for _, lost := range []storage.Claim{old, {Job: j.ID}, {Job: j.ID, Token: uuid.New()}} {
		_, err := l.Renew(t.Context(), lost, time.Hour, storage.Progress{Done: 99})
		wantErr(t, "renew", err, storage.ErrFenced)
		wantErr(t, "finish", l.Finish(t.Context(), lost, storage.Final{State: storage.JobDone}), storage.ErrFenced)
		wantErr(t, "release", l.Release(t.Context(), lost, true, "", ""), storage.ErrFenced)
	}
	got := s.wantJob(t, j, storage.JobRunning)
	equal(t, "attempts", got.Attempt, 2)
	equal(t, "progress", got.Done, 0)
}

func takeover(t T, s *subject) {
	l, queue, other := s.Ledger(), uuid.New(), uuid.New()
	mine, foreign, waiting := newJob("load"), newJob("load"), newJob("load")
	mine.Queue, foreign.Queue, waiting.Queue = queue, other, queue
	s.insert(t, mine, foreign, waiting)
	c, d := s.claim(t, mine), s.claim(t, foreign)
	n, err := l.Takeover(t.Context(), queue)
	ok(t, "takeover", err)
	equal(t, "number of freed leases", n, 1)
	_, err = l.Renew(t.Context(), c, time.Hour, storage.Progress{})
	wantErr(t, "renew after takeover", err, storage.ErrFenced)
	got, _, err := l.Claim(t.Context(), mine, time.Hour)
	ok(t, "claim after takeover", err)
	equal(t, "attempts", got.Attempt, 2)
	_, err = l.Renew(t.Context(), d, time.Hour, storage.Progress{})
	ok(t, "renew in another queue", err)
	n, err = l.Takeover(t.Context(), uuid.New())
	ok(t, "takeover of an unknown queue", err)
	equal(t, "number of freed leases", n, 0)
}

func finishEnds(t T, s *subject) {
	l, j := s.Ledger(), newJob("load")
	c := s.claim(t, j)
	final := storage.Final{State: storage.JobDead, Outcome: []byte(`{"a":1}`), ErrorCode: "archive_corrupt", ErrorMessage: "at byte 7"}
	ok(t, "finish", l.Finish(t.Context(), c, final))
	got := s.wantJob(t, j, storage.JobDead)
	equal(t, "the end", storage.Final{State: got.State, Outcome: got.Outcome, ErrorCode: got.ErrorCode, ErrorMessage: got.ErrorMessage}, final)
	if got.Finished.IsZero() || !got.LeaseUntil.IsZero() {
		t.Fatalf("the job ended %v and is leased until %v", got.Finished, got.LeaseUntil)
	}
	wantErr(t, "finish again", l.Finish(t.Context(), c, storage.Final{State: storage.JobDone}), storage.ErrFenced)
	s.wantJob(t, j, storage.JobDead)
}

func releaseGivesBack(t T, s *subject) {
	l, j := s.Ledger(), newJob("load")
	j.Queue = uuid.New()
	ok(t, "release", l.Release(t.Context(), s.claim(t, j), false, "timeout", "took too long"))
	got := s.wantJob(t, j, storage.JobQueued)
	equal(t, "attempts", got.Attempt, 1)
	equal(t, "error code", got.ErrorCode, "timeout")
	equal(t, "error message", got.ErrorMessage, "took too long")
	equal(t, "queue", got.Queue, j.Queue)
	c := s.claim(t, j)
	ok(t, "release with refund", l.Release(t.Context(), c, true, "", ""))
	equal(t, "attempts after refund", s.wantJob(t, j, storage.JobQueued).Attempt, 1)
	wantErr(t, "release again", l.Release(t.Context(), c, true, "", ""), storage.ErrFenced)
	equal(t, "attempts", s.wantJob(t, j, storage.JobQueued).Attempt, 1)
}
