package storage

import (
	"context"
	"iter"

	"github.com/specstar-worker/worker/resource"
)

// Garbage is what garbage collection needs of a store beside the blobs, see
// manager.Catalog.CollectGarbage. Where several stores share their blobs, such as
// those of one SQLite file, everything but Sweep speaks of all of them.
type Garbage interface {
	// Payloads returns every payload that is stored, in any order: those that
	// readers find, those that are staged, and those that nothing leads to.
	Payloads(ctx context.Context) iter.Seq2[Payload, error]
	// Unfinished returns the jobs that are not done, in any order: also those that
	// ended otherwise, since they may be tried again.
	Unfinished(ctx context.Context) iter.Seq2[Job, error]

	// Condemn writes blobs down that are about to be removed. No model remembers
	// them any more, unless one does so anew. Repeats are harmless.
	Condemn(ctx context.Context, fileIDs []string) error
	// Condemned returns the blobs that are written down, by ascending id.
	Condemned(ctx context.Context) iter.Seq2[string, error]
	// Acquit takes blobs off the list that stay: the models that remembered them
	// do so again. One that is not on the list is no error.
	Acquit(ctx context.Context, fileIDs []string) error
	// Forget takes blobs off the list that were removed.
	Forget(ctx context.Context, fileIDs []string) error

	// Sweep counts, and on request removes, rows that serve nobody.
	Sweep(ctx context.Context, o SweepOptions) (Sweep, error)
}

// Payload is a stored payload with what it belongs to.
type Payload struct {
	// Model is the model's name. Name is how the payload is called in messages:
	// its revision, or its place where that cannot be told.
	Model, Name string
	// Resource is the resource it belongs to; empty where that cannot be told.
	Resource resource.ID
	// Data is the payload; it must not be changed, nor kept beyond the next one.
	Data []byte
}

// SweepOptions say what [Garbage.Sweep] does beyond counting.
type SweepOptions struct {
	// Remove removes lost payloads, and what is staged for jobs that have ended.
	Remove bool
	// Orphans removes with them revisions of resources that have no meta. Nobody
	// may be writing outside of units of work meanwhile.
	Orphans bool
}

// Tally counts things and the bytes they take.
type Tally struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"`
}

// Sweep is what [Garbage.Sweep] found, or removed.
type Sweep struct {
	// Payloads are payloads that no key leads to and that are not staged; only
	// damage leaves such. Chunks are staged for a job that has ended or is gone.
	Payloads, Chunks Tally
	// Orphans are revisions whose resource has no meta; Resources name the first
	// [MaxOrphans] of these.
	Orphans   Tally
	Resources []Ref
}

// MaxOrphans is how many resources a [Sweep] names.
const MaxOrphans = 100
