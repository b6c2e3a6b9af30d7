package faulty

import (
	"context"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

type unit struct {
	u storage.UnitOfWork
	p *Plan
}

func (u unit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	return u.p.call(ctx, "Unit.Update", func(ctx context.Context) error {
		return u.u.Update(ctx, b, func(v storage.View) (storage.Writes, error) { return compute(view{v, u.p}) })
	})
}

func (u unit) Stage(ctx context.Context, s storage.Staged) error {
	return u.p.call(ctx, "Unit.Stage", func(ctx context.Context) error { return u.u.Stage(ctx, s) })
}

func (u unit) Publish(ctx context.Context, c storage.Claim, final storage.Final) error {
	return u.p.call(ctx, "Unit.Publish", func(ctx context.Context) error { return u.u.Publish(ctx, c, final) })
}

func (u unit) Unstage(ctx context.Context, c storage.Claim) error {
	return u.p.call(ctx, "Unit.Unstage", func(ctx context.Context) error { return u.u.Unstage(ctx, c) })
}

// view is what compute sees. Its methods take no context; an error can be given
// in place of those that return one.
type view struct {
	v storage.View
	p *Plan
}

func (v view) Meta(r storage.Ref) (resource.Meta, bool) {
	there := false
	meta := look(v.p, "View.Meta", func() (meta resource.Meta) {
		meta, there = v.v.Meta(r)
		return meta
	})
	return meta, there
}

func (v view) NextNumber(r storage.Ref) int {
	return look(v.p, "View.NextNumber", func() int { return v.v.NextNumber(r) })
}

func (v view) Info(model string, key resource.RevisionKey) (resource.RevisionInfo, error) {
	return ask(context.Background(), v.p, "View.Info", func(context.Context) (resource.RevisionInfo, error) { return v.v.Info(model, key) })
}

func (v view) Data(model string, key resource.RevisionKey) ([]byte, error) {
	return ask(context.Background(), v.p, "View.Data", func(context.Context) ([]byte, error) { return v.v.Data(model, key) })
}

func (v view) Infos(r storage.Ref) ([]resource.RevisionInfo, error) {
	return ask(context.Background(), v.p, "View.Infos", func(context.Context) ([]resource.RevisionInfo, error) { return v.v.Infos(r) })
}

func (v view) Holders(model, path string, value any) ([]resource.ID, error) {
	return ask(context.Background(), v.p, "View.Holders", func(context.Context) ([]resource.ID, error) { return v.v.Holders(model, path, value) })
}

func (v view) Mark(key uuid.UUID) (storage.Mark, bool) {
	there := false
	mark := look(v.p, "View.Mark", func() (mark storage.Mark) {
		mark, there = v.v.Mark(key)
		return mark
	})
	return mark, there
}

func (v view) Ended(job uuid.UUID) bool {
	return look(v.p, "View.Ended", func() bool { return v.v.Ended(job) })
}
