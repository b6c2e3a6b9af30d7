package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// TestAPanicOfTheDecoderIsTheMessages: it makes a dead letter, and others of the batch are
// done.
func TestAPanicOfTheDecoderIsTheMessages(t *testing.T) {
	b := newBench()
	bad := save("bad", 1)
	b.DecodeWith(func(contentType string, message []byte) (jobs.Envelope, error) {
		if bytes.Equal(message, bad.Body) {
			panic("no message of mine")
		}
		return jobs.DecodeAs(contentType, message)
	})
	v := b.expect(t, []string{"ack", "bury", "ack"}, save("a", 1), bad, save("c", 1))[1]
	if p, ok := errors.AsType[*jobs.PanicError](v.Err); !ok || len(p.Stack) == 0 || v.Code != jobs.CodeEnvelope || v.Letter == nil {
		t.Fatalf("%+v", v)
	}
	row := b.row(t, "job-bad")
	if row.State != storage.JobDead || !bytes.Equal(row.Envelope, bad.Body) || jobs.DeathOf(row).Class != jobs.DiedUndecodable {
		t.Fatalf("%+v", row)
	}
	if n, _ := b.written(t, "c"); n != 1 {
		t.Fatalf("the save behind it was applied %d times", n)
	}
}

// TestAPanicOfTheHeartbeatIsTheJobs: it fails the attempt and not the process.
func TestAPanicOfTheHeartbeatIsTheJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		cfg := b.Config
		cfg.Ledger = unrenewable{b.factory.Ledger()}
		b.Executor = jobs.NewExecutor(cfg)
		b.load = func(ctx context.Context, _ func(storage.Progress)) error {
			<-ctx.Done()
			return ctx.Err()
		}
		v := b.expect(t, []string{"retry"}, loadDelivery("l"))[0]
		p, ok := errors.AsType[*jobs.PanicError](v.Err)
		if !ok || p.Value != "no lease of mine" || len(p.Stack) == 0 || v.Attempt != 1 || v.Code != jobs.CodePanic {
			t.Fatalf("%+v", v)
		}
	})
}

type unrenewable struct{ storage.Ledger }

func (unrenewable) Renew(context.Context, storage.Claim, time.Duration, storage.Progress) (storage.Job, error) {
	panic("no lease of mine")
}

// TestAPanicOfAPassIsItsError: what looks after the ledger goes on.
func TestAPanicOfAPassIsItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := unlistable{newBench().factory.Ledger()}
		passes, looks, comparisons := 0, 0, 0
		count := func(n *int) func(int, error) {
			return func(_ int, err error) {
				if _, is := errors.AsType[*jobs.PanicError](err); is {
					*n++
				}
			}
		}
		r := jobs.Reconciler{Ledger: l, Publisher: epochOnly{}, Report: count(&passes), Released: count(&looks)}
		k := jobs.LetterKeeper{Ledger: l, Report: func(_ jobs.Mended, err error) { count(&comparisons)(0, err) }}
		go r.Run(ctx)
		go k.Run(ctx)
		time.Sleep(5 * time.Minute)
		cancel()
		synctest.Wait()
		if passes < 2 || looks < 2 || comparisons < 2 {
			t.Fatalf("%d passes, %d looks and %d comparisons went on", passes, looks, comparisons)
		}
	})
}

type unlistable struct{ storage.Ledger }

func (unlistable) List(context.Context, storage.JobFilter) iter.Seq2[storage.Job, error] {
	panic("no list of mine")
}

func (unlistable) Due(context.Context, int) ([]storage.Job, error) { panic("no time of mine") }

func (unlistable) Count(context.Context, ...storage.JobState) (map[storage.JobState]int64, error) {
	panic("no number of mine")
}

type epochOnly struct{ jobs.Publisher }

func (epochOnly) Epoch(context.Context) (int64, error) { return 1, nil }
func (epochOnly) Queue() uuid.UUID                     { return uuid.Nil }
