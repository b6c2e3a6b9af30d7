package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/order"
)

// unit is the store's unit of work.
type unit struct{ f *Factory }

var _ storage.UnitOfWork = unit{}

// errRaced says that another transaction ended a job of this one meanwhile.
var errRaced = errors.New("a job was ended by another worker meanwhile")

// Update runs compute between the reads and the writes of one transaction.
func (u unit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	names, err := u.tablesOfRefs(ctx, b)
	if err != nil {
		return err
	}
	if u.f.medium != nil {
		return u.updateOuter(ctx, names, b, compute)
	}
	return u.f.write(ctx, "run a unit of work in", func(t *tx) error {
		done, err := t.startUnit(b)
		if done || err != nil {
			return err
		}
		v, err := t.newView(names, b)
		if err != nil {
			return err
		}
		w, err := v.compute(b, compute)
		if err != nil {
			return err
		}
		return t.writeUnit(v, b, w)
	})
}

// tablesOfRefs returns the tables of every model that a batch names.
func (u unit) tablesOfRefs(ctx context.Context, b storage.Batch) (map[string]tables, error) {
	names := map[string]tables{}
	for _, r := range b.Refs {
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

// startUnit waits for the units that this one must not run beside, and reports
// whether its chunk is done already.
func (t *tx) startUnit(b storage.Batch) (done bool, err error) {
	serial := slices.Clone(b.Serial)
	slices.Sort(serial)
	for _, model := range slices.Compact(serial) {
		if _, err := t.exec(`SELECT pg_advisory_xact_lock($1, hashtext($2))`, t.f.identity.number, model); err != nil {
			return false, err
		}
	}
	if t.attempt >= queuedAttempt {
		if err := t.queue(b); err != nil {
			return false, err
		}
	}
	if b.Chunk == nil {
		return false, nil
	}
	j := jobs{t: t}
	if err := j.claimed(b.Chunk.Claim); err != nil {
		return false, err
	}
	return j.chunkDone(b.Chunk.Claim.Job, b.Chunk.No)
}

// queuedAttempt is the attempt from which units run one after another. Many that
// create overlapping resources would keep losing to each other: each has to be the
// first at every one of its resources.
const queuedAttempt = 2

// queue waits for the units of the same models that have lost as often. Those that
// have not do not wait, so that this costs nothing as long as none loses.
func (t *tx) queue(b storage.Batch) error {
	var models []string
	for _, r := range b.Refs {
		if len(models) == 0 || models[len(models)-1] != r.Model {
			models = append(models, r.Model)
		}
	}
	slices.Sort(models)
	for _, model := range slices.Compact(models) {
		if _, err := t.exec(`SELECT pg_advisory_xact_lock($1, hashtext($2))`, t.f.identity.number, "again "+model); err != nil {
			return err
		}
	}
	return nil
}

// writeUnit stores what compute returned: models by name, then the ledger.
func (t *tx) writeUnit(v *view, b storage.Batch, w storage.Writes) error {
	for _, model := range slices.Sorted(maps.Keys(w.Models)) {
		names, err := v.tablesOf(model)
		if err != nil {
			return err
		}
		if err := t.writeModel(v, names, w.Models[model]); err != nil {
			return err
		}
	}
	return t.writeLedger(b, w)
}

// writeModel stores the writes to one model: new metas first, since a resource that
// somebody else made meanwhile then costs the least.
func (t *tx) writeModel(v *view, names tables, w storage.ModelWrites) error {
	w = order.ByID(w)
	rows, err := t.f.encodeMetas(names, w.Metas)
	if err != nil {
		return err
	}
	known := v.counts[names.model]
	if len(w.Purge) > 0 {
		if err := t.purge(names, w.Purge); err != nil {
			return err
		}
		known = maps.Clone(known)
		for _, id := range w.Purge {
			delete(known, id)
		}
	}
	if err := t.saveMetaRows(names, known, lastOf(rows)); err != nil {
		return err
	}
	n := numbers{
		count: func(id resource.ID) int { return known[id] },
		gave:  func(k resource.RevisionKey) bool { return v.gave(names.model, k) },
	}
	if err := t.saveRevisions(names, n, w.Revisions); err != nil {
		return err
	}
	return t.rememberBlobs(names.model, w.Blobs)
}

// saveMetaRows inserts the rows whose ids are not known and replaces the others.
func (t *tx) saveMetaRows(names tables, known map[resource.ID]int, rows []metaRow) error {
	fresh := make([]metaRow, 0, len(rows))
	var replaced []metaRow
	for _, r := range rows {
		if _, ok := known[r.id]; ok {
			replaced = append(replaced, r)
		} else {
			fresh = append(fresh, r)
		}
	}
	if err := t.insertMetas(names, fresh); err != nil {
		return err
	}
	return t.upsertMetas(names, replaced)
}

// rememberBlobs adds blobs to what is remembered of a model.
func (t *tx) rememberBlobs(model string, blobs []string) error {
	if len(blobs) == 0 {
		return nil
	}
	for _, id := range blobs {
		if reason := badText(id); reason != "" {
			return fmt.Errorf("blob %q of model %s: %s: %w", id, model, reason, storage.ErrUnusableName)
		}
	}
	sorted := slices.Clone(blobs)
	slices.Sort(sorted)
	_, err := t.exec(`INSERT INTO specstar_model_blobs (store, model, file_id) SELECT $1, $2, unnest($3::text[]) ON CONFLICT DO NOTHING`,
		t.f.identity.number, model, slices.Compact(sorted))
	return err
}

// writeLedger ends the jobs of the batch and writes its chunk down.
func (t *tx) writeLedger(b storage.Batch, w storage.Writes) error {
	j := jobs{t: t}
	// Compute leaves out the jobs that have ended, and a chunk that is done stays.
	t.proven = len(w.Jobs) > 0 || b.Chunk != nil && w.Final == nil
	if len(w.Jobs) > 0 {
		n, err := j.settle(w.Jobs)
		if err != nil {
			return err
		}
		if n < len(w.Jobs) {
			return errRaced
		}
	}
	if b.Chunk == nil {
		return nil
	}
	c := b.Chunk.Claim
	if err := j.addChunk(c.Job, b.Chunk.No, w.Chunk, nil); err != nil {
		return err
	}
	if w.Final != nil {
		return j.finish(c, *w.Final)
	}
	return j.hold(c)
}
