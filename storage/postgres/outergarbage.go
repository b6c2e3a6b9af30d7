package postgres

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/storage"
)

// Contents of a medium are read in pages of so many, or about so many bytes.
const (
	contentsPage      = 200
	contentsPageBytes = 8 << 20
)

// outerPayloads returns every content of the medium, of models of any name.
func (g garbage) outerPayloads(ctx context.Context) iter.Seq2[storage.Payload, error] {
	return func(yield func(storage.Payload, error) bool) {
		names, err := g.outerModels(ctx)
		if err != nil {
			yield(storage.Payload{}, err)
			return
		}
		for _, name := range names {
			for p, err := range g.contents(ctx, name) {
				if !yield(p, err) || err != nil {
					return
				}
			}
		}
	}
}

// outerModels returns the names of the models of the store, and of those that the
// medium has anything of.
func (g garbage) outerModels(ctx context.Context) ([]string, error) {
	names := map[string]bool{}
	all, err := g.everyModel(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		names[t.model] = true
	}
	held, err := g.f.medium.Models(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range held {
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// contents returns the contents of one model of the medium. One that has no info yet
// is still being written, or never was.
func (g garbage) contents(ctx context.Context, model string) iter.Seq2[storage.Payload, error] {
	return func(yield func(storage.Payload, error) bool) {
		m := g.f.medium.Model(model)
		for uids, err := range pagesOf(m.Contents(ctx)) {
			var page []storage.Content
			if err == nil {
				page, err = m.Read(ctx, uids)
			}
			if err != nil {
				yield(storage.Payload{}, err)
				return
			}
			for _, c := range page {
				if c.Info != nil && !yield(payloadOf(model, c.UID, c.Info, c.Data), nil) {
					return
				}
			}
		}
	}
}

// pagesOf groups the uids of contents.
func pagesOf(contents iter.Seq2[storage.StoredContent, error]) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		var page []string
		var bytes int64
		for c, err := range contents {
			if err != nil {
				yield(nil, err)
				return
			}
			page, bytes = append(page, c.UID), bytes+c.Bytes
			if len(page) < contentsPage && bytes < contentsPageBytes {
				continue
			}
			if !yield(page, nil) {
				return
			}
			page, bytes = nil, 0
		}
		if len(page) > 0 {
			yield(page, nil)
		}
	}
}
