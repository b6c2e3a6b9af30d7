package faulty

import (
	"context"
	"iter"

	"github.com/specstar-worker/worker/storage"
)

type garbage struct {
	g storage.Garbage
	p *Plan
}

func (g garbage) Payloads(ctx context.Context) iter.Seq2[storage.Payload, error] {
	return sequence(ctx, g.p, "Garbage.Payloads", g.g.Payloads)
}

func (g garbage) Unfinished(ctx context.Context) iter.Seq2[storage.Job, error] {
	return sequence(ctx, g.p, "Garbage.Unfinished", g.g.Unfinished)
}

func (g garbage) Condemn(ctx context.Context, fileIDs []string) error {
	return g.p.call(ctx, "Garbage.Condemn", func(ctx context.Context) error { return g.g.Condemn(ctx, fileIDs) })
}

func (g garbage) Condemned(ctx context.Context) iter.Seq2[string, error] {
	return sequence(ctx, g.p, "Garbage.Condemned", g.g.Condemned)
}

func (g garbage) Acquit(ctx context.Context, fileIDs []string) error {
	return g.p.call(ctx, "Garbage.Acquit", func(ctx context.Context) error { return g.g.Acquit(ctx, fileIDs) })
}

func (g garbage) Forget(ctx context.Context, fileIDs []string) error {
	return g.p.call(ctx, "Garbage.Forget", func(ctx context.Context) error { return g.g.Forget(ctx, fileIDs) })
}

func (g garbage) Sweep(ctx context.Context, o storage.SweepOptions) (storage.Sweep, error) {
	return ask(ctx, g.p, "Garbage.Sweep", func(ctx context.Context) (storage.Sweep, error) { return g.g.Sweep(ctx, o) })
}
