package manager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Verify reads the whole store as it is now and returns what is wrong: a meta
// without its current revision, a payload or blob that is not what its hash
// says, rev_* fields that differ from the current revision, a unique value that
// several live resources hold (loads do not check it), a reference to a blob that
// is nowhere. The stale hash that a migration by the original leaves
// is a note, and so is garbage (see [Catalog.CollectGarbage]). Unset rev_* fields
// are fine. A row that cannot be decoded ends the reading of its model and is a
// problem. It writes nothing; the error is for a store that is unavailable.
func (c *Catalog) Verify(ctx context.Context) (Findings, error) {
	return c.VerifyWith(ctx, VerifyOptions{})
}

// VerifyOptions refine a verification. The zero value is for all models.
type VerifyOptions struct {
	// Models names the models to verify; empty means all, and what a garbage collection
	// would remove, too. One that the store lacks is refused.
	Models []string
	// Parallel is how many goroutines read, as for [DumpOptions]. It does not show in
	// what is found, nor in its order.
	Parallel int
	// Progress, when set, is told how many resources are verified and how many there
	// are, by one goroutine at a time.
	Progress func(storage.Progress)
}

// VerifyWith is [Catalog.Verify] with options.
func (c *Catalog) VerifyWith(ctx context.Context, o VerifyOptions) (f Findings, err error) {
	f.OK = true
	r := &verification{catalog: c, opts: o, findings: &f}
	snap, readers, err := storage.SnapshotFor(ctx, c.factory, readersOf(o.Parallel))
	if err != nil {
		return f, fmt.Errorf("verify: %w", err)
	}
	defer func() {
		if closeErr := snap.Close(); err == nil {
			err = closeErr
		}
	}()
	r.snap, r.readers = snap, readers
	infos, err := c.Models(ctx)
	if err == nil {
		infos, err = chosen(infos, o.Models)
	}
	if err != nil {
		return f, fmt.Errorf("verify: %w", err)
	}
	models := namesOf(infos)
	err = c.watchedModels(ctx, ActionDump, models, nil, func() error {
		if err := c.whole(ctx, ActionDump, models); err != nil {
			return err
		}
		return r.run(ctx, infos)
	})
	return f, err
}

// chosen returns the named models, all when none is named.
func chosen(infos []storage.ModelInfo, names []string) ([]storage.ModelInfo, error) {
	if len(names) == 0 {
		return infos, nil
	}
	for _, model := range names {
		if !slices.ContainsFunc(infos, func(i storage.ModelInfo) bool { return i.Name == model }) {
			return nil, &RefusedError{Code: CodeModelUnknown, Model: model, Message: fmt.Sprintf("the store has no model %s", model)}
		}
	}
	return slices.DeleteFunc(slices.Clone(infos), func(i storage.ModelInfo) bool { return !slices.Contains(names, i.Name) }), nil
}

// verification verifies models of one snapshot.
type verification struct {
	catalog  *Catalog
	opts     VerifyOptions
	snap     storage.Snapshot
	readers  int // 0: the snapshot is for one goroutine
	findings *Findings

	done, total int64 // resources
}

// run verifies the models.
func (r *verification) run(ctx context.Context, infos []storage.ModelInfo) error {
	if err := r.count(ctx, infos); err != nil {
		return err
	}
	for _, info := range infos {
		if err := r.model(ctx, info); err != nil {
			return fmt.Errorf("verify model %s: %w", info.Name, err)
		}
	}
	if len(r.opts.Models) > 0 {
		return nil
	}
	return r.catalog.noteGarbage(ctx, r.findings)
}

// count finds out how many resources there are, when somebody wants to know how far the
// verification is.
func (r *verification) count(ctx context.Context, infos []storage.ModelInfo) error {
	if r.opts.Progress == nil {
		return nil
	}
	for _, info := range infos {
		n, err := countAll(ctx, r.snap, info.Name, nil)
		if err != nil {
			return err
		}
		r.total += n
	}
	r.report(0)
	return nil
}

// report tells that so many more resources are verified.
func (r *verification) report(more int) {
	r.done += int64(more)
	if r.opts.Progress != nil {
		r.opts.Progress(storage.Progress{Done: r.done, Total: max(r.total, r.done)})
	}
}

// noteGarbage notes what a garbage collection would remove or report.
func (c *Catalog) noteGarbage(ctx context.Context, f *Findings) error {
	r, err := c.Unguarded().CollectGarbage(ctx, GCOptions{DryRun: true, Orphans: true})
	if ctx.Err() != nil || errors.Is(err, storage.ErrUnavailable) {
		return err
	}
	if err != nil {
		f.note(Problem{Code: CodeUnreadable, Message: err.Error()})
	}
	for _, k := range []struct {
		code  Code
		count GCCount
		what  string
	}{
		{CodeBlobUnused, r.Blobs, "blobs that nothing refers to"},
		{CodeOrphan, r.Orphans, "revisions of resources without a meta"},
		{CodeRowLost, r.Payloads, "payloads that no key leads to"},
		{CodeRowLost, r.Chunks, "chunks staged for loads that have ended"},
	} {
		if k.count.Candidates > 0 {
			f.note(Problem{Code: k.code, Message: fmt.Sprintf("%d %s, %d bytes: a garbage collection removes them", k.count.Candidates, k.what, k.count.Bytes)})
		}
	}
	return nil
}

// model adds what is wrong with one model.
func (r *verification) model(ctx context.Context, info storage.ModelInfo) error {
	metas, revs, err := r.snap.Build(ctx, info.Name)
	if errors.Is(err, storage.ErrNotFound) {
		return nil // made after the snapshot
	}
	if err != nil {
		return err
	}
	v := &verifier{verification: r, model: info.Name, unique: info.UniquePaths, revisions: revs, blobs: make(map[string]resource.ID)}
	err = v.run(ctx, metas)
	if _, bug := errors.AsType[*PanicError](err); bug || ctx.Err() != nil || errors.Is(err, storage.ErrUnavailable) {
		return err
	}
	if err != nil {
		v.report(CodeUnreadable, "", "cannot be read further: %v", err)
	}
	return nil
}

// verifier verifies one model.
type verifier struct {
	*verification
	model     string
	revisions storage.RevisionReader
	blobs     map[string]resource.ID // referred to, with the first that does
	unique    []string               // unique paths
	holders   map[xxh3.Uint128]resource.ID
}

// meta compares a meta with the info of its current revision.
func (v *verifier) meta(meta *resource.Meta, info resource.RevisionInfo) {
	switch {
	case info.RevisionID == "":
		v.report(CodeRevMissing, meta.ResourceID, "current revision %s of resource %s is nowhere", meta.CurrentRevisionID, meta.ResourceID)
	case !agrees(meta.Rev, resource.RevMetaOf(info)):
		v.report(CodeRevMeta, meta.ResourceID, "rev_* of resource %s differ from revision %s", meta.ResourceID, info.RevisionID)
	}
}

// agrees reports whether the fields of r that are set are those of want.
func agrees(r, want resource.RevMeta) bool {
	a := resource.Meta{Rev: r.Completed(want)}.Append(resource.Msgpack, nil)
	return bytes.Equal(a, resource.Meta{Rev: want}.Append(resource.Msgpack, nil))
}

// checkBlobs reads the blobs that the model's payloads refer to.
func (v *verifier) checkBlobs(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(v.blobs)) {
		blob, err := v.catalog.readBlob(ctx, id)
		if errors.Is(err, storage.ErrNotFound) {
			v.report(CodeBlobMissing, v.blobs[id], "blob %.80s of resource %s is nowhere", id, v.blobs[id])
			continue
		}
		if err != nil {
			return err
		}
		if bad := checkBlob(&blob); bad != nil {
			v.report(CodeHashWrong, v.blobs[id], "%s", bad.message)
		}
	}
	return nil
}

func (v *verifier) report(code Code, id resource.ID, format string, args ...any) {
	v.findings.problem(problemIn(v.model, code, id, format, args...))
}

// problemIn describes what is wrong with a model.
func problemIn(model string, code Code, id resource.ID, format string, args ...any) Problem {
	return Problem{
		Code: code, Model: model, ResourceID: id,
		Message: fmt.Sprintf("model %s: ", model) + fmt.Sprintf(format, args...),
	}
}

func idsOf(metas []resource.Meta) iter.Seq[resource.ID] {
	return func(yield func(resource.ID) bool) {
		for i := range metas {
			if !yield(metas[i].ResourceID) {
				return
			}
		}
	}
}
