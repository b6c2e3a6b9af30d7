package check

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func brokenMetas() map[string]broken {
	return map[string]broken{
		"drops the last item of a batch": {
			open:   withMetas(func(m storage.MetaStore) storage.MetaStore { return dropsLast{m} }),
			caught: []string{"G2/saved_metas_are_read", "G5/metas_come_by_id", "G3/generated_histories_equal_the_oracle"},
		},
		"reorders metas": {
			open:   withMetas(func(m storage.MetaStore) storage.MetaStore { return backwards{m} }),
			caught: []string{"G5/metas_come_by_id"},
		},
		"leaks a goroutine on break": {
			open:   withMetas(func(m storage.MetaStore) storage.MetaStore { return leaks{m} }),
			caught: []string{"G6/leaving_early_releases"},
			alone:  true,
		},
		"keeps its lock on break": {
			open: over(func(f storage.Factory) storage.Factory {
				lock := new(sync.RWMutex)
				return altered{
					Factory: f,
					metas:   func(m storage.MetaStore) storage.MetaStore { return locks{m, lock} },
					unit:    func(u storage.UnitOfWork) storage.UnitOfWork { return lockedUnit{u, lock} },
				}
			}),
			caught: []string{"G6/leaving_early_releases"},
		},
		"keeps its connection on break": {
			open: over(func(f storage.Factory) storage.Factory {
				pool := make(chan struct{}, 10)
				return altered{Factory: f, metas: func(m storage.MetaStore) storage.MetaStore { return pooled{m, pool} }}
			}),
			caught: []string{"G6/leaving_early_releases"},
		},
		"unset as empty": {
			open: over(func(f storage.Factory) storage.Factory {
				return altered{
					Factory:   f,
					metas:     func(m storage.MetaStore) storage.MetaStore { return emptyMetas{m} },
					revisions: func(r storage.RevisionStore) storage.RevisionStore { return emptyRevisions{r} },
					blobs:     func(b storage.BlobStore) storage.BlobStore { return emptyBlobs{b} },
				}
			}),
			caught: []string{
				"G20/unset_of_a_meta_is_not_empty", "G20/sparse_meta_comes_back", "G20/unset_of_a_revision_is_not_empty",
				"G20/unset_content_type_is_not_empty", "G16/unset_and_empty_are_told_apart", "G9/unfilled_comes_in_pages",
			},
		},
		"counts what a page shows": {
			open:   withMetas(func(m storage.MetaStore) storage.MetaStore { return countsPage{m} }),
			caught: []string{"G16/limit_and_offset_cut", "G16/generated_queries_equal_the_reference"},
		},
		"begins anew for a position": {
			open: withMetas(func(m storage.MetaStore) storage.MetaStore {
				return asks{m, func(q qb.Query) qb.Query { q.After = opt.Value[qb.Position]{}; return q }}
			}),
			caught: []string{"G32/pages_go_on_behind_what_is_gone", "G32/position_of_another_order_is_refused"},
		},
		"goes on by counting": {
			open:   withMetas(func(m storage.MetaStore) storage.MetaStore { return &counts{MetaStore: m, shown: map[string]int{}} }),
			caught: []string{"G32/pages_show_what_stays_once"},
		},
		"swaps without looking": {
			open:   withMetas(func(m storage.MetaStore) storage.MetaStore { return blindSwaps{m} }),
			caught: []string{"G9/swap_needs_the_stored_bytes", "G9/swap_answers_for_each"},
		},
		"reads beyond a range": {
			open:   withMetas(func(m storage.MetaStore) storage.MetaStore { return unbounded{m} }),
			caught: []string{"G41/rows_are_those_of_the_range", "G41/unfilled_are_those_of_the_range", "G41/cuts_leave_out_nothing"},
		},
		"answers for what is not there": {
			open:   withMetas(func(m storage.MetaStore) storage.MetaStore { return invents{m} }),
			caught: []string{"G8/absent_meta_is_not_found", "G14/staged_is_invisible"},
		},
	}
}

// unbounded takes no notice of where a range ends.
type unbounded struct{ storage.MetaStore }

func (m unbounded) Rows(ctx context.Context, r storage.Range, limit int) ([]storage.Row, error) {
	return m.MetaStore.Rows(ctx, storage.Range{After: r.After}, limit)
}

func (m unbounded) Unfilled(ctx context.Context, r storage.Range, limit int) ([]storage.Unfilled, error) {
	return m.MetaStore.Unfilled(ctx, storage.Range{After: r.After}, limit)
}

type dropsLast struct{ storage.MetaStore }

func (m dropsLast) SaveMany(ctx context.Context, metas []resource.Meta) error {
	return m.MetaStore.SaveMany(ctx, metas[:max(len(metas)-1, min(1, len(metas)))])
}

type backwards struct{ storage.MetaStore }

func (m backwards) All(ctx context.Context) iter.Seq2[resource.Meta, error] {
	return func(yield func(resource.Meta, error) bool) {
		var all []resource.Meta
		for meta, err := range m.MetaStore.All(ctx) {
			if err != nil {
				yield(meta, err)
				return
			}
			all = append(all, meta)
		}
		for _, meta := range slices.Backward(all) {
			if !yield(meta, nil) {
				return
			}
		}
	}
}

// leaks reads in a goroutine that waits for a reader who has gone.
type leaks struct{ storage.MetaStore }

func (m leaks) All(ctx context.Context) iter.Seq2[resource.Meta, error] {
	type item struct {
		meta resource.Meta
		err  error
	}
	return func(yield func(resource.Meta, error) bool) {
		items := make(chan item)
		go func() {
			defer close(items)
			for meta, err := range m.MetaStore.All(ctx) {
				items <- item{meta, err}
			}
		}()
		for i := range items {
			if !yield(i.meta, i.err) {
				return
			}
		}
	}
}

// locks holds a lock while it reads, and keeps it when the loop is left.
type locks struct {
	storage.MetaStore
	lock *sync.RWMutex
}

func (m locks) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	return func(yield func(resource.Meta, error) bool) {
		m.lock.RLock()
		for meta, err := range m.MetaStore.Search(ctx, q) {
			if !yield(meta, err) {
				return
			}
		}
		m.lock.RUnlock()
	}
}

type lockedUnit struct {
	storage.UnitOfWork
	lock *sync.RWMutex
}

func (u lockedUnit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	u.lock.Lock()
	defer u.lock.Unlock()
	return u.UnitOfWork.Update(ctx, b, compute)
}

// pooled reads on one of a few connections, and gives it back at the end alone.
type pooled struct {
	storage.MetaStore
	pool chan struct{}
}

func (m pooled) All(ctx context.Context) iter.Seq2[resource.Meta, error] {
	return func(yield func(resource.Meta, error) bool) {
		select {
		case m.pool <- struct{}{}:
		case <-ctx.Done():
			yield(resource.Meta{}, ctx.Err())
			return
		}
		for meta, err := range m.MetaStore.All(ctx) {
			if !yield(meta, err) {
				return
			}
		}
		<-m.pool
	}
}

type emptyMetas struct{ storage.MetaStore }

func (m emptyMetas) SaveMany(ctx context.Context, metas []resource.Meta) error {
	metas = slices.Clone(metas)
	for i := range metas {
		for _, v := range []*opt.Value[string]{&metas[i].SchemaVersion, &metas[i].Rev.CreatedBy, &metas[i].Rev.UpdatedBy} {
			*v = opt.Of(v.Or(""))
		}
	}
	return m.MetaStore.SaveMany(ctx, metas)
}

type emptyRevisions struct{ storage.RevisionStore }

func (r emptyRevisions) SaveMany(ctx context.Context, revisions []resource.Revision) error {
	revisions = slices.Clone(revisions)
	for i := range revisions {
		revisions[i].Info.DataHash = opt.Of(revisions[i].Info.DataHash.Or(""))
	}
	return r.RevisionStore.SaveMany(ctx, revisions)
}

type emptyBlobs struct{ storage.BlobStore }

func (b emptyBlobs) Stat(ctx context.Context, id string) (storage.BlobInfo, error) {
	info, err := b.BlobStore.Stat(ctx, id)
	if err == nil {
		info.ContentType = opt.Of(info.ContentType.Or(""))
	}
	return info, err
}

type countsPage struct{ storage.MetaStore }

func (m countsPage) Count(ctx context.Context, q qb.Query) (int64, error) {
	n, err := m.MetaStore.Count(ctx, q)
	if limit, set := q.Limit.Get(); set {
		n = min(n, int64(limit))
	}
	return n, err
}

// asks asks other queries than it is asked.
type asks struct {
	storage.MetaStore
	other func(qb.Query) qb.Query
}

func (m asks) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	return m.MetaStore.Search(ctx, m.other(q))
}

// counts takes a position for the number of metas before it, as of when it was shown.
type counts struct {
	storage.MetaStore
	shown map[string]int
}

func (m *counts) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	after, ok := q.After.Get()
	if n, known := m.shown[string(after.ID())]; ok && known && q.Validate() == nil {
		q.Offset += n
		q.After = opt.Value[qb.Position]{}
	}
	at := q.Offset
	return func(yield func(resource.Meta, error) bool) {
		for meta, err := range m.MetaStore.Search(ctx, q) {
			at++
			m.shown[string(meta.ResourceID)] = at
			if !yield(meta, err) {
				return
			}
		}
	}
}

type blindSwaps struct{ storage.MetaStore }

func (m blindSwaps) CompareAndSwap(ctx context.Context, swaps []storage.Swap) ([]bool, error) {
	done := make([]bool, len(swaps))
	for i, s := range swaps {
		if err := m.SaveMany(ctx, one(s.New)); err != nil {
			return nil, err
		}
		done[i] = true
	}
	return done, nil
}

// invents answers with a zero meta where there is none.
type invents struct{ storage.MetaStore }

func (m invents) Get(ctx context.Context, id resource.ID) (resource.Meta, error) {
	meta, err := m.MetaStore.Get(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return resource.Meta{}, nil
	}
	return meta, err
}
