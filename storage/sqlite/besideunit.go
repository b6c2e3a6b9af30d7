package sqlite

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/order"
	"github.com/specstar-worker/worker/storage/internal/outer"
)

// errRaced says that another program changed a meta or ended a job meanwhile.
var errRaced = errors.New("another writer was faster again and again")

// maxRaces is how often a unit of work is computed anew because of that.
const maxRaces = 40

// besideUnit carries one unit of work over all its attempts.
type besideUnit struct {
	b       *beside
	batch   storage.Batch
	mine    map[string]map[string]storage.Content // contents put so far, by model
	attempt int

	// Of one attempt:
	view    *besideView
	writers map[string]*outer.Writer
	effects []effect
	changes map[string]storage.MetaTx // by model
}

// update is Update where metas and revisions are outside. Contents are put and numbers
// claimed while no file is locked; then the files of metas are locked and must hold
// what compute saw; then the ledger commits with a record of the effects, and these
// are brought to the files.
func (b *beside) update(ctx context.Context, batch storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	const doing = "run a unit of work in"
	for _, r := range batch.Refs {
		if err := b.know(ctx, r.Model); err != nil {
			return err
		}
	}
	return b.alone(ctx, doing, func() error {
		u := &besideUnit{b: b, batch: batch, mine: map[string]map[string]storage.Content{}}
		done, err := b.chunkDone(ctx, batch.Chunk)
		if done || err != nil {
			return err
		}
		for ; ; u.attempt++ {
			err := u.try(ctx, doing, compute)
			if err == nil {
				return u.finish(context.WithoutCancel(ctx))
			}
			if kind, unknown := b.undone(context.WithoutCancel(ctx)); kind == kindUnit || unknown != nil {
				// It has committed all the same, or nobody can tell: what is claimed stays.
				return errors.Join(errWhen(unknown != nil, err), unknown, u.rollback())
			}
			undone := u.undo(context.WithoutCancel(ctx))
			if u.attempt < maxRaces && undone == nil && ctx.Err() == nil && (errors.Is(err, errRaced) || errors.Is(err, outer.ErrTaken)) {
				continue
			}
			return withUndone(err, undone, b.forget(context.WithoutCancel(ctx)))
		}
	})
}

// withUndone returns err as it is, unless undoing what was done failed, too.
func withUndone(err error, undone ...error) error {
	if failed := errors.Join(undone...); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

// chunkDone checks that a chunk may be done and reports whether it is.
func (b *beside) chunkDone(ctx context.Context, c *storage.ChunkRef) (done bool, err error) {
	if c == nil {
		return false, nil
	}
	err = b.f.do(ctx, "look at a chunk in", func(t *tx) error {
		done, err = b.jobs(t).chunk(*c)
		return err
	})
	return done, err
}

func (b *beside) jobs(t *tx) jobs { return jobs{t: t, store: b.f.identity.number} }

// try runs the unit up to the commit.
func (u *besideUnit) try(ctx context.Context, doing string, compute func(storage.View) (storage.Writes, error)) error {
	u.writers, u.effects, u.changes = map[string]*outer.Writer{}, nil, map[string]storage.MetaTx{}
	v, err := u.b.newView(ctx, u.batch, u.attempt > 0)
	if err != nil {
		return err
	}
	u.view = v
	w, err := compute(v)
	if err == nil {
		err = v.failure
	}
	if err == nil {
		err = u.batch.Check(w)
	}
	if err != nil {
		return err
	}
	models := slices.Sorted(maps.Keys(w.Models))
	for _, model := range models {
		if err := u.put(ctx, model, order.ByID(w.Models[model])); err != nil {
			return err
		}
	}
	for _, model := range models {
		if err := u.writers[model].Claim(ctx); err != nil {
			return err
		}
	}
	if err := u.begin(ctx); err != nil {
		return err
	}
	return u.b.commit(ctx, doing, func(t *tx) error { return u.commit(t, models, w) })
}

// put stores the contents of one model and works out what is to be done to its files.
func (u *besideUnit) put(ctx context.Context, model string, w storage.ModelWrites) error {
	if err := u.b.know(ctx, model); err != nil {
		return err
	}
	e := effect{Model: model}
	var err error
	if e.Metas, err = u.metas(model, w); err != nil {
		return err
	}
	if u.mine[model] == nil {
		u.mine[model] = map[string]storage.Content{}
	}
	writer := u.b.writer(model, u.mine[model], func(ctx context.Context, entries []storage.Entry) error { return u.b.intend(ctx, model, entries) })
	u.writers[model] = writer
	if err := writer.Put(ctx, w.Revisions, func(k resource.RevisionKey) bool { return u.view.free(model, k) }); err != nil {
		return err
	}
	e.Points = writer.Points()
	if len(w.Purge) > 0 {
		if e.Purged, err = outer.FindPurged(ctx, u.b.medium.Model(model), w.Purge, writer.Leads()); err != nil {
			return err
		}
	}
	u.effects = append(u.effects, e)
	return nil
}

// metas returns the changes of a model's metas: of a repeated one the last counts.
func (u *besideUnit) metas(model string, w storage.ModelWrites) ([]storage.MetaChange, error) {
	changes := map[resource.ID]storage.MetaChange{}
	set := func(id resource.ID, data []byte) {
		changes[id] = storage.MetaChange{ID: id, Old: u.view.stored[storage.Ref{Model: model, ID: id}], New: data}
	}
	for _, id := range w.Purge {
		set(id, nil)
	}
	for _, m := range w.Metas {
		if err := m.Check(); err != nil {
			return nil, err
		}
		set(m.ResourceID, m.Append(u.b.f.encoding(), nil))
	}
	return sortedChanges(changes), nil
}

// begin begins the changes of the models that compute has seen, and prepares those of
// metas. It fails when another program has changed one of the metas meanwhile.
func (u *besideUnit) begin(ctx context.Context) error {
	for _, model := range slices.Sorted(maps.Keys(u.view.ids)) {
		metas, err := u.b.modelMetas(ctx, model)
		if err != nil {
			return err
		}
		x, err := metas.Begin(ctx)
		if err != nil {
			return err
		}
		u.changes[model] = x
		stored, err := x.Find(u.view.ids[model])
		if err != nil {
			return err
		}
		for _, id := range u.view.ids[model] {
			seen, had := u.view.stored[storage.Ref{Model: model, ID: id}]
			now, has := stored[id]
			if had != has || !bytes.Equal(seen, now) {
				return errRaced
			}
		}
		for _, e := range u.effects {
			if e.Model != model {
				continue
			}
			if err := x.Set(e.Metas); err != nil {
				return err
			}
		}
	}
	return nil
}
