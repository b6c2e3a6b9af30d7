package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// besideView is what compute sees.
type besideView struct {
	ctx     context.Context
	b       *beside
	exact   bool // stored numbers are looked up
	ids     map[string][]resource.ID
	metas   map[storage.Ref]resource.Meta
	stored  map[storage.Ref][]byte
	ended   map[uuid.UUID]bool
	marks   map[uuid.UUID]storage.Mark
	highest map[string]map[resource.ID]int
	given   map[storage.Ref]int              // the numbers from which on compute was told that they are free
	held    map[string]map[string]heldValues // by model and path
	failure error
}

// newView reads the metas of the batch's resources and which jobs have ended.
func (b *beside) newView(ctx context.Context, batch storage.Batch, exact bool) (*besideView, error) {
	v := &besideView{
		ctx: ctx, b: b, exact: exact,
		ids: map[string][]resource.ID{}, metas: map[storage.Ref]resource.Meta{}, stored: map[storage.Ref][]byte{},
		highest: map[string]map[resource.ID]int{}, given: map[storage.Ref]int{}, held: map[string]map[string]heldValues{},
	}
	for _, r := range batch.Refs {
		v.ids[r.Model] = append(v.ids[r.Model], r.ID)
	}
	for model, ids := range v.ids {
		slices.Sort(ids)
		v.ids[model] = slices.Compact(ids)
		metas, err := b.modelMetas(ctx, model)
		if err != nil {
			return nil, err
		}
		found, err := metas.Find(ctx, v.ids[model])
		if err != nil {
			return nil, err
		}
		for id, data := range found {
			m, err := decodeMeta(data)
			if err != nil {
				return nil, fmt.Errorf("model %s: stored meta of %s: %w", model, id, err)
			}
			r := storage.Ref{Model: model, ID: id}
			v.metas[r], v.stored[r] = m, data
		}
	}
	err := b.f.do(ctx, "look at jobs in", func(t *tx) (err error) {
		if v.marks, err = marksIn(t, b.f.identity.number, batch.Marks); err != nil {
			return err
		}
		v.ended, err = endedIn(t, b.f.identity.number, batch.Jobs)
		return err
	})
	return v, err
}

// endedIn returns which of the jobs have ended.
func endedIn(t *tx, store int64, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	v := &view{f: &Factory{identity: identity{number: store}}, t: t, ended: map[uuid.UUID]bool{}}
	return v.ended, v.readEnded(ids)
}

// Meta returns the current meta of a resource.
func (v *besideView) Meta(r storage.Ref) (resource.Meta, bool) {
	m, ok := v.metas[r]
	return m, ok
}

// NextNumber returns the number of the resource's next revision: what the meta counts
// is believed at first, and when a revision is there that it does not count, the unit
// is computed again with the stored numbers.
func (v *besideView) NextNumber(r storage.Ref) int {
	next := v.metas[r].TotalRevisionCount + 1
	if v.exact {
		next = max(next, v.highestStored(r)+1)
	}
	v.given[r] = next
	return next
}

func (v *besideView) highestStored(r storage.Ref) int {
	highest, ok := v.highest[r.Model]
	if !ok {
		highest = map[resource.ID]int{}
		for e, err := range v.b.medium.Model(r.Model).Entries(v.ctx, slices.Values(v.ids[r.Model])) {
			if err != nil {
				v.failure = err
				break
			}
			highest[e.Key.Resource] = max(highest[e.Key.Resource], numberBehind(e.Key))
		}
		v.highest[r.Model] = highest
	}
	return highest[r.ID]
}

// numberBehind returns the number of a revision of a resource, 0 for none.
func numberBehind(k resource.RevisionKey) int {
	n, _ := k.Revision.Number()
	return n
}

// free reports whether a key is believed to be free: its number is one that compute
// was told to be, or at first, one above what the meta counts.
func (v *besideView) free(model string, k resource.RevisionKey) bool {
	r := storage.Ref{Model: model, ID: k.Resource}
	n := numberBehind(k)
	if from, ok := v.given[r]; ok && n >= from {
		return true
	}
	return !v.exact && n > v.metas[r].TotalRevisionCount
}

// Info returns the info of a stored revision.
func (v *besideView) Info(model string, key resource.RevisionKey) (resource.RevisionInfo, error) {
	if err := v.named(model); err != nil {
		return resource.RevisionInfo{}, err
	}
	return v.b.reader(model).info(v.ctx, key)
}

// Data returns the payload of a stored revision.
func (v *besideView) Data(model string, key resource.RevisionKey) ([]byte, error) {
	if err := v.named(model); err != nil {
		return nil, err
	}
	rev, err := v.b.reader(model).get(v.ctx, key)
	return rev.Data, err
}

// Infos returns the infos of all stored revisions of a resource.
func (v *besideView) Infos(r storage.Ref) ([]resource.RevisionInfo, error) {
	if err := v.named(r.Model); err != nil {
		return nil, err
	}
	var infos []resource.RevisionInfo
	for rev, err := range v.b.reader(r.Model).each(v.ctx, one(r.ID), false) {
		if err != nil {
			return nil, err
		}
		infos = append(infos, rev.Info)
	}
	return infos, nil
}

func (v *besideView) named(model string) error {
	if _, ok := v.ids[model]; !ok {
		return fmt.Errorf("model %s: %w", model, storage.ErrNotFound)
	}
	return nil
}

// Ended reports whether a job of the batch has ended before.
func (v *besideView) Ended(job uuid.UUID) bool { return v.ended[job] }

// Mark returns a mark of the batch, when it is there.
func (v *besideView) Mark(key uuid.UUID) (storage.Mark, bool) {
	m, ok := v.marks[key]
	return m, ok
}
