package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// unit is the store's unit of work.
type unit struct{ f *Factory }

// Update holds the turn of the writers from its reads to its commit, so nothing
// comes between and compute is called once.
func (u unit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	release, err := u.f.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer release()

	v := newView(u.f, b)
	done := false
	err = u.f.read(ctx, func(s *state) error {
		var err error
		done, err = s.begin(b)
		return err
	})
	if err != nil || done {
		return err
	}
	w, err := compute(v)
	if err != nil {
		return err
	}
	ready, err := u.prepare(ctx, b, w)
	if err != nil {
		return err
	}
	return u.f.apply(func(s *state) error { return ready.commit(s, b, u.f.now()) })
}

// begin checks the batch against the state and reports whether its chunk is done.
func (s *state) begin(b storage.Batch) (done bool, err error) {
	for _, r := range b.Refs {
		if err := s.has(r.Model); err != nil {
			return false, err
		}
	}
	if b.Chunk == nil {
		return false, nil
	}
	return s.jobs.Chunk(*b.Chunk)
}

// prepared are checked writes; committing them cannot go wrong.
type prepared struct {
	models map[string]encoded
	writes storage.Writes
}

func (u unit) prepare(ctx context.Context, b storage.Batch, w storage.Writes) (prepared, error) {
	if err := b.Check(w); err != nil {
		return prepared{}, err
	}
	for model := range w.Models {
		if err := u.f.read(ctx, func(s *state) error { return s.has(model) }); err != nil {
			return prepared{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return prepared{}, err
	}
	models, err := encodeModels(w.Models)
	return prepared{models: models, writes: w}, err
}

func encodeModels(models map[string]storage.ModelWrites) (map[string]encoded, error) {
	out := make(map[string]encoded, len(models))
	for model, w := range models {
		e, err := encode(w)
		if err != nil {
			return nil, fmt.Errorf("write to %s: %w", model, err)
		}
		out[model] = e
	}
	return out, nil
}

// commit writes everything; the caller checked it under the same turn. What can
// fail comes first.
func (p prepared) commit(s *state, b storage.Batch, now time.Time) error {
	if err := s.jobs.Settle(p.writes.Jobs, now); err != nil {
		return err
	}
	if b.Chunk != nil {
		s.jobs.AddChunk(b.Chunk.Claim.Job, storage.Chunk{No: b.Chunk.No, Outcome: p.writes.Chunk})
		if p.writes.Final != nil {
			if err := s.jobs.Finish(b.Chunk.Claim, *p.writes.Final, now); err != nil {
				return err
			}
		}
	}
	s.jobs.Raise(p.writes.Marks)
	for model, e := range p.models {
		e.apply(s.change(model))
	}
	return nil
}
