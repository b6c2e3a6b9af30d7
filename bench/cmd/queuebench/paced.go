package main

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
)

// pace calls submit for 0, 1, 2, … n-1 at a rate, each in a goroutine of its own, and
// returns when each was called.
func pace(ctx context.Context, n, rate int, submit func(context.Context, int) error) ([]time.Time, error) {
	since := make([]time.Time, n)
	g, gctx := errgroup.WithContext(ctx)
	begin := time.Now()
	for i := range n {
		due := begin.Add(time.Duration(i) * time.Second / time.Duration(rate))
		select {
		case <-time.After(time.Until(due)):
		case <-gctx.Done():
			return nil, errors.Join(g.Wait(), ctx.Err())
		}
		since[i] = time.Now()
		g.Go(func() error { return submit(gctx, i) })
	}
	return since, g.Wait()
}

// paceQueue returns how long each of the paced jobs took from being submitted to being
// committed, in seconds.
func (b *alone) paceQueue(ctx context.Context, t *store, always bool) (_ []float64, err error) {
	envelopes := b.envelopes(b.pacedJobs(), 1)
	q, err := startQueue(ctx, t, always, envelopes)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, q.stop(ctx)) }()
	since, err := pace(ctx, len(envelopes), b.rate, func(ctx context.Context, i int) error {
		_, err := q.submitter.Submit(ctx, envelopes[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := q.wait(ctx); err != nil {
		return nil, err
	}
	return q.committed.done.latencies(since), nil
}

// paceRiver is paceQueue with River.
func (b *alone) paceRiver(ctx context.Context, t *store) (_ []float64, err error) {
	done := newArrivals(b.pacedJobs())
	q, err := b.startRiver(ctx, t, done, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, q.stop(ctx)) }()
	since, err := pace(ctx, len(done.at), b.rate, func(ctx context.Context, i int) error {
		_, err := q.client.Insert(ctx, b.riverArgs(i, false), nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	return done.latencies(since), done.wait(ctx)
}
