package consumer

import (
	"context"
	"runtime"
	"slices"

	"github.com/specstar-worker/worker/jobs"
)

const (
	// DefaultBudgetBytes is what the messages in a process may take, in bytes.
	DefaultBudgetBytes = 64 << 20
	// minBudgetBytes has room for every loop to ask for the largest message.
	minBudgetBytes = 32 << 20
	// besideKeep is how many slots a second batch of a loop leaves to others.
	besideKeep = 2
	// minSlots has room for a long job beside the slot of saves.
	minSlots = 2
)

// Budget bounds what all loops of a process do at the same time: how many batches and
// long jobs run, and how many bytes of messages are in hand or asked for. Whoever
// waits longest gets first what becomes free, high lanes before normal and bulk ones.
// One slot is only for saves, so that long jobs never keep them waiting.
type Budget struct {
	slots, bytes *pool
}

// NewBudget returns a budget. slots is how many batches and long jobs run at most, 0
// for two for each processor, and at least 2; bytes bounds the messages, 0 for
// [DefaultBudgetBytes], and is at least 32 MiB.
func NewBudget(slots, bytes int) *Budget {
	if slots <= 0 {
		slots = 2 * runtime.GOMAXPROCS(0)
	}
	if bytes <= 0 {
		bytes = DefaultBudgetBytes
	}
	return &Budget{slots: &pool{free: max(slots, minSlots)}, bytes: &pool{free: max(bytes, minBudgetBytes)}}
}

// share is a loop's part in a budget.
type share struct {
	budget *Budget
	lane   int // 0 comes first
	keep   int // slots to leave for saves
}

func (b *Budget) share(d durable) share {
	s := share{budget: b, lane: slices.Index(jobs.Lanes(), d.lane)}
	if d.kind != jobs.KindSave {
		s.keep = 1
	}
	return s
}

// start waits for a slot; end gives it back.
func (s share) start(ctx context.Context) bool { return s.budget.slots.acquire(ctx, s.lane, 1, s.keep) }
func (s share) end()                           { s.budget.slots.release(1) }

// startBeside takes a slot for a batch beside another one of its loop if enough are left
// for the first ones of others, of which one may be a long job.
func (s share) startBeside() bool { return s.budget.slots.try(1, besideKeep) }

// startable waits until a slot is free and returns how many are, 0 when ctx ends
// before. They are not taken: what is asked for may not be there.
func (s share) startable(ctx context.Context) int {
	if !s.start(ctx) {
		return 0
	}
	n := 1 + s.budget.slots.left(s.keep)
	s.end()
	return max(1, n)
}

// reserve waits for room for n bytes of messages; free gives it back.
func (s share) reserve(ctx context.Context, n int) bool {
	return s.budget.bytes.acquire(ctx, s.lane, n, 0)
}
func (s share) free(n int) { s.budget.bytes.release(n) }
