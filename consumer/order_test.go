package consumer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// TestWorkersKeepTheOrderOfSaves has two workers race on few resources, with messages
// that are handed back: the newest value wins, and no older one comes into force behind
// a newer one.
func TestWorkersKeepTheOrderOfSaves(t *testing.T) {
	open := map[string]func(*testing.T) storage.Factory{"sqlite": stores["sqlite"], "postgres": func(t *testing.T) storage.Factory {
		f, err := postgres.Open(t.Context(), postgres.Config{DSN: pgtest.Database(t)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}}
	for name, open := range open {
		for _, numbered := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, numbered %v", name, numbered), func(t *testing.T) { racingWorkers(t, newWorld(t, open(t)), numbered) })
		}
	}
}

// handingBack hands about half of the messages back at first, some of them later than
// those that follow.
type handingBack struct {
	mu   sync.Mutex
	r    *rand.Rand
	seen map[string]bool
}

// later returns after how long a message is to come again, 0 for one that is done now.
func (h *handingBack) later(d jobs.Delivery) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen[d.MessageID] {
		return 0
	}
	h.seen[d.MessageID] = true
	return time.Duration(h.r.IntN(2)*(1+h.r.IntN(60))) * time.Millisecond
}

func (h *handingBack) around(x *jobs.Executor) consumer.Executor {
	return executorFunc{x, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
		vs := make([]jobs.Verdict, len(ds))
		var some []jobs.Delivery
		var places []int
		for i, d := range ds {
			if after := h.later(d); after > 0 {
				vs[i] = jobs.Verdict{Action: jobs.ActionRetry, After: after, Text: d.MessageID, Kind: jobs.KindSave}
				continue
			}
			some, places = append(some, d), append(places, i)
		}
		for i, v := range x.Execute(ctx, some) {
			vs[places[i]] = v
		}
		return vs
	}}
}

func racingWorkers(t *testing.T, w *world, numbered bool) {
	const resources, saves = 4, 30
	w.batch = 3
	w.executor = (&handingBack{r: rand.New(rand.NewPCG(28, 1)), seen: map[string]bool{}}).around
	w.start()
	w.start()
	r := rand.New(rand.NewPCG(28, 2))
	var envelopes []jobs.Envelope
	values := map[string]int{}
	for _, n := range r.Perm(resources * saves) {
		at, v := n%resources, n/resources
		if !numbered {
			v = values[fmt.Sprint(at)]
			values[fmt.Sprint(at)]++
		}
		o := manager.Operation{Op: manager.OpUpsert, ResourceID: resource.ID(fmt.Sprintf("p%d", at)), Data: fmt.Appendf(nil, `{"n":%d}`, v)}
		if numbered {
			o.Order = manager.Numbered(int64(v))
		}
		envelopes = append(envelopes, jobs.NewSave("person", "tester", o))
	}
	receipts := w.send(envelopes...)
	rows := w.wait(storage.JobDone, receipts...)
	superseded := 0
	for _, row := range rows {
		var ended struct{ Outcomes []manager.Outcome }
		if err := json.Unmarshal(row.Outcome, &ended); err != nil || len(ended.Outcomes) != 1 {
			t.Fatalf("the outcome is %s (%v)", row.Outcome, err)
		}
		if ended.Outcomes[0].Effect == manager.EffectSuperseded {
			superseded++
		}
	}
	if superseded == 0 {
		t.Fatal("no save came too late: the race did not happen")
	}
	revisions := 0
	for i := range resources {
		id := fmt.Sprintf("p%d", i)
		came := w.valuesOf(id)
		revisions += len(came)
		if !slices.IsSorted(came) || came[len(came)-1] != saves-1 {
			t.Errorf("the values of %s came into force as %v", id, came)
		}
	}
	if revisions+superseded != resources*saves {
		t.Errorf("%d revisions and %d superseded saves of %d", revisions, superseded, resources*saves)
	}
}
