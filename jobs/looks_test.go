package jobs_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// TestOneLooksForAll: of several workers one looks for jobs whose time has come; the
// others go on when it has died, or fails.
func TestOneLooksForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers, minutes = 8, 10
		var fleet []*looker
		for range workers {
			fleet = append(fleet, &looker{heard: make(chan struct{}, 1), fleet: &fleet})
		}
		looks := func() (n int64) {
			for _, l := range fleet {
				n += l.looks.Load()
			}
			return n
		}
		ctx, stop := context.WithCancel(t.Context())
		ends := make(map[*looker]context.CancelFunc)
		for _, l := range fleet {
			var one context.Context
			one, ends[l] = context.WithCancel(ctx)
			go (&jobs.Reconciler{Ledger: l, Publisher: epochOnly{}, Others: l}).Release(one)
		}
		time.Sleep(minutes * time.Minute)
		// One look a second, and one of each worker in half a minute.
		if n := looks(); n < 60*minutes || n > 90*minutes {
			t.Errorf("%d workers looked %d times in %d seconds", workers, n, 60*minutes)
		}
		most := fleet[0]
		for _, l := range fleet {
			if l.looks.Load() > most.looks.Load() {
				most = l
			}
		}
		ends[most]()
		before := looks()
		time.Sleep(2 * time.Second)
		if looks() == before {
			t.Error("nobody looks since one has ended")
		}
		for _, l := range fleet[:workers/2] {
			l.fails.Store(true)
		}
		before = looks()
		time.Sleep(time.Minute)
		if n := looks() - before; n < 50 {
			t.Errorf("%d looks in a minute while half of the workers cannot", n)
		}
		stop()
		synctest.Wait()
	})
}

// looker is the ledger of one worker of a fleet, and what it tells the others.
type looker struct {
	storage.Ledger
	heard chan struct{}
	fleet *[]*looker
	looks atomic.Int64
	fails atomic.Bool
}

func (l *looker) Due(context.Context, int) ([]storage.Job, error) {
	l.looks.Add(1)
	if l.fails.Load() {
		return nil, errors.New("it is away")
	}
	return nil, nil
}

func (l *looker) Heard() <-chan struct{} { return l.heard }

func (l *looker) Looked() {
	for _, o := range *l.fleet {
		if o == l {
			continue
		}
		select {
		case o.heard <- struct{}{}:
		default:
		}
	}
}
