package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource/model"
	"github.com/specstar-worker/worker/storage"
)

// Indexes tells of the indexes of a model's metas in the database: those that every
// model has, those that its declaration asks for, and those that are unwanted. The error
// wraps [errors.ErrUnsupported] where the store has none, and [storage.ErrNotFound]
// when there is no such model.
func (c *Catalog) Indexes(ctx context.Context, name string) ([]storage.IndexStatus, error) {
	return c.indexes(ctx, name, func(x storage.Indexer, want []storage.Index) ([]storage.IndexStatus, error) {
		return x.Indexes(ctx, name, want)
	})
}

// MakeIndexes makes those that are missing, while others write, and with drop removes
// those that are unwanted. It returns what there is then, with the problems of those that
// could not be made. A new model has its indexes from the start; of one that has metas
// already nobody makes new ones but this.
func (c *Catalog) MakeIndexes(ctx context.Context, name string, drop bool) ([]storage.IndexStatus, error) {
	return c.indexes(ctx, name, func(x storage.Indexer, want []storage.Index) ([]storage.IndexStatus, error) {
		return x.MakeIndexes(ctx, name, want, drop)
	})
}

func (c *Catalog) indexes(ctx context.Context, name string, ask func(storage.Indexer, []storage.Index) ([]storage.IndexStatus, error)) ([]storage.IndexStatus, error) {
	x, err := storage.IndexesOf(c.factory)
	if err != nil {
		return nil, err
	}
	infos, err := c.Models(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(infos, func(m storage.ModelInfo) bool { return m.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("model %s: %w", name, storage.ErrNotFound)
	}
	want, err := declaredIndexes(infos[i])
	if err != nil {
		return nil, err
	}
	status, err := ask(x, want)
	if err != nil {
		return nil, fmt.Errorf("indexes of model %s: %w", name, err)
	}
	return status, nil
}

// declaredIndexes returns the indexes that a model's declaration asks for.
func declaredIndexes(info storage.ModelInfo) ([]storage.Index, error) {
	if len(info.Declaration) == 0 {
		return nil, nil
	}
	d, err := model.ParseJSON(info.Declaration)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", info.Name, err)
	}
	want := make([]storage.Index, len(d.Indexes))
	for i, x := range d.Indexes {
		want[i] = storage.Index{Equal: x.Equal, Elements: x.Elements}
		for _, key := range x.Keys {
			if path, ok := model.DataKey(key); ok {
				want[i].Keys = append(want[i].Keys, storage.IndexKey{Path: path})
			} else {
				want[i].Keys = append(want[i].Keys, storage.IndexKey{Attr: qb.Attr(key)})
			}
		}
	}
	return want, nil
}

// indexNew makes the indexes of a model that was made just now and has no metas. What
// cannot be made is told by Indexes.
func (c *Catalog) indexNew(ctx context.Context, info storage.ModelInfo) error {
	want, err := declaredIndexes(info)
	if err != nil || len(want) == 0 {
		return err
	}
	x, err := storage.IndexesOf(c.factory)
	if err == nil {
		_, err = x.MakeIndexes(ctx, info.Name, want, false)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
