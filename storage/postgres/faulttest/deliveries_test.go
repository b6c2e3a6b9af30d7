package faulttest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage/postgres"
)

// queue hands out messages until each was acknowledged.
type queue struct {
	mu       sync.Mutex
	random   *rand.Rand
	waiting  []message
	out      int // messages that workers have
	kills    map[death]int
	repeated int // messages that were handed out again
}

// newQueue holds every job twice, the twins near to each other.
func newQueue(n int) *queue {
	q := &queue{random: rand.New(rand.NewPCG(1, 2)), kills: map[death]int{}}
	for i := range n {
		q.waiting = append(q.waiting, message{i, 1}, message{i, 1})
	}
	for i := range q.waiting {
		k := min(i+q.random.IntN(200), len(q.waiting)-1)
		q.waiting[i], q.waiting[k] = q.waiting[k], q.waiting[i]
	}
	return q
}

// take hands out a batch; ok is false when everything is done.
func (q *queue) take(size int) (o order, ok bool) {
	for {
		q.mu.Lock()
		if len(q.waiting) == 0 && q.out == 0 {
			q.mu.Unlock()
			return o, false
		}
		if n := min(size, len(q.waiting)); n > 0 {
			o.Messages, q.waiting = q.waiting[:n:n], q.waiting[n:]
			q.out += n
			o.Die = [10]death{0: beforeCommit, 1: beforeAck}[q.random.IntN(10)]
			q.mu.Unlock()
			return o, true
		}
		q.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
}

// give takes back those of an order that are not acknowledged.
func (q *queue) give(o order, actions []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out -= len(o.Messages)
	for i, m := range o.Messages {
		if i < len(actions) && actions[i] == "ack" {
			continue
		}
		m.Number++
		q.repeated++
		q.waiting = append(q.waiting, m)
	}
}

// TestDeliveredTwiceHasOneEffect delivers every job twice at about the same time to
// workers that die before COMMIT, or after it without acknowledging.
func TestDeliveredTwiceHasOneEffect(t *testing.T) {
	t.Parallel()
	for _, size := range either([]int{40}, []int{40, 100, 500}) {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) {
			dsn := pgtest.Database(t)
			f := open(t, postgres.Config{DSN: dsn})
			n := either(1500, 20_000)
			q := newQueue(n)
			var wg sync.WaitGroup
			for range either(4, 8) {
				wg.Go(func() { q.work(t, role{Name: "serve", DSN: dsn, Resources: 300, Goroutines: 4}, size) })
			}
			wg.Wait()
			h, err := readHistory(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			all := map[uuid.UUID]bool{}
			for i := range n {
				all[message{Job: i}.jobID()] = true
			}
			if err := h.check(t.Context(), f, all); err != nil || len(h.Effects) != n {
				t.Errorf("%d jobs, %d have effects: %v", n, len(h.Effects), err)
			}
			if q.kills[beforeCommit] == 0 || q.kills[beforeAck] == 0 {
				t.Errorf("kills: %v", q.kills)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			c := countersOf(t, dsn)
			if c.Deadlocks > 0 {
				t.Errorf("%d deadlocks", c.Deadlocks)
			}
			t.Logf("%d jobs delivered twice, %d messages again, %d effects, %d revisions, kills %v, %d rollbacks, %d deadlocks",
				n, q.repeated, len(h.Effects), h.Revisions, q.kills, c.Rollbacks, c.Deadlocks)
		})
	}
}

// work keeps one worker busy, and starts it again when it has died.
func (q *queue) work(t *testing.T, r role, size int) {
	w := start(t, r)
	for {
		o, ok := q.take(size)
		if !ok {
			break
		}
		told, err := json.Marshal(o)
		if err == nil {
			_, err = w.in.Write(append(told, '\n'))
		}
		if err != nil {
			t.Error(err)
			q.give(o, nil)
			return
		}
		var actions []string
		if w.lines.Scan() {
			if err := json.Unmarshal(w.lines.Bytes(), &actions); err != nil {
				t.Error(err)
			}
		} else {
			if err := w.cmd.Wait(); o.Die == never {
				t.Errorf("a worker ended by itself: %v: %s", err, w.said.String())
			}
			q.mu.Lock()
			q.kills[o.Die]++
			q.mu.Unlock()
			w = start(t, r)
		}
		q.give(o, actions)
	}
	_ = w.in.Close()
	if err := w.cmd.Wait(); err != nil {
		t.Errorf("a worker failed: %v: %s", err, w.said.String())
	}
}
