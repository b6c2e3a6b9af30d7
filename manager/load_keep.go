package manager

import (
	"context"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
)

// keeper keeps the records that a checking pass reads for a load that is one unit of
// work, so that the archive is not read again. Such a load holds all of them anyway. It
// gives up when there is more than one unit of work takes, and when there are blobs,
// which are put one by one. A nil keeper keeps nothing.
type keeper struct {
	resources, bytes int64
	cargos           map[string]*cargo // by model; nil once it has given up
}

// newKeeper returns nil when the load will not be one unit of work.
func newKeeper(o LoadOptions) *keeper {
	if o.OnDuplicate != RaiseError {
		return nil
	}
	return &keeper{cargos: make(map[string]*cargo)}
}

// take keeps a record of a model's section that was checked by itself; size is that of
// its frame.
func (k *keeper) take(model string, rec archive.Record, size int64) {
	if k == nil || k.cargos == nil {
		return
	}
	g := k.cargos[model]
	if g == nil {
		g = &cargo{model: model, revisions: make(map[resource.ID][]resource.Revision)}
		k.cargos[model] = g
	}
	if _, blob := rec.(archive.Blob); blob || g.take(rec, false) != nil {
		k.cargos = nil // the pass says what is wrong
		return
	}
	if _, meta := rec.(archive.Meta); meta {
		k.resources++
	}
	if k.bytes += size; k.resources > singleRows || k.bytes > singleBytes {
		k.cargos = nil
	}
}

// kept returns what was kept, nil when the archive has to be read.
func (k *keeper) kept() map[string]*cargo {
	if k == nil {
		return nil
	}
	return k.cargos
}

// pieces hands what the given chunks hold to do: as it was kept, else as it is read.
// What was kept of a model is one piece.
func (l *loader) pieces(ctx context.Context, nos []int, do func(context.Context, *cargo) error) error {
	if l.kept == nil {
		return l.each(ctx, nos, do)
	}
	wanted := make(map[string]bool)
	for _, no := range nos {
		wanted[l.plan.chunks[no].model] = true
	}
	for _, name := range l.plan.names() {
		if g := l.kept[name]; g != nil && wanted[name] {
			if err := do(ctx, g); err != nil {
				return err
			}
		}
	}
	return nil
}
