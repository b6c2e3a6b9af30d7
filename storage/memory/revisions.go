package memory

import (
	"context"
	"fmt"
	"iter"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// revisionReader reads the revisions of one model.
type revisionReader struct{ source }

func (r revisionReader) Info(ctx context.Context, key resource.RevisionKey) (resource.RevisionInfo, error) {
	rev, err := r.Get(ctx, key)
	return rev.Info, err
}

func (r revisionReader) Get(ctx context.Context, key resource.RevisionKey) (resource.Revision, error) {
	var rev resource.Revision
	err := r.look(ctx, func(m *model) error {
		var err error
		rev, err = m.revision(key)
		return err
	})
	return rev, err
}

func (r revisionReader) GetMany(ctx context.Context, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error) {
	found := make(map[resource.RevisionKey]resource.Revision, len(keys))
	err := r.look(ctx, func(m *model) error {
		for _, key := range keys {
			if i, ok := find(m.revs[key.Resource], key); ok {
				found[key] = m.revs[key.Resource][i]
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (m *model) revision(key resource.RevisionKey) (resource.Revision, error) {
	revs := m.revs[key.Resource]
	i, ok := find(revs, key)
	if !ok {
		return resource.Revision{}, fmt.Errorf("revision %s, schema version %s: %w", key.Revision, key.SchemaVersion, storage.ErrNotFound)
	}
	return revs[i], nil
}

func (r revisionReader) List(ctx context.Context, id resource.ID) iter.Seq2[resource.RevisionInfo, error] {
	return yieldEach(ctx, func() ([]resource.Revision, func(resource.Revision) resource.RevisionInfo, error) {
		var revs []resource.Revision
		err := r.look(ctx, func(m *model) error {
			revs = m.revs[id]
			return nil
		})
		return revs, func(rev resource.Revision) resource.RevisionInfo { return rev.Info }, err
	})
}

func (r revisionReader) DumpAll(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[resource.Revision, error] {
	return func(yield func(resource.Revision, error) bool) {
		m, err := r.freeze(ctx)
		if err != nil {
			yield(resource.Revision{}, err)
			return
		}
		for id := range ids {
			for _, rev := range m.revs[id] {
				if err := ctx.Err(); err != nil {
					yield(resource.Revision{}, err)
					return
				}
				if !yield(rev, nil) {
					return
				}
			}
		}
	}
}

func (r revisionReader) Count(ctx context.Context) (n int64, err error) {
	err = r.look(ctx, func(m *model) error {
		for _, revs := range m.revs {
			n += int64(len(revs))
		}
		return nil
	})
	return n, err
}

// revisionStore also writes them.
type revisionStore struct{ revisionReader }

func (s revisionStore) SaveMany(ctx context.Context, revisions []resource.Revision) error {
	revs, err := encodeRevisions(revisions)
	if err != nil {
		return fmt.Errorf("save revisions of %s: %w", s.name, err)
	}
	return s.f.write(ctx, func(st *state) error {
		if err := st.has(s.name); err != nil {
			return err
		}
		encoded{revisions: revs}.apply(st.change(s.name))
		return nil
	})
}

func (s revisionStore) Purge(ctx context.Context, ids []resource.ID) error {
	return s.f.write(ctx, func(st *state) error {
		if err := st.has(s.name); err != nil {
			return err
		}
		m := st.change(s.name)
		for _, id := range ids {
			delete(m.revs, id)
		}
		return nil
	})
}
