package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/jobs"
)

// counters count what a loop did since the consumer was made.
type counters struct {
	fetched, acked, retried, paused, dead, handedBack, inFlight, ackFailed, rebinds, silent, batches, busy atomic.Int64
}

func (c *counters) observe(took time.Duration) {
	c.batches.Add(1)
	c.busy.Add(int64(took))
}

// Stats are the counts of one lane and kind since the consumer was made.
type Stats struct {
	Lane jobs.Lane
	Kind jobs.Kind
	// Fetched messages came from the server; Acked ones are done with, Retried ones
	// are handed out again, Paused ones were kept because the store was down, Dead
	// ones became dead letters, HandedBack ones had not begun when consuming stopped
	// or the store was down for long.
	Fetched, Acked, Retried, Paused, Dead, HandedBack int64
	// AckFailed acknowledgements were not sent, or not confirmed where that is asked for;
	// their messages come again.
	AckFailed int64
	// InFlight messages are in hand now.
	InFlight int64
	// Rebinds counts failed tries to reach the durable consumer.
	Rebinds int64
	// Silent counts pulls that were lost: the server did not show that it knew of them.
	Silent int64
	// Batches is how many batches were carried out, Busy how long they took together;
	// some run at the same time.
	Batches int64
	Busy    time.Duration
}

// Stats returns the counts of every lane and kind that is consumed.
func (c *Consumer) Stats() []Stats {
	var all []Stats
	for _, d := range c.cfg.consumed() {
		n := c.stats[d]
		s := Stats{
			Lane: d.lane, Kind: d.kind,
			Fetched: n.fetched.Load(), Acked: n.acked.Load(), Retried: n.retried.Load(), Paused: n.paused.Load(),
			Dead: n.dead.Load(), AckFailed: n.ackFailed.Load(), HandedBack: n.handedBack.Load(), Rebinds: n.rebinds.Load(), Silent: n.silent.Load(),
			Batches: n.batches.Load(), Busy: time.Duration(n.busy.Load()), InFlight: n.inFlight.Load(),
		}
		all = append(all, s)
	}
	return all
}

// Depth is how much of a lane and kind waits in the queue.
type Depth struct {
	Lane jobs.Lane
	Kind jobs.Kind
	// Pending messages were not handed out yet; Unacked ones are being worked on or
	// wait for their next attempt.
	Pending, Unacked int64
}

// Depths asks the server how much waits. Without a queue, or for a durable
// consumer that is not there, nothing is returned.
func (c *Consumer) Depths(ctx context.Context) ([]Depth, error) {
	if c.cfg.js() == nil {
		return nil, nil
	}
	var all []Depth
	for _, d := range durables() {
		cons, err := c.cfg.js().Consumer(ctx, c.cfg.Queue.StreamName(), d.name())
		if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("depth of %s: %w", d.name(), err)
		}
		info := cons.CachedInfo()
		all = append(all, Depth{Lane: d.lane, Kind: d.kind, Pending: int64(info.NumPending), Unacked: int64(info.NumAckPending)})
	}
	return all, nil
}

// headerText makes text fit for a header line.
func headerText(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return strings.ToValidUTF8(s[:min(len(s), 2048)], "")
}
