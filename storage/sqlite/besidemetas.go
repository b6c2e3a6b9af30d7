package sqlite

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// besideReader reads the metas of a model from the medium, or from a copy.
type besideReader struct {
	b     *beside
	m     storage.MetaPages
	model string
	copy  bool // nobody writes to it
}

var _ storage.MetaReader = besideReader{}

func (r besideReader) doing(action string) string { return action + " of model " + r.model + " in" }

// settle waits until what was committed can be read.
func (r besideReader) settle(ctx context.Context) error {
	if r.copy {
		return ctx.Err()
	}
	return r.b.settled(ctx)
}

// Get returns the meta of id.
func (r besideReader) Get(ctx context.Context, id resource.ID) (resource.Meta, error) {
	found, err := r.GetMany(ctx, []resource.ID{id})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("resource %s of model %s: %w", id, r.model, storage.ErrNotFound)
	}
	if err != nil {
		return resource.Meta{}, err
	}
	return found[0], nil
}

// GetMany returns the metas of those ids that exist, by ascending id.
func (r besideReader) GetMany(ctx context.Context, ids []resource.ID) ([]resource.Meta, error) {
	if err := r.settle(ctx); err != nil {
		return nil, err
	}
	found, err := r.m.Find(ctx, ids)
	if err != nil {
		return nil, err
	}
	metas := make([]resource.Meta, 0, len(found))
	for _, id := range slices.Sorted(maps.Keys(found)) {
		m, err := r.decode(storage.StoredMeta{ID: id, Data: found[id]})
		if err != nil {
			return nil, err
		}
		metas = append(metas, m)
	}
	return metas, nil
}

func (r besideReader) decode(s storage.StoredMeta) (resource.Meta, error) {
	m, err := decodeMeta(s.Data)
	if err != nil {
		err = fmt.Errorf("%s %s: the meta of %s is damaged: restore it from a backup or remove it: %w", r.doing("read metas"), r.b.f.dir, s.ID, err)
	}
	return m, err
}

// All returns every meta by ascending id.
func (r besideReader) All(ctx context.Context) iter.Seq2[resource.Meta, error] {
	return func(yield func(resource.Meta, error) bool) {
		if err := r.settle(ctx); err != nil {
			yield(resource.Meta{}, err)
			return
		}
		for s, err := range r.m.All(ctx) {
			if err == nil {
				err = r.b.going(ctx)
			}
			var m resource.Meta
			if err == nil {
				m, err = r.decode(s)
			}
			if err != nil {
				yield(resource.Meta{}, err)
				return
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}

// going returns why reading ends, nil when it does not.
func (b *beside) going(ctx context.Context) error {
	if b.f.ended.Err() != nil {
		return errClosed
	}
	return ctx.Err()
}

// Search returns the metas that q selects, in q's order: every meta of the model is
// read. The columns that a file of the original may have hold times as floats and lack
// some fields.
func (r besideReader) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	return qb.Select(r.All(ctx), q)
}

// Count returns how many metas q's condition selects.
func (r besideReader) Count(ctx context.Context, q qb.Query) (n int64, err error) {
	for m, err := range r.All(ctx) {
		if err != nil {
			return 0, err
		}
		if qb.Match(m, q.Where) {
			n++
		}
	}
	return n, nil
}

// CountBy counts the metas that q's condition selects by their values.
func (r besideReader) CountBy(ctx context.Context, q qb.Query, by qb.Grouping, limit int) (qb.Counts, error) {
	return qb.CountBy(r.All(ctx), q, by, limit)
}

// Stats counts the model's metas.
func (r besideReader) Stats(ctx context.Context) (s storage.Stats, err error) {
	if err := r.settle(ctx); err != nil {
		return s, err
	}
	s.Metas, s.UnsetRev, err = r.m.Count(ctx)
	return s, err
}

// Blobs returns the ids of the blobs remembered with the model, ascending.
func (r besideReader) Blobs(ctx context.Context) iter.Seq2[string, error] {
	return metaReader{f: r.b.f, q: r.b.f.reads, t: tables{model: r.model}}.Blobs(ctx)
}
