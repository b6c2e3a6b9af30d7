package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// existing calls look with each pending chunk of resources and those metas of
// its resources that exist, if any.
func (l *loader) existing(ctx context.Context, look func(*cargo, []resource.Meta) error) error {
	full, err := l.fullModels(ctx)
	if err != nil {
		return err
	}
	nos := slices.DeleteFunc(l.pending(), func(no int) bool {
		ch := &l.plan.chunks[no]
		return ch.blobs || full[ch.model] == nil
	})
	return l.pieces(ctx, nos, func(ctx context.Context, g *cargo) error {
		found, err := g.existing(ctx, full[g.model])
		if err != nil || len(found) == 0 {
			return err
		}
		return look(g, found)
	})
}

// existing returns the metas of those resources of the cargo that exist.
func (g *cargo) existing(ctx context.Context, metas storage.MetaReader) ([]resource.Meta, error) {
	ids := make([]resource.ID, len(g.metas))
	for i := range g.metas {
		ids[i] = g.metas[i].ResourceID
	}
	found, err := metas.GetMany(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("look for existing resources of model %s: %w", g.model, err)
	}
	return found, nil
}

// fullModels returns the metas of those models of the plan that have any.
func (l *loader) fullModels(ctx context.Context) (map[string]storage.MetaStore, error) {
	full := make(map[string]storage.MetaStore)
	for _, t := range l.plan.Models {
		if slices.Contains(l.plan.lacked, t.Model) {
			continue
		}
		m, err := l.catalog.Open(ctx, t.Model)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		first, err := m.stores.Metas.Rows(ctx, storage.Range{}, 1)
		if err != nil {
			return nil, fmt.Errorf("look into model %s: %w", t.Model, err)
		}
		if len(first) > 0 {
			full[t.Model] = m.stores.Metas
		}
	}
	return full, nil
}

// single loads everything in one unit of work.
func (l *loader) single(ctx context.Context, pending []int) error {
	batch := storage.Batch{Chunk: &storage.ChunkRef{Claim: l.claim}, New: true}
	writes := make(map[string]storage.ModelWrites)
	stats := l.stats
	err := l.pieces(ctx, pending, func(ctx context.Context, g *cargo) error {
		if err := l.catalog.putBlobs(ctx, l.opts.OnDuplicate, g.blobs); err != nil {
			return err
		}
		batch.Refs = append(batch.Refs, g.refs()...)
		writes[g.model] = joinWrites(writes[g.model], g.allWrites())
		stats[g.model] = stats[g.model].add(g.allStats())
		return nil
	})
	if err != nil {
		return err
	}
	outcome, err := ChunkOutcome{Models: stats, Units: l.plan.Resources()}.encode(0)
	if err != nil {
		return err
	}
	final, err := l.final(stats)
	if err != nil {
		return err
	}
	err = l.update(ctx, batch, func(v storage.View) (storage.Writes, error) {
		if err := duplicates(v, batch.Refs); err != nil {
			return storage.Writes{}, err
		}
		return storage.Writes{Models: writes, Chunk: outcome, Final: &final}, nil
	})
	if err != nil {
		return fmt.Errorf("load in one unit of work: %w", err)
	}
	l.count = l.plan.Resources()
	l.report()
	return nil
}

// duplicates returns a *[storage.DuplicateError] when any resource exists.
func duplicates(v storage.View, refs []storage.Ref) error {
	dup := &storage.DuplicateError{}
	for _, r := range refs {
		if _, exists := v.Meta(r); exists {
			addDuplicate(dup, r.Model, r.ID)
		}
	}
	return duplicateError(dup)
}

// addDuplicate counts a resource that exists; the ids are those of one model.
func addDuplicate(dup *storage.DuplicateError, model string, id resource.ID) {
	if dup.Count == 0 {
		dup.Model = model
	}
	if dup.Model == model {
		dup.IDs = append(dup.IDs, id)
	}
	dup.Count++
}

// duplicateError returns dup with its first ids, nil when it counts nothing.
func duplicateError(dup *storage.DuplicateError) error {
	if dup.Count == 0 {
		return nil
	}
	slices.Sort(dup.IDs)
	dup.IDs = dup.IDs[:min(len(dup.IDs), storage.MaxDuplicateIDs)]
	return dup
}

// joinWrites appends the writes of b to those of a; to none it copies nothing.
func joinWrites(a, b storage.ModelWrites) storage.ModelWrites {
	if len(a.Metas) == 0 && len(a.Revisions) == 0 && len(a.Blobs) == 0 {
		return b
	}
	return storage.ModelWrites{
		Revisions: append(a.Revisions, b.Revisions...),
		Metas:     append(a.Metas, b.Metas...),
		Blobs:     append(a.Blobs, b.Blobs...),
	}
}

// stagers is how many chunks are staged at the same time: while the store
// commits one, the next is encoded.
const stagers = 2

// staged stages the pending chunks and makes all of them visible at once.
func (l *loader) staged(ctx context.Context, pending []int) error {
	unit := l.catalog.factory.Unit()
	staging, stagingCtx := errgroup.WithContext(ctx)
	staging.SetLimit(stagers)
	var mu sync.Mutex // guards what commit counts
	err := l.each(stagingCtx, pending, func(_ context.Context, g *cargo) error {
		staging.Go(guarded(func() error { return l.stage(stagingCtx, unit, g, &mu) }))
		return nil
	})
	if failed := staging.Wait(); failed != nil {
		return failed // the reader was stopped by it
	}
	if err != nil {
		return err
	}
	return l.publish(ctx, unit)
}

// publish makes what was staged visible and ends the job.
func (l *loader) publish(ctx context.Context, unit storage.UnitOfWork) error {
	final, err := l.final(l.stats)
	if err != nil {
		return err
	}
	if err := unit.Publish(ctx, l.claim, final); err != nil {
		return fmt.Errorf("publish load: %w", err)
	}
	return nil
}

// stage stages one chunk and takes it as done.
func (l *loader) stage(ctx context.Context, unit storage.UnitOfWork, g *cargo, mu *sync.Mutex) error {
	stats, err := l.stageChunk(ctx, unit, g)
	if err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	l.commit(g.no, map[string]LoadStats{g.model: stats})
	return nil
}

// stageChunk stages one chunk and returns its counts.
func (l *loader) stageChunk(ctx context.Context, unit storage.UnitOfWork, g *cargo) (LoadStats, error) {
	if err := l.catalog.putBlobs(ctx, l.opts.OnDuplicate, g.blobs); err != nil {
		return LoadStats{}, err
	}
	stats := g.allStats()
	outcome, err := l.outcome(g, stats)
	if err != nil {
		return stats, err
	}
	err = unit.Stage(ctx, storage.Staged{
		Chunk:   l.ref(g.no),
		Models:  map[string]storage.ModelWrites{g.model: g.allWrites()},
		Outcome: outcome,
	})
	if err != nil {
		return stats, fmt.Errorf("stage chunk %d: %w", g.no, err)
	}
	return stats, nil
}
