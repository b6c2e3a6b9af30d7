package postgres

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/outer"
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
		for c, err := range outer.Contents(ctx, g.f.medium.Model(model)) {
			if err != nil {
				yield(storage.Payload{}, err)
				return
			}
			if !yield(payloadOf(model, c.UID, c.Info, c.Data), nil) {
				return
			}
		}
	}
}
