package sim

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/specstar-worker/worker/internal/fakebroker"
	"github.com/specstar-worker/worker/jobs"
)

// watched is the executor of a process, and what the process has in hand.
type watched struct {
	*jobs.Executor
	life *life

	mu     sync.Mutex
	held   map[uint64]*holding // by sequence
	paused time.Time           // when a job was last put off because of the store
	line   line
}

// holding is a message that was handed to the process.
type holding struct {
	id     string
	begun  bool
	paused bool // it was put off because of the store
}

func newWatched(x *jobs.Executor, l *life) *watched {
	return &watched{Executor: x, life: l, held: make(map[uint64]*holding)}
}

// Open implements consumer.Executor.
func (x *watched) Open(ds []jobs.Delivery) jobs.Batch {
	saves := x.life.world.savesOf(ds)
	x.mu.Lock()
	for _, d := range ds {
		if h := x.held[d.Sequence]; h != nil {
			h.begun = true
		}
	}
	number := x.line.open(ds, saves)
	x.mu.Unlock()
	return watchedBatch{x.Executor.Open(ds), x, ds, number}
}

// watchedBatch is a batch of a watched executor.
type watchedBatch struct {
	jobs.Batch
	executor *watched
	ds       []jobs.Delivery
	number   int
}

// Run implements jobs.Batch.
func (b watchedBatch) Run(ctx context.Context) []jobs.Verdict {
	x, ds := b.executor, b.ds
	verdicts := b.Batch.Run(ctx)
	x.endOf(b, verdicts)
	for i, v := range verdicts {
		x.life.world.note("%s: %s of %s, delivery %d: %s %s %v", x.life.name, v.Action, v.Text, ds[i].Number, v.State, v.Code, v.Err)
		if v.Action == jobs.ActionPause {
			x.putOff(ds[i].Sequence)
		}
	}
	return verdicts
}

// endOf notes that a batch has its verdicts. Where connections are well nothing but the
// process itself hands back what waits for the store, or gets it twice.
func (x *watched) endOf(b watchedBatch, verdicts []jobs.Verdict) {
	waits := make(map[uint64]bool)
	for i, v := range verdicts {
		waits[b.ds[i].Sequence] = v.Action == jobs.ActionPause && x.life.world.Theme == Outages
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.line.end(b.number, waits)
}

// putOff notes that the job of a message was put off because of the store.
func (x *watched) putOff(sequence uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.paused = time.Now()
	if h := x.held[sequence]; h != nil {
		h.paused = true
	}
}

// pausedWithin reports whether a job was put off in the last d.
func (x *watched) pausedWithin(d time.Duration) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return time.Since(x.paused) < d
}

// mustHoldNothing checks a process that ended in good order.
func (x *watched) mustHoldNothing() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for sequence, h := range x.held {
		x.life.world.violated("%s ended and did not hand back message %d, job %s (begun: %v)", x.life.name, sequence, h.id, h.begun)
	}
}

// saw is told what the broker does. It is called with the broker's lock held.
func (w *world) saw(e fakebroker.Event) {
	w.mu.Lock()
	l := w.lives[e.Conn]
	w.mu.Unlock()
	switch e.What {
	case fakebroker.Delivered:
		w.note("message %d, job %s, delivery %d, to %s", e.Sequence, e.ID, e.Delivery, e.Conn)
		if l != nil {
			l.executor.gets(e)
		}
	case fakebroker.Acked:
		w.note("message %d, job %s, is acknowledged", e.Sequence, e.ID)
		for _, other := range w.processes() {
			other.executor.loses(e.Sequence)
		}
	case fakebroker.HandedBack:
		w.note("message %d, job %s, is handed back by %s for %s", e.Sequence, e.ID, e.Conn, e.Delay)
		if l == nil {
			return
		}
		h := l.executor.loses(e.Sequence)
		if h != nil && h.paused {
			w.passOn(e.ID)
		}
		if h != nil && !h.begun && e.Delay > 0 && w.quiet() {
			w.violated("%s handed message %d back, whose job had not begun, for %s", e.Conn, e.Sequence, e.Delay)
		}
	case fakebroker.TimedOut:
		w.note("message %d, job %s, of %s, timed out", e.Sequence, e.ID, e.Conn)
		if l != nil {
			l.executor.loses(e.Sequence)
		}
		if w.quiet() {
			w.violated("message %d of %s waited for its AckWait", e.Sequence, e.Conn)
		}
	}
}

func (x *watched) gets(e fakebroker.Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.held[e.Sequence] = &holding{id: e.ID}
}

// passOn counts that a job was handed back which had been put off, by a message of it.
func (w *world) passOn(id string) {
	job, _, _ := strings.Cut(id, ":")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passedOn[job]++
}

// loses forgets a message and returns what was known of it; nil for one that is not held.
func (x *watched) loses(sequence uint64) *holding {
	x.mu.Lock()
	defer x.mu.Unlock()
	h := x.held[sequence]
	delete(x.held, sequence)
	x.line.leave(sequence)
	return h
}
