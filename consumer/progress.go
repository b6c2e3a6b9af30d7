package consumer

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// progress knows which messages of a durable consumer are done, from its first
// delivery on.
type progress struct {
	mu         sync.Mutex
	deliveries uint64              // that came
	last       uint64              // number of the last of them, as the server counts
	highest    uint64              // place in the stream that was delivered
	open       map[uint64]struct{} // places whose jobs have not ended
	broken     bool                // another durable consumer counts, or the counting is not known
}

func newProgress() *progress { return &progress{open: make(map[uint64]struct{})} }

// came notes a delivery.
func (p *progress) came(at place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deliveries++
	p.last = max(p.last, at.delivery)
	p.highest = max(p.highest, at.sequence)
	p.open[at.sequence] = struct{}{}
}

// done notes that the job of a message has ended, which the ledger says.
func (p *progress) done(sequence uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, sequence)
}

// lose notes that deliveries may be counted anew.
func (p *progress) lose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = true
}

// bound returns the place in the stream below which every message of the durable
// consumer is done; false when nothing is, or when a delivery is missing, whose
// message could be any.
func (p *progress) bound() (uint64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken || p.deliveries == 0 || p.deliveries != p.last {
		return 0, false
	}
	end := p.highest + 1
	for at := range p.open {
		end = min(end, at)
	}
	return end, true
}

// sweep removes the messages whose jobs have ended from the stream at once: the
// server works acknowledgements off one by one, each synced to disk. Only the one
// who consumes alone may do so.
func (l *loop) sweep(ctx context.Context, js jetstream.JetStream, q QueueConfig) {
	end, ok := l.progress.bound()
	if !ok {
		return
	}
	stream, err := js.Stream(ctx, q.StreamName())
	if err != nil {
		return
	}
	// What is not removed waits for its acknowledgement, see settle.
	_ = stream.Purge(ctx, jetstream.WithPurgeSubject(l.subject(q)), jetstream.WithPurgeSequence(end))
}
