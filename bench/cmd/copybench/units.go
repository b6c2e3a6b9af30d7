package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/storage"
)

// writeUnits writes records by units of work: as many as there are connections, and
// one more, which is encoded meanwhile. With jobs each resource has a row of its own in
// the ledger.
func writeUnits(ctx context.Context, t *store, r records, o options, fresh, jobs bool) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.connections + 1)
	for from := 0; from < len(r.metas); from += o.batch {
		part := r.chunk(from, min(from+o.batch, len(r.metas)))
		g.Go(func() error { return writeUnit(ctx, t, part, fresh, jobs) })
	}
	return g.Wait()
}

func writeUnit(ctx context.Context, t *store, part records, fresh, jobs bool) error {
	b := storage.Batch{Refs: part.refs(), New: fresh, NewJobs: true}
	if jobs {
		b.Jobs = part.jobs
	}
	return t.Unit().Update(ctx, b, func(v storage.View) (storage.Writes, error) {
		for i, ref := range b.Refs {
			if _, exists := v.Meta(ref); exists == fresh {
				return storage.Writes{}, fmt.Errorf("%s is new: %v", ref.ID, !exists)
			}
			if want := part.metas[i].TotalRevisionCount; v.NextNumber(ref) != want {
				return storage.Writes{}, fmt.Errorf("next number of %s is %d, want %d", ref.ID, v.NextNumber(ref), want)
			}
		}
		w := storage.Writes{Models: map[string]storage.ModelWrites{model: {Metas: part.metas, Revisions: part.revisions}}}
		if jobs {
			var err error
			w.Jobs, err = endedJobs(v, part)
			return w, err
		}
		return w, nil
	})
}

func endedJobs(v storage.View, part records) ([]storage.Job, error) {
	rows := make([]storage.Job, len(part.jobs))
	now := time.Now()
	for i, id := range part.jobs {
		if v.Ended(id) {
			return nil, errors.New("a new job has ended already")
		}
		rows[i] = storage.Job{
			ID: id, Kind: "save", Model: model, Lane: "normal", User: "importer", State: storage.JobDone, Attempt: 1, Subject: "specstar.x.jobs.normal.save",
			EnvelopeHash: make([]byte, 32), Outcome: []byte(`{"outcomes":[{"effect":"created"}]}`), Created: now, Started: now, Finished: now,
		}
	}
	return rows, nil
}
