package memory

import (
	"context"

	"github.com/specstar-worker/worker/storage"
)

// source is where readers find a model: in the store as it is now, or in a
// snapshot.
type source struct {
	f    *Factory
	name string
	// snap is the snapshot; nil for the store.
	snap *snapshot
}

// look calls fn with the model; fn must not change or keep it.
func (s source) look(ctx context.Context, fn func(*model) error) error {
	if s.snap != nil {
		m, err := s.snap.model(ctx, s.name)
		if err != nil {
			return err
		}
		return fn(m)
	}
	return s.f.read(ctx, func(st *state) error {
		if err := st.has(s.name); err != nil {
			return err
		}
		return fn(st.models[s.name])
	})
}

// freeze returns the model as it is now; it will not change.
func (s source) freeze(ctx context.Context) (*model, error) {
	var m *model
	err := s.look(ctx, func(now *model) error {
		now.frozen.Store(true)
		m = now
		return nil
	})
	return m, err
}

// snapshot is a view of all models.
type snapshot struct {
	models map[string]*model
	closed bool
}

// Snapshot freezes all models; it costs nothing until they are written to.
func (f *Factory) Snapshot(ctx context.Context) (storage.Snapshot, error) {
	snap := &snapshot{models: map[string]*model{}}
	err := f.read(ctx, func(s *state) error {
		for name, m := range s.models {
			m.frozen.Store(true)
			snap.models[name] = m
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return snap, nil
}

func (s *snapshot) Build(ctx context.Context, name string) (storage.MetaReader, storage.RevisionReader, error) {
	if _, err := s.model(ctx, name); err != nil {
		return nil, nil, err
	}
	src := source{name: name, snap: s}
	return metaReader{src}, revisionReader{src}, nil
}

func (s *snapshot) Close() error {
	s.models, s.closed = nil, true
	return nil
}

func (s *snapshot) model(ctx context.Context, name string) (*model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.closed {
		return nil, errClosed
	}
	st := state{models: s.models}
	return s.models[name], st.has(name)
}

// SharedSnapshot is Snapshot: nothing in it changes, so any number may read it.
func (f *Factory) SharedSnapshot(ctx context.Context, readers int) (storage.Snapshot, int, error) {
	s, err := f.Snapshot(ctx)
	return s, readers, err
}
