package consumer

import (
	"context"
	"maps"
	"slices"
	"sync"

	"go.uber.org/zap"

	"github.com/specstar-worker/worker/internal/caught"
	"github.com/specstar-worker/worker/jobs"
)

// burialsAtOnce is how many dead letters a loop may be publishing. With more its batches
// wait for one to be kept.
const burialsAtOnce = 64

// burials are the messages whose jobs are dead and whose letters are being published: the
// answer of the server may take seconds, in which other jobs go on. Until then nothing of
// the message is lost: it is not acknowledged.
type burials struct {
	running sync.WaitGroup

	mu   sync.Mutex
	open map[message]struct{}
}

// begin notes a message, unless too many are noted.
func (b *burials) begin(m message) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.open) >= burialsAtOnce {
		return false
	}
	if b.open == nil {
		b.open = make(map[message]struct{})
	}
	b.open[m] = struct{}{}
	return true
}

func (b *burials) end(m message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, m)
}

// all returns the messages, which are not to be forgotten by the server.
func (b *burials) all() []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.open))
}

// wait returns when all letters are kept, or their messages handed back.
func (b *burials) wait() { b.running.Wait() }

// burySoon publishes the letter of a dead job and acknowledges its message then, beside
// what the loop does next.
func (l *loop) burySoon(ctx context.Context, m message, v jobs.Verdict) {
	if !l.burials.begin(m) {
		l.buryNow(ctx, m, v)
		return
	}
	l.stats.inFlight.Add(1)
	l.burials.running.Go(func() {
		defer l.stats.inFlight.Add(-1)
		defer l.burials.end(m)
		l.buryNow(ctx, m, v)
	})
}

// buryNow publishes the letter of a dead job and acknowledges its message then.
func (l *loop) buryNow(ctx context.Context, m message, v jobs.Verdict) {
	err := caught.Call(func() error { return l.bury(context.WithoutCancel(ctx), *v.Letter) })
	if err == nil && v.Event != nil {
		err = l.publishEvent(ctx, v.Event)
	}
	if err != nil {
		l.log.Warn("dead letter or its event not published, will be retried", zap.String("job_id", v.Text), zap.Error(err))
		l.nak(m, letterDelay)
		return
	}
	l.stats.dead.Add(1)
	l.ack(ctx, m)
}
