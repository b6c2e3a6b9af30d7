package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// faultySaver fails batches that hold a given resource.
type faultySaver struct {
	jobs.Saver
	poison string
	fault  func() error

	mu    sync.Mutex
	sizes []int // of the batches that held the poison
}

func (s *faultySaver) SaveJobs(ctx context.Context, model string, js []manager.SaveJob) ([]manager.SaveJobOutcome, error) {
	held := slices.ContainsFunc(js, func(j manager.SaveJob) bool {
		return string(j.Operations[0].ResourceID) == s.poison
	})
	if held {
		s.mu.Lock()
		s.sizes = append(s.sizes, len(js))
		s.mu.Unlock()
		if err := s.fault(); err != nil {
			return nil, err
		}
	}
	return s.Saver.SaveJobs(ctx, model, js)
}

// withSaver puts a faulty saver below the executor.
func (w *world) withSaver(s *faultySaver) {
	w.executor = func(x *jobs.Executor) consumer.Executor {
		s.Saver = x.Saver
		x.Saver = s
		return x
	}
}

func TestPoisonFailsAloneAndDies(t *testing.T) {
	for name, fault := range map[string]func() error{
		"error": func() error { return errTest },
		"panic": func() error { panic("poison") },
	} {
		t.Run(name, func(t *testing.T) {
			onEveryStore(t, func(t *testing.T, w *world) {
				saver := &faultySaver{poison: "p3", fault: fault}
				w.withSaver(saver)
				var saves []jobs.Envelope
				for i := range 10 {
					saves = append(saves, w.create(fmt.Sprintf("p%d", i)))
				}
				rs := w.send(saves...)
				w.start()
				good := slices.Delete(slices.Clone(rs), 3, 4)
				w.wait(storage.JobDone, good...)
				row := w.wait(storage.JobDead, rs[3])[0]
				if row.Attempt != jobs.DefaultMaxAttempts || len(row.Envelope) == 0 {
					t.Fatalf("row: attempt %d, %d bytes of envelope", row.Attempt, len(row.Envelope))
				}
				w.drained(jobs.LaneNormal, jobs.KindSave)
				ls := w.letters()
				if len(ls) != 1 || ls[0].Header.Get("Specstar-Job") != rs[3].Text {
					t.Fatalf("letters: %+v", ls)
				}
				for _, r := range good {
					if r.Err != nil {
						t.Fatal(r.Err)
					}
				}
			})
		})
	}
}

func TestDeadJobIsRetriedOnRequest(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		var cured atomic.Bool
		w.withSaver(&faultySaver{poison: "p1", fault: func() error {
			if cured.Load() {
				return nil
			}
			return errTest
		}})
		w.start()
		rs := w.send(w.create("p1"))
		w.wait(storage.JobDead, rs...)
		cured.Store(true)
		row, err := w.operator().Retry(t.Context(), rs[0].ID)
		if err != nil || row.ID != rs[0].ID {
			t.Fatalf("Retry = %+v, %v", row, err)
		}
		w.wait(storage.JobDone, rs...)
		if n := w.revisions("p1"); n != 1 {
			t.Fatalf("p1 has %d revisions", n)
		}
	})
}

func TestOutageUsesNoAttemptAndStopsPulling(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		var down atomic.Bool
		var calls atomic.Int64
		down.Store(true)
		saver := &faultySaver{poison: "p0", fault: func() error {
			calls.Add(1)
			if down.Load() {
				return fmt.Errorf("disk full: %w", storage.ErrUnavailable)
			}
			return nil
		}}
		probed := make(chan struct{}, 100)
		w.executor = func(x *jobs.Executor) consumer.Executor {
			saver.Saver = x.Saver
			x.Saver = saver
			return probing{x, &down, probed}
		}
		w.start()
		rs := w.send(w.create("p0"))
		for range 2 {
			<-probed
		}
		if n := calls.Load(); n != 1 {
			t.Fatalf("the store was written to %d times during the outage", n)
		}
		down.Store(false)
		row := w.wait(storage.JobDone, rs...)[0]
		if row.Attempt > 1 {
			t.Fatalf("%d attempts were counted", row.Attempt)
		}
	})
}

// probing answers probes by a flag.
type probing struct {
	*jobs.Executor
	down   *atomic.Bool
	probed chan struct{}
}

func (p probing) Probe(context.Context) error {
	select {
	case p.probed <- struct{}{}:
	default:
	}
	if p.down.Load() {
		return storage.ErrUnavailable
	}
	return nil
}

func TestLetterOfADeadRowIsPublishedAgain(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	save := w.create("p1")
	rs := w.send(save)
	body, err := save.Encode()
	if err != nil {
		t.Fatal(err)
	}
	// The process died between the row and the letter.
	err = w.factory.Ledger().Settle(t.Context(), []storage.Job{{
		ID: rs[0].ID, Text: rs[0].Text, Kind: "save", State: storage.JobDead, Envelope: body, ErrorCode: jobs.CodeFailed,
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	w.drained(jobs.LaneNormal, jobs.KindSave)
	w.oneToOne()
	if ls := w.letters(); len(ls) != 1 || string(ls[0].Data) != string(body) {
		t.Fatalf("letters: %+v", ls)
	}
}

func TestCancelledSaveIsDropped(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		save := w.create("p1")
		body, err := save.Encode()
		if err != nil {
			t.Fatal(err)
		}
		id := jobs.ID(w.factory.ID(), save.ID)
		l := w.factory.Ledger()
		if _, err := l.Insert(t.Context(), []storage.Job{{ID: id, Text: save.ID, Kind: "save", State: storage.JobQueued, Envelope: body}}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		w.send(save)
		w.start()
		w.drained(jobs.LaneNormal, jobs.KindSave)
		if _, err := w.catalog.Open(t.Context(), "person"); err == nil && w.revisions("p1") != 0 {
			t.Fatal("a cancelled save took effect")
		} else if err != nil && !errors.Is(err, storage.ErrNotFound) {
			t.Fatal(err)
		}
	})
}
