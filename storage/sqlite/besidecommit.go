package sqlite

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// commit writes the ledger: the jobs, and what is to be done to the files.
func (u *besideUnit) commit(t *tx, models []string, w storage.Writes) error {
	j := u.b.jobs(t)
	if c := u.batch.Chunk; c != nil {
		done, err := j.chunk(*c)
		if err == nil && done {
			err = errRaced
		}
		if err != nil {
			return err
		}
	}
	ended, err := endedIn(t, j.store, u.batch.Jobs)
	if err != nil {
		return err
	}
	if !maps.Equal(ended, u.view.ended) {
		return errRaced
	}
	if same, err := sameMarks(t, j.store, u.batch.Marks, u.view.marks); err != nil || !same {
		return cmp.Or(err, errRaced)
	}
	for _, model := range models {
		if err := u.writers[model].Replace(t.ctx); err != nil {
			return err
		}
		if err := j.rememberBlobs(model, w.Models[model].Blobs); err != nil {
			return err
		}
	}
	if err := (unit{u.b.f}).writeLedger(j, u.batch, w); err != nil {
		return err
	}
	if err := t.dropPending(kindIntent); err != nil || len(u.effects) == 0 {
		return err
	}
	return t.addPending(kindUnit, u.effects)
}

// finish brings the effects to the files. When that fails the unit has committed all
// the same: who reads or writes next does it.
func (u *besideUnit) finish(ctx context.Context) error {
	whole := u.point(ctx) == nil
	for _, model := range slices.Sorted(maps.Keys(u.changes)) {
		if !whole {
			break
		}
		_, err := u.changes[model].Commit()
		delete(u.changes, model)
		whole = err == nil
	}
	if !whole {
		_ = u.rollback() // what is left undone is in the record
		return nil
	}
	for _, e := range u.effects {
		if e.Purged.Remove(ctx, u.b.medium.Model(e.Model)) != nil {
			return nil
		}
	}
	if len(u.effects) > 0 {
		_ = u.b.note(ctx, "finish a write in", func(t *tx) error { return t.dropPending(kindUnit) }) // else it is found done
	}
	return nil
}

// point changes the links that lead elsewhere. Without transactions another program may
// have changed metas since begin: then their links are its own, too.
func (u *besideUnit) point(ctx context.Context) error {
	for _, e := range u.effects {
		var changed map[resource.ID]bool
		if len(e.Points) > 0 && !u.b.metas.Transactions() {
			var err error
			if changed, err = changedSince(u.changes[e.Model], e.Metas); err != nil {
				return err
			}
		}
		if err := u.b.point(ctx, e, changed); err != nil {
			return err
		}
	}
	return nil
}

// undo gives up what an attempt has locked and claimed.
func (u *besideUnit) undo(ctx context.Context) error {
	errs := []error{u.rollback()}
	for _, w := range u.writers {
		errs = append(errs, w.TakeBack(ctx))
	}
	return errors.Join(errs...)
}

// rollback gives the changes up.
func (u *besideUnit) rollback() error {
	var errs []error
	for _, x := range u.changes {
		errs = append(errs, x.Rollback())
	}
	clear(u.changes)
	return errors.Join(errs...)
}

// forget removes what was made for a unit of work that failed. Whether its transaction
// committed is not always known when that failed: then it has left no intent.
func (b *beside) forget(ctx context.Context) error { return b.recover(ctx) }
