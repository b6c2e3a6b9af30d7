package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/specstar-worker/worker/internal/caught"
	"github.com/specstar-worker/worker/jobs"
)

// flight is a batch on its way from the hand to its answers.
type flight struct {
	messages   []message
	deliveries []jobs.Delivery
	batch      jobs.Batch // nil when err says why there is none
	err        error
	pass       *pass
	begun      time.Time
	before     *flight       // that was taken before it, nil for none
	landed     chan struct{} // closed when every message is answered or waits again
}

// take takes the next messages and opens them as a batch. When there is nothing to
// take, or the gate lets nothing pass, it returns a channel that is closed when that has
// changed.
func (l *loop) take() (*flight, <-chan struct{}) {
	p, changed := l.gate.enter()
	if p == nil {
		return nil, changed
	}
	l.opening.Lock()
	defer l.opening.Unlock()
	ms, changed := l.hand.take(l.batch, l.batchBytes)
	if len(ms) == 0 {
		l.gate.leave(p, false)
		return nil, changed
	}
	f := &flight{messages: ms, pass: p, begun: time.Now(), before: l.last, landed: make(chan struct{})}
	f.deliveries = make([]jobs.Delivery, len(ms))
	for i, m := range ms {
		f.deliveries[i] = l.delivery(m)
	}
	f.err = caught.Call(func() error {
		f.batch = l.cfg.Executor.Open(f.deliveries)
		return nil
	})
	l.last = f
	return f, nil
}

// fly has a batch carried out and its messages answered.
func (l *loop) fly(work context.Context, f *flight) {
	defer l.share.end()
	defer l.gate.leave(f.pass, true)
	if l.kind != jobs.KindSave {
		l.gate.soon(f.pass)
	}
	keep := l.execute(work, f)
	l.land(f, keep)
	l.stats.inFlight.Add(int64(len(keep) - len(f.messages)))
}

// land ends a batch, of which some messages wait again.
func (l *loop) land(f *flight, keep []message) {
	l.opening.Lock()
	defer l.opening.Unlock()
	l.hand.settle(f.messages, keep)
	if f.batch != nil {
		f.batch.Close()
	}
	if f.before = nil; l.last == f {
		l.last = nil
	}
	close(f.landed)
}

// afterEarlier waits until the batches that were taken before have landed.
func (f *flight) afterEarlier() {
	if f.before != nil {
		<-f.before.landed
	}
}

// verdicts asks the executor and survives its panics.
func (f *flight) verdicts(ctx context.Context) (vs []jobs.Verdict, err error) {
	if f.err != nil {
		return nil, f.err
	}
	err = caught.Call(func() error {
		if vs = f.batch.Run(ctx); len(vs) != len(f.messages) {
			return errors.New("not every message was answered")
		}
		return nil
	})
	return vs, err
}
