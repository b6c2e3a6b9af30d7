package simple

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// find returns where a key's revision is or belongs.
func find(revs []Revision, key resource.RevisionKey) (int, bool) {
	return slices.BinarySearchFunc(revs, key, func(r Revision, k resource.RevisionKey) int {
		return CompareKeys(r.Info.Key(), k)
	})
}

func (m *Model) revision(key resource.RevisionKey) (resource.Revision, error) {
	revs := m.Revisions[key.Resource]
	i, ok := find(revs, key)
	if !ok {
		return resource.Revision{}, fmt.Errorf("revision %s: %w", key.Revision, storage.ErrNotFound)
	}
	return revs[i].Revision, nil
}

func (m *Model) infos(id resource.ID) []resource.RevisionInfo {
	var infos []resource.RevisionInfo
	for _, r := range m.Revisions[id] {
		infos = append(infos, r.Info)
	}
	return infos
}

type revisionReader struct{ reader }

func (r revisionReader) Get(ctx context.Context, key resource.RevisionKey) (resource.Revision, error) {
	m, err := r.model(ctx)
	if err != nil {
		return resource.Revision{}, err
	}
	return m.revision(key)
}

func (r revisionReader) GetMany(ctx context.Context, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error) {
	return GetMany(ctx, r, keys)
}

func (r revisionReader) Info(ctx context.Context, key resource.RevisionKey) (resource.RevisionInfo, error) {
	rev, err := r.Get(ctx, key)
	return rev.Info, err
}

func (r revisionReader) List(ctx context.Context, id resource.ID) iter.Seq2[resource.RevisionInfo, error] {
	return Each(ctx, func() ([]resource.RevisionInfo, error) {
		m, err := r.model(ctx)
		if err != nil {
			return nil, err
		}
		return m.infos(id), nil
	})
}

// DumpAll is dump_all_revisions of the upgrade page.
func (r revisionReader) DumpAll(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[resource.Revision, error] {
	return DumpAll(ctx, r, ids)
}

func (r revisionReader) Count(ctx context.Context) (n int64, err error) {
	m, err := r.model(ctx)
	if err != nil {
		return 0, err
	}
	for _, revs := range m.Revisions {
		n += int64(len(revs))
	}
	return n, nil
}

type revisions struct {
	revisionReader
	s *Store
}

// SaveMany is save_many of the upgrade page: one transaction.
func (rs revisions) SaveMany(ctx context.Context, all []resource.Revision) error {
	return rs.s.save(ctx, rs.name, storage.ModelWrites{Revisions: all})
}

func (rs revisions) Purge(ctx context.Context, ids []resource.ID) error {
	return rs.s.tx.Write(ctx, func(st *State) error {
		m, err := st.model(rs.name)
		if err != nil {
			return err
		}
		for _, id := range ids {
			delete(m.Revisions, id)
		}
		return nil
	})
}
