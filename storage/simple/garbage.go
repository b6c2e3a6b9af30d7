package simple

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/specstar-worker/worker/storage"
)

// garbage is what garbage collection needs (G26, G27).
type garbage struct{ s *Store }

func (g garbage) Payloads(ctx context.Context) iter.Seq2[storage.Payload, error] {
	return Each(ctx, func() ([]storage.Payload, error) {
		st, err := g.s.tx.Read(ctx)
		if err != nil {
			return nil, err
		}
		var all []storage.Payload
		add := func(model string, revs []Revision) {
			for _, r := range revs {
				all = append(all, storage.Payload{Model: model, Name: string(r.Info.RevisionID), Resource: r.Info.ResourceID, Data: r.Data})
			}
		}
		for name, m := range st.Models {
			for _, revs := range m.Revisions {
				add(name, revs)
			}
		}
		for _, chunks := range st.Staged {
			for _, chunk := range chunks {
				for name, w := range chunk {
					add(name, w.Revisions)
				}
			}
		}
		return all, nil
	})
}

func (g garbage) Unfinished(ctx context.Context) iter.Seq2[storage.Job, error] {
	return Each(ctx, func() ([]storage.Job, error) {
		return ask(ctx, g.s, func(st *State) ([]storage.Job, error) { return st.Jobs.Unfinished(), nil })
	})
}

func (g garbage) Condemn(ctx context.Context, ids []string) error {
	return g.s.tx.Write(ctx, func(st *State) error {
		for _, id := range ids {
			remembered := st.Condemned[id]
			for name, m := range st.Models {
				if m.Blobs[id] {
					remembered = append(remembered, name)
					delete(m.Blobs, id)
				}
			}
			st.Condemned[id] = remembered
		}
		return nil
	})
}

func (g garbage) Condemned(ctx context.Context) iter.Seq2[string, error] {
	return Each(ctx, func() ([]string, error) {
		return ask(ctx, g.s, func(st *State) ([]string, error) { return slices.Sorted(maps.Keys(st.Condemned)), nil })
	})
}

func (g garbage) Acquit(ctx context.Context, ids []string) error {
	return g.s.tx.Write(ctx, func(st *State) error {
		for _, id := range ids {
			for _, name := range st.Condemned[id] {
				st.Models[name].Blobs[id] = true
			}
			delete(st.Condemned, id)
		}
		return nil
	})
}

func (g garbage) Forget(ctx context.Context, ids []string) error {
	return g.s.tx.Write(ctx, func(st *State) error {
		for _, id := range ids {
			delete(st.Condemned, id)
		}
		return nil
	})
}

func (g garbage) Sweep(ctx context.Context, o storage.SweepOptions) (storage.Sweep, error) {
	return change(ctx, g.s, func(st *State) (found storage.Sweep, err error) {
		for job, chunks := range st.Staged {
			if row, err := st.Jobs.Get(job); err == nil && !row.State.Final() {
				continue
			}
			for _, chunk := range chunks {
				found.Chunks.Count++
				for _, w := range chunk {
					found.Chunks.Bytes += size(w.Revisions)
				}
			}
			if o.Remove {
				st.unstage(job)
			}
		}
		for _, name := range st.names() {
			st.Models[name].sweepOrphans(name, o, &found)
		}
		return found, nil
	})
}

func (m *Model) sweepOrphans(name string, o storage.SweepOptions, found *storage.Sweep) {
	for _, id := range slices.Sorted(maps.Keys(m.Revisions)) {
		if _, ok := m.Metas[id]; ok {
			continue
		}
		found.Orphans.Count += int64(len(m.Revisions[id]))
		found.Orphans.Bytes += size(m.Revisions[id])
		if len(found.Resources) < storage.MaxOrphans {
			found.Resources = append(found.Resources, storage.Ref{Model: name, ID: id})
		}
		if o.Orphans {
			delete(m.Revisions, id)
		}
	}
}

func size(revs []Revision) (n int64) {
	for _, r := range revs {
		n += int64(len(r.Data))
	}
	return n
}
