package manager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// chunked does the pending chunks one by one, deciding for each resource in the
// unit of work that writes it. The last one ends the job.
func (l *loader) chunked(ctx context.Context, pending []int) error {
	last := pending[len(pending)-1]
	return l.each(ctx, pending, func(ctx context.Context, g *cargo) error {
		stats, err := l.decideChunk(ctx, g, g.no == last)
		if err == nil {
			l.commit(g.no, map[string]LoadStats{g.model: stats})
		}
		return err
	})
}

// decideChunk writes what is to be written of one chunk and returns its counts. The
// last one also ends the job.
func (l *loader) decideChunk(ctx context.Context, g *cargo, last bool) (stats LoadStats, err error) {
	if err := l.catalog.putBlobs(ctx, l.opts.OnDuplicate, g.blobs); err != nil {
		return stats, err
	}
	ref := l.ref(g.no)
	batch := storage.Batch{Refs: g.refs(), Chunk: &ref}
	err = l.catalog.factory.Unit().Update(ctx, batch, func(v storage.View) (storage.Writes, error) {
		d := decider{view: v, on: l.opts.OnDuplicate, cargo: g}
		if err := d.decide(); err != nil {
			return storage.Writes{}, err
		}
		stats = d.stats
		return l.chunkWrites(g, d.writes, stats, last)
	})
	if err != nil {
		return stats, fmt.Errorf("load chunk %d: %w", g.no, err)
	}
	return stats, nil
}

// chunkWrites adds the outcome of a chunk to its writes, and with the last chunk
// the end of the job.
func (l *loader) chunkWrites(g *cargo, mw storage.ModelWrites, stats LoadStats, last bool) (storage.Writes, error) {
	w := storage.Writes{Models: map[string]storage.ModelWrites{g.model: mw}}
	var err error
	if w.Chunk, err = l.outcome(g, stats); err != nil {
		return w, err
	}
	if last {
		final, err := l.final(l.with(map[string]LoadStats{g.model: stats}))
		if err != nil {
			return w, err
		}
		w.Final = &final
	}
	return w, nil
}

// outcome returns what the ledger keeps of a chunk.
func (l *loader) outcome(g *cargo, stats LoadStats) ([]byte, error) {
	o := ChunkOutcome{
		Models: map[string]LoadStats{g.model: stats}, Units: l.plan.chunks[g.no].resources,
		Worker: l.catalog.opts.Worker, Began: g.began.UTC(), Millis: time.Since(g.began).Milliseconds(),
	}
	if len(g.metas) > 0 {
		o.Digests = map[string]Digest{g.model: g.digest()}
	}
	return o.encode(g.no)
}

// decider works out what of a cargo is written.
type decider struct {
	view   storage.View
	on     OnDuplicate
	cargo  *cargo
	writes storage.ModelWrites
	stats  LoadStats
}

func (d *decider) decide() error {
	d.stats = d.cargo.blobStats()
	d.writes.Blobs = d.cargo.blobIDs()
	for i := range d.cargo.metas {
		meta := &d.cargo.metas[i]
		d.stats.Total++
		local, exists := d.view.Meta(storage.Ref{Model: d.cargo.model, ID: meta.ResourceID})
		if !exists {
			d.create(meta)
			continue
		}
		winner, err := d.winner(meta, &local)
		if err != nil {
			return err
		}
		if winner == nil {
			d.stats.Skipped++
			continue
		}
		if err := d.overwrite(winner, &local); err != nil {
			return err
		}
	}
	return nil
}

// create takes a resource that is new.
func (d *decider) create(meta *resource.Meta) {
	revs := d.cargo.revisions[meta.ResourceID]
	d.writes.Metas = append(d.writes.Metas, *meta)
	d.writes.Revisions = append(d.writes.Revisions, revs...)
	d.stats = d.stats.add(revisionStats(revs))
	d.stats.Loaded++
}

// winner returns the meta that takes the place of the local one, nil when that stays.
func (d *decider) winner(meta, local *resource.Meta) (*resource.Meta, error) {
	switch d.on {
	case Overwrite:
		return meta, nil
	case Newer:
		switch c := compareAge(meta, local); {
		case c > 0:
			return meta, nil
		case c < 0:
			return nil, nil
		}
		return d.equallyNew(meta, local)
	case RaiseError:
		return nil, &storage.DuplicateError{Model: d.cargo.model, IDs: []resource.ID{meta.ResourceID}, Count: 1}
	default:
		return nil, nil
	}
}

// overwrite puts the archived resource in the place of the local one. What is
// there already, byte for byte, is not written again.
func (d *decider) overwrite(meta, local *resource.Meta) error {
	revs := d.cargo.revisions[meta.ResourceID]
	merged := *meta
	merged.TotalRevisionCount = max(meta.TotalRevisionCount, local.TotalRevisionCount)
	fresh, err := d.missing(revs)
	if err != nil {
		return err
	}
	d.writes.Revisions = append(d.writes.Revisions, fresh...)
	d.stats = d.stats.add(revisionStats(revs))
	d.stats.Loaded++
	if len(fresh) == 0 && sameMeta(&merged, local) {
		d.stats.Unchanged++
		return nil
	}
	d.writes.Metas = append(d.writes.Metas, merged)
	return nil
}

// missing returns the revisions that the store does not have exactly so.
func (d *decider) missing(revs []resource.Revision) ([]resource.Revision, error) {
	var fresh []resource.Revision
	for i := range revs {
		same, err := d.holds(&revs[i])
		if err != nil {
			return nil, err
		}
		if !same {
			fresh = append(fresh, revs[i])
		}
	}
	return fresh, nil
}

// holds reports whether the store has a revision exactly so. Equal infos with a
// hash that can be trusted need no look at the payload.
func (d *decider) holds(rev *resource.Revision) (bool, error) {
	key := rev.Info.Key()
	local, err := d.view.Info(d.cargo.model, key)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !bytes.Equal(local.Append(resource.Msgpack, nil), rev.Info.Append(resource.Msgpack, nil)) {
		return false, nil
	}
	if rev.Info.DataHash.IsSet() && !rev.Info.ParentSchemaVersion.IsSet() {
		return true, nil
	}
	data, err := d.view.Data(d.cargo.model, key)
	if err != nil {
		return false, err
	}
	return bytes.Equal(data, rev.Data), nil
}

// sameMeta compares metas as archives hold them.
func sameMeta(a, b *resource.Meta) bool {
	return bytes.Equal(a.Append(resource.Msgpack, nil), b.Append(resource.Msgpack, nil))
}
