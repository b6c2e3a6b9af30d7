package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/storage"
)

// declare makes the models of the load, or completes what is remembered of them. Those
// that the store lacks are left to the unit of work that is all of the load: it may
// make them together with their resources.
func (l *loader) declare(ctx context.Context) error {
	infos := l.plan.infos
	if l.atOnce() {
		var err error
		if l.fresh, infos, err = l.catalog.lacking(ctx, infos); err != nil {
			return err
		}
	}
	return l.catalog.declareAll(ctx, infos)
}

func (c *Catalog) declareAll(ctx context.Context, infos []storage.ModelInfo) error {
	for _, info := range infos {
		if _, err := c.Declare(ctx, info); err != nil {
			return err
		}
	}
	return nil
}

// lacking parts the models that the store lacks from the others. Declared ones count as
// others: their indexes are made when they are.
func (c *Catalog) lacking(ctx context.Context, infos []storage.ModelInfo) (fresh, others []storage.ModelInfo, err error) {
	known, err := c.factory.Models(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list models: %w", err)
	}
	for _, info := range infos {
		switch {
		case len(info.Declaration) > 0 || slices.ContainsFunc(known, func(m storage.ModelInfo) bool { return m.Name == info.Name }):
			others = append(others, info)
		case checkModelName(info.Name) != nil:
			return nil, nil, checkModelName(info.Name)
		default:
			fresh = append(fresh, withPaths(info))
		}
	}
	return fresh, others, nil
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
	c.making.Lock()
	defer c.making.Unlock()
	return storage.Found(ctx, c.factory, models, b, compute)
}
