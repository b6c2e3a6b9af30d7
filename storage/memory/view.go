package memory

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// view is what a unit of work sees. Its writer holds the turn, so the state does
// not change under it.
type view struct {
	f    *Factory
	jobs map[uuid.UUID]bool
	// holders are the live resources of each value, by model, path and qb.Key; made
	// when first asked for.
	holders map[modelPath]map[string][]resource.ID
}

// modelPath is a path of indexed data of a model.
type modelPath struct{ model, path string }

func newView(f *Factory, b storage.Batch) view {
	jobs := make(map[uuid.UUID]bool, len(b.Jobs))
	for _, id := range b.Jobs {
		jobs[id] = true
	}
	return view{f: f, jobs: jobs, holders: map[modelPath]map[string][]resource.ID{}}
}

// look calls fn with a model. compute has no context of its own, and none is
// needed: nothing here waits.
func (v view) look(name string, fn func(*model) error) error {
	return source{f: v.f, name: name}.look(context.Background(), fn)
}

func (v view) Meta(r storage.Ref) (resource.Meta, bool) {
	var row metaRow
	var ok bool
	err := v.look(r.Model, func(m *model) error {
		row, ok = m.metas[r.ID]
		return nil
	})
	return row.meta, ok && err == nil
}

func (v view) NextNumber(r storage.Ref) int {
	last := 0
	meta, _ := v.Meta(r)
	infos, _ := v.Infos(r) // an unknown model has none
	for _, info := range infos {
		if n, ok := info.RevisionID.Number(); ok {
			last = max(last, n)
		}
	}
	return max(last, meta.TotalRevisionCount) + 1
}

func (v view) revision(name string, key resource.RevisionKey) (resource.Revision, error) {
	var rev resource.Revision
	err := v.look(name, func(m *model) error {
		var err error
		rev, err = m.revision(key)
		return err
	})
	return rev, err
}

func (v view) Info(name string, key resource.RevisionKey) (resource.RevisionInfo, error) {
	rev, err := v.revision(name, key)
	return rev.Info, err
}

func (v view) Data(name string, key resource.RevisionKey) ([]byte, error) {
	rev, err := v.revision(name, key)
	return rev.Data, err
}

func (v view) Infos(r storage.Ref) ([]resource.RevisionInfo, error) {
	var infos []resource.RevisionInfo
	err := v.look(r.Model, func(m *model) error {
		for _, rev := range m.revs[r.ID] {
			infos = append(infos, rev.Info)
		}
		return nil
	})
	return infos, err
}

func (v view) Holders(model, path string, value any) ([]resource.ID, error) {
	if value == nil {
		return nil, nil
	}
	of, ok := v.holders[modelPath{model, path}]
	if !ok {
		var err error
		if of, err = v.readHolders(model, path); err != nil {
			return nil, err
		}
		v.holders[modelPath{model, path}] = of
	}
	if !qb.Equal(value, value) {
		return nil, nil
	}
	return of[qb.Key(value)], nil
}

func (v view) readHolders(name, path string) (map[string][]resource.ID, error) {
	of := map[string][]resource.ID{}
	err := v.look(name, func(m *model) error {
		if !slices.Contains(m.info.UniquePaths, path) {
			return fmt.Errorf("%s of model %s is not declared unique", path, name)
		}
		for _, id := range m.ids() {
			row := m.metas[id]
			x, _ := row.meta.IndexedData.Get()
			if held, ok := x.Lookup(path); ok && !row.meta.IsDeleted {
				of[qb.Key(held)] = append(of[qb.Key(held)], id)
			}
		}
		return nil
	})
	return of, err
}

func (v view) Ended(job uuid.UUID) bool {
	ended := false
	err := v.f.read(context.Background(), func(s *state) error {
		ended = s.jobs.Ended(job)
		return nil
	})
	return err == nil && ended && v.jobs[job]
}

func (v view) Mark(key uuid.UUID) (mark storage.Mark, ok bool) {
	err := v.f.read(context.Background(), func(s *state) error {
		mark, ok = s.jobs.Mark(key)
		return nil
	})
	return mark, ok && err == nil
}
