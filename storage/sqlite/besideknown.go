package sqlite

import (
	"context"
	"errors"
	"slices"

	"github.com/specstar-worker/worker/storage"
)

// foundModels returns the models that only the files know.
func (b *beside) foundModels() []storage.ModelInfo {
	b.mu.Lock()
	defer b.mu.Unlock()
	models := make([]storage.ModelInfo, 0, len(b.found))
	for _, m := range b.found {
		models = append(models, m)
	}
	return models
}

// known returns the names of a model that was made, where it is: tables, or a
// directory.
func (f *Factory) known(ctx context.Context, model string) (tables, error) {
	if f.beside == nil {
		return f.tables(ctx, model)
	}
	return tables{model: model}, f.beside.know(ctx, model)
}

// know returns ErrNotFound for a model that was not made. One that the original has
// made meanwhile is taken in.
func (b *beside) know(ctx context.Context, model string) error {
	b.mu.Lock()
	_, ok := b.found[model]
	b.mu.Unlock()
	if ok {
		return nil
	}
	_, err := b.f.tables(ctx, model)
	if !errors.Is(err, storage.ErrNotFound) || !b.metas.Has(model) {
		return err
	}
	return b.adopt(ctx, []string{model})
}

// modelMetas returns the metas of a model.
func (b *beside) modelMetas(ctx context.Context, model string) (storage.ModelMetas, error) {
	if err := b.know(ctx, model); err != nil {
		return nil, err
	}
	return b.metas.Model(ctx, model, false)
}

// models returns the names of all models, ascending.
func (b *beside) models(ctx context.Context) ([]string, error) {
	infos, err := b.f.listModels(ctx)
	names := make([]string, len(infos))
	for i, m := range infos {
		names[i] = m.Name
	}
	slices.Sort(names)
	return names, err
}
