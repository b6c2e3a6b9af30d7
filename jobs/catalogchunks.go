package jobs

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// Plan implements [Chunker].
func (w *CatalogWork) Plan(ctx context.Context, c storage.Claim, by Actor, a Args, progress func(storage.Progress)) (*storage.Plan, []byte, error) {
	switch a := a.(type) {
	case Load:
		p, err := w.planLoad(ctx, c, by, a, progress)
		return p, nil, err
	case Backfill:
		return w.planBackfill(ctx, by, a, progress)
	case Migrate:
		return w.planMigrate(ctx, by, a, progress)
	}
	return nil, nil, notDivided(a)
}

func notDivided(a Args) error { return fmt.Errorf("jobs of kind %s are not divided", a.kind()) }

// planLoad plans a load, or does it.
func (w *CatalogWork) planLoad(ctx context.Context, c storage.Claim, by Actor, l Load, progress func(storage.Progress)) (*storage.Plan, error) {
	l, err := w.Sources.Pins(ctx, l)
	if err != nil {
		return nil, err
	}
	src, err := w.Sources.Open(ctx, l)
	if err != nil {
		return nil, err
	}
	life := &lifeSigns{report: progress}
	plan, _, err := w.as(by).PlanLoad(ctx, c, liveSource{src, life}, w.loadOptions(l), life.progress)
	if err := closed(l, src, err); err != nil || plan == nil {
		return nil, err
	}
	stored, err := plan.Stored()
	if err == nil {
		stored.Body, err = pinnedPlan(l, stored.Body)
	}
	if err != nil {
		return nil, err
	}
	return &stored, nil
}

// Open implements [Chunker].
func (w *CatalogWork) Open(_ context.Context, by Actor, a Args, p storage.Plan) (Chunks, error) {
	switch a := a.(type) {
	case Load:
		return w.openLoad(by, a, p)
	case Backfill:
		return w.openBackfill(by, a, p)
	case Migrate:
		return w.openMigrate(by, a, p)
	}
	return nil, notDivided(a)
}

// openLoad reads the plan of a load.
func (w *CatalogWork) openLoad(by Actor, l Load, p storage.Plan) (Chunks, error) {
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
