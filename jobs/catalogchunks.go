package jobs

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// Plan implements [Chunker].
func (w *CatalogWork) Plan(ctx context.Context, c storage.Claim, by Actor, a Args, progress func(storage.Progress)) (*storage.Plan, []byte, error) {
	l, ok := a.(Load)
	if !ok {
		return nil, nil, fmt.Errorf("jobs of kind %s are not divided", a.kind())
	}
	l, err := w.Sources.Pins(ctx, l)
	if err != nil {
		return nil, nil, err
	}
	src, err := w.Sources.Open(ctx, l)
	if err != nil {
		return nil, nil, err
	}
	life := &lifeSigns{report: progress}
	plan, _, err := w.as(by).PlanLoad(ctx, c, liveSource{src, life}, w.loadOptions(l), life.progress)
	if err := closed(l, src, err); err != nil || plan == nil {
		return nil, nil, err
	}
	stored, err := plan.Stored()
	if err == nil {
		stored.Body, err = pinnedPlan(l, stored.Body)
	}
	if err != nil {
		return nil, nil, err
	}
	return &stored, nil, nil
}

// Open implements [Chunker].
func (w *CatalogWork) Open(_ context.Context, by Actor, a Args, p storage.Plan) (Chunks, error) {
	l, ok := a.(Load)
	if !ok {
		return nil, fmt.Errorf("jobs of kind %s are not divided", a.kind())
	}
	l, body, err := splitPins(l, p.Body)
	if err != nil {
		return nil, err
	}
	p.Body = body
	plan, err := manager.ReadPlan(p)
	if err != nil {
		return nil, err
	}
	return &loadChunks{work: w, by: by, load: l, plan: plan}, nil
}

// loadChunks are the chunks of a load.
type loadChunks struct {
	work *CatalogWork
	by   Actor
	load Load
	plan *manager.Plan
}

// Do implements [Chunks].
func (c *loadChunks) Do(ctx context.Context, ref storage.ChunkRef) error {
	src, err := c.work.Sources.Open(ctx, c.load)
	if err != nil {
		return err
	}
	err = c.work.as(c.by).LoadChunk(ctx, ref, c.plan, src, c.work.loadOptions(c.load))
	return closed(c.load, src, err)
}

// Finish implements [Chunks].
func (c *loadChunks) Finish(ctx context.Context, claim storage.Claim, _ func(storage.Progress)) ([]byte, error) {
	_, err := c.work.as(c.by).FinishLoad(ctx, claim, c.plan, c.work.loadOptions(c.load))
	return nil, err
}
