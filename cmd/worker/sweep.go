package main

import (
	"context"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/specstar-worker/worker/internal/cli/upload"
	"github.com/specstar-worker/worker/jobs"
)

const (
	// sweepEvery is how often uploads of ended jobs are removed.
	sweepEvery = 30 * time.Second
	// sweepObjectsEvery is how often those beside the queue are, on average: all workers
	// of a store look after the same ones.
	sweepObjectsEvery = 10 * time.Minute
)

// sweepUploads removes the uploads of loads that have ended, until ctx does.
func (w *worker) sweepUploads(ctx context.Context) {
	s := w.session
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	objects := time.Now().Add(rand.N(sweepObjectsEvery))
	for ended := false; ; {
		// The last pass is for loads that ended while the worker drained.
		if err := upload.Sweep(context.WithoutCancel(ctx), s.uploads, s.store.Ledger()); err != nil {
			s.app.log.Warn("could not remove uploads of ended jobs", zap.Error(err))
		}
		if ended || time.Now().After(objects) {
			objects = time.Now().Add(sweepObjectsEvery/2 + rand.N(sweepObjectsEvery))
			w.sweepObjects(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		select {
		case <-ctx.Done():
			ended = false
		case <-w.executor.loadEnded:
			ended = true
		case <-tick.C:
			ended = false
		}
	}
}

// sweepObjects removes the archives beside the queue that no load needs.
func (w *worker) sweepObjects(ctx context.Context) {
	s := w.session
	dumps := func(object string, put time.Time) (bool, error) {
		return jobs.DownloadNeeded(ctx, s.store.Ledger(), object, put)
	}
	if err := s.downloads.Sweep(ctx, dumps); err != nil && ctx.Err() == nil {
		s.app.log.Warn("could not remove archives of dumps that nobody can fetch any more", zap.Error(err))
	}
	if s.app.global.nats == "" { // a queue of our own has no uploads
		return
	}
	if err := s.objects.Sweep(ctx, neededBy(ctx, s.store.Ledger())); err != nil && ctx.Err() == nil {
		s.app.log.Warn("could not remove archives of ended jobs that are beside the queue", zap.Error(err))
	}
}
