package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// Bounds of the rows of a chunk: a page is the least that is worth a message. A worker
// fills some ten thousand rows a second, and where revisions are files or objects a
// hundred or more, so that a chunk takes at most a minute or so.
const (
	leastRows    = 1000
	mostRows     = 10_000
	chunksOfSome = 32 // chunks that work is cut into which makes fewer rows of a chunk
)

// chunkRows returns how many rows make up a chunk of work on so many.
func chunkRows(total int64) int { return int(max(leastRows, min(mostRows, total/chunksOfSome))) }

// defaultDivideAbove is the documented meaning of [CatalogWork.DivideAbove] 0.
const defaultDivideAbove = 10_000

// divisible reports whether work on so many rows is worth dividing. What has a rate is
// done by one worker, which keeps it.
func (w *CatalogWork) divisible(rows int64, g Going) bool {
	above := w.DivideAbove
	if above <= 0 {
		above = defaultDivideAbove
	}
	return rows > above && g.Rate == 0
}

// rangePlan is the plan of a backfill or a migration: its chunks are ranges.
type rangePlan struct {
	Version int `json:"version"`
	// Models are those that the outcome tells of, also those that have no range.
	Models []string     `json:"models"`
	Ranges []modelRange `json:"ranges"`
}

// rangePlanVersion is that of the form of plans.
const rangePlanVersion = 1

// modelRange is a part of a model.
type modelRange struct {
	Model string `json:"model"`
	storage.Range
}

// cut adds the ranges of models.
func (p *rangePlan) cut(ctx context.Context, c *manager.Catalog, models []string, rows int, unfilled bool) error {
	for _, name := range models {
		m, err := c.Open(ctx, name)
		if err != nil {
			return unknownModel(err)
		}
		ranges, err := m.Ranges(ctx, rows, unfilled)
		if err != nil {
			return err
		}
		for _, r := range ranges {
			p.Ranges = append(p.Ranges, modelRange{name, r})
		}
	}
	return nil
}

// stored returns the plan as the ledger keeps it; total is what there is to do.
func (p *rangePlan) stored(total int64) (*storage.Plan, error) {
	p.Version = rangePlanVersion
	body, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode a plan of ranges: %w", err)
	}
	sum := sha256.Sum256(body)
	return &storage.Plan{Digest: sum[:storage.PlanDigestBytes], Chunks: len(p.Ranges), Total: total, Body: body}, nil
}

// readRangePlan reads a plan that the ledger kept.
func readRangePlan(stored storage.Plan) (p rangePlan, err error) {
	if err := json.Unmarshal(stored.Body, &p); err != nil {
		return p, fmt.Errorf("read a plan of ranges: %w", err)
	}
	switch {
	case p.Version != rangePlanVersion:
		return p, fmt.Errorf("read a plan of ranges: it has version %d, not %d: another release made it", p.Version, rangePlanVersion)
	case len(p.Ranges) != stored.Chunks:
		return p, fmt.Errorf("read a plan of ranges: %d ranges instead of %d", len(p.Ranges), stored.Chunks)
	}
	return p, nil
}

// rangeChunks are the chunks of a plan of ranges.
type rangeChunks struct {
	catalog *manager.Catalog // the actor's
	plan    rangePlan
	total   int64 // what there was to do
	// work does one range.
	work func(ctx context.Context, r modelRange) (manager.ChunkOutcome, error)
	// sum makes the job's outcome of those of the chunks.
	sum func(models []string, chunks []manager.ChunkOutcome) any
}

// Do implements [Chunks]. A range that is done again has nothing left to do: only what is
// counted is lost when a worker dies in the middle of one.
func (c *rangeChunks) Do(ctx context.Context, ref storage.ChunkRef) error {
	if ref.No < 0 || ref.No >= len(c.plan.Ranges) {
		return fmt.Errorf("chunk %d: the plan has %d", ref.No, len(c.plan.Ranges))
	}
	began := time.Now()
	outcome, err := c.work(ctx, c.plan.Ranges[ref.No])
	if err != nil {
		return err
	}
	return c.catalog.EndChunk(ctx, ref, began, outcome)
}

// Finish implements [Chunks].
func (c *rangeChunks) Finish(ctx context.Context, claim storage.Claim, progress func(storage.Progress)) ([]byte, error) {
	outcomes, err := c.catalog.ChunkOutcomes(ctx, claim.Job)
	if err != nil {
		return nil, err
	}
	if len(outcomes) != len(c.plan.Ranges) {
		return nil, fmt.Errorf("finish job %s: %d of %d chunks are done", claim.Job, len(outcomes), len(c.plan.Ranges))
	}
	var done int64
	for _, o := range outcomes {
		done += o.Units
	}
	progress(storage.Progress{Done: done, Total: c.total})
	return json.Marshal(c.sum(c.plan.Models, outcomes))
}
