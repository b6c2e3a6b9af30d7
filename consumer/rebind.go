package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
)

// Delays between two tries to bind, and how long one may take: together short enough
// that a loop which asked just before a new leader was there goes on within 2 s. The
// first one may take longer: it may have a durable consumer be made. A stream must be
// missing streamMissing times before it is made anew: a server that restarts or elects a
// leader may not know it for a moment. What lasts is told every tellEvery.
const (
	bindMin       = 250 * time.Millisecond
	bindMax       = 500 * time.Millisecond
	bindWait      = time.Second
	bindFirstWait = 4 * time.Second
	streamMissing = 3
	remakeWait    = 4 * time.Second
	tellEvery     = 30 * time.Second
)

// A connection on which redialAfter tries in a row get no answer is dialled anew, at
// most every redialEvery: it may be dead though it looks open.
const (
	redialAfter = 5
	redialEvery = 10 * time.Second
)

// rebind looks the durable consumer up once.
func (l *loop) rebind(ctx context.Context) (err error) {
	l.from, err = l.bind(ctx)
	l.sleepers.bind(l.from.pending)
	return err
}

// recover brings the loop back after a failed pull. Its error is final: a setting that
// holds jobs back. A queue that is away or gone may come back.
func (l *loop) recover(ctx context.Context, err error) error {
	if l.line.ended(err) {
		return fmt.Errorf("durable consumer %s: %w", l.name(), err)
	}
	if errors.Is(err, errSilent) {
		l.stats.silent.Add(1)
	}
	l.log.Debug("pull ended early", zap.Error(err))
	l.progress.lose()
	missing, unanswered, told := 0, 0, time.Time{}
	for d := bindMin; ; d = min(2*d, bindMax) {
		pause(ctx, d)
		if ctx.Err() != nil {
			return nil
		}
		err := l.rebindWithin(ctx, bindWait)
		l.note(err)
		if err == nil {
			return nil
		}
		l.stats.rebinds.Add(1)
		if time.Since(told) > tellEvery {
			told = time.Now()
			l.log.Warn("cannot reach the durable consumer, will be retried", zap.Error(err))
		}
		if missing = countIf(missing, errors.Is(err, jetstream.ErrStreamNotFound)); missing >= streamMissing && l.remake != nil {
			l.remakeWithin(ctx, remakeWait)
		}
		if unanswered = countIf(unanswered, isUnanswered(err)); unanswered >= redialAfter && l.line.redial() {
			l.log.Warn("the queue does not answer, its connection is made anew")
			unanswered = 0
		}
		_, wrong := errors.AsType[*settingError](err)
		if wrong || l.line.ended(err) {
			return err
		}
	}
}

// countIf counts what happens in a row.
func countIf(n int, again bool) int {
	if !again {
		return 0
	}
	return n + 1
}

// isUnanswered reports whether nothing came back: the connection may be dead.
func isUnanswered(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout)
}

func (l *loop) rebindWithin(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return l.rebind(ctx)
}

// remakeWithin makes the streams that are gone, or says why not: another try follows.
func (l *loop) remakeWithin(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	if err := l.remake(ctx); err != nil {
		l.note(fmt.Errorf("make the streams that are gone: %w", err))
		return
	}
	l.log.Warn("the streams were gone and are made anew; jobs that only they had are lost")
}

// note remembers since when the durable consumer cannot be reached, and why.
func (l *loop) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trouble == nil {
		l.since = time.Now()
	}
	l.trouble = err
}

// unreachable returns what note remembered.
func (l *loop) unreachable() (time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.since, l.trouble
}

// line is the connection that the loops of a consumer share; nil where there is none.
type line struct {
	link Link

	mu   sync.Mutex
	last time.Time // when it was dialled anew
}

// ended reports whether err means that there will be no connection any more. The
// library says "connection closed" of one that it makes anew as well, to whoever
// waited for an answer on it.
func (n *line) ended(err error) bool {
	return errors.Is(err, nats.ErrConnectionClosed) && (n == nil || n.link.IsClosed())
}

// redial makes the connection anew unless that is being done or was just done, and
// returns whether it did.
func (n *line) redial() bool {
	if n == nil || !n.link.IsConnected() {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if time.Since(n.last) < redialEvery {
		return false
	}
	n.last = time.Now()
	return n.link.ForceReconnect() == nil
}
