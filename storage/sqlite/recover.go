package sqlite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/outer"
	"github.com/specstar-worker/worker/storage/internal/staged"
)

// recover finishes what is undone. Nobody else writes.
func (b *beside) recover(ctx context.Context) error {
	rows, err := b.pending(ctx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		switch r.kind {
		case kindIntent:
			var i intent
			if err = json.Unmarshal(r.body, &i); err == nil {
				err = b.takeBack(ctx, i)
			}
		case kindUnit:
			var effects []effect
			if err = json.Unmarshal(r.body, &effects); err == nil {
				err = b.apply(ctx, effects)
			}
		case kindPublish:
			var job uuid.UUID
			if err = json.Unmarshal(r.body, &job); err == nil {
				err = b.bring(ctx, job)
			}
		default:
			err = fmt.Errorf("it holds a write of a kind that this program does not know, %q: use a newer program", r.kind)
		}
		if err != nil {
			return fmt.Errorf("finish a write that was cut in %s: %w", b.f.dir, err)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return b.note(ctx, "finish a write in", func(t *tx) error {
		_, err := t.exec(`DELETE FROM specstar_pending`)
		return err
	})
}

// takeBack removes what was made for a unit of work that did not commit.
func (b *beside) takeBack(ctx context.Context, i intent) error {
	m := b.medium.Model(i.Model)
	if err := outer.RemoveEntries(ctx, m, i.Entries); err != nil {
		return err
	}
	return m.RemoveContents(ctx, i.UIDs)
}

// apply brings effects to the files. What another program has changed since they were
// committed is left to it.
func (b *beside) apply(ctx context.Context, effects []effect) error {
	for _, e := range effects {
		err := b.changing(ctx, e.Model, func(x storage.MetaTx) error {
			changed, err := changedSince(x, e.Metas)
			if err != nil {
				return err
			}
			metas := slices.DeleteFunc(slices.Clone(e.Metas), func(c storage.MetaChange) bool { return changed[c.ID] })
			if err := x.Set(metas); err != nil {
				return err
			}
			return b.point(ctx, e, changed)
		})
		if err == nil {
			err = e.Purged.Remove(ctx, b.medium.Model(e.Model))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// changing begins a change of a model's metas, which is made when fn returns nil.
func (b *beside) changing(ctx context.Context, model string, fn func(storage.MetaTx) error) error {
	m, err := b.metas.Model(ctx, model, true)
	if err != nil {
		return err
	}
	x, err := m.Begin(ctx)
	if err != nil {
		return err
	}
	if err := fn(x); err != nil {
		return withUndone(err, x.Rollback())
	}
	_, err = x.Commit()
	return err
}

// changedSince returns the ids of metas that are not as they were: changed by another
// program, or as they should be already.
func changedSince(x storage.MetaTx, changes []storage.MetaChange) (map[resource.ID]bool, error) {
	ids := make([]resource.ID, len(changes))
	for i, c := range changes {
		ids[i] = c.ID
	}
	stored, err := x.Find(ids)
	changed := map[resource.ID]bool{}
	for _, c := range changes {
		now, there := stored[c.ID]
		changed[c.ID] = there != (c.Old != nil) || !bytes.Equal(now, c.Old)
	}
	return changed, err
}

// point changes links that lead elsewhere, but not those of resources that another
// program has changed.
func (b *beside) point(ctx context.Context, e effect, changed map[resource.ID]bool) error {
	points := slices.DeleteFunc(slices.Clone(e.Points), func(p storage.Entry) bool { return changed[p.Key.Resource] })
	if len(points) == 0 {
		return nil
	}
	return b.medium.Model(e.Model).Point(ctx, points)
}

// bring makes the chunks visible that a job has staged: of those resources that are
// not there.
func (b *beside) bring(ctx context.Context, job uuid.UUID) error {
	for c, err := range b.stagedChunks(ctx, job) {
		if err != nil {
			return err
		}
		for _, m := range c.models {
			if err := b.bringModel(ctx, m); err != nil {
				return fmt.Errorf("chunk %d of job %s: %w", c.no, job, err)
			}
		}
	}
	return b.note(ctx, "publish a load in", func(t *tx) error {
		_, err := t.exec(`UPDATE specstar_chunks SET staged = NULL WHERE store = ? AND job = ? AND staged IS NOT NULL`, b.f.identity.number, job[:])
		if err != nil {
			return err
		}
		return t.dropPending(kindPublish)
	})
}

func (b *beside) bringModel(ctx context.Context, m staged.Model) error {
	metas, err := b.metas.Model(ctx, m.Name, true)
	if err != nil {
		return err
	}
	fresh, entries, err := freshOf(ctx, m, metas)
	if err != nil {
		return err
	}
	if err := outer.Publish(ctx, b.medium.Model(m.Name), entries); err != nil {
		return err
	}
	return b.changing(ctx, m.Name, func(x storage.MetaTx) error {
		stored, err := x.Find(slices.Collect(maps.Keys(fresh)))
		if err != nil {
			return err
		}
		var changes []storage.MetaChange
		for _, id := range slices.Sorted(maps.Keys(fresh)) {
			if _, there := stored[id]; !there {
				changes = append(changes, storage.MetaChange{ID: id, New: fresh[id]})
			}
		}
		return x.Set(changes)
	})
}

// freshOf returns the staged metas of resources that are not there, and the entries of
// all but those that are.
func freshOf(ctx context.Context, m staged.Model, metas storage.ModelMetas) (map[resource.ID][]byte, []storage.Entry, error) {
	fresh, ids, err := metasByID(m)
	if err != nil {
		return nil, nil, err
	}
	stored, err := metas.Find(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	var entries []storage.Entry
	for _, e := range m.Entries {
		if _, there := stored[e.Key.Resource]; !there {
			entries = append(entries, storage.Entry{Key: e.Key, UID: e.UID})
		}
	}
	for id := range stored {
		delete(fresh, id)
	}
	return fresh, entries, nil
}

// metasByID returns the staged metas by id, and their ids.
func metasByID(m staged.Model) (map[resource.ID][]byte, []resource.ID, error) {
	metas, ids := make(map[resource.ID][]byte, len(m.Metas)), make([]resource.ID, len(m.Metas))
	for i, data := range m.Metas {
		meta, err := decodeMeta(data)
		if err != nil {
			return nil, nil, fmt.Errorf("model %s: staged meta: %w", m.Name, err)
		}
		metas[meta.ResourceID], ids[i] = data, meta.ResourceID
	}
	return metas, ids, nil
}
