package manager

import (
	"context"
	"iter"
	"sync"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// filledPage is a page of rows that a backfill has looked at: those behind after, up
// to last.
type filledPage struct {
	after, last resource.ID
	stats       BackfillStats
	err         error
}

// filledPages completes the model's rows behind after and yields page by page, in
// order, what was done; an error is the last. A store that several may write to
// completes as many pages at the same time, while the next one is read.
func (m *Manager) filledPages(ctx context.Context, after resource.ID) iter.Seq[filledPage] {
	return func(yield func(filledPage) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var filling sync.WaitGroup
		defer filling.Wait()
		defer cancel()
		writers := max(1, m.catalog.factory.Traits().Writers)
		var ahead []chan filledPage
		for end := false; !end || len(ahead) > 0; {
			if len(ahead) == writers || end {
				first := <-ahead[0]
				if ahead = ahead[1:]; !yield(first) || first.err != nil {
					return
				}
				continue
			}
			page, err := m.stores.Metas.Unfilled(ctx, storage.Range{After: after}, m.catalog.opts.BatchSize)
			if end = err != nil || len(page) == 0; err == nil && end {
				continue
			}
			done := make(chan filledPage, 1)
			ahead = append(ahead, done)
			if err != nil {
				done <- filledPage{after: after, err: err}
				continue
			}
			from := after
			after = page[len(page)-1].Meta.ResourceID
			filling.Go(func() { done <- m.fillPage(ctx, from, page) })
		}
	}
}

// fillPage completes the rows of the page that begins behind after.
func (m *Manager) fillPage(ctx context.Context, after resource.ID, page []storage.Unfilled) filledPage {
	p := filledPage{after: after, last: page[len(page)-1].Meta.ResourceID}
	p.err = Caught(func() (err error) {
		p.stats, err = m.fillTwice(ctx, after, page)
		return err
	})
	return p
}
