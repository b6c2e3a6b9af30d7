package memory

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/simple"
)

// garbage is what garbage collection needs of the store.
type garbage struct{ f *Factory }

func (g garbage) Payloads(ctx context.Context) iter.Seq2[storage.Payload, error] {
	return yieldEach(ctx, func() ([]storage.Payload, func(storage.Payload) storage.Payload, error) {
		var all []storage.Payload
		err := g.f.read(ctx, func(s *state) error {
			for name, m := range s.models {
				for _, revs := range m.revs {
					all = appendPayloads(all, name, revs)
				}
			}
			for _, chunks := range s.staged {
				for _, set := range chunks {
					for name, e := range set {
						all = appendPayloads(all, name, e.revisions)
					}
				}
			}
			return nil
		})
		return all, func(p storage.Payload) storage.Payload { return p }, err
	})
}

func appendPayloads(all []storage.Payload, model string, revs []resource.Revision) []storage.Payload {
	for i := range revs {
		info := &revs[i].Info
		all = append(all, storage.Payload{Model: model, Name: string(info.RevisionID), Resource: info.ResourceID, Data: revs[i].Data})
	}
	return all
}

func (g garbage) Unfinished(ctx context.Context) iter.Seq2[storage.Job, error] {
	return simple.Each(ctx, func() (jobs []storage.Job, err error) {
		err = g.f.read(ctx, func(s *state) error {
			jobs = s.jobs.Unfinished()
			return nil
		})
		return jobs, err
	})
}

func (g garbage) Condemn(ctx context.Context, fileIDs []string) error {
	return g.f.write(ctx, func(s *state) error {
		for _, id := range fileIDs {
			models := s.condemned[id]
			for _, name := range s.names() {
				if _, remembered := s.models[name].blobs[id]; remembered {
					models = append(slices.Clip(models), name)
					delete(s.change(name).blobs, id)
				}
			}
			s.condemned[id] = models
		}
		return nil
	})
}

func (g garbage) Condemned(ctx context.Context) iter.Seq2[string, error] {
	return yieldEach(ctx, func() ([]string, func(string) string, error) {
		var ids []string
		err := g.f.read(ctx, func(s *state) error {
			ids = slices.Sorted(maps.Keys(s.condemned))
			return nil
		})
		return ids, func(id string) string { return id }, err
	})
}

func (g garbage) Acquit(ctx context.Context, fileIDs []string) error {
	return g.f.write(ctx, func(s *state) error {
		for _, id := range fileIDs {
			for _, name := range s.condemned[id] {
				s.change(name).blobs[id] = struct{}{}
			}
			delete(s.condemned, id)
		}
		return nil
	})
}

func (g garbage) Forget(ctx context.Context, fileIDs []string) error {
	return g.f.write(ctx, func(s *state) error {
		for _, id := range fileIDs {
			delete(s.condemned, id)
		}
		return nil
	})
}

func (g garbage) Sweep(ctx context.Context, o storage.SweepOptions) (storage.Sweep, error) {
	var found storage.Sweep
	err := g.f.write(ctx, func(s *state) error {
		for job, chunks := range s.staged {
			if row, ok := s.jobs.Rows[job]; ok && !row.State.Final() {
				continue
			}
			for _, set := range chunks {
				found.Chunks.Count++
				for _, e := range set {
					found.Chunks.Bytes += bytesOf(e.revisions)
				}
			}
			if o.Remove {
				s.unstage(job)
			}
		}
		for _, name := range s.names() {
			s.sweepOrphans(name, o.Orphans, &found)
		}
		return nil
	})
	return found, err
}

// sweepOrphans finds the revisions of a model whose resource has no meta.
func (s *state) sweepOrphans(name string, remove bool, found *storage.Sweep) {
	m := s.models[name]
	for _, id := range slices.Sorted(maps.Keys(m.revs)) {
		if _, ok := m.metas[id]; ok || len(m.revs[id]) == 0 {
			continue
		}
		found.Orphans.Count += int64(len(m.revs[id]))
		found.Orphans.Bytes += bytesOf(m.revs[id])
		if len(found.Resources) < storage.MaxOrphans {
			found.Resources = append(found.Resources, storage.Ref{Model: name, ID: id})
		}
		if remove {
			delete(s.change(name).revs, id)
		}
	}
}

func bytesOf(revs []resource.Revision) (n int64) {
	for i := range revs {
		n += int64(len(revs[i].Data))
	}
	return n
}

// unstage forgets what a job staged, and that those chunks were done.
func (s *state) unstage(job uuid.UUID) {
	staged := s.staged[job]
	s.jobs.RemoveChunks(job, func(no int) bool { return staged[no] != nil })
	delete(s.staged, job)
}
