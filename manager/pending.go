package manager

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Plan is what the checking pass finds out about an archive.
type Plan struct {
	// Models are the totals of the sections to load, by ascending name.
	Models []ModelPlan
	// Warnings are remarks that do not hinder the load, at most [MaxProblems].
	Warnings []Problem
}

// ModelPlan are the totals of one model in an archive.
type ModelPlan struct {
	Model     string
	Resources int64
	Revisions int64
	Blobs     int64
	Bytes     int64
}

// Check is the checking pass of a load.
func (c *Catalog) Check(ctx context.Context, src Source, o LoadOptions) (*Plan, error) {
	return nil, errors.ErrUnsupported
}

// Load does a load that was claimed in the ledger, from the start or from where
// it was interrupted, and ends its row.
func (c *Catalog) Load(ctx context.Context, claim storage.Claim, src Source, o LoadOptions, progress func(storage.Progress)) (map[string]LoadStats, error) {
	return nil, errors.ErrUnsupported
}

// LoadArchive loads an archive without a queue.
func (c *Catalog) LoadArchive(ctx context.Context, src Source, o LoadOptions) (map[string]LoadStats, error) {
	return nil, errors.ErrUnsupported
}

// Unstage forgets what a load job staged.
func (c *Catalog) Unstage(ctx context.Context, job uuid.UUID) error {
	return errors.ErrUnsupported
}

// LoadRecordsBulk loads records in memory.
func (c *Catalog) LoadRecordsBulk(ctx context.Context, b Records, d OnDuplicate) (LoadStats, error) {
	return LoadStats{}, errors.ErrUnsupported
}

// DumpOptions refine a dump. The zero value dumps all models.
type DumpOptions struct {
	// Models names the models to dump; empty means all.
	Models []string
	// Query, when not nil, selects the resources; only with exactly one model.
	Query *qb.Query
}

// ModelDump counts what was dumped of one model.
type ModelDump struct {
	Metas     int64 `json:"metas"`
	Revisions int64 `json:"revisions"`
	Blobs     int64 `json:"blobs"`
}

// DumpStats counts what was dumped.
type DumpStats struct {
	Models map[string]ModelDump `json:"models"`
	Bytes  int64                `json:"bytes"`
	// MissingBlobs counts references to blobs that are nowhere, Warnings are the
	// first [MaxProblems] of them.
	MissingBlobs int64     `json:"missing_blobs,omitempty"`
	Warnings     []Problem `json:"warnings,omitempty"`
}

// Dump returns the records of an archive of the store.
func (c *Catalog) Dump(ctx context.Context, o DumpOptions) iter.Seq2[archive.Record, error] {
	return func(yield func(archive.Record, error) bool) { yield(nil, errors.ErrUnsupported) }
}

// DumpTo writes an archive of the store to w.
func (c *Catalog) DumpTo(ctx context.Context, w io.Writer, o DumpOptions) (DumpStats, error) {
	return DumpStats{}, errors.ErrUnsupported
}

// Verify checks the store; it writes nothing.
func (c *Catalog) Verify(ctx context.Context) (Findings, error) {
	return Findings{}, errors.ErrUnsupported
}

// VerifyArchive checks an archive; it writes nothing and needs no store.
func VerifyArchive(ctx context.Context, src Source, l archive.Limits) (Findings, error) {
	return Findings{}, errors.ErrUnsupported
}

func canonicalPayload(enc resource.Encoding, text []byte) ([]byte, error) { return text, nil }
func extractIndexed(p []byte, paths []string) (resource.Indexed, error)   { return resource.Indexed{}, nil }
func binariesOf(p []byte) []resource.Binary                               { return nil }
func indexedKeys(x resource.Indexed) iter.Seq[string]                     { return func(func(string) bool) {} }
