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

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
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
func (c *Catalog) Verify(ctx context.Context) (f Findings, err error) {
	f.OK = true
	snap, err := c.factory.Snapshot(ctx)
	if err != nil {
		return f, fmt.Errorf("verify: %w", err)
	}
	defer func() {
		if closeErr := snap.Close(); err == nil {
			err = closeErr
		}
	}()
	infos, err := c.Models(ctx)
	if err != nil {
		return f, fmt.Errorf("verify: %w", err)
	}
	models := namesOf(infos)
	err = c.watchedModels(ctx, ActionDump, models, nil, func() error {
		if err := c.whole(ctx, ActionDump, models); err != nil {
			return err
		}
		for _, info := range infos {
			if err := c.verifyModel(ctx, snap, info, &f); err != nil {
				return fmt.Errorf("verify model %s: %w", info.Name, err)
			}
		}
		return c.noteGarbage(ctx, &f)
	})
	return f, err
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

// verifyModel adds what is wrong with one model.
func (c *Catalog) verifyModel(ctx context.Context, snap storage.Snapshot, info storage.ModelInfo, f *Findings) error {
	metas, revs, err := snap.Build(ctx, info.Name)
	if errors.Is(err, storage.ErrNotFound) {
		return nil // made after the snapshot
	}
	if err != nil {
		return err
	}
	v := &verifier{catalog: c, model: info.Name, unique: info.UniquePaths, revisions: revs, findings: f, blobs: make(map[string]resource.ID)}
	err = v.run(ctx, metas)
	if ctx.Err() != nil || errors.Is(err, storage.ErrUnavailable) {
		return err
	}
	if err != nil {
		v.report(CodeUnreadable, "", "cannot be read further: %v", err)
	}
	return nil
}

// verifier verifies one model.
type verifier struct {
	catalog   *Catalog
	model     string
	revisions storage.RevisionReader
	findings  *Findings
	blobs     map[string]resource.ID // referred to, with the first that does
	unique    []string               // unique paths
	holders   map[xxh3.Uint128]resource.ID
}

// verifyPage is how many resources are read at a time.
const verifyPage = 1000

func (v *verifier) run(ctx context.Context, metas storage.MetaReader) error {
	page := make([]resource.Meta, 0, verifyPage)
	for meta, err := range ascending(metas.All(ctx)) {
		if err != nil {
			return err
		}
		if page = append(page, meta); len(page) < verifyPage {
			continue
		}
		if err := v.page(ctx, page); err != nil {
			return err
		}
		page = page[:0]
	}
	if err := v.page(ctx, page); err != nil {
		return err
	}
	return v.checkBlobs(ctx)
}

// page verifies some resources with their revisions.
func (v *verifier) page(ctx context.Context, metas []resource.Meta) error {
	current := make(map[resource.RevisionKey]resource.RevisionInfo, len(metas))
	for i := range metas {
		current[currentKey(metas[i])] = resource.RevisionInfo{}
	}
	for rev, err := range v.revisions.DumpAll(ctx, idsOf(metas)) {
		if err != nil {
			return err
		}
		v.revision(&rev)
		if _, ok := current[rev.Info.Key()]; ok {
			current[rev.Info.Key()] = rev.Info
		}
	}
	for i := range metas {
		v.meta(&metas[i], current[currentKey(metas[i])])
		v.holds(&metas[i])
	}
	return nil
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

// revision compares a payload with its hash and notes the blobs it refers to.
func (v *verifier) revision(rev *resource.Revision) {
	info := &rev.Info
	if hasStaleHash(rev) {
		v.findings.note(staleHash(v.model, info, 0))
	} else if bad := checkRevision(rev); bad != nil {
		code := CodeHashWrong
		if bad.code != archive.CodeCorrupt {
			code = CodeUnreadable
		}
		v.report(code, info.ResourceID, "%s", bad.message)
	}
	for _, b := range payload.Binaries(rev.Data) {
		if _, ok := v.blobs[b.FileID]; !ok {
			v.blobs[b.FileID] = info.ResourceID
		}
	}
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
	v.findings.problem(Problem{
		Code: code, Model: v.model, ResourceID: id,
		Message: fmt.Sprintf("model %s: ", v.model) + fmt.Sprintf(format, args...),
	})
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
