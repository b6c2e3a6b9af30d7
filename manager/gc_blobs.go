package manager

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

// gcBatch is how many blobs are condemned or removed at a time.
const gcBatch = 500

// blobs collects the blobs that are older than the given time.
func (g *collector) blobs(ctx context.Context, old time.Time) error {
	if err := g.limit(ctx, old); err != nil {
		return err
	}
	set, err := g.candidates(ctx)
	if err != nil {
		return err
	}
	if err := g.resume(ctx, set); err != nil {
		return err
	}
	if err := g.look(ctx, set); err != nil {
		return err
	}
	if g.report.Stopped {
		return g.acquit(ctx, every)
	}
	if err := g.acquit(ctx, set.isUsed); err != nil {
		return err
	}
	set.keepUnused()
	for i, b := range set.blobs {
		if i < MaxProblems {
			g.report.FileIDs = append(g.report.FileIDs, b.fileID())
		}
		g.report.Blobs.Candidates++
		g.report.Blobs.Bytes += b.size
	}
	if g.opts.DryRun || len(set.blobs) == 0 {
		return nil
	}
	g.report.Blobs.Bytes = 0
	return g.remove(ctx, set)
}

// limit finds out which blobs are old: older than the given time, and than every
// job that has not ended.
func (g *collector) limit(ctx context.Context, old time.Time) error {
	g.report.Before = old
	for job, err := range g.garbage.Unfinished(ctx) {
		if err != nil {
			return err
		}
		if !job.State.Final() && job.Created.Before(g.report.Before) {
			g.report.Before, g.report.HeldBy = job.Created, job.Text
		}
	}
	return nil
}

// candidates returns the content-addressed blobs that are old.
func (g *collector) candidates(ctx context.Context) (*blobSet, error) {
	set := &blobSet{}
	for b, err := range g.catalog.blobs.Old(ctx, g.report.Before) {
		if err != nil {
			return nil, err
		}
		if id, ok := payload.ParseContentID(b.FileID); ok {
			set.add(id, b.Size)
		}
	}
	set.seal()
	return set, nil
}

// resume settles what an earlier collection has condemned and not removed: what
// is gone is forgotten, and what is no candidate any more stays. The rest is
// looked at like every other candidate.
func (g *collector) resume(ctx context.Context, set *blobSet) error {
	var gone []string
	var failed error
	err := g.acquit(ctx, func(id string) bool {
		if failed != nil || set.holds(id) {
			return false
		}
		_, err := g.catalog.blobs.Stat(ctx, id)
		if errors.Is(err, storage.ErrNotFound) {
			gone = append(gone, id)
			return false
		}
		failed = err
		return err == nil
	})
	if err = errors.Join(failed, err); err != nil || len(gone) == 0 {
		return err
	}
	return g.garbage.Forget(ctx, gone)
}

// look marks every blob of the set that anything refers to. Jobs come first: one
// that ends meanwhile has its payloads in the store when these are looked at.
func (g *collector) look(ctx context.Context, set *blobSet) error {
	mark := func(p []byte) {
		if payload.ContentIDs(p, set.use) != nil {
			payload.ScanContentIDs(p, set.use)
		}
	}
	for job, err := range g.garbage.Unfinished(ctx) {
		if err != nil {
			return err
		}
		mark(job.Envelope)
		if g.opts.JobReferences == nil {
			continue
		}
		if err := g.opts.JobReferences(ctx, job, mark); err != nil {
			return fmt.Errorf("look for the references of job %s: %w", job.Text, err)
		}
	}
	if g.opts.References != nil {
		if err := g.opts.References(ctx, mark); err != nil {
			return err
		}
	}
	return g.lookAtPayloads(ctx, set)
}

// progressEvery is after how many payloads progress is told.
const progressEvery = 1000

func (g *collector) lookAtPayloads(ctx context.Context, set *blobSet) error {
	progress := g.opts.Progress
	if progress == nil {
		progress = func(int64) {}
	}
	defer func() { progress(g.scanned) }()
	for p, err := range g.garbage.Payloads(ctx) {
		if err != nil {
			return err
		}
		if g.scanned++; g.scanned%progressEvery == 0 {
			progress(g.scanned)
		}
		if len(p.Data) == 0 {
			continue
		}
		if err := payload.ContentIDs(p.Data, set.use); err != nil {
			g.report.Stopped = true
			g.report.problem(Problem{
				Code: CodeUnreadable, Model: p.Model, ResourceID: p.Resource,
				Message: fmt.Sprintf("model %s: payload of %s cannot be decoded and may refer to any blob: %v", p.Model, p.Name, err),
			})
		}
	}
	return nil
}

// remove removes the blobs of the set: condemns them, looks once more for
// references, and removes those that are still old and without any.
func (g *collector) remove(ctx context.Context, set *blobSet) error {
	err := eachBatch(set.split(false), func(ids []string, _ []int64) error { return g.garbage.Condemn(ctx, ids) })
	if err != nil {
		return err
	}
	if err := g.look(ctx, set); err != nil {
		return err
	}
	if g.report.Stopped {
		return g.acquit(ctx, every)
	}
	if err := g.acquit(ctx, set.isUsed); err != nil {
		return err
	}
	return eachBatch(set.split(false), func(ids []string, sizes []int64) error { return g.removeBatch(ctx, ids, sizes) })
}

func (g *collector) removeBatch(ctx context.Context, ids []string, sizes []int64) error {
	gone, err := g.catalog.blobs.DeleteOld(ctx, ids, g.report.Before)
	if err != nil {
		return err
	}
	var forget, acquit []string
	for i, id := range ids {
		if !gone[i] {
			acquit = append(acquit, id)
			continue
		}
		forget = append(forget, id)
		g.report.Blobs.Removed++
		g.report.Blobs.Bytes += sizes[i]
	}
	if err := g.garbage.Forget(ctx, forget); err != nil {
		return err
	}
	return g.garbage.Acquit(ctx, acquit)
}

// acquit takes those condemned blobs off the list that keep wants to stay.
func (g *collector) acquit(ctx context.Context, keep func(fileID string) bool) error {
	if g.opts.DryRun {
		return nil
	}
	var ids []string
	for id, err := range g.garbage.Condemned(ctx) {
		if err != nil {
			return err
		}
		if !keep(id) {
			continue
		}
		if ids = append(ids, id); len(ids) < gcBatch {
			continue
		}
		if err := g.garbage.Acquit(ctx, ids); err != nil {
			return err
		}
		ids = ids[:0]
	}
	return g.garbage.Acquit(ctx, ids)
}

// every keeps all condemned blobs.
func every(string) bool { return true }

// eachBatch calls do with some blobs at a time, their ids and sizes.
func eachBatch(blobs iter.Seq[blobMarkable], do func(ids []string, sizes []int64) error) error {
	var ids []string
	var sizes []int64
	for b := range blobs {
		ids, sizes = append(ids, b.fileID()), append(sizes, b.size)
		if len(ids) < gcBatch {
			continue
		}
		if err := do(ids, sizes); err != nil {
			return err
		}
		ids, sizes = ids[:0], sizes[:0]
	}
	if len(ids) == 0 {
		return nil
	}
	return do(ids, sizes)
}
