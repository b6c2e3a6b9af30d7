package main

import (
	"context"

	"go.uber.org/zap"

	"github.com/specstar-worker/worker/internal/cli/web"
	"github.com/specstar-worker/worker/jobs"
)

// keepLetters keeps dead jobs and dead letters one to one, until ctx ends.
func (w *worker) keepLetters(ctx context.Context) {
	s := w.session
	k := &jobs.LetterKeeper{Store: s.store.ID(), Ledger: s.store.Ledger(), Letters: s.letters, Queue: s.publisher.Queue(), Report: func(m jobs.Mended, err error) {
		w.work.Reconciled(web.ReasonPublished, m.Published)
		w.work.Reconciled(web.ReasonDiscarded, m.Discarded)
		w.work.Reconciled(web.ReasonAdopted, m.Adopted)
		if m != (jobs.Mended{}) {
			s.app.log.Info("mended dead letters", zap.Int("published", m.Published), zap.Int("discarded", m.Discarded), zap.Int("adopted", m.Adopted))
		}
		if err != nil {
			s.app.log.Warn("could not mend dead letters", zap.Error(err))
		}
	}}
	k.Run(ctx)
}
