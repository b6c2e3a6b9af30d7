package memory

import (
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/simple"
)

// state is everything but the blobs.
type state struct {
	closed bool
	models map[string]*model
	jobs   simple.Jobs
	staged map[uuid.UUID]map[int]stagedSet // by job and chunk number
	// condemned holds the blobs that are about to be removed, each with the models
	// that remembered it.
	condemned map[string][]string
}

func newState() state {
	return state{
		models: map[string]*model{},
		jobs:   simple.NewJobs(),
		staged: map[uuid.UUID]map[int]stagedSet{},

		condemned: map[string][]string{},
	}
}

// names returns the names of the models, ascending.
func (s *state) names() []string { return slices.Sorted(maps.Keys(s.models)) }

// has returns nil when the model is there.
func (s *state) has(name string) error {
	if s.models[name] == nil {
		return fmt.Errorf("model %s: %w", name, storage.ErrNotFound)
	}
	return nil
}

// change returns the model for writing: a copy of it when a reader holds it.
func (s *state) change(name string) *model {
	m := s.models[name]
	if m.frozen.Load() {
		m = m.copy()
		s.models[name] = m
	}
	return m
}

// model holds the rows of one model. Slices in the maps are replaced, never
// changed, so that a copy of the maps is a copy of the model.
type model struct {
	info  storage.ModelInfo
	metas map[resource.ID]metaRow
	revs  map[resource.ID][]resource.Revision // in the order of simple.CompareKeys
	blobs map[string]struct{}
	// frozen is set, under the state's lock, by readers that go on reading
	// without it. A frozen model is never changed again.
	frozen atomic.Bool
}

// metaRow is a meta as stored and as decoded from that.
type metaRow struct {
	stored []byte
	meta   resource.Meta
}

func newModel() *model {
	return &model{
		metas: map[resource.ID]metaRow{},
		revs:  map[resource.ID][]resource.Revision{},
		blobs: map[string]struct{}{},
	}
}

func (m *model) copy() *model {
	return &model{info: m.info, metas: maps.Clone(m.metas), revs: maps.Clone(m.revs), blobs: maps.Clone(m.blobs)}
}

// ids returns the ids of all metas, ascending.
func (m *model) ids() []resource.ID { return slices.Sorted(maps.Keys(m.metas)) }

// find returns where the key's revision is or belongs.
func find(revs []resource.Revision, key resource.RevisionKey) (int, bool) {
	return slices.BinarySearchFunc(revs, key, func(r resource.Revision, k resource.RevisionKey) int {
		return simple.CompareKeys(r.Info.Key(), k)
	})
}

// putRevision stores r under its key.
func (m *model) putRevision(r resource.Revision) {
	id := r.Info.ResourceID
	revs := m.revs[id]
	i, found := find(revs, r.Info.Key())
	if i == len(revs) {
		// Behind its end nobody looks: a frozen model with the same array is never
		// appended to again.
		m.revs[id] = append(revs, r)
		return
	}
	if !found {
		m.revs[id] = slices.Insert(slices.Clip(slices.Clone(revs)), i, r)
		return
	}
	revs = slices.Clone(revs)
	revs[i] = r
	m.revs[id] = revs
}
