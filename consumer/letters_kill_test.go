package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// durableStores are those that a job can die in and be found again.
var durableStores = map[string]func(*testing.T) storage.Factory{
	"sqlite": stores["sqlite"],
	"postgres": func(t *testing.T) storage.Factory {
		f, err := postgres.Open(t.Context(), postgres.Config{DSN: pgtest.Database(t)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	},
}

// doomed fails every save of a resource whose id begins with x.
type doomed struct{ jobs.Saver }

func (s doomed) SaveJobs(ctx context.Context, model string, js []manager.SaveJob) ([]manager.SaveJobOutcome, error) {
	for _, j := range js {
		if strings.HasPrefix(string(j.Operations[0].ResourceID), "x") {
			return nil, errTest
		}
	}
	return s.Saver.SaveJobs(ctx, model, js)
}

// TestRowsAndLettersAreOneToOneWhateverIsKilled kills workers between the row of a dead
// job, its letter and the acknowledgement of its message, and at any other moment, while
// somebody has dead jobs tried again and drops some. Then one worker and one keeper must
// put everything right.
func TestRowsAndLettersAreOneToOneWhateverIsKilled(t *testing.T) {
	for name, open := range durableStores {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, open(t))
			w.ackWait = 500 * time.Millisecond
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			k := killer{world: w, random: rand.New(rand.NewPCG(seed, 0)), dropped: map[uuid.UUID]bool{}}
			for round := range 8 {
				k.round(round)
			}
			k.rest()
		})
	}
}

// killer kills the workers of a world.
type killer struct {
	*world
	random  *rand.Rand
	sent    []jobs.Receipt
	dropped map[uuid.UUID]bool
}

// round lets a worker begin with some jobs of which most will die, and kills it.
func (k *killer) round(n int) {
	var worker atomic.Pointer[nats.Conn]
	kill, killed := k.trigger(&worker)
	moment := k.random.IntN(3)
	k.executor = func(x *jobs.Executor) consumer.Executor {
		x.Saver = doomed{x.Saver}
		return executorFunc{x, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			vs := x.Execute(ctx, ds)
			for _, v := range vs {
				if moment == 0 && v.Action == jobs.ActionBury {
					kill() // the row is there, the letter is not
				}
			}
			return vs
		}}
	}
	var saves []jobs.Envelope
	for i := range 3 {
		saves = append(saves, k.create(fmt.Sprintf("x%d-%d", n, i)))
	}
	k.sent = append(k.sent, k.send(append(saves, k.create(fmt.Sprintf("good%d", n)))...)...)
	after := time.Duration(k.random.IntN(300)) * time.Millisecond
	h, nc := k.start(func(c *consumer.Config) { worker.Store(c.JetStream.Conn()) })
	watch := k.connect()
	if _, err := watch.Subscribe("specstar.test.dead.>", func(*nats.Msg) {
		if moment == 1 {
			kill() // the letter is there, its acknowledgement is on its way
		}
	}); err != nil {
		k.t.Fatal(err)
	}
	if moment == 2 {
		time.AfterFunc(after, kill)
	}
	k.operate()
	select {
	case <-killed:
	case <-time.After(3 * time.Second): // everything was done before
	}
	nc.Close()
	h.Abort(errTest)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _ = h.Join(ctx); ctx.Err() != nil {
		k.t.Fatal("a killed worker does not end")
	}
}

// trigger returns what cuts a worker off, any number of times, and what is closed then.
func (k *killer) trigger(worker *atomic.Pointer[nats.Conn]) (kill func(), killed chan struct{}) {
	killed = make(chan struct{})
	var once sync.Once
	return func() {
		once.Do(func() {
			worker.Load().Close()
			close(killed)
		})
	}, killed
}

// operate does to some dead jobs what an operator may.
func (k *killer) operate() {
	l := k.factory.Ledger()
	for _, id := range k.deadIDs() {
		var err error
		switch k.random.IntN(4) {
		case 0:
			_, err = k.operator().Retry(k.t.Context(), id)
		case 1: // and dies before the letter is removed
			_, err = l.Retry(k.t.Context(), id)
		case 2:
			_, err = k.operator().Drop(k.t.Context(), id)
			k.dropped[id] = true
		}
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			k.t.Fatal(err)
		}
	}
}

// rest lets a last worker end everything.
func (k *killer) rest() {
	k.executor = func(x *jobs.Executor) consumer.Executor {
		x.Saver = doomed{x.Saver}
		return x
	}
	k.start()
	r := &jobs.Reconciler{Ledger: k.factory.Ledger(), Publisher: k.sender}
	var open map[storage.JobState]int64
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(500 * time.Millisecond) {
		_, err := r.Pass(k.t.Context())
		if err == nil {
			open, err = k.factory.Ledger().Count(k.t.Context(), storage.JobQueued, storage.JobRunning)
		}
		if err == nil && len(open) == 0 {
			break
		}
		if time.Now().After(deadline) {
			k.t.Fatalf("jobs have not ended: %v, %v", open, err)
		}
	}
	k.drained(jobs.LaneNormal, jobs.KindSave)
	k.t.Logf("mended %+v", k.mended(k.keeper()))
	dead := 0
	for _, r := range k.sent {
		row, err := k.factory.Ledger().Get(k.t.Context(), r.ID)
		switch {
		case errors.Is(err, storage.ErrNotFound) && k.dropped[r.ID]:
		case err != nil || row.State != storage.JobDead && row.State != storage.JobDone:
			k.t.Errorf("job %s is %s, %v", r.Text, row.State, err)
		case row.State == storage.JobDead:
			dead++
		}
	}
	if n := len(k.letters()); n != dead || dead == 0 {
		k.t.Errorf("%d letters of %d dead jobs", n, dead)
	}
}
