package postgres

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/simple"
)

// twins are the ledger and the simple one, whose rules are those of package storage.
// They are told the same and must say the same.
type twins struct {
	t      *testing.T
	r      *rand.Rand
	ledger storage.Ledger
	simple simple.Jobs
	ids    []uuid.UUID
	claims [][2]storage.Claim // of the ledger and of the simple one
}

// TestLedgerIsTheSimpleOne does what chance wants to both ledgers.
func TestLedgerIsTheSimpleOne(t *testing.T) {
	f := openTest(t)
	for seed := range uint64(4) {
		w := &twins{t: t, r: rand.New(rand.NewPCG(seed, 7)), ledger: f.Ledger(), simple: simple.NewJobs()}
		for range 12 {
			w.ids = append(w.ids, uuid.New())
		}
		for step := range 250 {
			if what, err, want := w.step(); kindOf(err) != kindOf(want) {
				t.Fatalf("seed %d, step %d: %s gave %v, not %v", seed, step, what, err, want)
			}
			w.compare(fmt.Sprintf("seed %d, step %d", seed, step))
		}
	}
}

// kindOf is what callers tell errors by.
func kindOf(err error) string {
	if _, differs := errors.AsType[*storage.JobDiffersError](err); differs {
		return "differs"
	}
	for _, known := range []error{storage.ErrNotFound, storage.ErrFinal, storage.ErrLeased, storage.ErrFenced} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return fmt.Sprint(err) // a retry of one that has not ended
}

// job draws one; each field is left out now and then.
func (w *twins) job(final bool) storage.Job {
	some := func() bool { return w.r.IntN(2) == 0 }
	j := storage.Job{ID: w.ids[w.r.IntN(len(w.ids))], Kind: "save", Created: time.UnixMicro(w.r.Int64N(1e15)).UTC()}
	if some() {
		j.Text, j.Model, j.Lane, j.User = "job "+j.ID.String(), "person", "high", "alice"
	}
	if some() {
		j.Parent, j.Queue, j.Subject = uuid.New(), w.ids[0], "s"
	}
	if some() {
		j.Envelope, j.EnvelopeHash = []byte("{}"), []byte{byte(w.r.IntN(2))}
	}
	if some() {
		j.Attempt, j.Done, j.Total = w.r.IntN(3), w.r.Int64N(3), w.r.Int64N(3)
	}
	if some() {
		j.Started, j.Cancel, j.Attempt = time.UnixMicro(w.r.Int64N(1e15)).UTC(), some(), max(j.Attempt, 1)
	}
	if final {
		j.State = w.final().State
		j.Outcome, j.ErrorCode, j.ErrorMessage = []byte(`{"n":1}`), "code", "message"
	}
	return j
}

func (w *twins) final() storage.Final {
	states := []storage.JobState{storage.JobDone, storage.JobRefused, storage.JobDead, storage.JobCancelled}
	return storage.Final{
		State: states[w.r.IntN(4)], Outcome: []byte(`{"n":2}`), ErrorCode: "x",
		Progress: storage.Progress{Done: w.r.Int64N(2), Total: w.r.Int64N(2)},
	}
}

// jobs draws several with different ids.
func (w *twins) jobs(final bool) []storage.Job {
	var list []storage.Job
	seen := map[uuid.UUID]bool{}
	for range 1 + w.r.IntN(4) {
		if j := w.job(final); !seen[j.ID] {
			seen[j.ID] = true
			list = append(list, j)
		}
	}
	return list
}

// claim draws a claim, most likely a late one; both zero when there is none.
func (w *twins) claim() (c, d storage.Claim) {
	if len(w.claims) == 0 {
		return c, d
	}
	i := len(w.claims) - 1 - min(w.r.IntN(len(w.claims)), w.r.IntN(len(w.claims)))
	return w.claims[i][0], w.claims[i][1]
}

// step does one thing to both and returns their errors.
func (w *twins) step() (what string, err, want error) {
	ctx, now := w.t.Context(), time.Now().UTC()
	id := w.ids[w.r.IntN(len(w.ids))]
	ids := []uuid.UUID{id}
	if other := w.ids[w.r.IntN(len(w.ids))]; other != id {
		ids = append(ids, other)
	}
	c, d := w.claim()
	lease := []time.Duration{-time.Hour, 0, time.Hour}[w.r.IntN(3)]
	switch w.r.IntN(14) {
	case 0:
		list := w.jobs(false)
		got, err := w.ledger.Insert(ctx, list)
		wanted, want := w.simple.Insert(list, now)
		w.same("the answers of Insert", got, wanted)
		return "Insert", err, want
	case 1:
		list := w.jobs(false)
		got, err := w.ledger.Attempt(ctx, append(list, list[0]))
		w.same("the answers of Attempt", known(got...), known(w.simple.Attempt(append(list, list[0]), now)...))
		return "Attempt", err, nil
	case 2:
		w.simple.Refund(ids)
		return "Refund", w.ledger.Refund(ctx, ids), nil
	case 3:
		list := w.jobs(true)
		return "Settle", w.ledger.Settle(ctx, list), w.simple.Settle(list, now)
	case 4:
		var places []storage.Place
		for _, id := range ids {
			places = append(places, storage.Place{Job: id, Epoch: now.UnixMicro(), Sequence: w.r.Uint64N(1 << 40)})
		}
		w.simple.Published(w.ids[0], places)
		return "Published", w.ledger.Published(ctx, w.ids[0], places), nil
	case 5:
		n, err := w.ledger.Takeover(ctx, w.ids[0])
		w.same("the answer of Takeover", n, w.simple.Takeover(w.ids[0]))
		return "Takeover", err, nil
	case 6, 7, 8:
		j := w.job(false)
		got, c, err := w.ledger.Claim(ctx, j, lease)
		wanted, d, want := w.simple.Claim(j, lease, now)
		w.same("the answer of Claim", known(got), known(wanted))
		if err == nil && want == nil {
			w.claims = append(w.claims, [2]storage.Claim{c, d})
		}
		return "Claim", err, want
	case 9:
		got, err := w.ledger.Renew(ctx, c, lease, storage.Progress{Done: 1, Total: 2})
		wanted, want := w.simple.Renew(d, lease, storage.Progress{Done: 1, Total: 2}, now)
		w.same("the answer of Renew", known(got), known(wanted))
		return "Renew", err, want
	case 10:
		f := w.final()
		return "Finish", w.ledger.Finish(ctx, c, f), w.simple.Finish(d, f, now)
	case 11:
		refund := w.r.IntN(2) == 0
		return "Release", w.ledger.Release(ctx, c, refund, "r", "m"), w.simple.Release(d, refund, "r", "m")
	case 12:
		got, err := w.ledger.Cancel(ctx, id)
		wanted, want := w.simple.Cancel(id, now)
		w.same("the answer of Cancel", known(got), known(wanted))
		return "Cancel", err, want
	}
	got, err := w.ledger.Retry(ctx, id)
	wanted, want := w.simple.Retry(id)
	w.same("the answer of Retry", known(got), known(wanted))
	return "Retry", err, want
}

func (w *twins) same(what string, got, want any) {
	w.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Fatalf("%s (- simple, + ledger):\n%s", what, diff)
	}
}

// known returns jobs with their times that a clock gave made equal, and no bytes
// made nil.
func known(list ...storage.Job) []storage.Job {
	out := make([]storage.Job, len(list))
	for i, j := range list {
		for _, t := range []*time.Time{&j.Started, &j.Finished, &j.LeaseUntil} {
			if time.Since(*t) < 24*time.Hour {
				*t = time.UnixMicro(1)
			}
		}
		for _, b := range []*[]byte{&j.Envelope, &j.EnvelopeHash, &j.Outcome} {
			if len(*b) == 0 {
				*b = nil
			}
		}
		out[i] = j
	}
	return out
}

// compare reads everything.
func (w *twins) compare(when string) {
	w.t.Helper()
	for _, id := range w.ids {
		got, err := w.ledger.Get(w.t.Context(), id)
		want, missing := w.simple.Get(id)
		if (err == nil) != (missing == nil) {
			w.t.Fatalf("%s: get of job %s gave %v, not %v", when, id, err, missing)
		}
		w.same(when+": job "+id.String(), known(got), known(want))
	}
}
