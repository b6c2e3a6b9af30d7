package simple

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// save writes to one model outside of units of work.
func (s *Store) save(ctx context.Context, name string, w storage.ModelWrites) error {
	ready, err := prepare(w)
	if err != nil {
		return fmt.Errorf("save to %s: %w", name, err)
	}
	return s.tx.Write(ctx, func(st *State) error { return st.apply(name, ready) })
}

// unit is the unit of work.
type unit struct{ s *Store }

// Update reads, computes and writes in one transaction (G3, G4).
func (u unit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	return u.s.tx.Write(ctx, func(st *State) error {
		for _, r := range b.Refs {
			if _, err := st.model(r.Model); err != nil {
				return err
			}
		}
		if b.Chunk != nil {
			done, err := st.Jobs.Chunk(*b.Chunk)
			if err != nil {
				return err
			}
			if done {
				return ErrUnchanged
			}
		}
		w, err := compute(view{st, b})
		if err != nil {
			return err
		}
		if err := b.Check(w); err != nil {
			return err
		}
		return st.commit(b, w)
	})
}

func (st *State) commit(b storage.Batch, w storage.Writes) error {
	for name, mw := range w.Models {
		ready, err := prepare(mw)
		if err != nil {
			return err
		}
		if err := st.apply(name, ready); err != nil {
			return err
		}
	}
	if b.Chunk != nil {
		st.Jobs.AddChunk(b.Chunk.Claim.Job, storage.Chunk{No: b.Chunk.No, Outcome: w.Chunk})
	}
	if w.Final != nil {
		if err := st.Jobs.Finish(b.Chunk.Claim, *w.Final, now()); err != nil {
			return err
		}
	}
	st.Jobs.Raise(w.Marks)
	return st.Jobs.Settle(w.Jobs, now())
}

// view is what compute sees: the transaction's state.
type view struct {
	st *State
	b  storage.Batch
}

func (v view) Meta(r storage.Ref) (resource.Meta, bool) {
	m, err := v.st.model(r.Model)
	if err != nil {
		return resource.Meta{}, false
	}
	row, ok := m.Metas[r.ID]
	return row.Meta, ok
}

func (v view) NextNumber(r storage.Ref) int {
	meta, _ := v.Meta(r)
	last := meta.TotalRevisionCount
	infos, _ := v.Infos(r) // an unknown model has none
	for _, info := range infos {
		if n, ok := info.RevisionID.Number(); ok {
			last = max(last, n)
		}
	}
	return last + 1
}

func (v view) revision(name string, key resource.RevisionKey) (resource.Revision, error) {
	m, err := v.st.model(name)
	if err != nil {
		return resource.Revision{}, err
	}
	return m.revision(key)
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
	m, err := v.st.model(r.Model)
	if err != nil {
		return nil, err
	}
	return m.infos(r.ID), nil
}

// Holders looks at every meta.
func (v view) Holders(name, path string, value any) ([]resource.ID, error) {
	m, err := v.st.model(name)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(m.Info.UniquePaths, path) {
		return nil, fmt.Errorf("%s of model %s is not declared unique", path, name)
	}
	var holders []resource.ID
	for _, id := range m.ids() {
		row := m.Metas[id]
		x, _ := row.IndexedData.Get()
		if held, ok := x.Lookup(path); ok && value != nil && !row.IsDeleted && qb.Equal(held, value) {
			holders = append(holders, id)
		}
	}
	return holders, nil
}

func (v view) Mark(key uuid.UUID) (storage.Mark, bool) { return v.st.Jobs.Mark(key) }

func (v view) Ended(job uuid.UUID) bool {
	return slices.Contains(v.b.Jobs, job) && v.st.Jobs.Ended(job)
}
