package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
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
	stats, err := c.load(ctx, claim, src, o, progress)
	if err == nil {
		return stats, nil
	}
	code, refused := CodeOf(err)
	if !refused {
		return nil, err
	}
	if endErr := c.endRefused(ctx, claim, code, err); endErr != nil {
		return nil, errors.Join(err, endErr)
	}
	return nil, err
}

// LoadRefusal is the outcome of a load job that was refused: where the archive
// is bad, and which record is to blame, as far as that is known.
type LoadRefusal struct {
	Offset     *int64      `json:"offset,omitempty"`
	Model      string      `json:"model,omitempty"`
	ResourceID resource.ID `json:"resource_id,omitempty"`
}

// refusalOf describes a refusal for the ledger.
func refusalOf(err error) LoadRefusal {
	var r LoadRefusal
	if e, ok := errors.AsType[*archive.Error](err); ok {
		p := problemOf(e)
		return LoadRefusal{Offset: &p.Offset, Model: p.Model, ResourceID: p.ResourceID}
	}
	if e, ok := errors.AsType[*storage.DuplicateError](err); ok {
		r.Model = e.Model
		if len(e.IDs) > 0 {
			r.ResourceID = e.IDs[0]
		}
	}
	if e, ok := errors.AsType[*RefusedError](err); ok {
		r.Model, r.ResourceID = e.Model, e.ResourceID
	}
	return r
}

// endRefused forgets what a refused load staged and ends its row.
func (c *Catalog) endRefused(ctx context.Context, claim storage.Claim, code Code, why error) error {
	outcome, err := json.Marshal(refusalOf(why))
	if err != nil {
		return fmt.Errorf("encode the refusal of job %s: %w", claim.Job, err)
	}
	if err := c.Unstage(ctx, claim.Job); err != nil {
		return err
	}
	err = c.factory.Ledger().Finish(ctx, claim, storage.Final{
		State: storage.JobRefused, Outcome: outcome, ErrorCode: string(code), ErrorMessage: why.Error(),
	})
	if err != nil {
		return fmt.Errorf("end job %s: %w", claim.Job, err)
	}
	return nil
}

// Unstage forgets what a load job staged. It is for jobs that end without being
// published, and does nothing for one that staged nothing.
func (c *Catalog) Unstage(ctx context.Context, job uuid.UUID) error {
	if err := c.factory.Unit().Unstage(ctx, job); err != nil {
		return fmt.Errorf("forget what job %s staged: %w", job, err)
	}
	return nil
}

// directLease is how long the row of a load without a queue is protected from
// being taken for abandoned, and directBeat how often that is renewed.
const (
	directLease = 2 * time.Minute
	directBeat  = 30 * time.Second
)

// KindDirectLoad is the kind of the ledger rows of [Catalog.LoadArchive]. No
// queue knows it, so that none takes such a row for its own.
const KindDirectLoad = "direct-load"

// LoadArchive loads an archive without a queue, under a ledger row of its own.
func (c *Catalog) LoadArchive(ctx context.Context, src Source, o LoadOptions) (map[string]LoadStats, error) {
	ledger := c.factory.Ledger()
	job := storage.Job{ID: uuid.New(), Kind: KindDirectLoad, Created: c.opts.Now()}
	_, claim, err := ledger.Claim(ctx, job, directLease)
	if err != nil {
		return nil, fmt.Errorf("load archive: %w", err)
	}
	var stats map[string]LoadStats
	g, gctx := errgroup.WithContext(ctx)
	ended := make(chan struct{})
	g.Go(func() error { return beat(gctx, ledger, claim, ended) })
	g.Go(func() (err error) {
		defer close(ended)
		stats, err = c.Load(gctx, claim, src, o, nil)
		return err
	})
	err = g.Wait()
	if _, refused := CodeOf(err); err == nil || refused {
		return stats, err
	}
	return nil, errors.Join(err, c.abandon(context.WithoutCancel(ctx), claim, err))
}

// beat renews a claim until the work under it has ended.
func beat(ctx context.Context, ledger storage.Ledger, claim storage.Claim, ended <-chan struct{}) error {
	tick := time.NewTicker(directBeat)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return nil
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if _, err := ledger.Renew(ctx, claim, directLease, storage.Progress{}); err != nil && !errors.Is(err, storage.ErrFenced) {
				return fmt.Errorf("renew the claim of job %s: %w", claim.Job, err)
			}
		}
	}
}

// abandon ends the row of a load that nobody will try again.
func (c *Catalog) abandon(ctx context.Context, claim storage.Claim, why error) error {
	if err := c.Unstage(ctx, claim.Job); err != nil {
		return err
	}
	err := c.factory.Ledger().Finish(ctx, claim, storage.Final{State: storage.JobDead, ErrorCode: "failed", ErrorMessage: why.Error()})
	if err != nil && !errors.Is(err, storage.ErrFenced) {
		return fmt.Errorf("end job %s: %w", claim.Job, err)
	}
	return nil
}

// load is the state machine of a load: check, make the models, then chunks.
func (c *Catalog) load(ctx context.Context, claim storage.Claim, src Source, o LoadOptions, progress func(storage.Progress)) (map[string]LoadStats, error) {
	var err error
	if o.OnDuplicate, err = ParseOnDuplicate(string(o.OnDuplicate)); err != nil {
		return nil, &RefusedError{Code: CodeInvalid, Message: err.Error()}
	}
	plan, err := c.Check(ctx, src, o)
	if err != nil {
		return nil, err
	}
	l := &loader{catalog: c, claim: claim, src: src, opts: o, plan: plan, stats: plan.emptyStats(), progress: progress}
	if err := l.resume(ctx); err != nil {
		return nil, err
	}
	if err := l.refuseEarly(ctx); err != nil {
		return nil, err
	}
	for _, info := range plan.infos {
		if _, err := c.Declare(ctx, info); err != nil {
			return nil, err
		}
	}
	if err := l.run(ctx); err != nil {
		return nil, err
	}
	return l.stats, nil
}

// refuseEarly finds out, before anything is written, whether the load would be
// refused by what is in the store.
func (l *loader) refuseEarly(ctx context.Context) error {
	switch l.opts.OnDuplicate {
	case RaiseError:
		return l.refuseExisting(ctx)
	case Newer:
		return l.refuseAmbiguous(ctx)
	default:
		return nil
	}
}

// loader carries one load through its chunks.
type loader struct {
	catalog  *Catalog
	claim    storage.Claim
	src      Source
	opts     LoadOptions
	plan     *Plan
	progress func(storage.Progress)

	stats map[string]LoadStats // of the chunks that are done
	done  map[int]bool
	count int64 // resources of the chunks that are done
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
	return sumChunks(l.stats, chunks)
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
	case len(l.done) == 0 && l.plan.Resources() <= singleRows && l.plan.Bytes() <= singleBytes:
		return l.single(ctx, pending)
	default:
		return l.staged(ctx, pending)
	}
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

// final is how the job ends with the given counts.
func (l *loader) final(stats map[string]LoadStats) (storage.Final, error) {
	b, err := json.Marshal(stats)
	if err != nil {
		return storage.Final{}, fmt.Errorf("encode the outcome of job %s: %w", l.claim.Job, err)
	}
	return storage.Final{State: storage.JobDone, Outcome: b}, nil
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
