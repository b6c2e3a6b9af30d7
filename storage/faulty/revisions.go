package faulty

import (
	"context"
	"iter"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

type revisionReader struct {
	r storage.RevisionReader
	p *Plan
}

func (r revisionReader) Info(ctx context.Context, key resource.RevisionKey) (resource.RevisionInfo, error) {
	return ask(ctx, r.p, "Revisions.Info", func(ctx context.Context) (resource.RevisionInfo, error) { return r.r.Info(ctx, key) })
}

func (r revisionReader) Get(ctx context.Context, key resource.RevisionKey) (resource.Revision, error) {
	return ask(ctx, r.p, "Revisions.Get", func(ctx context.Context) (resource.Revision, error) { return r.r.Get(ctx, key) })
}

func (r revisionReader) GetMany(ctx context.Context, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error) {
	return ask(ctx, r.p, "Revisions.GetMany", func(ctx context.Context) (map[resource.RevisionKey]resource.Revision, error) {
		return r.r.GetMany(ctx, keys)
	})
}

func (r revisionReader) List(ctx context.Context, id resource.ID) iter.Seq2[resource.RevisionInfo, error] {
	return sequence(ctx, r.p, "Revisions.List", func(ctx context.Context) iter.Seq2[resource.RevisionInfo, error] { return r.r.List(ctx, id) })
}

func (r revisionReader) DumpAll(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[resource.Revision, error] {
	return sequence(ctx, r.p, "Revisions.DumpAll", func(ctx context.Context) iter.Seq2[resource.Revision, error] { return r.r.DumpAll(ctx, ids) })
}

func (r revisionReader) Count(ctx context.Context) (int64, error) {
	return ask(ctx, r.p, "Revisions.Count", r.r.Count)
}

type revisions struct {
	revisionReader
	s storage.RevisionStore
}

func (r revisions) SaveMany(ctx context.Context, all []resource.Revision) error {
	return r.p.call(ctx, "Revisions.SaveMany", func(ctx context.Context) error { return r.s.SaveMany(ctx, all) })
}

func (r revisions) Purge(ctx context.Context, ids []resource.ID) error {
	return r.p.call(ctx, "Revisions.Purge", func(ctx context.Context) error { return r.s.Purge(ctx, ids) })
}
