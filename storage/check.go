package storage

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// Check reports why w may not be written by a unit of work over b, nil when it
// may: what it writes is named by b, and a job is ended only as final. Backends
// call it between compute and their first write.
func (b Batch) Check(w Writes) error {
	if err := b.checkJobs(w); err != nil {
		return err
	}
	if err := b.checkMarks(w); err != nil {
		return err
	}
	if b.Chunk != nil {
		if err := b.Chunk.check(w.Final); err != nil {
			return err
		}
	}
	refs := make(map[Ref]bool, len(b.Refs))
	for _, r := range b.Refs {
		refs[r] = true
	}
	for model, mw := range w.Models {
		for _, id := range mw.Purge {
			if !refs[Ref{Model: model, ID: id}] {
				return fmt.Errorf("purge of %s %s is not of this unit of work", model, id)
			}
		}
		for i := range mw.Metas {
			if id := mw.Metas[i].ResourceID; !refs[Ref{Model: model, ID: id}] {
				return fmt.Errorf("meta of %s %s is not of this unit of work", model, id)
			}
		}
		for i := range mw.Revisions {
			info := &mw.Revisions[i].Info
			if !refs[Ref{Model: model, ID: info.ResourceID}] {
				return fmt.Errorf("revision %s of %s is not of this unit of work", info.RevisionID, model)
			}
		}
	}
	return nil
}

func (b Batch) checkMarks(w Writes) error {
	if len(w.Marks) == 0 {
		return nil
	}
	named := make(map[uuid.UUID]bool, len(b.Marks))
	for _, key := range b.Marks {
		named[key] = true
	}
	for i := range w.Marks {
		if !named[w.Marks[i].Key] {
			return fmt.Errorf("mark %s is not of this unit of work", w.Marks[i].Key)
		}
	}
	return nil
}

func (b Batch) checkJobs(w Writes) error {
	named := make(map[uuid.UUID]bool, len(b.Jobs))
	for _, id := range b.Jobs {
		named[id] = true
	}
	for i := range w.Jobs {
		if !named[w.Jobs[i].ID] {
			return fmt.Errorf("job %s is not of this unit of work", w.Jobs[i].ID)
		}
		if err := w.Jobs[i].State.CheckFinal(); err != nil {
			return err
		}
	}
	if w.Final == nil {
		return nil
	}
	if b.Chunk == nil {
		return errors.New("a unit of work without a chunk ends no claimed job")
	}
	return w.Final.State.CheckFinal()
}

// check refuses two entitlements at once, and that a part of a plan ends the job.
func (c ChunkRef) check(final *Final) error {
	switch {
	case len(c.Plan) == 0:
		return nil
	case c.Claim.Token != uuid.Nil:
		return fmt.Errorf("chunk %d is done by a plan and under a claim", c.No)
	case final != nil:
		return fmt.Errorf("chunk %d of a plan ends no job", c.No)
	}
	return nil
}

// Check reports why s may not be staged, nil when it may: a load removes nothing.
func (s Staged) Check() error {
	if err := s.Chunk.check(nil); err != nil {
		return err
	}
	for model, w := range s.Models {
		if len(w.Purge) > 0 {
			return fmt.Errorf("a chunk of a load purges resource %s of model %s", w.Purge[0], model)
		}
	}
	return nil
}

// CheckFinal reports why a job cannot end in state s.
func (s JobState) CheckFinal() error {
	if s == "" || !s.Final() {
		return fmt.Errorf("end a job as %q: that is not a final state", s)
	}
	return nil
}
