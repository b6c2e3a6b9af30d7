package manager

import (
	"context"
	"errors"
	"slices"

	"github.com/specstar-worker/worker/storage"
)

// declare makes the models of the load, or completes what is remembered of them. Those
// that the store lacks are left to the unit of work that is all of the load: it may
// make them together with their resources.
func (l *loader) declare(ctx context.Context) error {
	if !l.atOnce() {
		return l.catalog.declareAll(ctx, l.plan.infos)
	}
	var others []storage.ModelInfo
	for _, info := range l.plan.infos {
		if l.plan.lacks(info) {
			l.fresh = append(l.fresh, withPaths(info))
		} else {
			others = append(others, info)
		}
	}
	return l.catalog.declareAll(ctx, others)
}

// lacks reports whether the store had no such model when the archive was checked. One with
// a declaration does not count: its indexes are made when it is declared.
func (p *Plan) lacks(info storage.ModelInfo) bool {
	return len(info.Declaration) == 0 && slices.Contains(p.lacked, info.Name)
}

func (c *Catalog) declareAll(ctx context.Context, infos []storage.ModelInfo) error {
	for _, info := range infos {
		if _, err := c.Declare(ctx, info); err != nil {
			return err
		}
	}
	return nil
}

// update does the one unit of work of the load, which makes the models that are new.
func (l *loader) update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	c := l.catalog
	if len(l.fresh) > 0 {
		err := c.found(ctx, l.fresh, b, compute)
		if !errors.Is(err, storage.ErrNotFounded) {
			return err
		}
		if err := c.declareAll(ctx, l.fresh); err != nil {
			return err
		}
	}
	return c.factory.Unit().Update(ctx, b, compute)
}

// found does a unit of work that makes models, while nobody declares one.
func (c *Catalog) found(ctx context.Context, models []storage.ModelInfo, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	c.making.RLock()
	defer c.making.RUnlock()
	return storage.Found(ctx, c.factory, models, b, compute)
}
