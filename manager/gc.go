package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// DefaultGrace is how old garbage must be, see [GCOptions].
const DefaultGrace = 24 * time.Hour

// GCOptions refine [Catalog.CollectGarbage]. The zero value removes what has been
// garbage for a day.
type GCOptions struct {
	// Grace is how old a blob must be to be removed: how long ago it was last put,
	// or a payload that refers to it was last written. It must be longer than any
	// writer takes from putting a blob to writing what refers to it. 0 means
	// [DefaultGrace]; a negative one means none, for stores that nobody writes to.
	Grace time.Duration
	// DryRun only looks: nothing is changed.
	DryRun bool
	// Orphans also removes the revisions of resources that have no meta. Nobody
	// may be writing outside of units of work meanwhile.
	Orphans bool
	// JobReferences, when not nil, is called for every job that is not done, and
	// marks the payloads it would write. What stands in an envelope as text is found
	// without it.
	JobReferences func(ctx context.Context, job storage.Job, mark func(payload []byte)) error
	// References, when not nil, marks payloads that are nowhere in the store yet,
	// such as those of messages in a queue. It may be called twice.
	References func(ctx context.Context, mark func(payload []byte)) error
	// Progress, when not nil, is told how many payloads were looked at.
	Progress func(payloads int64)
}

// grace is the meaning of Grace.
func (o GCOptions) grace() time.Duration {
	if o.Grace == 0 {
		return DefaultGrace
	}
	return max(o.Grace, 0)
}

// GCCount counts garbage of one kind.
type GCCount struct {
	// Candidates are what was found and may be removed, Removed what was.
	Candidates int64 `json:"candidates"`
	Removed    int64 `json:"removed"`
	// Bytes is what was removed, or in a dry run what would be.
	Bytes int64 `json:"bytes"`
}

// GCReport is the result of [Catalog.CollectGarbage].
type GCReport struct {
	DryRun bool `json:"dry_run"`
	// The sums over all kinds below.
	GCCount
	// Blobs are those that nothing refers to; FileIDs are the first [MaxProblems].
	Blobs   GCCount  `json:"blobs"`
	FileIDs []string `json:"file_ids"`
	// Payloads are rows of the store that no key leads to, Chunks what is staged
	// for loads that have ended.
	Payloads GCCount `json:"lost_payloads"`
	Chunks   GCCount `json:"staged_chunks"`
	// Files are what interrupted writes of blobs left.
	Files GCCount `json:"temporary_files"`
	// Uploads are archives of loads that have ended; only those who keep such know.
	Uploads GCCount `json:"uploads"`
	// Orphans are revisions of resources without a meta. They are candidates only
	// with [GCOptions.Orphans] and problems otherwise.
	Orphans GCCount `json:"orphan_revisions"`

	// Before is from when on blobs counted as new: the grace ago, or when the
	// oldest unfinished job was made. That is then HeldBy.
	Before time.Time `json:"before"`
	HeldBy string    `json:"held_by,omitempty"`
	// Stopped: no blob was removed, because of payloads that cannot be decoded and
	// may refer to any.
	Stopped bool `json:"stopped"`
	// Problems name such payloads and orphans, the first [MaxProblems]; Count is all.
	Problems []Problem `json:"problems"`
	Count    int64     `json:"count"`
}

// Sum computes the sums over all kinds.
func (r *GCReport) Sum() {
	r.GCCount = GCCount{}
	for _, k := range []GCCount{r.Blobs, r.Payloads, r.Chunks, r.Files, r.Uploads, r.Orphans} {
		r.Candidates += k.Candidates
		r.Removed += k.Removed
		r.Bytes += k.Bytes
	}
}

func (r *GCReport) problem(p Problem) {
	r.Count++
	if len(r.Problems) < MaxProblems {
		r.Problems = append(r.Problems, p)
	}
}

// CollectGarbage removes what nothing needs any more: content-addressed blobs
// that no payload refers to, and rows and files that crashes or damage left.
//
// A blob is referred to by every payload that is stored, whatever its model,
// revision and schema version, staged ones too, and by every job that is not
// done. A reference is any text that holds the blob's id. A blob that is newer
// than the grace, or than the oldest job that has not ended, is left alone, and
// so is one whose id its writer chose. While a payload cannot be decoded no blob
// is removed. Memory takes 24 bytes for each blob that is old enough.
//
// Blobs are removed in two steps, between which a crash does no harm. They are
// condemned (see [storage.Garbage]), the payloads are looked at once more, and
// those that are still referred to by none are removed unless they were put or
// touched meanwhile. So a writer that puts or touches a blob before it writes a
// reference, as all methods of this package do, keeps the blob.
//
// What rows that are removed referred to is left to the next collection. One
// collection runs at a time; other processes must not collect the garbage of the
// same store meanwhile. The error is for a store that is unavailable; the report
// then says how far it came.
//
// To the handlers it is [ActionPermanentlyDelete] on every model.
func (c *Catalog) CollectGarbage(ctx context.Context, o GCOptions) (r GCReport, err error) {
	if !c.guarded() {
		return c.collectGarbage(ctx, o)
	}
	infos, err := c.Models(ctx)
	if err != nil {
		return GCReport{}, fmt.Errorf("collect garbage: %w", err)
	}
	err = c.watchedModels(ctx, ActionPermanentlyDelete, namesOf(infos), nil, func() (err error) {
		r, err = c.collectGarbage(ctx, o)
		return err
	})
	return r, err
}

func (c *Catalog) collectGarbage(ctx context.Context, o GCOptions) (GCReport, error) {
	select {
	case c.collecting <- struct{}{}:
		defer func() { <-c.collecting }()
	case <-ctx.Done():
		return GCReport{}, fmt.Errorf("collect garbage: %w", ctx.Err())
	}
	g := &collector{catalog: c, garbage: c.factory.Garbage(), opts: o}
	g.report = GCReport{DryRun: o.DryRun, FileIDs: []string{}, Problems: []Problem{}}
	err := g.run(ctx)
	g.report.Sum()
	if err != nil {
		return g.report, fmt.Errorf("collect garbage: %w", err)
	}
	return g.report, nil
}

// collector carries one collection.
type collector struct {
	catalog *Catalog
	garbage storage.Garbage
	opts    GCOptions
	report  GCReport
	scanned int64
}

func (g *collector) run(ctx context.Context) error {
	old := g.catalog.now().Add(-g.opts.grace())
	if g.catalog.blobs != nil {
		if err := g.blobs(ctx, old); err != nil {
			return err
		}
		t, err := g.catalog.blobs.Sweep(ctx, old, !g.opts.DryRun)
		if err != nil {
			return err
		}
		g.report.Files = g.counted(t, true)
	}
	return g.rows(ctx)
}

// counted turns a tally into a count; it was removed unless this is a dry run.
func (g *collector) counted(t storage.Tally, wanted bool) GCCount {
	c := GCCount{}
	if wanted {
		c.Candidates, c.Bytes = t.Count, t.Bytes
	}
	if wanted && !g.opts.DryRun {
		c.Removed = t.Count
	}
	return c
}

// rows sweeps the rows of the store.
func (g *collector) rows(ctx context.Context) error {
	o := storage.SweepOptions{Remove: !g.opts.DryRun, Orphans: g.opts.Orphans && !g.opts.DryRun}
	found, err := g.garbage.Sweep(ctx, o)
	if err != nil {
		return err
	}
	g.report.Payloads = g.counted(found.Payloads, true)
	g.report.Chunks = g.counted(found.Chunks, true)
	g.report.Orphans = g.counted(found.Orphans, g.opts.Orphans)
	if g.opts.Orphans {
		return nil
	}
	for _, r := range found.Resources {
		g.report.problem(Problem{
			Code: CodeOrphan, Model: r.Model, ResourceID: r.ID,
			Message: fmt.Sprintf("model %s: resource %s has revisions and no meta", r.Model, r.ID),
		})
	}
	return nil
}
