package manager

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/storage"
)

// CodeLoadMismatch is the code of a load whose chunks are together not what its plan
// says.
const CodeLoadMismatch Code = "load_mismatch"

// PlanLoad is the first part of a load that many workers do: it checks the archive (see
// [Catalog.Check]), refuses what cannot succeed, makes the models and returns the plan,
// whose chunks are to be done by [Catalog.LoadChunk] and which [Catalog.FinishLoad] ends.
// What the plan leaves to chunks is in it: it may be stored and read again.
//
// A load of at most o.DivideAbove resources, and one that was begun without a plan, is
// done at once as [Catalog.Load] does it; then there is no plan but stats. Refusals are
// those of Load and end the row, too.
func (c *Catalog) PlanLoad(ctx context.Context, claim storage.Claim, src Source, o LoadOptions, progress func(storage.Progress)) (*Plan, map[string]LoadStats, error) {
	l, err := c.startLoad(ctx, claim, src, o, progress)
	if err == nil {
		l.divided, err = l.worthDividing(ctx)
	}
	if err == nil && l.divided {
		err = l.planned(ctx)
	}
	switch {
	case err != nil:
		return nil, nil, c.refusedLoad(ctx, claim, err)
	case l.divided:
		return l.plan, nil, nil
	}
	if o.chunkRows() != defaultChunkRows {
		// Without a stored plan a load is continued by the chunks that every worker makes.
		o.ChunkRows = 0
		stats, err := c.Load(ctx, claim, src, o, progress)
		return nil, stats, err
	}
	if err := l.watchedAll(ctx); err != nil {
		return nil, nil, c.refusedLoad(ctx, claim, err)
	}
	return nil, l.stats, nil
}

// defaultDivideAbove is the documented meaning of DivideAbove 0.
const defaultDivideAbove = singleRows

// worthDividing reports whether a load is large enough for many workers, and was not
// begun without a plan.
func (l *loader) worthDividing(ctx context.Context) (bool, error) {
	begun, err := l.catalog.factory.Ledger().CountChunks(ctx, l.claim.Job)
	if err != nil {
		return false, fmt.Errorf("look for chunks of load job %s: %w", l.claim.Job, err)
	}
	above := l.opts.DivideAbove
	if above <= 0 {
		above = defaultDivideAbove
	}
	return begun == 0 && (l.plan.Resources() > above || l.plan.Bytes() > singleBytes), nil
}

// planned prepares the chunks of a load that is to be divided.
func (l *loader) planned(ctx context.Context) error {
	for _, name := range l.plan.names() {
		if err := l.catalog.Ask(ctx, Event{Action: ActionLoad, Model: name}); err != nil {
			return err
		}
	}
	l.done = map[int]bool{}
	return l.prepare(ctx)
}

// LoadChunk does one chunk of a planned load: it stages it with [RaiseError], else it
// decides for each resource in the unit of work that writes it. Done again it does
// nothing. storage.ErrFenced says that it is not wanted any more.
func (c *Catalog) LoadChunk(ctx context.Context, ref storage.ChunkRef, p *Plan, src Source, o LoadOptions) error {
	if ref.No < 0 || ref.No >= len(p.chunks) {
		return fmt.Errorf("load chunk %d: the plan has %d", ref.No, len(p.chunks))
	}
	l := &loader{catalog: c, claim: ref.Claim, by: ref.Plan, src: src, opts: o, plan: p}
	g, err := l.read(ref.No)
	if err != nil {
		return err
	}
	if o.OnDuplicate == RaiseError {
		_, err = l.stageChunk(ctx, c.factory.Unit(), g)
	} else {
		_, err = l.decideChunk(ctx, g, false)
	}
	return err
}

// FinishLoad ends a load all of whose chunks are done, when they are together what the
// plan says: the same number of resources and blobs, and the same digest. With
// [RaiseError] it makes everything visible in one transaction, else everything is.
func (c *Catalog) FinishLoad(ctx context.Context, claim storage.Claim, p *Plan, o LoadOptions) (map[string]LoadStats, error) {
	l := &loader{catalog: c, claim: claim, opts: o, plan: p}
	err := c.watchedModels(ctx, ActionLoad, p.names(), nil, func() error { return l.finishPlanned(ctx) })
	if err != nil {
		return nil, c.refusedLoad(ctx, claim, err)
	}
	return l.stats, nil
}

func (l *loader) finishPlanned(ctx context.Context) error {
	chunks, err := l.catalog.factory.Ledger().Chunks(ctx, l.claim.Job)
	if err != nil {
		return fmt.Errorf("read the chunks of load job %s: %w", l.claim.Job, err)
	}
	if len(chunks) != len(l.plan.chunks) {
		return fmt.Errorf("finish load job %s: %d of %d chunks are done", l.claim.Job, len(chunks), len(l.plan.chunks))
	}
	sum, err := sumChunks(l.plan, chunks)
	if err != nil {
		return err
	}
	if err := l.plan.compare(sum); err != nil {
		return err
	}
	l.stats = sum.Models
	if l.opts.OnDuplicate == RaiseError {
		return l.publish(ctx, l.catalog.factory.Unit())
	}
	return l.finish(ctx)
}

// compare refuses chunks that are together not what was checked.
func (p *Plan) compare(sum ChunkOutcome) error {
	for _, m := range p.Models {
		have, digest := sum.Models[m.Model], sum.Digests[m.Model]
		if have.Total == m.Resources && have.Blobs == m.Blobs && digest == m.Digest {
			continue
		}
		return &RefusedError{Code: CodeLoadMismatch, Model: m.Model, Message: fmt.Sprintf(
			"model %s: %d resources and %d blobs with digest %s were loaded, but %d and %d with digest %s were checked: the archive has changed meanwhile",
			m.Model, have.Total, have.Blobs, digest, m.Resources, m.Blobs, m.Digest)}
	}
	return nil
}
