package manager

import (
	"encoding/json"
	"fmt"
	"time"

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
	if o.Models == nil && o.Filled == nil {
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
