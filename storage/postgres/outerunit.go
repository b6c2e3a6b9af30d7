package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/order"
	"github.com/specstar-worker/worker/storage/internal/outer"
	"github.com/specstar-worker/worker/storage/internal/staged"
)

// updateOuter is Update where revisions are in a medium. Contents are put while no
// lock is held; then the metas are locked and must be what compute saw; then the
// numbers are claimed, and the transaction commits. A process that dies in between
// leaves contents that nobody finds, or a number that is burned.
func (u unit) updateOuter(ctx context.Context, names map[string]tables, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	o := outerUnit{f: u.f, mine: map[string]map[string]storage.Content{}}
	err := u.f.write(ctx, "run a unit of work in", func(t *tx) error {
		o.writers, o.purged = nil, nil
		done, err := t.startUnit(b)
		if done || err != nil {
			return err
		}
		t.takeBack = func() error { return o.takeBack(ctx) }
		if err = o.run(t, names, b, compute); err == nil {
			return nil
		}
		if left := o.takeBack(ctx); left != nil {
			err = errors.Join(err, left) // else callers get the error that is theirs
		}
		return err
	})
	if err != nil {
		return err
	}
	return o.purge(ctx)
}

// takeBack removes the entries of this attempt while its transaction has not ended.
func (o *outerUnit) takeBack(ctx context.Context) (err error) {
	for _, w := range o.writers {
		err = errors.Join(err, w.TakeBack(ctx))
	}
	return err
}

// outerUnit carries one unit of work over all its attempts.
type outerUnit struct {
	f       *Factory
	mine    map[string]map[string]storage.Content // contents put so far, by model
	writers []outerWriter                         // of this attempt
	purged  []purgedModel                         // when the transaction has committed
}

func (o *outerUnit) run(t *tx, names map[string]tables, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	v, err := t.newOuterView(names, b)
	if err != nil {
		return err
	}
	w, err := v.compute(b, compute)
	if err != nil {
		return err
	}
	models := slices.Sorted(maps.Keys(w.Models))
	writes := make([]storage.ModelWrites, len(models))
	for i, model := range models {
		writes[i] = order.ByID(w.Models[model])
		if err := o.put(t, v, model, writes[i]); err != nil {
			return err
		}
	}
	if err := t.sameMetas(v); err != nil {
		return err
	}
	if err := t.sameMarks(v, b.Marks); err != nil {
		return err
	}
	for i := range models {
		if err := o.write(t, v, o.writers[i], writes[i]); err != nil {
			return err
		}
	}
	if err := t.raiseNow(v, w.Marks); err != nil {
		return err
	}
	return t.writeLedger(b, w, false)
}

// put stores the contents of one model.
func (o *outerUnit) put(t *tx, v *view, model string, w storage.ModelWrites) error {
	names, err := v.tablesOf(model)
	if err != nil {
		return err
	}
	if o.mine[model] == nil {
		o.mine[model] = map[string]storage.Content{}
	}
	writer := o.f.newOuterWriter(names, o.mine[model], true)
	o.writers = append(o.writers, writer)
	known := v.counts[model]
	return writer.Put(t.ctx, w.Revisions, func(k resource.RevisionKey) bool {
		return v.gave(model, k) || t.attempt == 0 && numberBehind(k.Resource, k.Revision) > known[k.Resource]
	})
}

// write stores the metas of one model and makes its revisions found.
func (o *outerUnit) write(t *tx, v *view, writer outerWriter, w storage.ModelWrites) error {
	names := writer.names
	rows, err := t.f.encodeMetaRows(names, w.Metas)
	if err != nil {
		return err
	}
	known := v.counts[names.model]
	if len(w.Purge) > 0 {
		if err := t.deleteMetas(names, w.Purge); err != nil {
			return err
		}
		known = maps.Clone(known)
		for _, id := range w.Purge {
			delete(known, id)
		}
		m := t.f.medium.Model(names.model)
		found, err := outer.FindPurged(t.ctx, m, w.Purge, writer.Leads())
		if err != nil {
			return err
		}
		o.purged = append(o.purged, purgedModel{found, m})
	}
	rows.split(known)
	if err := t.changeMetas(names, rows.known, v.versionsOf(names.model)); err != nil {
		return err
	}
	if err := errors.Join(t.insertMetas(names, rows), t.flush()); err != nil {
		return err
	}
	if err := writer.Enter(t.ctx); err != nil {
		return err
	}
	return t.rememberBlobs(names.model, w.Blobs)
}

// purgedModel is what goes of one model.
type purgedModel struct {
	outer.Purged
	m storage.ModelMedium
}

// purge removes the revisions of purged resources, after the commit.
func (o *outerUnit) purge(ctx context.Context) error {
	for _, p := range o.purged {
		if err := p.Remove(ctx, p.m); err != nil {
			return err
		}
	}
	return nil
}

// newOuterView reads the metas of the batch's resources: without locks at first, but
// when the unit is computed again they are held from here on, so that it ends and the
// numbers that are stored are those that are counted.
func (t *tx) newOuterView(names map[string]tables, b storage.Batch) (*view, error) {
	v := t.f.emptyView(t.ctx, t, names, b)
	v.exact, v.reader = t.attempt > 0, outerSource{t.f.medium}
	lock := ""
	if v.exact {
		lock = ` FOR UPDATE`
	}
	return v, v.read(b, lock)
}

// sameMetas locks the metas that v has seen and fails when one is another by now.
func (t *tx) sameMetas(v *view) error {
	for _, model := range slices.Sorted(maps.Keys(v.ids)) {
		seen := 0
		query := `SELECT resource_id, data FROM ` + v.names[model].meta + ` WHERE resource_id = ANY($1) ORDER BY resource_id COLLATE "C" FOR UPDATE`
		err := t.each(query, []any{texts(v.ids[model])}, func(rows pgx.Rows) error {
			var id string
			var data []byte
			if err := rows.Scan(&id, &data); err != nil {
				return err
			}
			seen++
			if before, ok := v.stored[storage.Ref{Model: model, ID: resource.ID(id)}]; !ok || string(before) != string(data) {
				return errRaced
			}
			return nil
		})
		if err != nil {
			return err
		}
		if seen != len(v.counts[model]) {
			return errRaced
		}
	}
	return nil
}

// stageOuter is Stage where payloads go to the medium.
func (u unit) stageOuter(ctx context.Context, s storage.Staged, all []stagedWrites) error {
	mine := map[string]map[string]storage.Content{}
	return u.f.write(ctx, "stage a chunk in", func(t *tx) error {
		done, err := t.startUnit(storage.Batch{Chunk: &s.Chunk})
		if done || err != nil {
			return err
		}
		for i := range all {
			model := all[i].staged.Name
			if mine[model] == nil {
				mine[model] = map[string]storage.Content{}
			}
			w := u.f.newOuterWriter(all[i].names, mine[model], false)
			if err := w.Put(ctx, all[i].revisions, func(resource.RevisionKey) bool { return true }); err != nil {
				return err
			}
			all[i].staged.Entries = nil
			for _, e := range w.Claims() {
				all[i].staged.Entries = append(all[i].staged.Entries, staged.Entry{Key: e.Key, UID: e.UID})
			}
		}
		return t.addStaged(s, all)
	})
}

// publishOuter makes staged contents found. Keys that are there, left by a resource
// whose meta was removed, are made to lead to the new contents.
func (f *Factory) publishOuter(ctx context.Context, names tables, list []staged.Entry) error {
	entries := make([]storage.Entry, len(list))
	for i, e := range list {
		entries[i] = storage.Entry{Key: e.Key, UID: e.UID}
	}
	return outer.Publish(ctx, f.medium.Model(names.model), entries)
}
