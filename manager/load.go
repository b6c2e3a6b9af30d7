package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/specstar-worker/worker/storage"
)

// Load does a load that was claimed in the ledger and ends its row. It checks
// the whole archive first (see [Catalog.Check]), then writes chunks of whole
// resources, each with its own ledger row, and skips those that have one: after
// an interruption at any point a new claim continues and the store becomes the
// same. progress, which may be nil, counts resources.
//
// With [RaiseError] nothing is visible before everything is: a small load is one
// unit of work, a larger one is staged and published. The other ways decide for
// each resource in the unit of work that writes it.
//
// The row ends in the transaction of the last effect, with the counts by model
// as its outcome (JSON). A refusal (see [CodeOf]) forgets what was staged, ends
// the row as refused with a [LoadRefusal] as its outcome, and is returned. Any
// other error leaves the row to the caller: to be tried again, or ended after
// [Catalog.Unstage].
func (c *Catalog) Load(ctx context.Context, claim storage.Claim, src Source, o LoadOptions, progress func(storage.Progress)) (map[string]LoadStats, error) {
	l, err := c.startLoad(ctx, claim, src, o, progress)
	if err == nil {
		err = l.watchedAll(ctx)
	}
	if err != nil {
		return nil, c.refusedLoad(ctx, claim, err)
	}
	return l.stats, nil
}

// startLoad checks the archive of a load.
func (c *Catalog) startLoad(ctx context.Context, claim storage.Claim, src Source, o LoadOptions, progress func(storage.Progress)) (*loader, error) {
	var err error
	if o.OnDuplicate, err = ParseOnDuplicate(string(o.OnDuplicate)); err != nil {
		return nil, &RefusedError{Code: CodeInvalid, Message: err.Error()}
	}
	keep := newKeeper(o)
	plan, err := c.check(ctx, src, o, keep)
	if err != nil {
		return nil, err
	}
	return &loader{catalog: c, claim: claim, src: src, opts: o, plan: plan, kept: keep.kept(), stats: plan.emptyStats(), progress: progress}, nil
}

// refusedLoad ends the row of a load that is refused and returns why; other errors are
// the caller's.
func (c *Catalog) refusedLoad(ctx context.Context, claim storage.Claim, err error) error {
	code, refused := CodeOf(err)
	if !refused {
		return err
	}
	return errors.Join(err, c.endRefused(ctx, claim, code, err))
}

// watchedAll does everything behind the check, with its events around it.
func (l *loader) watchedAll(ctx context.Context) error {
	return l.catalog.watchedModels(ctx, ActionLoad, l.plan.names(), nil, func() error { return l.all(ctx) })
}

// all does everything behind the check.
func (l *loader) all(ctx context.Context) error {
	if err := l.resume(ctx); err != nil {
		return err
	}
	if err := l.prepare(ctx); err != nil {
		return err
	}
	return l.run(ctx)
}

// prepare does what comes before the first chunk.
func (l *loader) prepare(ctx context.Context) error {
	if err := l.refuseEarly(ctx); err != nil {
		return err
	}
	if err := l.declare(ctx); err != nil {
		return err
	}
	return l.catalog.touchBlobs(ctx, l.plan.held)
}

// loader carries one load through its chunks, or does some of them.
type loader struct {
	catalog *Catalog
	claim   storage.Claim
	// by is the digest of the stored plan by which somebody does a chunk who has no claim.
	by       []byte
	src      Source
	opts     LoadOptions
	plan     *Plan
	kept     map[string]*cargo // what the check has read, see keeper
	progress func(storage.Progress)

	stats map[string]LoadStats // of the chunks that are done
	done  map[int]bool
	count int64 // resources of the chunks that are done
	// divided: the chunks are left to many workers.
	divided bool
	// fresh are models that the one unit of work of the load makes.
	fresh []storage.ModelInfo
}

// resume finds out which chunks are done already.
func (l *loader) resume(ctx context.Context) error {
	chunks, err := l.catalog.factory.Ledger().Chunks(ctx, l.claim.Job)
	if err != nil {
		return fmt.Errorf("resume load job %s: %w", l.claim.Job, err)
	}
	l.done = make(map[int]bool, len(chunks))
	for _, ch := range chunks {
		if ch.No >= len(l.plan.chunks) {
			return fmt.Errorf("resume load job %s: chunk %d is done, but the archive has %d; it is another archive", l.claim.Job, ch.No, len(l.plan.chunks))
		}
		l.done[ch.No] = true
		l.count += l.plan.chunks[ch.No].resources
	}
	sum, err := sumChunks(l.plan, chunks)
	if err == nil {
		l.stats = sum.Models
	}
	return err
}

// ref names a chunk and what entitles to do it.
func (l *loader) ref(no int) storage.ChunkRef {
	return storage.ChunkRef{Claim: l.claim, No: no, Plan: l.by}
}

// pending returns the numbers of the chunks that are not done.
func (l *loader) pending() []int {
	var nos []int
	for no := range l.plan.chunks {
		if !l.done[no] {
			nos = append(nos, no)
		}
	}
	return nos
}

// report tells how far the load is.
func (l *loader) report() {
	if l.progress != nil {
		l.progress(storage.Progress{Done: l.count, Total: l.plan.Resources()})
	}
}

// run does the pending chunks in the way that the options ask for.
func (l *loader) run(ctx context.Context) error {
	l.report()
	pending := l.pending()
	switch {
	case l.opts.OnDuplicate != RaiseError && len(pending) > 0:
		return l.chunked(ctx, pending)
	case l.opts.OnDuplicate != RaiseError || len(l.plan.chunks) == 0:
		return l.finish(ctx)
	case l.atOnce():
		return l.single(ctx, pending)
	default:
		return l.staged(ctx, pending)
	}
}

// atOnce reports whether the load is one unit of work.
func (l *loader) atOnce() bool {
	return !l.divided && l.opts.OnDuplicate == RaiseError && len(l.plan.chunks) > 0 && len(l.done) == 0 &&
		l.plan.Resources() <= singleRows && l.plan.Bytes() <= singleBytes
}

// finish ends the job when no chunk is left to do it.
func (l *loader) finish(ctx context.Context) error {
	final, err := l.final(l.stats)
	if err != nil {
		return err
	}
	if err := l.catalog.factory.Ledger().Finish(ctx, l.claim, final); err != nil {
		return fmt.Errorf("end job %s: %w", l.claim.Job, err)
	}
	return nil
}

// LoadOutcome is the outcome of a load in the ledger.
type LoadOutcome struct {
	Models map[string]LoadStats `json:"models"`
}

// final is how the job ends with the given counts.
func (l *loader) final(stats map[string]LoadStats) (storage.Final, error) {
	b, err := json.Marshal(LoadOutcome{Models: stats})
	if err != nil {
		return storage.Final{}, fmt.Errorf("encode the outcome of job %s: %w", l.claim.Job, err)
	}
	var handled int64
	for _, s := range stats {
		handled += s.Total
	}
	return storage.Final{
		State: storage.JobDone, Outcome: b,
		Progress: storage.Progress{Done: handled, Total: handled},
	}, nil
}

// with returns the counts of the load with those of one more part.
func (l *loader) with(part map[string]LoadStats) map[string]LoadStats {
	sum := maps.Clone(l.stats)
	for model, s := range part {
		sum[model] = sum[model].add(s)
	}
	return sum
}

// commit takes a chunk as done.
func (l *loader) commit(no int, part map[string]LoadStats) {
	l.stats = l.with(part)
	l.done[no] = true
	l.count += l.plan.chunks[no].resources
	l.report()
}
