package memory

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/simple"
)

// stagedSet is what one chunk will give each model.
type stagedSet map[string]encoded

func (u unit) Stage(ctx context.Context, st storage.Staged) error {
	if err := st.Check(); err != nil {
		return fmt.Errorf("stage chunk %d: %w", st.Chunk.No, err)
	}
	set, err := encodeModels(st.Models)
	if err != nil {
		return fmt.Errorf("stage chunk %d: %w", st.Chunk.No, err)
	}
	return u.f.write(ctx, func(s *state) error {
		job := st.Chunk.Claim.Job
		done, err := s.jobs.Chunk(st.Chunk)
		if err != nil {
			return err
		}
		for model := range set {
			if err := s.has(model); err != nil {
				return err
			}
		}
		if done {
			return nil
		}
		if s.staged[job] == nil {
			s.staged[job] = map[int]stagedSet{}
		}
		s.staged[job][st.Chunk.No] = set
		s.jobs.AddChunk(job, storage.Chunk{No: st.Chunk.No, Outcome: st.Outcome})
		return nil
	})
}

func (u unit) Publish(ctx context.Context, c storage.Claim, final storage.Final) error {
	if err := final.State.CheckFinal(); err != nil {
		return err
	}
	return u.f.write(ctx, func(s *state) error {
		if err := s.jobs.Holds(c); err != nil {
			return err
		}
		if err := s.duplicates(s.staged[c.Job]); err != nil {
			return err
		}
		for _, set := range s.staged[c.Job] {
			for model, e := range set {
				e.apply(s.change(model))
			}
		}
		delete(s.staged, c.Job)
		return s.jobs.Finish(c, final, u.f.now()) // the claim holds: it cannot fail
	})
}

// duplicates returns an error when a staged resource exists, or is staged twice.
func (s *state) duplicates(chunks map[int]stagedSet) error {
	seen := map[storage.Ref]bool{}
	found := map[string][]resource.ID{}
	for _, set := range chunks {
		for name, e := range set {
			for _, row := range e.metas {
				ref := storage.Ref{Model: name, ID: row.meta.ResourceID}
				if _, exists := s.models[name].metas[ref.ID]; exists || seen[ref] {
					found[name] = append(found[name], ref.ID)
				}
				seen[ref] = true
			}
		}
	}
	return simple.Duplicates(found)
}

func (u unit) Unstage(ctx context.Context, c storage.Claim) error {
	return u.f.write(ctx, func(s *state) error {
		may, err := s.jobs.MayUnstage(c)
		if may && err == nil {
			s.unstage(c.Job)
		}
		return err
	})
}
