package manager

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// ChunkOutcome is what a chunk of a long job did, as the ledger keeps it (JSON).
type ChunkOutcome struct {
	// Models are the counts of a load's chunk.
	Models map[string]LoadStats `json:"models,omitempty"`
	// Digests are those of the metas and revisions that a load's chunk read.
	Digests map[string]Digest `json:"digests,omitempty"`
	// Filled are the counts of a backfill's chunk.
	Filled map[string]BackfillStats `json:"filled,omitempty"`
	// Migrated are the counts of a migration's chunk.
	Migrated map[string]MigrateStats `json:"migrated,omitempty"`
	// Units is what the chunk adds to the progress of its job.
	Units int64 `json:"units"`
	// Worker is the process that did the chunk, Began when and Millis how many
	// milliseconds it took.
	Worker string    `json:"worker,omitzero"`
	Began  time.Time `json:"began,omitzero"`
	Millis int64     `json:"ms,omitzero"`
}

// ReadChunkOutcome reads the outcome of a chunk.
func ReadChunkOutcome(ch storage.Chunk) (ChunkOutcome, error) {
	var o ChunkOutcome
	if err := json.Unmarshal(ch.Outcome, &o); err != nil {
		return o, fmt.Errorf("read the outcome of chunk %d: %w", ch.No, err)
	}
	if o.Models == nil && o.Filled == nil && o.Migrated == nil {
		// The first form had nothing but the counts of a load.
		if err := json.Unmarshal(ch.Outcome, &o.Models); err != nil {
			return o, fmt.Errorf("read the outcome of chunk %d: %w", ch.No, err)
		}
		for _, s := range o.Models {
			o.Units += s.Total
		}
	}
	return o, nil
}

// encode returns the outcome as the ledger keeps it.
func (o ChunkOutcome) encode(no int) ([]byte, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode the outcome of chunk %d: %w", no, err)
	}
	return b, nil
}

// EndChunk records the outcome of a chunk that does nothing else in the transaction of its
// row: its effect may be repeated, its counts are those of the one who records them first.
// began is when it did. storage.ErrFenced says that the chunk is not wanted any more.
func (c *Catalog) EndChunk(ctx context.Context, ref storage.ChunkRef, began time.Time, o ChunkOutcome) error {
	o.Worker, o.Began, o.Millis = c.opts.Worker, began.UTC(), time.Since(began).Milliseconds()
	outcome, err := o.encode(ref.No)
	if err != nil {
		return err
	}
	err = c.factory.Unit().Update(ctx, storage.Batch{Chunk: &ref}, func(storage.View) (storage.Writes, error) {
		return storage.Writes{Chunk: outcome}, nil
	})
	if err != nil {
		return fmt.Errorf("record chunk %d: %w", ref.No, err)
	}
	return nil
}

// ChunkOutcomes returns what the chunks of a job did that are done, by number.
func (c *Catalog) ChunkOutcomes(ctx context.Context, job uuid.UUID) ([]ChunkOutcome, error) {
	chunks, err := c.factory.Ledger().Chunks(ctx, job)
	if err != nil {
		return nil, fmt.Errorf("read the chunks of job %s: %w", job, err)
	}
	all := make([]ChunkOutcome, len(chunks))
	for i, ch := range chunks {
		if all[i], err = ReadChunkOutcome(ch); err != nil {
			return nil, err
		}
	}
	return all, nil
}
