package sqlite

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/order"
)

// unit is the store's unit of work.
type unit struct{ f *Factory }

var _ storage.UnitOfWork = unit{}

// Update runs compute between the reads and the writes of one transaction. The
// file has one writer at a time, so compute is called once.
func (u unit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	if u.f.beside != nil {
		return u.f.beside.update(ctx, b, compute)
	}
	names, err := u.tablesOfRefs(ctx, b.Refs)
	if err != nil {
		return err
	}
	return u.f.do(ctx, "run a unit of work in", func(t *tx) error {
		j := jobs{t: t, store: u.f.identity.number}
		if b.Chunk != nil {
			if done, err := j.chunk(*b.Chunk); done || err != nil {
				return err
			}
		}
		v, err := newView(u.f, t, names, b)
		if err != nil {
			return err
		}
		w, err := compute(v)
		if err == nil {
			err = v.failure
		}
		if err == nil {
			err = b.Check(w)
		}
		if err != nil {
			return err
		}
		return u.write(j, v, b, w)
	})
}

// tablesOfRefs returns the tables of every model that refs name.
func (u unit) tablesOfRefs(ctx context.Context, refs []storage.Ref) (map[string]tables, error) {
	names := map[string]tables{}
	for _, r := range refs {
		if _, ok := names[r.Model]; ok {
			continue
		}
		t, err := u.f.tables(ctx, r.Model)
		if err != nil {
			return nil, err
		}
		names[r.Model] = t
	}
	return names, nil
}

// write stores what compute returned: revisions first, then metas, then the ledger.
func (u unit) write(j jobs, v *view, b storage.Batch, w storage.Writes) error {
	for _, model := range slices.Sorted(maps.Keys(w.Models)) {
		t, ok := v.names[model]
		if !ok {
			var err error
			if t, err = u.f.tables(j.t.ctx, model); err != nil {
				return err
			}
		}
		if err := u.writeModel(j, t, v.highest[model], w.Models[model]); err != nil {
			return err
		}
	}
	return u.writeLedger(j, b, w)
}

// writeModel stores the writes to one model. highest are the highest stored
// numbers of its resources when they were read, else nil. Metas are encoded while
// the revisions are written.
func (u unit) writeModel(j jobs, names tables, highest map[resource.ID]int, w storage.ModelWrites) error {
	if len(w.Purge) > 0 {
		if err := j.t.purge(names, w.Purge); err != nil {
			return err
		}
	}
	w = order.ByID(w)
	metas := encodeMetas(u.f.encoding(), w.Metas)
	err := j.t.saveRevisions(names, u.f.encoding(), highest, w.Revisions)
	rows, encoding := metas()
	if err := cmp.Or(err, encoding); err != nil {
		return err
	}
	if err := j.t.saveMetaRows(names, rows); err != nil {
		return err
	}
	return j.rememberBlobs(names.model, w.Blobs)
}

// rememberBlobs adds blobs to what is remembered of a model.
func (j jobs) rememberBlobs(model string, blobs []string) error {
	for _, id := range blobs {
		_, err := j.t.exec(`INSERT INTO specstar_model_blobs (store, model, file_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, j.store, model, id)
		if err != nil {
			return err
		}
	}
	return nil
}

func (u unit) writeLedger(j jobs, b storage.Batch, w storage.Writes) error {
	now := u.f.now()
	if err := j.raise(w.Marks); err != nil {
		return err
	}
	for _, job := range w.Jobs {
		if err := j.settle(job, now); err != nil {
			return err
		}
	}
	if b.Chunk == nil {
		return nil
	}
	if err := j.addChunk(b.Chunk.Claim.Job, b.Chunk.No, w.Chunk, nil); err != nil {
		return err
	}
	if w.Final == nil {
		return nil
	}
	return j.finish(b.Chunk.Claim, *w.Final, now)
}

// finish ends a claimed job.
func (j jobs) finish(c storage.Claim, f storage.Final, now time.Time) error {
	row, err := j.claimed(c)
	if err != nil {
		return err
	}
	row.end(f, now)
	return j.save(row)
}
