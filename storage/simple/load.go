package simple

import (
	"context"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Stage keeps a chunk where no reader looks (G14).
func (u unit) Stage(ctx context.Context, s storage.Staged) error {
	if err := s.Check(); err != nil {
		return err
	}
	return u.s.tx.Write(ctx, func(st *State) error {
		job := s.Chunk.Claim.Job
		done, err := st.Jobs.Chunk(s.Chunk)
		if err != nil {
			return err
		}
		if done {
			return ErrUnchanged
		}
		chunk := map[string]Writes{}
		for name, w := range s.Models {
			if _, err := st.model(name); err != nil {
				return err
			}
			ready, err := prepare(w)
			if err != nil {
				return err
			}
			chunk[name] = ready
		}
		if st.Staged[job] == nil {
			st.Staged[job] = map[int]map[string]Writes{}
		}
		st.Staged[job][s.Chunk.No] = chunk
		st.Jobs.AddChunk(job, storage.Chunk{No: s.Chunk.No, Outcome: s.Outcome})
		return nil
	})
}

// Publish makes all that is staged visible and ends the job, or refuses.
func (u unit) Publish(ctx context.Context, c storage.Claim, final storage.Final) error {
	return u.s.tx.Write(ctx, func(st *State) error {
		if err := st.Jobs.Finish(c, final, now()); err != nil {
			return err
		}
		found := map[string][]resource.ID{}
		for _, chunk := range st.Staged[c.Job] {
			for name, w := range chunk {
				for _, row := range w.Metas {
					if _, exists := st.Models[name].Metas[row.ResourceID]; exists {
						found[name] = append(found[name], row.ResourceID)
					}
				}
			}
		}
		if err := Duplicates(found); err != nil {
			return err
		}
		for _, chunk := range st.Staged[c.Job] {
			for name, w := range chunk {
				if err := st.apply(name, w); err != nil {
					return err
				}
			}
		}
		delete(st.Staged, c.Job)
		return nil
	})
}

// Unstage forgets also that the chunks were done.
func (u unit) Unstage(ctx context.Context, c storage.Claim) error {
	return u.s.tx.Write(ctx, func(st *State) error {
		may, err := st.Jobs.MayUnstage(c)
		if may && err == nil {
			st.unstage(c.Job)
		}
		return err
	})
}

func (st *State) unstage(job uuid.UUID) {
	chunks := st.Staged[job]
	st.Jobs.RemoveChunks(job, func(no int) bool { return chunks[no] != nil })
	delete(st.Staged, job)
}
