package consumer

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/specstar-worker/worker/jobs"
)

// holdFor is how long messages in hand wait for a store that is down, so that
// they stay in order. Then they are handed back, since another worker may reach it.
const holdFor = 30 * time.Second

// loop pulls the messages of one durable consumer and has them carried out.
type loop struct {
	durable
	cfg   Config
	log   *zap.Logger
	stats *counters
	gate  *gate
	share share
	line  *line
	// former is up to which stream sequence a former owner may have been handed
	// messages.
	former uint64
	// wake, when not nil, is closed when there may be messages; before that there is
	// no durable consumer.
	wake <-chan struct{}

	// workers take up to batch messages each, of batchBytes; ahead may wait while they
	// are busy.
	workers, batch, batchBytes, ahead int
	// beside is how many messages are worth a batch beside another one, 0 for long jobs.
	beside int

	bind func(context.Context) (bound, error)
	// remake makes the streams when they are gone; nil when that is not allowed.
	remake func(context.Context) error
	bury   func(context.Context, jobs.Letter) error
	tell   func(context.Context, *jobs.Event) error

	from bound
	hand *hand
	// taker is held by the worker that takes the next batch. opening is held while
	// messages become a batch, and while they cease to be one: so batches are opened in
	// the order of their messages, and one knows those before it until they have settled.
	taker    chan struct{}
	opening  sync.Mutex
	last     *flight // the batch that was taken last
	progress *progress
	sleepers sleepers
	burials  burials
	telling  telling

	mu      sync.Mutex
	since   time.Time // since when the durable consumer cannot be reached, and why
	trouble error
}

// run pulls until pull ends and returns when the last job has ended. It returns
// what it could not recover from, nil when it was stopped or aborted.
func (l *loop) run(pull, work context.Context) error {
	l.hand, l.progress, l.taker = newHand(l.share.free, l.beside), newProgress(), make(chan struct{}, 1)
	if err := l.bindFirst(pull); err != nil || !l.isBound() {
		return err
	}
	workers, stop := context.WithCancel(pull)
	var wg sync.WaitGroup
	for range l.workers {
		wg.Go(func() { l.serve(workers, work) })
	}
	beats, quiet := context.WithCancel(context.WithoutCancel(work))
	var beat sync.WaitGroup
	every := l.from.ackWait / 3
	beat.Go(func() { l.beat(beats, every) })
	err := l.pump(pull)
	stop()
	if work.Err() == nil && l.gate.isOpen() {
		l.handBack()
	}
	// Otherwise what is being worked on comes back first, as it was sent first.
	wg.Wait()
	l.handBack()
	l.burials.wait()
	l.telling.wait()
	quiet()
	beat.Wait()
	return err
}

// pump asks for what can start now, again and again, until ctx ends.
func (l *loop) pump(ctx context.Context) error {
	for {
		l.gate.wait(ctx)
		n, bytes, changed := l.hand.room(l.workers, l.ahead, l.cfg.BatchSize)
		if ctx.Err() != nil {
			return nil
		}
		if n == 0 {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		if err := l.ask(ctx, n, bytes); err != nil {
			if err := l.recover(ctx, err); err != nil {
				return err
			}
		}
	}
}

// ask pulls at most n messages of bytes together, as many as the budget has room for.
func (l *loop) ask(ctx context.Context, n, bytes int) error {
	if l.ahead == 0 {
		n = min(n, l.share.startable(ctx))
		bytes = min(bytes, n*minFetchBytes)
	}
	if n == 0 || !l.share.reserve(ctx, bytes) { // the server would take 0 for 1
		return nil
	}
	begun, came, messages := time.Now(), 0, 0
	err := l.from.source.fetch(ctx, n, bytes, func(m message) {
		came += len(m.Data())
		messages++
		l.took(m)
	})
	l.cfg.Observer.Pulled(pullResult(n, bytes, messages, came, err), time.Since(begun))
	l.share.free(bytes - came)
	if errors.Is(err, errOversized) {
		return l.fetchOversized(ctx)
	}
	return err
}

// fetchOversized takes the next message whatever its size: it will be given up, and
// what waits behind it goes on. Only a stream that was made without a limit for one
// message, by an operator or by an earlier version, can hold one.
func (l *loop) fetchOversized(ctx context.Context) error {
	l.log.Warn("the next message is larger than a job may be; the stream should have max_msg_size", zap.Int("max_msg_size", maxMessage))
	pause(ctx, bindMin)
	if ctx.Err() != nil {
		return nil
	}
	return l.from.source.fetch(ctx, 1, 0, func(m message) {
		l.share.free(-len(m.Data())) // more than there is, once
		l.took(m)
	})
}

// took keeps a message that came.
func (l *loop) took(m message) {
	l.stats.fetched.Add(1)
	l.stats.inFlight.Add(1)
	l.hand.put(m)
}

// serve takes messages and has them carried out, until ctx ends.
func (l *loop) serve(ctx, work context.Context) {
	for ctx.Err() == nil {
		f, changed := l.next(ctx)
		if f != nil {
			l.fly(work, f)
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// next takes the next batch once there is a slot and its turn has come. When there is
// none, or the gate lets none pass, it returns a channel that is closed when that has
// changed.
func (l *loop) next(ctx context.Context) (*flight, <-chan struct{}) {
	select {
	case l.taker <- struct{}{}:
		defer func() { <-l.taker }()
	case <-ctx.Done():
		return nil, ctx.Done()
	}
	if !l.hold(ctx) {
		return nil, ctx.Done()
	}
	started, changed := l.start(ctx)
	if !started {
		return nil, changed
	}
	f, changed := l.take()
	if f == nil {
		l.share.end()
	}
	return f, changed
}

// start waits for a slot when there is something to take. A batch of saves beside
// another one must be worth it, and leave slots for other loops.
func (l *loop) start(ctx context.Context) (bool, <-chan struct{}) {
	there, batches, changed := l.hand.load()
	if l.beside > 0 && batches > 0 {
		return there == loadFull && l.share.startBeside(), changed
	}
	return there != loadNone && l.share.start(ctx), changed
}

// hold waits until the store answers, with the messages in hand for a while,
// then without. It returns false when ctx has ended.
func (l *loop) hold(ctx context.Context) bool {
	with, cancel := context.WithTimeout(ctx, holdFor)
	defer cancel()
	if !l.gate.wait(with) && ctx.Err() == nil {
		l.handBack()
		l.gate.wait(ctx)
	}
	return ctx.Err() == nil
}

// beat tells the server that the messages in hand are not forgotten.
func (l *loop) beat(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, m := range slices.Concat(l.hand.all(), l.burials.all(), l.telling.all()) {
			// A lost beat is made good by the next; two fit into AckWait.
			_ = m.InProgress()
		}
	}
}
